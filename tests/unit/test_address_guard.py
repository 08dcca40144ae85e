"""Which addresses may be called, and how URLs are read on the way there."""

import re
import socket
from collections.abc import Sequence

import pytest

from pipeline.adapters.address_guard import AddressGuard, own_addresses, parse_allow, system_resolver
from pipeline.adapters.urls import parse_target, redirected
from pipeline.errors import SourceError, SourceRefused, SourceUnavailable

REFUSED_TABLE = """
    0.0.0.0 0.0.0.1 0.255.255.255 10.0.0.1 10.255.255.255 100.64.0.0 100.64.0.1 100.100.100.200 100.127.255.255
    127.0.0.1 127.0.0.53 127.255.255.255 168.63.129.16 169.254.0.1 169.254.169.254 169.254.170.2 172.16.0.1
    172.31.255.255 192.0.0.1 192.0.0.170 192.0.0.192 192.0.2.1 192.88.99.1 192.168.0.1 192.168.255.255 198.18.0.1
    198.19.255.255 198.51.100.1 203.0.113.1 224.0.0.1 239.255.255.255 240.0.0.1 255.255.255.255
    :: ::1 ::127.0.0.1 ::10.0.0.1 ::ffff:127.0.0.1 ::ffff:169.254.169.254 ::ffff:0:127.0.0.1 ::ffff:100.64.0.1
    64:ff9b::7f00:1 64:ff9b::169.254.169.254 64:ff9b::172.16.0.1 64:ff9b:1::1 64:ff9b:1:a00:0:100::
    2002:7f00:1:: 2002:c0a8:101:: 2002:a9fe:a9fe::1 2001::1 2001:0:4136:e378:8000:63bf:3fff:fdd2 2001::80ff:fffe
    2001:2::1 2001:10::1 2001:20::1 2001:db8::1 3fff::1 fc00::1 fd00:ec2::254 fe80::1 feb0::1 fec0::1 feff::1
    ff02::1 ff0e::1 100::1 4000::1 5f00::1 8000::1 2606:4700::5efe:10.0.0.1 2606:4700::200:5efe:192.168.1.1
"""
PUBLIC_TABLE = """
    1.1.1.1 8.8.8.8 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.1 169.253.255.255
    169.255.0.0 172.15.255.255 172.32.0.0 192.0.1.1 192.167.255.255 192.169.0.0 198.17.255.255 198.20.0.0
    223.255.255.255 2001:4860:4860::8888 2606:4700::1111 2a00:1450:4001:800::200e ::ffff:8.8.8.8 64:ff9b::808:808
    2002:808:808::1
"""
REFUSED, PUBLIC = REFUSED_TABLE.split(), PUBLIC_TABLE.split()


def full_width(text: str) -> str:
    return "".join(chr(ord(character) + 0xFEE0) for character in text)


def bracketed(address: str) -> str:
    return f"[{address}]" if ":" in address else address


def reach(guard: AddressGuard, url: str, *, may_use_list: bool = True) -> tuple[str, ...]:
    return guard.route(parse_target(url), may_use_list=may_use_list).addresses


def names(**answers: Sequence[str]) -> AddressGuard:
    return AddressGuard(resolver=lambda host, port: answers[host.replace(".", "_")])


@pytest.mark.parametrize("address", REFUSED)
def test_an_internal_address_is_refused(address: str) -> None:
    with pytest.raises(SourceRefused):
        reach(AddressGuard(), f"http://{bracketed(address)}/a.jpg")


@pytest.mark.parametrize("address", REFUSED)
def test_a_name_that_leads_to_an_internal_address_is_refused(address: str) -> None:
    with pytest.raises(SourceRefused, match=r"pictures\.example"):
        reach(names(pictures_example=[address]), "https://pictures.example/a.jpg")


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_passes(address: str) -> None:
    assert len(reach(AddressGuard(), f"http://{bracketed(address)}/a.jpg")) == 1


@pytest.mark.parametrize(
    "host", ["0177.0.0.1", "2130706433", "0x7f.1", "127.1", "0", "0x7f000001", "017700000001", "localhost"]
)
def test_every_way_to_write_loopback_is_refused(host: str) -> None:
    with pytest.raises(SourceRefused):
        reach(AddressGuard(), f"http://{host}/")


@pytest.mark.parametrize("host", [full_width("127.0.0.1"), full_width("localhost"), "127。0。0。1", "①②⑦.0.0.1"])
def test_full_width_and_circled_characters_are_read_as_the_plain_ones(host: str) -> None:
    with pytest.raises(SourceRefused):
        reach(AddressGuard(), f"http://{host}/")


def test_every_address_of_this_machine_is_refused() -> None:
    for address in own_addresses():
        with pytest.raises(SourceRefused):
            reach(AddressGuard(), f"http://{bracketed(str(address))}/")


def test_only_the_public_one_of_mixed_addresses_is_dialled() -> None:
    guard = names(mixed_example=["::1", "93.184.216.34", "10.0.0.1", "93.184.216.34"])
    assert reach(guard, "http://mixed.example/") == ("93.184.216.34",)


def test_a_mapped_address_is_dialled_as_the_ipv4_address_it_is() -> None:
    assert reach(names(a_example=["::ffff:8.8.8.8"]), "http://a.example/") == ("8.8.8.8",)


def test_a_name_with_hundreds_of_addresses_makes_only_a_few_connections() -> None:
    many = [f"93.184.216.{last}" for last in range(200)]
    assert reach(names(many_example=many), "http://many.example/") == tuple(many[:4])


def test_the_refusal_names_host_and_kind_but_not_the_address() -> None:
    with pytest.raises(SourceRefused) as refused:
        reach(names(intra_example=["10.11.12.13"]), "http://intra.example/secret?token=x")
    assert refused.value.message == "The host intra.example may not be called: it leads to a private network."


def test_a_name_that_does_not_exist_is_the_customers_to_correct() -> None:
    def nobody(host: str, port: int) -> Sequence[str]:
        raise socket.gaierror(socket.EAI_NONAME, "no such name")

    with pytest.raises(SourceError, match=r"does not exist"):
        reach(AddressGuard(resolver=nobody), "http://missing.example/")


def test_trouble_of_the_name_service_is_nobodys_fault() -> None:
    def busy(host: str, port: int) -> Sequence[str]:
        raise socket.gaierror(socket.EAI_AGAIN, "try again")

    with pytest.raises(SourceUnavailable):
        reach(AddressGuard(resolver=busy), "http://a.example/")


def test_the_system_resolver_knows_localhost() -> None:
    assert "127.0.0.1" in system_resolver("localhost", 80)


def test_a_listed_address_and_port_may_be_reached() -> None:
    guard = AddressGuard(allow=parse_allow("127.0.0.1:8123"))
    assert reach(guard, "http://127.0.0.1:8123/") == ("127.0.0.1",)
    assert reach(guard, "http://localhost:8123/") == ("127.0.0.1",)


@pytest.mark.parametrize("url", ["http://127.0.0.1:8124/", "http://127.0.0.2:8123/", "http://[::1]:8123/"])
def test_the_list_counts_only_for_exactly_that_address_and_port(url: str) -> None:
    with pytest.raises(SourceRefused):
        reach(AddressGuard(allow=parse_allow("127.0.0.1:8123")), url)


def test_the_list_does_not_count_where_the_first_hop_was_not_listed() -> None:
    with pytest.raises(SourceRefused):
        reach(AddressGuard(allow=parse_allow("127.0.0.1:8123")), "http://127.0.0.1:8123/", may_use_list=False)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "0", "[::1]", "[::ffff:127.0.0.1]"])
def test_darkrooms_own_ports_are_refused_even_when_listed(host: str) -> None:
    guard = AddressGuard(
        allow=parse_allow("127.0.0.1:80, 127.0.0.2:80, 0.0.0.0:80, [::1]:80"), own_ports=frozenset({80})
    )
    with pytest.raises(SourceRefused, match="Darkroom itself"):
        reach(guard, f"http://{host}/")


def test_the_list_is_read_with_spaces_and_ipv6() -> None:
    assert parse_allow(" 127.0.0.1:8123, [::1]:9 ,, [::ffff:10.0.0.1]:7") == {
        ("127.0.0.1", 8123),
        ("::1", 9),
        ("10.0.0.1", 7),
    }
    assert parse_allow("") == frozenset()


@pytest.mark.parametrize(
    "text", ["127.0.0.1", "127.0.0.1:0", "127.0.0.1:x", "localhost:80", "::1:80", "[::1]", "10.0.0.0/8:1"]
)
def test_a_wrong_entry_of_the_list_is_named(text: str) -> None:
    with pytest.raises(ValueError, match=re.escape(repr(text))):
        parse_allow(f"127.0.0.1:1,{text}")


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "ftp://example.com/a",
        "gopher://example.com/_",
        "data:image/png;base64,AAAA",
        "jar:http://example.com!/a",
        "unix:///var/run/docker.sock",
        "//example.com/a",
        "example.com/a.jpg",
        "http:/example.com",
        "http:example.com",
        "http://",
        "http:///a",
        "",
        "http://user@example.com/",
        "http://user:secret@example.com/",
        "http://example.com\\@127.0.0.1/",
        "http://127.0.0.1\\.example.com/",
        "http:\\\\example.com/",
        "http://example.com/a\r\nHost: internal",
        "http://example.com/\x00",
        "http://exam\tple.com/",
        " http://example.com/",
        "http://exa mple.com/",
        "http://example.com:99999/",
        "http://example.com:0/",
        "http://example.com:" + full_width("80"),
        "http://example.com:80:90/",
        "http://[::1/",
        "http://[::1%25lo]/",
        "http://[v1.x]/",
        "http://ex%61mple.com/",
        "http://ex℀mple.com/",
        "http://a..b/",
        "http://" + "a" * 64 + ".com/",
        "http://example.com/" + "a" * 9000,
    ],
)
def test_a_url_that_two_parsers_could_read_differently_is_refused(url: str) -> None:
    with pytest.raises(SourceRefused):
        parse_target(url)


@pytest.mark.parametrize(
    ("url", "sent"),
    [
        ("HTTP://Example.COM", "http://example.com/"),
        ("https://example.com:443/a?b=c#d", "https://example.com/a?b=c"),
        ("http://example.com:8080?x", "http://example.com:8080/?x"),
        ("http://example.com./a", "http://example.com/a"),
        ("http://bücher.example/ä b.jpg", "http://xn--bcher-kva.example/%C3%A4%20b.jpg"),
        ("http://example.com#@internal/", "http://example.com/"),
        ("http://example.com/@internal/%2e%2e/a%20b", "http://example.com/@internal/%2e%2e/a%20b"),
        ("http://example.com?@internal", "http://example.com/?@internal"),
        ("http://[2606:4700:0::1111]:81/", "http://[2606:4700::1111]:81/"),
        ("http://my_bucket.example/", "http://my_bucket.example/"),
    ],
)
def test_what_is_checked_is_what_is_sent(url: str, sent: str) -> None:
    assert parse_target(url).url == sent


@pytest.mark.parametrize(
    ("location", "lands"),
    [
        ("/b?c", "https://example.com/b?c"),
        ("b", "https://example.com/a/b"),
        ("//other.example/x", "https://other.example/x"),
        ("https://other.example:444", "https://other.example:444/"),
        ("/ä".encode().decode("latin-1"), "https://example.com/%C3%A4"),
    ],
)
def test_a_redirect_is_read_relative_to_its_hop(location: str, lands: str) -> None:
    assert redirected(parse_target("https://example.com/a/1"), location).url == lands


@pytest.mark.parametrize(
    "location",
    [
        "http://example.com/",
        "file:///etc/passwd",
        "https://u:p@other.example/",
        "/a\tb",
        "https:\\\\x",
        "https://[::1",
        "ftp://x/",
    ],
)
def test_a_redirect_to_where_nobody_should_go_is_refused(location: str) -> None:
    with pytest.raises(SourceRefused):
        redirected(parse_target("https://example.com/a"), location)
