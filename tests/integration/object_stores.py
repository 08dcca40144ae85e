"""An object to keep, and S3 to keep it in."""

import hashlib
from typing import Any

from pipeline.adapters.object_store import ObjectStoreAdapter
from tests.s3_servers import KEY_ID, REGION, SECRET

KEY = "public/acme/job-1/item-1/1-abc.jpg"
WORK_KEY = "work/a"
DATA = bytes(range(256)) * 4000
SHA256 = hashlib.sha256(DATA).hexdigest()


def s3_store(bucket: str, port: int, **retry: Any) -> ObjectStoreAdapter:
    """A store in this bucket of the server on this port, that loses no time between its tries."""
    credentials = {"access_key_id": KEY_ID, "secret_access_key": SECRET, "region": REGION}
    options = credentials | {"endpoint": f"http://127.0.0.1:{port}"}
    return ObjectStoreAdapter(f"s3://{bucket}/some/prefix", options=options, first_wait_s=0.01, **retry)
