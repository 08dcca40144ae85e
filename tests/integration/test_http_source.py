"""Originals over HTTP, from real servers on loopback: limits, retries, truncation, time."""

import gzip
import hashlib
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from pipeline.adapters.address_guard import AddressGuard
from pipeline.adapters.http_source import HttpSource
from pipeline.errors import (
    SourceBusy,
    SourceError,
    SourceForbidden,
    SourceNotFound,
    SourceRefused,
    SourceTimedOut,
    SourceTruncated,
    SourceUnavailable,
    TooManyBytes,
)
from pipeline.ports import Fetched, SourceAuth, SourceRequest
from tests.integration.local_servers import Behaviour, Exchange, LocalServer, answers, response, serving

PICTURE = bytes(range(256)) * 1000
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


class Sleeper:
    """Stands in for time.sleep and remembers how long the naps would have been."""

    def __init__(self) -> None:
        self.naps: list[float] = []

    def __call__(self, seconds: float) -> None:
        self.naps.append(seconds)


@pytest.fixture
def sleeper() -> Sleeper:
    return Sleeper()


def source_for(*servers: LocalServer, **options: Any) -> HttpSource:
    return HttpSource(AddressGuard(allow=frozenset(server.address for server in servers)), **options)


def fetch(
    behaviour: Behaviour, sleeper: Sleeper | None = None, max_bytes: int = 1_000_000, **options: Any
) -> tuple[Fetched, LocalServer]:
    with serving(behaviour) as server:
        source = source_for(server, sleep=sleeper or Sleeper(), **options)
        return source.fetch(SourceRequest(server.url(), max_bytes)), server


def test_a_file_comes_whole_and_with_its_digest() -> None:
    fetched, server = fetch(answers(response(PICTURE)))
    assert fetched == Fetched(PICTURE, hashlib.sha256(PICTURE).hexdigest())
    [request] = server.requests
    assert (request.method, request.path) == ("GET", "/a.jpg")
    assert request.headers["host"] == f"127.0.0.1:{server.port}"
    assert request.headers["accept-encoding"] == "identity"
    assert {"authorization", "cookie", "referer"}.isdisjoint(request.headers)


def test_a_chunked_file_comes_whole() -> None:
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (PICTURE[:7], PICTURE[7:]))
    fetched, _ = fetch(answers(CHUNKED + chunks + b"0\r\n\r\n"))
    assert fetched.data == PICTURE


def test_connections_are_used_again() -> None:
    with serving(answers(response(PICTURE))) as server:
        source = source_for(server)
        for _ in range(5):
            source.fetch(SourceRequest(server.url(), len(PICTURE)))
        assert len(server.requests) == 5
        assert server.connections == 1


def test_cookies_are_not_kept() -> None:
    with serving(answers(response(PICTURE, "Set-Cookie: session=1; Path=/"))) as server:
        source = source_for(server)
        for _ in range(2):
            source.fetch(SourceRequest(server.url(), len(PICTURE)))
        assert "cookie" not in server.requests[1].headers


def test_proxies_and_netrc_of_the_environment_do_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    fetched, _ = fetch(answers(response(PICTURE)))
    assert fetched.data == PICTURE


def test_a_file_of_exactly_the_limit_is_taken() -> None:
    fetched, _ = fetch(answers(response(PICTURE)), max_bytes=len(PICTURE))
    assert len(fetched.data) == len(PICTURE)


def test_a_file_one_byte_over_the_limit_is_refused() -> None:
    with pytest.raises(TooManyBytes, match=str(len(PICTURE) - 1)):
        fetch(answers(response(PICTURE)), max_bytes=len(PICTURE) - 1)


def test_a_declared_length_over_the_limit_is_refused_before_reading() -> None:
    def only_headers(exchange: Exchange) -> None:
        exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n")
        exchange.silence()

    with pytest.raises(TooManyBytes):
        fetch(only_headers)


@pytest.mark.parametrize("head", [CHUNKED, b"HTTP/1.1 200 OK\r\n\r\n"], ids=["chunked", "until-close"])
def test_an_endless_body_is_cut_off_at_the_limit(head: bytes) -> None:
    sent = threading.Event()

    def endless(exchange: Exchange) -> None:
        exchange.send(head)
        piece = b"x" * 65536
        try:
            while not exchange.stopping.is_set():
                exchange.send(b"10000\r\n" + piece + b"\r\n" if head is CHUNKED else piece)
        finally:
            sent.set()

    with pytest.raises(TooManyBytes):
        fetch(endless)
    assert sent.wait(5), "the server could go on sending"


def test_a_gzip_body_that_was_not_asked_for_is_unpacked() -> None:
    fetched, _ = fetch(answers(response(gzip.compress(PICTURE), "Content-Encoding: gzip")))
    assert fetched == Fetched(PICTURE, hashlib.sha256(PICTURE).hexdigest())


def test_a_gzip_bomb_is_cut_off_at_the_limit() -> None:
    bomb = gzip.compress(b"\0" * 200_000_000, compresslevel=1)
    with pytest.raises(TooManyBytes):
        fetch(answers(response(bomb, "Content-Encoding: gzip")))


@pytest.mark.parametrize(
    ("body", "coding", "error"),
    [
        (gzip.compress(PICTURE)[:-20], "gzip", SourceTruncated),
        (b"no gzip at all", "gzip", SourceError),
        (PICTURE, "br", SourceError),
    ],
)
def test_a_body_that_cannot_be_unpacked_is_refused(body: bytes, coding: str, error: type[SourceError]) -> None:
    with pytest.raises(error):
        fetch(answers(response(body, f"Content-Encoding: {coding}")))


@pytest.mark.parametrize(
    "reply",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n",
        CHUNKED + b"ff\r\nshort",
        CHUNKED + b"5\r\nshort\r\n",
        CHUNKED + b"zz\r\nshort\r\n",
    ],
)
def test_a_truncated_body_is_tried_again_and_never_becomes_a_file(reply: bytes, sleeper: Sleeper) -> None:
    def cut_off(exchange: Exchange) -> None:
        exchange.send(reply)
        exchange.connection.close()

    with serving(cut_off) as server:
        with pytest.raises(SourceTruncated):
            source_for(server, sleep=sleeper).fetch(SourceRequest(server.url(), 1_000_000))
        assert len(server.requests) == 4
    assert len(sleeper.naps) == 3


def test_a_body_that_was_truncated_once_comes_whole_the_second_time(sleeper: Sleeper) -> None:
    def once(exchange: Exchange) -> None:
        exchange.send(response(PICTURE)[: -1000 if exchange.number == 1 else None])
        exchange.connection.close()

    fetched, _ = fetch(once, sleeper)
    assert fetched.data == PICTURE


@pytest.mark.parametrize(
    ("status", "error", "words"),
    [
        (404, SourceNotFound, "404"),
        (410, SourceNotFound, "410"),
        (401, SourceForbidden, "source_auth"),
        (403, SourceForbidden, "source_auth"),
        (400, SourceError, "400"),
        (418, SourceError, "418"),
        (206, SourceError, "206"),
        (501, SourceError, "501"),
    ],
)
def test_a_refusal_is_said_in_words_and_not_repeated(status: int, error: type[SourceError], words: str) -> None:
    with serving(answers(response(b"internal detail", status=status))) as server:
        with pytest.raises(error) as refused:
            source_for(server).fetch(SourceRequest(server.url("/a.jpg?X-Signature=s3cret"), 1000))
        assert len(server.requests) == 1
    assert words in refused.value.message
    assert "127.0.0.1" in refused.value.message
    assert "s3cret" not in refused.value.message
    assert "internal detail" not in refused.value.message


def test_a_page_instead_of_a_picture_is_left_to_validation() -> None:
    fetched, _ = fetch(answers(response(b"<html>Not here</html>", "Content-Type: text/html")))
    assert fetched.data.startswith(b"<html>")


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_a_transient_answer_is_tried_again(status: int, sleeper: Sleeper) -> None:
    busy = response(b"later", status=status)
    fetched, server = fetch(answers(busy, busy, response(PICTURE)), sleeper)
    assert fetched.data == PICTURE
    assert len(server.requests) == 3
    assert 0.5 <= sleeper.naps[0] <= 0.625
    assert 1.0 <= sleeper.naps[1] <= 1.25


def test_a_lost_connection_is_tried_again(sleeper: Sleeper) -> None:
    def lost_once(exchange: Exchange) -> None:
        if exchange.number > 1:
            exchange.send(response(PICTURE))
        exchange.connection.close()

    fetched, _ = fetch(lost_once, sleeper)
    assert fetched.data == PICTURE


def test_a_short_retry_after_is_waited_for(sleeper: Sleeper) -> None:
    fetch(answers(response(b"", "Retry-After: 7", status=429), response(PICTURE)), sleeper)
    assert sleeper.naps == [7.0]


def test_a_long_retry_after_is_handed_to_the_caller(sleeper: Sleeper) -> None:
    at = format_datetime(datetime.now(UTC) + timedelta(seconds=120), usegmt=True)
    for value in ("120", at):
        with pytest.raises(SourceUnavailable) as unavailable:
            fetch(answers(response(b"", f"Retry-After: {value}", status=503)), sleeper)
        assert unavailable.value.retry_after_s == pytest.approx(120, abs=5)
    assert sleeper.naps == []


def test_a_source_that_stays_busy_is_handed_back_after_four_tries(sleeper: Sleeper) -> None:
    with serving(answers(response(b"", status=503))) as server:
        with pytest.raises(SourceUnavailable) as unavailable:
            source_for(server, sleep=sleeper).fetch(SourceRequest(server.url(), 1000))
        assert len(server.requests) == 4
    assert unavailable.value.retry_after_s is not None


def test_nothing_new_is_tried_after_the_time_to_hand_back() -> None:
    with serving(answers(response(b"", status=503))) as server:
        with pytest.raises(SourceUnavailable):
            source_for(server, hand_back_s=0.1).fetch(SourceRequest(server.url(), 1000))
        assert len(server.requests) == 1


def test_nobody_listening_is_nobodys_fault(sleeper: Sleeper) -> None:
    with serving(answers(b"")) as server:
        pass
    with pytest.raises(SourceUnavailable):
        source_for(server, sleep=sleeper).fetch(SourceRequest(server.url(), 1000))
    assert len(sleeper.naps) == 3


def slow_body(exchange: Exchange) -> None:
    exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    exchange.drip()


def slow_body_until_close(exchange: Exchange) -> None:
    exchange.send(b"HTTP/1.1 200 OK\r\n\r\n")
    exchange.drip()


def slow_chunks(exchange: Exchange) -> None:
    exchange.send(CHUNKED)
    exchange.drip(b"1\r\nx\r\n")


def slow_chunk_length(exchange: Exchange) -> None:
    exchange.send(CHUNKED)
    exchange.drip(b"0")


def slow_gzip(exchange: Exchange) -> None:
    exchange.send(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n" + gzip.compress(PICTURE)[:10])
    exchange.drip(b"\0")


def slow_status_line(exchange: Exchange) -> None:
    exchange.send(b"HTTP/1.1 200 ")
    exchange.drip()


def slow_headers(exchange: Exchange) -> None:
    exchange.send(b"HTTP/1.1 200 OK\r\n")
    exchange.drip(b"X-A: b\r\n")


def endless_continue(exchange: Exchange) -> None:
    exchange.drip(b"HTTP/1.1 100 Continue\r\n\r\n")


def silent(exchange: Exchange) -> None:
    exchange.silence()


def silent_after_headers(exchange: Exchange) -> None:
    exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n")
    exchange.silence()


@pytest.mark.parametrize(
    "behaviour",
    [
        slow_body,
        slow_body_until_close,
        slow_chunks,
        slow_chunk_length,
        slow_status_line,
        slow_headers,
        endless_continue,
        silent,
        silent_after_headers,
    ],
)
def test_a_slow_source_is_ended_at_the_deadline(behaviour: Behaviour) -> None:
    with pytest.raises(SourceTimedOut):
        fetch(behaviour, deadline_s=0.3)


def test_a_slow_packed_body_does_not_outlive_the_deadline() -> None:
    with pytest.raises(SourceError):
        fetch(slow_gzip, deadline_s=0.3)


@pytest.mark.parametrize("behaviour", [silent, silent_after_headers])
def test_a_silent_source_is_ended_before_the_deadline(behaviour: Behaviour) -> None:
    with pytest.raises(SourceTimedOut):
        fetch(behaviour, deadline_s=60, idle_timeout_s=0.2)


@pytest.mark.parametrize(
    "reply",
    [
        b"HTTP/1.1 200 OK\r\n" + b"X-A: b\r\n" * 200 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nX-A: " + b"b" * 100_000 + b"\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nshort!",
    ],
)
def test_an_answer_that_is_not_valid_http_is_the_sources_fault(reply: bytes) -> None:
    def odd(exchange: Exchange) -> None:
        exchange.send(reply)
        exchange.connection.close()

    with pytest.raises(SourceError, match="valid HTTP"):
        fetch(odd)


def test_other_sources_go_on_beside_a_slow_one() -> None:
    with serving(slow_body) as slow, serving(answers(response(PICTURE))) as quick:
        source = source_for(slow, quick, deadline_s=0.5, per_host=16)
        with ThreadPoolExecutor(8) as pool:
            slow_ones = [pool.submit(source.fetch, SourceRequest(slow.url(), 1_000_000)) for _ in range(4)]
            assert source.fetch(SourceRequest(quick.url(), 1_000_000)).data == PICTURE
            assert not any(one.done() for one in slow_ones)
            assert all(isinstance(one.exception(), SourceTimedOut) for one in slow_ones)


class Crowd:
    """Answers nobody before `expected` requests are there at once, and counts how many there ever were."""

    def __init__(self, expected: int) -> None:
        self.lock, self.full = threading.Lock(), threading.Event()
        self.expected, self.now, self.most = expected, 0, 0

    def __call__(self, exchange: Exchange) -> None:
        with self.lock:
            self.now += 1
            self.most = max(self.most, self.now)
            if self.now == self.expected:
                self.full.set()
        assert self.full.wait(10)
        exchange.stopping.wait(0.02)
        with self.lock:
            self.now -= 1
        exchange.send(response(PICTURE))


def test_the_cap_per_host_holds_and_is_used() -> None:
    crowd = Crowd(3)
    with serving(crowd) as server:
        source = source_for(server, per_host=3)
        with ThreadPoolExecutor(20) as pool:
            requests = [SourceRequest(server.url(f"/{number}.jpg"), 1_000_000) for number in range(20)]
            assert all(fetched.data == PICTURE for fetched in pool.map(source.fetch, requests))
    assert crowd.most == 3
    assert server.connections == 3


def test_waiting_for_a_turn_does_not_count_against_the_source() -> None:
    gate = threading.Event()

    def gated(exchange: Exchange) -> None:
        if exchange.number == 1:
            gate.wait(10)
        exchange.send(response(PICTURE))

    with serving(gated) as server:
        patient = source_for(server, per_host=1, deadline_s=0.5)
        with ThreadPoolExecutor(2) as pool:
            first = pool.submit(patient.fetch, SourceRequest(server.url("/1"), 1_000_000))
            second = pool.submit(patient.fetch, SourceRequest(server.url("/2"), 1_000_000))
            outcomes = {type(one.exception()) for one in (first, second)}
            gate.set()
    assert outcomes == {SourceTimedOut, type(None)}


def test_a_fetch_that_gets_no_turn_is_handed_back() -> None:
    with serving(silent) as server:
        source = source_for(server, per_host=1, deadline_s=1.0, hand_back_s=0.2)
        with ThreadPoolExecutor(1) as pool:
            first = pool.submit(source.fetch, SourceRequest(server.url("/1"), 1000))
            while not server.requests:
                server.stopping.wait(0.01)
            with pytest.raises(SourceBusy):
                source.fetch(SourceRequest(server.url("/2"), 1000))
            assert isinstance(first.exception(), SourceTimedOut)


@pytest.fixture
def bearer() -> SourceAuth:
    return SourceAuth("bearer", token="s3cret-token")


def test_a_bearer_token_is_sent(bearer: SourceAuth) -> None:
    with serving(answers(response(PICTURE))) as server:
        source_for(server).fetch(SourceRequest(server.url(), 1_000_000, bearer, "job-1"))
        assert server.requests[0].headers["authorization"] == "Bearer s3cret-token"


def test_a_refused_bearer_token_is_not_repeated_nor_told(bearer: SourceAuth) -> None:
    with serving(answers(response(b"", status=401))) as server:
        with pytest.raises(SourceForbidden) as refused:
            source_for(server).fetch(SourceRequest(server.url(), 1000, bearer, "job-1"))
        assert len(server.requests) == 1
    assert "s3cret" not in repr(refused.value)


@pytest.mark.parametrize("token", ["a\r\nHost: internal", "a\nb", "s3cret\x00", "t\u20ac"])
def test_a_token_that_would_break_the_header_is_never_sent(token: str) -> None:
    with serving(answers(response(PICTURE))) as server:
        with pytest.raises(SourceError) as refused:
            source_for(server).fetch(SourceRequest(server.url(), 1000, SourceAuth("bearer", token=token), "job-1"))
        assert server.requests == []
    assert "s3cret" not in str(refused.value)


def test_a_kind_of_authentication_that_nobody_knows_is_said(bearer: SourceAuth) -> None:
    with serving(answers(response(PICTURE))) as server, pytest.raises(SourceForbidden, match="kerberos"):
        source_for(server).fetch(SourceRequest(server.url(), 1000, SourceAuth("kerberos"), "job-1"))


def test_an_address_that_is_not_listed_sees_no_connection() -> None:
    with serving(answers(response(PICTURE))) as canary:
        with pytest.raises(SourceRefused):
            HttpSource(AddressGuard()).fetch(SourceRequest(canary.url(), 1000))
        assert canary.connections == 0


def test_many_threads_share_one_source() -> None:
    with serving(answers(response(PICTURE))) as server:
        source = source_for(server)
        with ThreadPoolExecutor(16) as pool:
            requests = [SourceRequest(server.url(f"/{number}"), 1_000_000) for number in range(100)]
            assert {fetched.sha256 for fetched in pool.map(source.fetch, requests)} == {
                hashlib.sha256(PICTURE).hexdigest()
            }
        assert server.connections <= 8
