"""Upload: a rendition lies in the object store, read back and found equal, before anybody is told of it."""

import hashlib

from pipeline.errors import ObjectMissing, StoreUnavailable
from pipeline.ports import ObjectStore

ATTEMPTS = 3
"""A store that gave back other bytes three times in a row is not trusted with the fourth (acceptance F 53)."""


def publish(store: ObjectStore, key: str, data: bytes, sha256: str, media_type: str) -> None:
    """The object under `key` is exactly `data`, whose digest is `sha256`: it was read back whole and compared."""
    for _ in range(ATTEMPTS):
        store.put(key, data, media_type=media_type)
        if _holds(store, key, len(data), sha256):
            return
    raise StoreUnavailable(f"The object store gave back other bytes than it was given, {ATTEMPTS} times in a row.")


def _holds(store: ObjectStore, key: str, size: int, sha256: str) -> bool:
    try:
        stored = store.get(key)
    except ObjectMissing:
        return False
    return len(stored) == size and hashlib.sha256(stored).hexdigest() == sha256
