"""Sources that are slow in every way there is: each is left in time."""

import gzip

import pytest

from pipeline.errors import SourceError, SourceTimedOut
from tests.integration.http_sources import CHUNKED, PICTURE, fetch
from tests.integration.local_servers import Behaviour, Exchange, drips_body, drips_headers, silent


def slow_body(exchange: Exchange) -> None:
    exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
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


def endless_continue(exchange: Exchange) -> None:
    exchange.drip(b"HTTP/1.1 100 Continue\r\n\r\n")


def silent_after_headers(exchange: Exchange) -> None:
    exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n")
    exchange.silence()


@pytest.mark.parametrize(
    "behaviour",
    [
        slow_body,
        drips_body,
        slow_chunks,
        slow_chunk_length,
        slow_status_line,
        drips_headers,
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
