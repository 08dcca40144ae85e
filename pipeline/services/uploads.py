"""Originals that customers send by hand: streamed into the store, measured and hashed on the way."""

import hashlib
import re
import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from pipeline.errors import InvalidRequest, TooManyUploads, UploadTooLarge
from pipeline.ports import ObjectStore
from pipeline.services.keys import upload_key
from pipeline.services.line import Ledger
from pipeline.store import Session
from pipeline.store.accounts import lock_account
from pipeline.store.uploads import UploadRow, unused_bytes

AT_ONCE = 8
"""Uploads of one account under way in one API process: more do not fill a line faster, and each holds a thread."""
BATCHES_IN_WAITING = 2
"""An account may hold unused uploads for this many batches of the largest size: one at work, one being sent."""
MAX_NAME = 255
_UNSHOWABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]")
"""Control characters, surrogates, and the marks that turn or hide text in a page or a terminal."""


@dataclass(frozen=True, slots=True)
class UploadView:
    id: UUID
    name: str
    bytes: int
    sha256: str
    expires_at: datetime
    """When an upload that no batch has used is forgotten."""


class Places:
    """How many uploads of each account are under way in this process."""

    def __init__(self, at_once: int = AT_ONCE) -> None:
        self._at_once = at_once
        self._taken: Counter[UUID] = Counter()
        self._lock = threading.Lock()

    @contextmanager
    def taken(self, account_id: UUID) -> Iterator[None]:
        """One place is the caller's until the block ends; raises `TooManyUploads` when none is free."""
        with self._lock:
            if self._taken[account_id] >= self._at_once:
                raise TooManyUploads(1, f"{self._at_once} uploads of your account are under way: wait until one ends.")
            self._taken[account_id] += 1
        try:
            yield
        finally:
            with self._lock:
                self._taken[account_id] -= 1
                if not self._taken[account_id]:
                    del self._taken[account_id]


def receive(
    ledger: Ledger,
    store: ObjectStore,
    account_id: UUID,
    name: str,
    chunks: Iterable[bytes],
    *,
    max_bytes: int | None = None,
) -> UploadView:
    """The file lies in the store, whole, and a batch of this account may name it.

    `max_bytes` is the interface's limit, by default that of one picture. Raises `UploadTooLarge` as soon as one byte
    too many has come; nothing is left of it then.
    """
    with ledger.database.session() as session:
        _check_room(ledger, session, account_id, 1)
    upload_id = uuid4()
    measured = _Measured(chunks, max_bytes or ledger.options.limits.max_bytes)
    key = upload_key(account_id, upload_id)
    store.put_stream(key, measured, media_type="application/octet-stream")
    try:
        if not measured.length:
            raise InvalidRequest({"file": ["The file is empty."]})
        with ledger.database.session() as session:
            lock_account(session, account_id)
            _check_room(ledger, session, account_id, measured.length)
            row = UploadRow(
                id=upload_id,
                account_id=account_id,
                key=key,
                name=shown_name(name),
                bytes=measured.length,
                sha256=measured.digest.hexdigest(),
            )
            session.add(row)
            session.flush()
            session.refresh(row)
    except InvalidRequest:
        store.delete([key])
        raise
    expires_at = row.created_at + timedelta(days=ledger.options.retention_days)
    return UploadView(row.id, row.name, row.bytes, row.sha256, expires_at)


def too_large(max_bytes: int) -> UploadTooLarge:
    return UploadTooLarge(f"The file is larger than the limit of {max_bytes} bytes.")


def shown_name(raw: str) -> str:
    """A name that is safe to store and to show: no folders, no control or turning characters, at most 255 long.

    Object keys are generated: the name is only ever shown.
    """
    name = _UNSHOWABLE.sub("", re.split(r"[/\\]", raw)[-1]).strip(" .")
    return name[:MAX_NAME] or "upload"


def _check_room(ledger: Ledger, session: Session, account_id: UUID, more: int) -> None:
    room = BATCHES_IN_WAITING * ledger.options.max_items * ledger.options.limits.max_bytes
    if unused_bytes(session, account_id) + more > room:
        words = f"Your account may hold {room} bytes of uploads that no batch has used yet: submit a batch of them."
        raise InvalidRequest({"file": [words]})


@dataclass
class _Measured:
    """Chunks on their way, counted and hashed, and stopped at the limit."""

    chunks: Iterable[bytes]
    max_bytes: int
    length: int = 0
    digest: "hashlib._Hash" = field(default_factory=hashlib.sha256)

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self.chunks:
            self.length += len(chunk)
            if self.length > self.max_bytes:
                raise too_large(self.max_bytes)
            self.digest.update(chunk)
            yield chunk
