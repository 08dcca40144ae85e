"""Upload: a rendition lies in the object store, read back and found equal, before anybody is told of it."""

import hashlib

from pipeline.errors import ObjectMissing, StoreUnavailable
from pipeline.ports import ObjectStore

ATTEMPTS = 3
"""A store that gave back other bytes three times in a row is not trusted with the fourth (acceptance F 53)."""


def publish(store: ObjectStore, work_key: str, key: str, *, sha256: str) -> None:
    """The object under `key` is the one under `work_key`, whose digest is `sha256`: it was read back and compared.

    The store makes the copy itself, so a rendition crosses the network once, to be checked. Raises `ObjectMissing`
    where there is nothing under `work_key`.
    """
    for _ in range(ATTEMPTS):
        store.copy(work_key, key)
        if _digest(store, key) == sha256:
            return
    raise StoreUnavailable(f"The object store gave back other bytes than it was given, {ATTEMPTS} times in a row.")


def _digest(store: ObjectStore, key: str) -> str | None:
    """None while the store does not show the object that it has just made."""
    try:
        return hashlib.sha256(store.get(key)).hexdigest()
    except ObjectMissing:
        return None
