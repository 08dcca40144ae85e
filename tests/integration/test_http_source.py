"""Originals over HTTP, from real servers on loopback: whole, within the limit, on few connections."""

import gzip
import hashlib
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from pipeline.errors import SourceError, SourceTruncated, TooManyBytes
from pipeline.ports import Fetched, SourceRequest
from tests.integration.http_sources import CHUNKED, PICTURE, fetch, source_for
from tests.integration.local_servers import Exchange, answers, response, serving


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


def test_a_page_instead_of_a_picture_is_left_to_validation() -> None:
    fetched, _ = fetch(answers(response(b"<html>Not here</html>", "Content-Type: text/html")))
    assert fetched.data.startswith(b"<html>")


def test_many_threads_share_one_source() -> None:
    with serving(answers(response(PICTURE))) as server:
        source = source_for(server)
        with ThreadPoolExecutor(16) as pool:
            requests = [SourceRequest(server.url(f"/{number}"), 1_000_000) for number in range(100)]
            assert {fetched.sha256 for fetched in pool.map(source.fetch, requests)} == {
                hashlib.sha256(PICTURE).hexdigest()
            }
        assert server.connections <= 8
