"""OAuth 2.0 client credentials: tokens asked for once per job, renewed once, never shared, never believed too much."""

import base64
import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import parse_qs

import pytest

from pipeline.adapters.http_source import HttpSource
from pipeline.errors import SourceError, SourceForbidden, SourceRefused, SourceUnavailable
from pipeline.ports import SourceAuth, SourceRequest
from tests.integration.http_sources import source_for
from tests.integration.local_servers import Exchange, LocalServer, answers, response, serving

PICTURE = b"a picture"


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


class TokenServer:
    """Gives "t1", "t2", ... and remembers how it was asked."""

    def __init__(self, **extra: Any) -> None:
        self.extra = extra

    def __call__(self, exchange: Exchange) -> None:
        token = {"access_token": f"t{exchange.number}", "token_type": "Bearer", **self.extra}
        exchange.send(response(json.dumps(token).encode()))


class Guarded:
    """Gives the picture to whoever shows one of the tokens that are valid just now."""

    def __init__(self, *valid: str) -> None:
        self.valid = set(valid)

    def __call__(self, exchange: Exchange) -> None:
        shown = exchange.request.headers.get("authorization", "").removeprefix("Bearer ")
        exchange.send(response(PICTURE) if shown in self.valid else response(b"", status=401))


def auth_at(tokens: LocalServer, **changes: Any) -> SourceAuth:
    given = {"token_url": tokens.url("/token"), "client_id": "cl:ient", "client_secret": "s3cret", "scope": "read"}
    return SourceAuth("oauth2", **(given | changes))


def fetch(source: HttpSource, server: LocalServer, auth: SourceAuth, scope: str = "job-1") -> bytes:
    return source.fetch(SourceRequest(server.url(), 1000, auth, scope)).data


def test_a_token_is_asked_for_once_and_used_for_the_whole_job() -> None:
    with serving(TokenServer(expires_in=3600)) as tokens, serving(Guarded("t1")) as server:
        source = source_for(tokens, server)
        with ThreadPoolExecutor(8) as pool:
            assert set(pool.map(lambda _: fetch(source, server, auth_at(tokens)), range(20))) == {PICTURE}
        [asked] = tokens.requests
    assert asked.method == "POST"
    assert parse_qs(asked.body.decode()) == {"grant_type": ["client_credentials"], "scope": ["read"]}
    scheme, _, credentials = asked.headers["authorization"].partition(" ")
    assert (scheme, base64.b64decode(credentials)) == ("Basic", b"cl%3Aient:s3cret")
    assert "s3cret" not in repr(server.requests)


def test_a_server_that_wants_the_credentials_in_the_body_gets_them_there() -> None:
    def body_only(exchange: Exchange) -> None:
        known = b"client_secret=s3cret" in exchange.request.body
        token = b'{"access_token": "t1", "token_type": "bearer"}'
        exchange.send(response(token) if known else response(b"{}", status=401))

    with serving(body_only) as tokens, serving(Guarded("t1")) as server:
        assert fetch(source_for(tokens, server), server, auth_at(tokens)) == PICTURE
        assert "authorization" not in tokens.requests[1].headers


def test_a_token_that_is_refused_is_renewed_once() -> None:
    with serving(TokenServer(expires_in=3600)) as tokens, serving(Guarded("t1")) as server:
        source = source_for(tokens, server)
        assert fetch(source, server, auth_at(tokens)) == PICTURE
        server.behaviour = Guarded("t2")
        assert fetch(source, server, auth_at(tokens)) == PICTURE
        assert len(tokens.requests) == 2
        server.behaviour = Guarded()
        with pytest.raises(SourceForbidden):
            fetch(source, server, auth_at(tokens))
        assert len(tokens.requests) == 3


def test_a_token_that_expires_in_the_middle_of_the_batch_is_renewed_for_all_at_once() -> None:
    with serving(TokenServer(expires_in=3600)) as tokens, serving(Guarded("t1")) as server:
        source = source_for(tokens, server)
        fetch(source, server, auth_at(tokens))
        server.behaviour = Guarded("t2")
        with ThreadPoolExecutor(8) as pool:
            assert set(pool.map(lambda _: fetch(source, server, auth_at(tokens)), range(8))) == {PICTURE}
        assert len(tokens.requests) == 2


@pytest.mark.parametrize(
    ("lifetime", "kept_s"), [(3600, 3569), ("3600", 3569), (40, 19), (None, 269), ("x", 269), (-1, 269)]
)
def test_a_token_is_renewed_shortly_before_it_expires(lifetime: object, kept_s: float) -> None:
    clock = Clock()
    with serving(TokenServer(expires_in=lifetime)) as tokens, serving(Guarded("t1", "t2")) as server:
        source = source_for(tokens, server, clock=clock)
        fetch(source, server, auth_at(tokens))
        clock.now += kept_s
        fetch(source, server, auth_at(tokens))
        assert len(tokens.requests) == 1
        clock.now += 2
        fetch(source, server, auth_at(tokens))
        assert len(tokens.requests) == 2


@pytest.mark.parametrize("scope", ["job-1", ""])
def test_tokens_are_not_shared_across_jobs_or_credentials(scope: str) -> None:
    with serving(TokenServer(expires_in=3600)) as tokens, serving(Guarded("t1", "t2", "t3")) as server:
        source = source_for(tokens, server)
        fetch(source, server, auth_at(tokens), scope)
        fetch(source, server, auth_at(tokens), "job-2")
        fetch(source, server, auth_at(tokens, client_secret="other"), scope)
        shown = [request.headers["authorization"] for request in server.requests]
        assert shown == ["Bearer t1", "Bearer t2", "Bearer t3"]


@pytest.mark.parametrize(
    "reply",
    [
        response(b"not json"),
        response(b"[]"),
        response(b"{}"),
        response(b'{"access_token": 7}'),
        response(b'{"access_token": ""}'),
        response(b'{"access_token": "t1", "token_type": "mac"}'),
        response(b"[" * 60_000),
        response(b'{"access_token": "' + b"x" * 10_000_000 + b'"}'),
        response(b"{}", status=400),
        response(b"{}", status=403),
        response(b"", "Location: http://169.254.169.254/", status=302),
    ],
    ids=["text", "list", "empty", "number", "blank", "mac", "deep", "10 MB", "400", "403", "redirect"],
)
def test_an_answer_that_holds_no_token_is_refused(reply: bytes) -> None:
    with serving(answers(reply)) as tokens, serving(Guarded()) as server:
        with pytest.raises(SourceForbidden) as refused:
            fetch(source_for(tokens, server), server, auth_at(tokens))
        assert server.requests == []
    assert "s3cret" not in refused.value.message


def test_a_token_that_would_break_the_header_is_never_sent() -> None:
    with serving(answers(response(b'{"access_token": "a\\r\\nHost: b"}'))) as tokens, serving(Guarded()) as server:
        with pytest.raises(SourceError):
            fetch(source_for(tokens, server), server, auth_at(tokens))
        assert server.requests == []


def test_a_token_server_that_hangs_is_left_in_time_and_not_asked_by_everybody() -> None:
    with serving(lambda exchange: exchange.drip()) as tokens, serving(Guarded()) as server:
        source = source_for(tokens, server, deadline_s=1.0)
        with ThreadPoolExecutor(4) as pool:
            troubles = [pool.submit(fetch, source, server, auth_at(tokens)) for _ in range(4)]
            assert all(isinstance(trouble.exception(), SourceError) for trouble in troubles)
        assert len(tokens.requests) == 1


def test_a_token_server_in_trouble_hands_the_download_back() -> None:
    with serving(answers(response(b"", status=503))) as tokens, serving(Guarded()) as server:
        with pytest.raises(SourceUnavailable):
            fetch(source_for(tokens, server), server, auth_at(tokens))
        assert len(tokens.requests) == 4


def test_a_token_server_that_recovers_is_asked_again() -> None:
    token = response(b'{"access_token": "t1"}')
    with serving(answers(response(b"", status=503), token)) as tokens, serving(Guarded("t1")) as server:
        assert fetch(source_for(tokens, server), server, auth_at(tokens)) == PICTURE


def test_a_token_url_inside_the_network_is_refused() -> None:
    with serving(TokenServer()) as tokens, serving(Guarded()) as server:
        with pytest.raises(SourceRefused):
            fetch(source_for(server), server, auth_at(tokens))
        assert tokens.connections == 0


def test_credentials_are_not_shown() -> None:
    assert "s3cret" not in repr(SourceRequest("https://example.com", 1, SourceAuth("oauth2", client_secret="s3cret")))
