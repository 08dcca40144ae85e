"""A bearer token of the job's own: sent as it is, or not at all, and never told."""

import pytest

from pipeline.errors import SourceError, SourceForbidden
from pipeline.ports import SourceAuth
from tests.integration.http_sources import BEARER, PICTURE, fetched, source_for
from tests.integration.local_servers import answers, response, serving


def test_a_bearer_token_is_sent() -> None:
    with serving(answers(response(PICTURE))) as server:
        fetched(source_for(server), server.url(), BEARER)
        assert server.requests[0].headers["authorization"] == "Bearer s3cret-token"


def test_a_refused_bearer_token_is_not_repeated_nor_told() -> None:
    with serving(answers(response(b"", status=401))) as server:
        with pytest.raises(SourceForbidden) as refused:
            fetched(source_for(server), server.url(), BEARER)
        assert len(server.requests) == 1
    assert "s3cret" not in repr(refused.value)


@pytest.mark.parametrize("token", ["a\r\nHost: internal", "a\nb", "s3cret\x00", "t\u20ac"])
def test_a_token_that_would_break_the_header_is_never_sent(token: str) -> None:
    with serving(answers(response(PICTURE))) as server:
        with pytest.raises(SourceError) as refused:
            fetched(source_for(server), server.url(), SourceAuth("bearer", token=token))
        assert server.requests == []
    assert "s3cret" not in str(refused.value)


def test_a_kind_of_authentication_that_nobody_knows_is_said() -> None:
    with serving(answers(response(PICTURE))) as server, pytest.raises(SourceForbidden, match="kerberos"):
        fetched(source_for(server), server.url(), SourceAuth("kerberos"))
