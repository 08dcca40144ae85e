"""Sources that break off, refuse, are busy or talk nonsense: what is tried again, and what is said."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from pipeline.errors import SourceError, SourceForbidden, SourceNotFound, SourceTruncated, SourceUnavailable
from pipeline.ports import SourceRequest
from tests.integration.http_sources import CHUNKED, PICTURE, Sleeper, fetch, source_for
from tests.integration.local_servers import Exchange, answers, response, serving


@pytest.fixture
def sleeper() -> Sleeper:
    return Sleeper()


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
            source_for(server, sleeper=sleeper).fetch(SourceRequest(server.url(), 1_000_000))
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
            source_for(server, sleeper=sleeper).fetch(SourceRequest(server.url(), 1000))
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
        source_for(server, sleeper=sleeper).fetch(SourceRequest(server.url(), 1000))
    assert len(sleeper.naps) == 3


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
