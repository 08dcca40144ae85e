"""Originals over HTTP: streamed with limits, bounded in time and retries, with the job's own credentials."""

import hashlib
import random
import time
import zlib
from collections.abc import Callable, Iterator

from pipeline.adapters.address_guard import AddressGuard
from pipeline.adapters.guarded_http import MAX_REDIRECTS, Answer, Call, GuardedClient
from pipeline.adapters.oauth import TOKEN_DEADLINE_S, TokenCache
from pipeline.adapters.watch import Clock, Deadline
from pipeline.errors import (
    SourceError,
    SourceForbidden,
    SourceNotFound,
    SourceTruncated,
    SourceUnavailable,
    TooManyBytes,
)
from pipeline.ports import Fetched, SourceAuth, SourceRequest

TRANSIENT = frozenset({408, 425, 429, 500, 502, 503, 504})
ATTEMPTS = 4
FIRST_WAIT_S = 0.5
MAX_WAIT_S = 10.0
"""The longest wait that keeps a worker's thread; whoever asks for more is asked again later, by a later run."""
_HEADERS = {"Accept": "image/*, */*;q=0.5"}


class HttpSource:
    """Implements `pipeline.ports.Source`. Thread safe; keep one per process: the cap per host is its own."""

    def __init__(
        self,
        guard: AddressGuard,
        *,
        per_host: int = 8,
        deadline_s: float = 60.0,
        hand_back_s: float = 30.0,
        idle_timeout_s: float = 20.0,
        ca_file: str | None = None,
        clock: Clock = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """`deadline_s`: then a fetch is over. `hand_back_s`: then nothing new is tried any more (architecture 3.6)."""
        self._client = GuardedClient(
            guard, per_host=per_host, idle_timeout_s=idle_timeout_s, ca_file=ca_file, clock=clock
        )
        self._tokens = TokenCache(self._client, deadline_s=min(TOKEN_DEADLINE_S, deadline_s), clock=clock)
        self._deadline_s = deadline_s
        self._hand_back_s = hand_back_s
        self._clock = clock
        self._sleep = sleep

    def fetch(self, request: SourceRequest) -> Fetched:
        """The whole original, or one of the source errors; a `SourceUnavailable` says when to ask again."""
        deadline = Deadline(self._deadline_s, self._clock)
        hand_back = Deadline(min(self._hand_back_s, self._deadline_s), self._clock)
        attempt = 1
        while True:
            try:
                return self._authorized(request, deadline, hand_back)
            except SourceTruncated:
                wait_s = _backoff_s(attempt)
                if attempt >= ATTEMPTS or wait_s > hand_back.remaining_s:
                    raise
            except SourceUnavailable as exc:
                wait_s = _backoff_s(attempt) if exc.retry_after_s is None else exc.retry_after_s
                if attempt >= ATTEMPTS or wait_s > min(MAX_WAIT_S, hand_back.remaining_s):
                    raise SourceUnavailable(exc.message, retry_after_s=wait_s) from exc
            self._sleep(wait_s)
            attempt += 1

    def _authorized(self, request: SourceRequest, deadline: Deadline, hand_back: Deadline) -> Fetched:
        """An access token that is refused is renewed once: it may have expired in the middle of the batch."""
        auth = request.auth
        if auth is None or auth.kind != "oauth2":
            return self._download(request, None if auth is None else _bearer(auth), deadline, hand_back)
        token = self._tokens.token(auth, request.auth_scope)
        try:
            return self._download(request, token, deadline, hand_back)
        except SourceForbidden:
            renewed = self._tokens.token(auth, request.auth_scope, refused=token)
            return self._download(request, renewed, deadline, hand_back)

    def _download(self, request: SourceRequest, token: str | None, deadline: Deadline, hand_back: Deadline) -> Fetched:
        private = {} if token is None else {"Authorization": f"Bearer {token}"}
        call = Call("GET", request.url, headers=_HEADERS, private_headers=private, max_redirects=MAX_REDIRECTS)
        with self._client.open(call, deadline, slot_timeout_s=hand_back.remaining_s) as answer:
            if answer.status not in (200, 203, 204):
                _raise_for(answer)
            return _received(answer, request.max_bytes)


def _bearer(auth: SourceAuth) -> str | None:
    if auth.kind != "bearer":
        raise SourceForbidden(f"The kind of source_auth {auth.kind!r} is not known: use bearer or oauth2.")
    return auth.token


def _backoff_s(attempt: int) -> float:
    """0.5, 1, 2, ... seconds, up to a quarter longer so that downloads which failed together do not return together."""
    return float(FIRST_WAIT_S * 2 ** (attempt - 1) * (1.0 + 0.25 * random.random()))  # noqa: S311


def _raise_for(answer: Answer) -> None:
    """The status in our own words. The answer's text is not quoted: it is not ours to trust or to repeat."""
    host, status = answer.host, answer.status
    answer.read_up_to(4096)
    if status in (401, 403):
        raise SourceForbidden(f"{host} answered {status}: it refused the credentials, or wants some in source_auth.")
    if status in (404, 410):
        raise SourceNotFound(f"{host} answered {status}: the file does not exist there.")
    if status in TRANSIENT:
        raise SourceUnavailable(f"{host} answered {status}.", retry_after_s=answer.retry_after_s)
    raise SourceError(f"{host} answered {status} instead of the file.")


def _received(answer: Answer, max_bytes: int) -> Fetched:
    """Body and digest, never more than the limit and one chunk in memory."""
    declared = answer.headers.get("Content-Length", "")
    if declared.isdecimal() and int(declared) > max_bytes:
        raise _too_many(max_bytes)
    chunks, received = [], 0
    for chunk in _decoded(answer, max_bytes):
        received += len(chunk)
        if received > max_bytes:
            raise _too_many(max_bytes)
        chunks.append(chunk)
    data = b"".join(chunks)  # a buffer that grows costs twice the whole download in a thread's own arena
    return Fetched(data, hashlib.sha256(data).hexdigest())  # at once: per chunk costs 0.5 ms more per 4 MB


def _decoded(answer: Answer, max_bytes: int) -> Iterator[bytes]:
    """The file itself. We ask for no content coding; what comes in gzip all the same is unpacked, within limits."""
    coding = answer.headers.get("Content-Encoding", "identity").strip().lower()
    if coding in ("", "identity"):
        yield from answer.stream()
    elif coding in ("gzip", "x-gzip"):
        yield from _unpacked(answer, max_bytes)
    else:
        raise SourceError(f"{answer.host} sent the file with a content coding that was not asked for.")


def _unpacked(answer: Answer, max_bytes: int) -> Iterator[bytes]:
    """A 1000:1 body costs the limit and no more: the unpacker is never asked for more than one byte beyond it."""
    unpacker, left = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS), max_bytes + 1
    try:
        for packed in answer.stream():
            chunk = unpacker.decompress(packed, max(left, 1))
            left -= len(chunk)
            yield chunk
    except zlib.error as exc:
        raise SourceError(f"{answer.host} sent a damaged gzip body.") from exc
    if not unpacker.eof:
        raise SourceTruncated


def _too_many(max_bytes: int) -> TooManyBytes:
    return TooManyBytes(f"The file is larger than the limit of {max_bytes / 2**20:g} MB ({max_bytes} bytes).")
