"""TLS to a source: certificates are checked by the name asked for, and https is never left."""

import datetime as dt
import ssl
from pathlib import Path

import pytest
import trustme

from pipeline.errors import SourceError, SourceRefused, SourceUnavailable
from tests.integration.http_sources import BEARER, fetched, source_for
from tests.integration.local_servers import answers, redirect, response, serving

PICTURE = b"a picture"
AUTHORITY = trustme.CA()


def tls_server(certificate: trustme.LeafCert) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context


@pytest.fixture
def ca_file(tmp_path: Path) -> str:
    path = tmp_path / "ca.pem"
    AUTHORITY.cert_pem.write_to_path(str(path))
    return str(path)


def test_a_valid_certificate_is_accepted_by_name(ca_file: str) -> None:
    with serving(answers(response(PICTURE)), tls_server(AUTHORITY.issue_cert("pictures.test"))) as server:
        source = source_for(server, ca_file=ca_file)
        for _ in range(2):
            assert fetched(source, server.url(host="pictures.test")) == PICTURE
        assert server.connections == 1


def test_a_valid_certificate_is_accepted_by_address(ca_file: str) -> None:
    with serving(answers(response(PICTURE)), tls_server(AUTHORITY.issue_cert("127.0.0.1"))) as server:
        assert fetched(source_for(server, ca_file=ca_file), server.url()) == PICTURE


def test_a_kept_tls_connection_of_one_name_does_not_serve_another(ca_file: str) -> None:
    with serving(answers(response(PICTURE)), tls_server(AUTHORITY.issue_cert("pictures.test"))) as server:
        source = source_for(server, ca_file=ca_file)
        fetched(source, server.url(host="pictures.test"))
        with pytest.raises(SourceError, match="certificate"):
            fetched(source, server.url(host="other.test"))


@pytest.mark.parametrize(
    "certificate",
    [
        AUTHORITY.issue_cert("pictures.test", not_after=dt.datetime(2020, 1, 1, tzinfo=dt.UTC)),
        AUTHORITY.issue_cert("another.test"),
        trustme.CA().issue_cert("pictures.test"),
    ],
    ids=["expired", "wrong name", "unknown authority"],
)
def test_a_certificate_that_is_not_valid_is_refused(certificate: trustme.LeafCert, ca_file: str) -> None:
    with serving(answers(response(PICTURE)), tls_server(certificate)) as server:
        with pytest.raises(SourceError, match=r"certificate of pictures\.test"):
            fetched(source_for(server, ca_file=ca_file), server.url(host="pictures.test"), BEARER)
        assert server.requests == []


def test_an_authority_of_our_tests_is_not_trusted_by_default() -> None:
    with serving(answers(response(PICTURE)), tls_server(AUTHORITY.issue_cert("pictures.test"))) as server:
        with pytest.raises(SourceError, match="certificate"):
            fetched(source_for(server), server.url(host="pictures.test"))
        assert server.requests == []


def test_https_is_never_left_for_http(ca_file: str) -> None:
    with (
        serving(answers(response(PICTURE))) as plain,
        serving(answers(redirect(plain.url())), tls_server(AUTHORITY.issue_cert("127.0.0.1"))) as server,
    ):
        with pytest.raises(SourceRefused, match="https to http"):
            fetched(source_for(server, plain, ca_file=ca_file), server.url())
        assert plain.connections == 0


def test_a_server_that_speaks_no_tls_gets_nothing_in_the_clear() -> None:
    with serving(answers(response(PICTURE)), greeting=response(PICTURE, status=400)) as server:
        with pytest.raises(SourceUnavailable, match="secure connection"):
            fetched(source_for(server), f"https://127.0.0.1:{server.port}/a.jpg", BEARER)
        assert "s3cret" not in repr(server.requests)
