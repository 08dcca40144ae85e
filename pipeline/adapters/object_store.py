"""Keys to bytes over obstore: a local folder, S3, Google Cloud Storage or Azure, chosen by URL."""

import builtins
import ipaddress
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from itertools import islice
from pathlib import Path
from typing import Any, cast
from urllib.parse import unquote, urlsplit

import obstore
from obstore.exceptions import BaseError
from obstore.store import AzureStore, GCSStore, LocalStore, S3Store
from obstore.store import from_url as remote_store
from typing_extensions import Buffer

from pipeline.errors import ObjectMissing, OperatorError, StoreUnavailable
from pipeline.ports import StoredObject

REMOTE_SCHEMES = frozenset({"s3", "s3a", "gs", "az", "azure", "abfs", "abfss"})
MULTIPART_FROM_BYTES = 16 * 1024 * 1024
"""One request up to here (an original of 15 MB): half the round trips of parts, and S3 checks the whole digest."""
PART_BYTES = 8 * 1024 * 1024
READ_BYTES = 1024 * 1024
DELETE_BATCH = 1000
"""S3's limit for one DeleteObjects request."""
_SEGMENT = re.compile(r"[A-Za-z0-9._=+@-]{1,255}")
_MAX_KEY_CHARS = 1024
_ENDPOINT_VARIABLES = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT")


class ObjectStoreAdapter:
    """Implements `pipeline.ports.ObjectStore`. Thread safe; keep one per process: it owns the connections."""

    def __init__(
        self,
        url: str,
        *,
        options: Mapping[str, str] | None = None,
        max_retries: int = 8,
        first_wait_s: float = 0.2,
        retry_timeout_s: float = 60.0,
        request_timeout_s: float = 120.0,
    ) -> None:
        """`url`: `file:///folder`, `s3://bucket/prefix`, `gs://...` or `az://...`. `options`: obstore's names for the
        store's configuration (endpoint, region, access_key_id, ...), plus `allow_http`; what they leave out comes from
        the environment (`AWS_*`, `GOOGLE_*`, `AZURE_*`). 5xx answers, SlowDown included, and broken connections are
        retried with growing waits for at most `retry_timeout_s`.
        """
        retry = {
            "max_retries": max_retries,
            "retry_timeout": timedelta(seconds=retry_timeout_s),
            "backoff": {
                "init_backoff": timedelta(seconds=first_wait_s),
                "max_backoff": timedelta(seconds=10),
                "base": 2,
            },
        }
        self._store = _opened(url, dict(options or {}), retry, timedelta(seconds=request_timeout_s))
        self._is_local = isinstance(self._store, LocalStore)

    def put(self, key: str, data: bytes, *, media_type: str) -> None:
        """The object exists, whole, when this returns; in a folder it is written beside and then renamed."""
        with _translated(key, "store", missing_is_trouble=True):
            obstore.put(
                self._store,
                _writable(key),
                data,
                attributes=self._attributes(media_type),
                use_multipart=len(data) > MULTIPART_FROM_BYTES,
                chunk_size=PART_BYTES,
            )

    def put_stream(self, key: str, chunks: Iterable[bytes], *, media_type: str) -> int:
        """Like `put`, in parts; an error raised by `chunks` comes through unchanged and leaves no object."""
        with _translated(key, "store", missing_is_trouble=True):
            writer = obstore.open_writer(
                self._store,
                _writable(key),
                attributes=self._attributes(media_type),
                buffer_size=PART_BYTES,
                max_concurrency=4,
            )
        written = 0
        with _finished(writer, key):
            for chunk in chunks:
                with _translated(key, "store", missing_is_trouble=True):
                    written += writer.write(chunk)
        return written

    def copy(self, source: str, target: str) -> None:
        """`target` has the bytes and media type of `source`, which never pass through here; raises `ObjectMissing`.

        In a folder it is a hard link: nothing is written, and as objects are replaced whole, never changed in place,
        the two are as independent as copies. Its time is that of the copy, for the sweeper goes by it.
        """
        with _translated(source, "copy"):
            obstore.copy(self._store, _readable(source), _writable(target))
            if isinstance(self._store, LocalStore) and self._store.prefix is not None:
                os.utime(Path(self._store.prefix, target))

    def get(self, key: str) -> bytes:
        """The whole object; raises `ObjectMissing`."""
        with _translated(key, "read"):
            return obstore.get(self._store, _readable(key)).bytes().to_bytes()

    def read(self, key: str, *, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """The bytes from `start` up to, not including, `end`; raises `ObjectMissing` at once, before the first."""
        if start == 0 and end is None:
            with _translated(key, "read"):
                return _chunks(key, obstore.get(self._store, _readable(key)).stream(min_chunk_size=READ_BYTES))
        size = self.head(key).bytes
        stop = size if end is None else min(end, size)
        if start >= stop:
            return iter(())
        with _translated(key, "read"):
            found = obstore.get(self._store, key, options={"range": (start, stop)})
        return _chunks(key, found.stream(min_chunk_size=READ_BYTES))

    def head(self, key: str) -> StoredObject:
        """Size and time without the bytes; raises `ObjectMissing`."""
        with _translated(key, "read"):
            return _described(obstore.head(self._store, _readable(key)))

    def delete(self, keys: Iterable[str]) -> None:
        """None of the objects exists afterwards; those that did not exist before are no error."""
        wanted = iter(keys)
        while batch := [_writable(key) for key in islice(wanted, DELETE_BATCH)]:
            try:
                with _translated(batch[0], "delete"):
                    obstore.delete(self._store, batch)
            except ObjectMissing:
                self._delete_each(batch)

    def _delete_each(self, keys: builtins.list[str]) -> None:
        """Some stores give up a whole batch at the first object that is gone already."""
        for key in keys:
            try:
                with _translated(key, "delete"):
                    obstore.delete(self._store, key)
            except ObjectMissing:
                continue

    def list(self, prefix: str) -> Iterator[StoredObject]:
        """Every object whose key starts with the prefix (a whole path segment); "" lists everything."""
        with _translated(prefix, "list"):
            for batch in obstore.list(self._store, _writable(prefix.removesuffix("/")) if prefix else None):
                yield from map(_described, batch)

    def signed_url(self, key: str, *, expires_in_s: int) -> str | None:
        """A URL at the store itself that expires, or None for a local folder."""
        if not isinstance(self._store, S3Store | GCSStore | AzureStore):
            return None
        with _translated(key, "sign"):
            return obstore.sign(self._store, "GET", _readable(key), timedelta(seconds=expires_in_s))

    def _attributes(self, media_type: str) -> dict[str, str] | None:
        """A folder keeps no media type: whoever serves from it knows the type from the ledger."""
        return None if self._is_local else {"Content-Type": media_type}


def from_url(url: str, *, options: Mapping[str, str] | None = None) -> ObjectStoreAdapter:
    """The store that a setting such as `DARKROOM_STORE_URL` names; raises `OperatorError` where it names none."""
    return ObjectStoreAdapter(url, options=options)


@contextmanager
def _finished(writer: Any, key: str) -> Iterator[None]:
    """The object appears when everything was written; after an error its parts are given up."""
    try:
        yield
    except BaseException as exc:
        writer.__exit__(type(exc), exc, None)
        raise
    with _translated(key, "store", missing_is_trouble=True):
        writer.close()


def _opened(url: str, options: dict[str, str], retry: Mapping[str, Any], timeout: timedelta) -> Any:
    parts = urlsplit(url)
    try:
        if parts.scheme == "file" and not parts.netloc:
            return LocalStore(prefix=Path(unquote(parts.path)), mkdir=True, automatic_cleanup=True)
        if parts.scheme in REMOTE_SCHEMES:
            client = {"timeout": timeout, "connect_timeout": timedelta(seconds=10), "allow_http": _http(options)}
            if parts.scheme in ("s3", "s3a"):
                options.setdefault("checksum_algorithm", "sha256")
            opened = cast(Any, remote_store)
            return opened(url, config=options, client_options=client, retry_config=dict(retry))
    except (BaseError, ValueError, OSError) as exc:
        raise OperatorError(f"The object store {parts.scheme}://{parts.hostname or ''} cannot be opened.") from exc
    raise OperatorError("The object store's URL is not file:///folder, s3://bucket, gs://bucket or az://container.")


def _http(options: dict[str, str]) -> bool:
    """Plain HTTP where the operator says so, and to an endpoint on this very machine."""
    chosen = options.pop("allow_http", "").lower() in ("1", "true", "yes")
    variables = (os.environ.get(name, "") for name in _ENDPOINT_VARIABLES)
    host = urlsplit(options.get("endpoint") or next(filter(None, variables), "")).hostname or ""
    try:
        return chosen or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return chosen or host == "localhost"


def _writable(key: str) -> str:
    """Keys are generated, so one that could leave its folder is a bug of ours: ValueError."""
    segments = key.split("/")
    valid = len(key) <= _MAX_KEY_CHARS and all(_SEGMENT.fullmatch(segment) for segment in segments)
    if not valid or any(segment in (".", "..") for segment in segments):
        raise ValueError(f"{key!r} is not a key of the object store")
    return key


def _readable(key: str) -> str:
    """Whoever asks for a key that cannot exist, in a URL for example, is told that it does not exist."""
    try:
        return _writable(key)
    except ValueError as exc:
        raise ObjectMissing from exc


def _described(meta: Any) -> StoredObject:
    return StoredObject(meta["path"], meta["size"], meta["last_modified"], meta["e_tag"])


def _chunks(key: str, found: Iterable[Buffer]) -> Iterator[bytes]:
    with _translated(key, "read"):
        yield from map(bytes, found)


@contextmanager
def _translated(key: str, verb: str, *, missing_is_trouble: bool = False) -> Iterator[None]:
    """obstore's exceptions become ours here and nowhere else; its details stay in the chain, for the log.

    Deleting and reading meet missing objects; writing meets a missing bucket or folder, which is the store's trouble.
    """
    try:
        yield
    except FileNotFoundError as exc:
        if missing_is_trouble:
            raise StoreUnavailable(f"The object store could not {verb} {key}: its bucket or folder is gone.") from exc
        raise ObjectMissing from exc
    except (BaseError, OSError) as exc:
        raise StoreUnavailable(f"The object store could not {verb} {key}.") from exc
