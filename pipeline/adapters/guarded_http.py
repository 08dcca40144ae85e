"""HTTP calls that reach only what the address guard allowed, end on time, and read no more than asked.

The seam: each hop is parsed, resolved and checked once, and the call goes to `urllib3.PoolManager` under the literal
address that passed, with the name in `Host`, SNI and certificate check (`server_hostname`). So no second parser or
resolver stands between check and dial, and a pooled connection is found again only under an address checked anew.
`requests` would add exactly such a second parser, plus cookies, proxies and netrc, so urllib3 is used without it.
All of it is public API of urllib3 2: `pool_classes_by_scheme`, `ConnectionCls`, `connection_from_host`, `urlopen`.
"""

import http.client
import re
import ssl
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import certifi
import urllib3
from urllib3 import exceptions as foreign
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.response import BaseHTTPResponse

from pipeline.adapters.address_guard import AddressGuard, Route
from pipeline.adapters.urls import Target, parse_target, redirected
from pipeline.adapters.watch import Clock, Deadline, HostSlots, Watch, current_watch
from pipeline.errors import PipelineError, SourceError, SourceTimedOut, SourceTruncated, SourceUnavailable

USER_AGENT = "Darkroom"
MAX_REDIRECTS = 5
CONNECT_TIMEOUT_S = 10.0
"""For the name, for the TCP connection and for the TLS handshake, each, within the deadline of the call."""
CHUNK_BYTES = 256 * 1024
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_REFUSED_IN_HEADERS = re.compile(r"[^\t\x20-\x7e\xa0-\xff]")


class _WatchedHTTP(HTTPConnection):
    """Shows its socket to the watch of the call before it waits for anything the other side sends."""

    def connect(self) -> None:
        super().connect()
        _watch(self)

    def request(self, *args: Any, **kwargs: Any) -> None:
        _watch(self)
        super().request(*args, **kwargs)


class _WatchedHTTPS(HTTPSConnection):
    def connect(self) -> None:
        super().connect()
        _watch(self)

    def request(self, *args: Any, **kwargs: Any) -> None:
        _watch(self)
        super().request(*args, **kwargs)


def _watch(connection: HTTPConnection) -> None:
    watch = current_watch.get()
    if watch is not None and connection.sock is not None:
        watch.track(connection.sock)


class _HTTPPool(urllib3.HTTPConnectionPool):
    ConnectionCls = _WatchedHTTP


class _HTTPSPool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _WatchedHTTPS


@dataclass(frozen=True, slots=True)
class Call:
    """What to send. `private_headers` never cross an origin (scheme, host, port), not even there and back again."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    private_headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes | None = None
    max_redirects: int = 0


class Answer:
    """A response whose body is still to be read, for as long as `GuardedClient.open` is open."""

    def __init__(self, response: BaseHTTPResponse, target: Target, watch: Watch) -> None:
        self._response = response
        self._target = target
        self._watch = watch

    @property
    def status(self) -> int:
        return self._response.status

    @property
    def headers(self) -> Mapping[str, str]:
        return self._response.headers

    @property
    def host(self) -> str:
        return self._target.host

    @property
    def retry_after_s(self) -> float | None:
        return parse_retry_after(self._response.headers.get("Retry-After"), now=datetime.now(UTC))

    @property
    def location(self) -> str | None:
        """Where this answer redirects to, if it does."""
        return self._response.headers.get("Location") if self.status in _REDIRECTS else None

    def stream(self) -> Iterator[bytes]:
        """The body as sent, transfer coding removed; raises `SourceTruncated` if it ended before its announced end."""
        with _translated(self._target, self._watch, reading=True):
            yield from self._response.stream(CHUNK_BYTES, decode_content=False)

    def read_up_to(self, max_bytes: int) -> bytes:
        """The first bytes of the body; a short body read whole gives its connection back to the pool."""
        start = bytearray()
        for chunk in self.stream():
            start += chunk
            if len(start) > max_bytes:
                break
        return bytes(start[:max_bytes])


class GuardedClient:
    """Thread safe. One per process and purpose: it owns a connection pool and the cap on calls per host."""

    def __init__(
        self,
        guard: AddressGuard,
        *,
        per_host: int = 8,
        connect_timeout_s: float = CONNECT_TIMEOUT_S,
        idle_timeout_s: float = 20.0,
        ca_file: str | None = None,
        clock: Clock = time.monotonic,
    ) -> None:
        """`idle_timeout_s`: the longest silence in an answer. `ca_file`: PEM file in place of certifi's list."""
        self._guard = guard
        self._connect_timeout_s = connect_timeout_s
        self._idle_timeout_s = idle_timeout_s
        self._slots = HostSlots(per_host, clock)
        self._pools = urllib3.PoolManager(
            num_pools=64, maxsize=per_host, cert_reqs="CERT_REQUIRED", ca_certs=ca_file or certifi.where()
        )
        self._pools.pool_classes_by_scheme = {"http": _HTTPPool, "https": _HTTPSPool}

    @contextmanager
    def open(self, call: Call, deadline: Deadline, *, slot_timeout_s: float = 30.0) -> Iterator[Answer]:
        """The answer of the last hop. Raises our own errors only, during the call and while the body is read."""
        target = parse_target(call.url)
        private, may_use_list, visited = call.private_headers, True, {target.url}
        for hop in range(call.max_redirects + 1):
            headers = {**call.headers, **private}
            with self._hop(call, target, headers, may_use_list, deadline, slot_timeout_s) as (answer, listed):
                if answer.location is None or call.max_redirects == 0:
                    yield answer
                    return
                following = redirected(target, answer.location)
                answer.read_up_to(CHUNK_BYTES)
            if hop == 0:
                may_use_list = listed
            private = private if following.origin == target.origin else {}
            if following.url in visited:
                raise SourceError(f"{target.host} redirects in a circle.")
            visited.add(following.url)
            target = following
        raise SourceError(f"{target.host} redirects more than {call.max_redirects} times.")

    @contextmanager
    def _hop(
        self,
        call: Call,
        target: Target,
        headers: Mapping[str, str],
        may_use_list: bool,
        deadline: Deadline,
        slot_timeout_s: float,
    ) -> Iterator[tuple[Answer, bool]]:
        """One request and its answer, and whether the operator's list names the address that was dialled."""
        with self._slots.hold(target.host, timeout_s=slot_timeout_s) as waited_s:
            deadline.extend(waited_s)
            route = self._guard.route(
                target, may_use_list=may_use_list, timeout_s=min(deadline.remaining_s, self._connect_timeout_s)
            )
            with Watch(deadline) as watch:
                response, address = self._send(call, route, _complete(headers, target), deadline, watch)
                try:
                    yield Answer(response, target, watch), self._guard.is_listed(address, target.port)
                finally:
                    response.close()

    def _send(
        self, call: Call, route: Route, headers: urllib3.HTTPHeaderDict, deadline: Deadline, watch: Watch
    ) -> tuple[BaseHTTPResponse, str]:
        """The first of the checked addresses that takes the connection."""
        token = current_watch.set(watch)
        try:
            with _translated(route.target, watch, reading=False):
                for address in route.addresses[:-1]:
                    try:
                        return self._send_to(address, call, route.target, headers, deadline), address
                    except (foreign.NewConnectionError, foreign.ConnectTimeoutError):
                        watch.check(route.target.host)
                return self._send_to(route.addresses[-1], call, route.target, headers, deadline), route.addresses[-1]
        finally:
            current_watch.reset(token)

    def _send_to(
        self, address: str, call: Call, target: Target, headers: urllib3.HTTPHeaderDict, deadline: Deadline
    ) -> BaseHTTPResponse:
        named = {"server_hostname": target.host} if target.scheme == "https" else None
        pool = self._pools.connection_from_host(address, target.port, scheme=target.scheme, pool_kwargs=named)
        left_s = max(deadline.remaining_s, 0.001)
        return pool.urlopen(
            call.method,
            target.path,
            body=call.body,
            headers=headers,
            redirect=False,
            retries=False,
            preload_content=False,
            decode_content=False,
            assert_same_host=False,
            timeout=urllib3.Timeout(
                connect=min(left_s, self._connect_timeout_s), read=min(left_s, self._idle_timeout_s)
            ),
        )


def parse_retry_after(value: str | None, *, now: datetime) -> float | None:
    """Seconds from now, never negative; None when the header is absent or says nothing that can be read."""
    if value is None:
        return None
    text = value.strip()
    if text.isascii() and text.isdecimal():
        return float(text[:9])
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return max(0.0, (aware - now).total_seconds())


def _complete(headers: Mapping[str, str], target: Target) -> urllib3.HTTPHeaderDict:
    """Each header once, however its name is written: what the call sets replaces ours, `Host` is always ours."""
    if any(_REFUSED_IN_HEADERS.search(value) for value in headers.values()):
        raise SourceError("A credential or header to be sent contains characters that HTTP does not allow.")
    complete = urllib3.HTTPHeaderDict({"User-Agent": USER_AGENT, "Accept-Encoding": "identity"})
    for name, value in (*headers.items(), ("Host", target.authority)):
        complete[name] = value
    return complete


@contextmanager
def _translated(target: Target, watch: Watch, *, reading: bool) -> Iterator[None]:
    """Foreign exceptions become ours here and nowhere else."""
    try:
        yield
    except (foreign.HTTPError, http.client.HTTPException, OSError) as exc:
        watch.check(target.host)
        raise (_broken_off(exc, target.host) if reading else _unanswered(exc, target.host)) from exc
    watch.check(target.host)


def _unanswered(exc: Exception, host: str) -> PipelineError:
    cause = exc.args[-1] if exc.args else None
    if isinstance(cause, ssl.SSLCertVerificationError):
        return SourceError(f"The TLS certificate of {host} is not valid: {cause.verify_message}.")
    if isinstance(exc, foreign.SSLError):
        return SourceUnavailable(f"No secure connection to {host} could be made.")
    if isinstance(exc, foreign.ConnectTimeoutError):
        return SourceUnavailable(f"{host} did not take the connection in time.")
    if isinstance(exc, foreign.ReadTimeoutError):
        return SourceTimedOut(f"{host} did not answer in time.")
    garbled = isinstance(cause, http.client.HTTPException) and not isinstance(cause, http.client.RemoteDisconnected)
    if garbled or isinstance(exc, foreign.InvalidHeader):
        return SourceError(f"{host} did not answer in valid HTTP.")
    return SourceUnavailable(f"{host} did not take the connection or closed it without an answer.")


def _broken_off(exc: Exception, host: str) -> PipelineError:
    if isinstance(exc, foreign.ReadTimeoutError):
        return SourceTimedOut(f"{host} fell silent in the middle of its answer.")
    return SourceTruncated(f"{host} closed the connection before the whole file had come.")
