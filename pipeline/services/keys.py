"""Object keys: `<class>/<account>/<job>/<item>/<epoch>-<sha256>.<ext>`.

The epoch keeps a run that was overtaken from writing over its successor's object; the hash makes an object's name
its checksum. Nothing in a key comes from a customer.
"""

import hashlib
from typing import Literal
from uuid import UUID

from pipeline.store.items import ItemRow
from pipeline.store.shards import Fence

KeyClass = Literal["originals", "work", "public", "private", "reports", "uploads"]
CLASSES: tuple[KeyClass, ...] = ("originals", "work", "public", "private", "reports", "uploads")


def item_key(kind: KeyClass, item: ItemRow, fence: Fence, sha256: str, extension: str) -> str:
    return f"{kind}/{item.account_id}/{item.job_id}/{item.id}/{fence.epoch}-{sha256}.{extension}"


def report_key(account_id: UUID, job_id: UUID, generation: int, fence: Fence, sha256: str, extension: str) -> str:
    return f"reports/{account_id}/{job_id}/{generation}/{fence.epoch}-{sha256}.{extension}"


def upload_key(account_id: UUID, upload_id: UUID) -> str:
    return f"uploads/{account_id}/{upload_id}"


def sha256_of(data: bytes) -> str:
    """64 hex digits: an object's name in the store and its checksum everywhere."""
    return hashlib.sha256(data).hexdigest()
