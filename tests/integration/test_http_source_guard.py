"""Where a source may lead: redirects, name servers that change their mind, and other people's credentials."""

import socket
from collections.abc import Iterator, Sequence

import dnslib
import pytest
from dnslib.server import BaseResolver, DNSHandler, DNSLogger, DNSServer

from pipeline.adapters.address_guard import AddressGuard, Route
from pipeline.adapters.http_source import HttpSource
from pipeline.adapters.urls import Target
from pipeline.errors import SourceError, SourceRefused, SourceUnavailable
from tests.integration.http_sources import BEARER, fetched, source_for
from tests.integration.local_servers import answers, redirect, response, serving

PICTURE = b"a picture"


class OnceListedOnceNot(AddressGuard):
    """Takes 127.0.0.2 for a public address, so that a first hop can be one that the operator's list does not name."""

    def route(self, target: Target, *, may_use_list: bool, timeout_s: float = 10.0) -> Route:
        if target.host == "127.0.0.2":
            return Route(target, ("127.0.0.1",))
        return super().route(target, may_use_list=may_use_list, timeout_s=timeout_s)

    def is_listed(self, address: str, port: int) -> bool:
        return port in self.listed_ports and super().is_listed(address, port)

    listed_ports: frozenset[int] = frozenset()


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_followed(status: int) -> None:
    with serving(answers(redirect("/there?x=1", status), response(PICTURE))) as server:
        assert fetched(source_for(server), server.url()) == PICTURE
        assert [request.path for request in server.requests] == ["/a.jpg", "/there?x=1"]
        assert server.connections == 1


def test_five_redirects_are_followed_and_six_are_not() -> None:
    hops = [redirect(f"/{number}") for number in range(6)]
    with serving(answers(*hops[:5], response(PICTURE))) as server:
        assert fetched(source_for(server), server.url()) == PICTURE
    with serving(answers(*hops, response(PICTURE))) as server:
        with pytest.raises(SourceError, match="more than 5 times"):
            fetched(source_for(server), server.url())
        assert len(server.requests) == 6


def test_a_redirect_in_a_circle_is_noticed() -> None:
    with serving(answers(redirect("/b.jpg"), redirect("/a.jpg"))) as server:
        with pytest.raises(SourceError, match="circle"):
            fetched(source_for(server), server.url())
        assert len(server.requests) == 2


@pytest.mark.parametrize(
    "location",
    [
        "http://169.254.169.254/latest/meta-data/",
        "http://[::ffff:169.254.169.254]/",
        "http://10.0.0.1/",
        "file:///etc/passwd",
        "gopher://127.0.0.1/",
        "//user:pass@127.0.0.1/",
        "http://127.0.0.1\\@example.com/",
        "/with\ttab",
    ],
)
def test_a_redirect_to_an_internal_place_is_refused(location: str) -> None:
    with serving(answers(redirect(location))) as server:
        with pytest.raises(SourceRefused):
            fetched(source_for(server), server.url())
        assert len(server.requests) == 1


def test_a_redirect_to_another_port_that_is_not_listed_sees_no_connection() -> None:
    with serving(answers(response(b"internal"))) as internal, serving(answers(redirect(internal.url()))) as server:
        with pytest.raises(SourceRefused):
            fetched(source_for(server), server.url())
        assert internal.connections == 0


def test_a_redirect_from_one_listed_server_to_another_is_followed() -> None:
    with serving(answers(response(PICTURE))) as other, serving(answers(redirect(other.url()))) as server:
        assert fetched(source_for(server, other), server.url()) == PICTURE


def test_a_public_server_cannot_redirect_to_a_listed_one() -> None:
    with serving(answers(response(PICTURE))) as listed, serving(answers(redirect(listed.url()))) as public:
        guard = OnceListedOnceNot(allow=frozenset({listed.address}))
        guard.listed_ports = frozenset({listed.port})
        source = HttpSource(guard)
        assert fetched(source, listed.url()) == PICTURE, "as a first hop it may be reached, and its connection is kept"
        with pytest.raises(SourceRefused):
            fetched(source, public.url(host="127.0.0.2"))
        assert len(public.requests) == 1
        assert len(listed.requests) == 1


def test_darkrooms_own_port_is_not_reached_by_a_listed_servers_redirect() -> None:
    with serving(answers(response(b"{}"))) as darkroom, serving(answers(redirect(darkroom.url()))) as server:
        guard = AddressGuard(frozenset({server.address, darkroom.address}), frozenset({darkroom.port}))
        with pytest.raises(SourceRefused, match="Darkroom itself"):
            fetched(HttpSource(guard), server.url())
        assert darkroom.connections == 0


def test_credentials_go_along_within_an_origin() -> None:
    with serving(answers(redirect("/b.jpg"), response(PICTURE))) as server:
        fetched(source_for(server), server.url(), BEARER)
        assert [request.headers.get("authorization") for request in server.requests] == ["Bearer s3cret-token"] * 2


@pytest.mark.parametrize("host", ["127.0.0.1", "elsewhere.test"])
def test_credentials_never_cross_to_another_server(host: str) -> None:
    with serving(answers(response(PICTURE))) as other, serving(answers(redirect(other.url(host=host)))) as server:
        assert fetched(source_for(server, other), server.url(), BEARER) == PICTURE
        assert "authorization" in server.requests[0].headers
        assert "authorization" not in other.requests[0].headers
        assert "s3cret" not in repr(other.requests)


def test_credentials_never_cross_to_another_name_on_the_same_port() -> None:
    with serving(answers(redirect(""), response(PICTURE))) as server:
        server.behaviour = answers(redirect(server.url("/b.jpg", host="other.test")), response(PICTURE))
        assert fetched(source_for(server), server.url(), BEARER) == PICTURE
        assert [("authorization" in request.headers) for request in server.requests] == [True, False]


def test_credentials_do_not_return_from_a_detour() -> None:
    with serving(answers(b"")) as detour, serving(answers(redirect(detour.url()), response(PICTURE))) as server:
        detour.behaviour = answers(redirect(server.url("/back.jpg")))
        assert fetched(source_for(server, detour), server.url(), BEARER) == PICTURE
        assert [("authorization" in request.headers) for request in server.requests] == [True, False]


class Changing(BaseResolver):
    """A name server without a memory: it gives each question the next of the answers, with no time to live."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.answers = list(answers)
        self.questions = 0

    def resolve(self, request: dnslib.DNSRecord, handler: DNSHandler) -> dnslib.DNSRecord:
        self.questions += 1
        reply = request.reply()
        for record in self.answers[min(self.questions, len(self.answers)) - 1]:
            reply.add_answer(*dnslib.RR.fromZone(f"{request.q.qname} 0 IN {record}"))
        return reply


class NameServer:
    """The given name server on a free port, and a resolver that asks it as a system's would."""

    def __init__(self, resolver: BaseResolver) -> None:
        self.server = DNSServer(resolver, address="127.0.0.1", port=0, logger=DNSLogger("", False))
        self.server.start_thread()
        self.port = self.server.server.server_address[1]

    def __call__(self, host: str, port: int) -> Sequence[str]:
        packet = dnslib.DNSRecord.question(host, "ANY").send("127.0.0.1", self.port, timeout=5)
        found = [str(rr.rdata) for rr in dnslib.DNSRecord.parse(packet).rr if rr.rtype in (1, 28)]
        if not found:
            raise socket.gaierror(socket.EAI_NONAME, "no address")
        return found


@pytest.fixture
def name_servers() -> Iterator[list[NameServer]]:
    started: list[NameServer] = []
    yield started
    for one in started:
        one.server.stop()
        one.server.server.server_close()


def test_a_name_that_rebinds_is_dialled_where_it_was_checked(name_servers: list[NameServer]) -> None:
    """Checked as 127.0.0.1 (listed); whoever asked again would get 127.0.0.9, where nobody may go."""
    changing = Changing(["A 127.0.0.1"], ["A 127.0.0.9"])
    name_servers.append(NameServer(changing))
    with serving(answers(response(PICTURE))) as server:
        guard = AddressGuard(allow=frozenset({server.address}), resolver=name_servers[0])
        assert fetched(HttpSource(guard), server.url(host="rebinding.test")) == PICTURE
        assert changing.questions == 1
        assert server.requests[0].headers["host"] == f"rebinding.test:{server.port}"


def test_a_kept_connection_is_no_way_around_the_check(name_servers: list[NameServer]) -> None:
    name_servers.append(NameServer(Changing(["A 127.0.0.1"], ["A 10.0.0.1"])))
    with serving(answers(response(PICTURE))) as server:
        source = HttpSource(AddressGuard(allow=frozenset({server.address}), resolver=name_servers[0]))
        assert fetched(source, server.url(host="rebinding.test")) == PICTURE
        with pytest.raises(SourceRefused):
            fetched(source, server.url(host="rebinding.test"))
        assert len(server.requests) == 1


def test_each_hop_is_resolved_once(name_servers: list[NameServer]) -> None:
    changing = Changing(["A 127.0.0.1"])
    name_servers.append(NameServer(changing))
    with serving(answers(redirect("/b"), redirect("/c"), response(PICTURE))) as server:
        guard = AddressGuard(allow=frozenset({server.address}), resolver=name_servers[0])
        fetched(HttpSource(guard), server.url(host="pictures.test"))
    assert changing.questions == 3


@pytest.mark.parametrize(
    "records",
    [["A 127.0.0.1"], ["AAAA ::1"], ["CNAME internal.test", "A 10.0.0.1"], ["A 0.0.0.0", "AAAA ::ffff:7f00:1"]],
)
def test_a_name_that_leads_inside_sees_no_connection(records: list[str], name_servers: list[NameServer]) -> None:
    name_servers.append(NameServer(Changing(records)))
    with serving(answers(response(b"internal"))) as canary:
        with pytest.raises(SourceRefused):
            fetched(HttpSource(AddressGuard(resolver=name_servers[0])), canary.url(host="pictures.test"))
        assert canary.connections == 0


def test_of_mixed_addresses_only_the_checked_one_is_dialled(name_servers: list[NameServer]) -> None:
    name_servers.append(NameServer(Changing(["AAAA ::1", "A 10.0.0.1", "A 127.0.0.1"])))
    with serving(answers(response(PICTURE))) as server:
        guard = AddressGuard(allow=frozenset({server.address}), resolver=name_servers[0])
        assert fetched(HttpSource(guard), server.url(host="mixed.test")) == PICTURE


def test_the_second_checked_address_is_tried_when_the_first_does_not_listen() -> None:
    with serving(answers(response(PICTURE))) as server:
        guard = AddressGuard(
            allow=frozenset({("127.0.0.3", server.port), server.address}),
            resolver=lambda host, port: ["127.0.0.3", "127.0.0.1"],
        )
        assert fetched(HttpSource(guard), server.url(host="two.test")) == PICTURE


def test_a_name_server_that_hangs_does_not_hold_the_download() -> None:
    with serving(answers(b"")) as server:

        def hanging(host: str, port: int) -> Sequence[str]:
            server.stopping.wait(10)
            return []

        source = HttpSource(AddressGuard(resolver=hanging), deadline_s=0.2)
        with pytest.raises(SourceUnavailable, match="not resolved in time"):
            fetched(source, "http://hanging.test/")


def test_an_address_that_is_not_listed_sees_no_connection() -> None:
    with serving(answers(response(PICTURE))) as canary:
        with pytest.raises(SourceRefused):
            fetched(HttpSource(AddressGuard()), canary.url())
        assert canary.connections == 0
