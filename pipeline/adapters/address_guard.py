"""Which addresses sources, webhooks and token servers may be called at: checked on the address that is dialled.

Python 3.11's `ipaddress.is_global` calls several internal addresses global (64:ff9b::7f00:1, 192.0.0.192, fec0::1),
so the table below is explicit, and IPv4 addresses hidden inside IPv6 ones are taken out and looked up as well.
"""

import ipaddress
import socket
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from threading import Thread

import psutil

from pipeline.adapters.urls import Target
from pipeline.errors import SourceError, SourceRefused, SourceUnavailable

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolver = Callable[[str, int], Sequence[str]]
"""A host name and a port to literal addresses; raises OSError (`socket.gaierror`) when there are none."""

MAX_ADDRESSES = 4
"""How many addresses of one name are tried: a hostile name server must not make us knock at hundreds of doors."""

_REFUSED_V4 = tuple(
    (ipaddress.IPv4Network(network), reason)
    for network, reason in (
        ("0.0.0.0/8", "an unspecified address"),
        ("10.0.0.0/8", "a private network"),
        ("100.64.0.0/10", "a provider's internal network"),
        ("127.0.0.0/8", "a loopback address"),
        ("168.63.129.16/32", "a cloud platform's internal address"),  # Azure's host agent, on a public-looking address
        ("169.254.0.0/16", "a link-local address"),
        ("172.16.0.0/12", "a private network"),
        ("192.0.0.0/24", "a reserved address"),  # IANA protocol assignments; 192.0.0.192 is Oracle's metadata
        ("192.0.2.0/24", "a documentation address"),
        ("192.88.99.0/24", "a reserved address"),  # 6to4 relay anycast, withdrawn by RFC 7526
        ("192.168.0.0/16", "a private network"),
        ("198.18.0.0/15", "a benchmarking network"),
        ("198.51.100.0/24", "a documentation address"),
        ("203.0.113.0/24", "a documentation address"),
        ("224.0.0.0/4", "a multicast address"),
        ("240.0.0.0/4", "a reserved address"),
    )
)
_REFUSED_V6 = tuple(
    (ipaddress.IPv6Network(network), reason)
    for network, reason in (
        ("::1/128", "a loopback address"),
        ("fc00::/7", "a private network"),
        ("fe80::/10", "a link-local address"),
        ("fec0::/10", "a private network"),  # site-local, withdrawn by RFC 3879 and still routed inside some sites
        ("ff00::/8", "a multicast address"),
        ("2001::/23", "a reserved address"),  # IETF protocol assignments: Teredo, benchmarking, ORCHID
        ("2001:db8::/32", "a documentation address"),
        ("3fff::/20", "a documentation address"),
    )
)
_GLOBAL_V6 = ipaddress.IPv6Network("2000::/3")
_EMBEDDING_96 = tuple(
    ipaddress.IPv6Network(net) for net in ("::/96", "::ffff:0:0/96", "::ffff:0:0:0/96", "64:ff9b::/96")
)
"""Compatible, mapped, translated (RFC 2765) and NAT64: the IPv4 address is the last 32 bits."""
_SIX_TO_FOUR = ipaddress.IPv6Network("2002::/16")
_ISATAP = (0x00005EFE, 0x02005EFE)


def embedded_ipv4(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address that packets to this IPv6 address may really reach."""
    number = int(address)
    if any(address in network for network in _EMBEDDING_96):
        return ipaddress.IPv4Address(number & 0xFFFFFFFF)
    if address in _SIX_TO_FOUR:
        return ipaddress.IPv4Address((number >> 80) & 0xFFFFFFFF)
    if (number >> 32) & 0xFFFFFFFF in _ISATAP:
        return ipaddress.IPv4Address(number & 0xFFFFFFFF)
    return None


def refusal(address: Address) -> str | None:
    """Why this address may not be called, or None: the table alone, without this machine's own addresses."""
    if isinstance(address, ipaddress.IPv4Address):
        return next((reason for network, reason in _REFUSED_V4 if address in network), None)
    listed = next((reason for network, reason in _REFUSED_V6 if address in network), None)
    if listed is not None:
        return listed
    embedded = embedded_ipv4(address)
    if embedded is not None:
        return refusal(embedded)
    return None if address in _GLOBAL_V6 else "a reserved address"


def parse_allow(text: str) -> frozenset[tuple[str, int]]:
    """The entries of `DARKROOM_SOURCE_ALLOW`: comma-separated literal `address:port`, IPv6 in brackets.

    Raises ValueError naming the entry that is wrong.
    """
    return frozenset(_allowed(entry.strip()) for entry in text.split(",") if entry.strip())


def _allowed(entry: str) -> tuple[str, int]:
    host, colon, port = entry.rpartition(":")
    if not colon or not port.isdecimal() or not port.isascii() or not 0 < int(port) < 65536:
        raise ValueError(f"{entry!r} is not address:port, for example 127.0.0.1:8123 or [::1]:8123")
    if (":" in host) != (host.startswith("[") and host.endswith("]")):
        raise ValueError(f"{entry!r}: an IPv6 address belongs in brackets, for example [::1]:8123")
    try:
        return str(_plain(host.removeprefix("[").removesuffix("]"))), int(port)
    except ValueError as exc:
        raise ValueError(f"{entry!r} does not start with a literal address: host names are not accepted here") from exc


def _plain(text: str) -> Address:
    """IPv4-mapped addresses are dialled, and compared, as the IPv4 address that they are."""
    address = ipaddress.ip_address(text.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def system_resolver(host: str, port: int) -> Sequence[str]:
    """The addresses in the order of the operating system's preference."""
    answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(sockaddr[0]) for _, _, _, _, sockaddr in answers]


def own_addresses() -> frozenset[Address]:
    """Every address of every interface of this machine, at this moment."""
    return frozenset(_own_addresses())


def _own_addresses() -> Iterator[Address]:
    for interface in psutil.net_if_addrs().values():
        for entry in interface:
            if entry.family in (socket.AF_INET, socket.AF_INET6):
                yield _plain(entry.address)


@dataclass(frozen=True, slots=True)
class Route:
    """The checked addresses of one hop: whoever holds it dials these and resolves nothing again."""

    target: Target
    addresses: tuple[str, ...]


class AddressGuard:
    """Decides where Darkroom may connect to. Immutable, so threads may share it."""

    def __init__(
        self,
        allow: frozenset[tuple[str, int]] = frozenset(),
        own_ports: frozenset[int] = frozenset(),
        resolver: Resolver = system_resolver,
    ) -> None:
        self._allow = allow
        self._own_ports = own_ports
        self._resolver = resolver

    def route(self, target: Target, *, may_use_list: bool, timeout_s: float = 10.0) -> Route:
        """The addresses of this hop that may be dialled, from one resolution; raises `SourceRefused` if there is none.

        `may_use_list`: whether the operator's list counts for this hop. It does for the first one, and after a
        redirect only if the first hop was listed itself.
        """
        found = list(dict.fromkeys(self._resolve(target, timeout_s)))
        reasons = {address: self._refusal(address, target.port, may_use_list) for address in found}
        allowed = tuple(str(address) for address in found if reasons[address] is None)
        if not allowed:
            reason = next(iter(reasons.values()), None) or "no address"
            raise SourceRefused(f"The host {target.host} may not be called: it leads to {reason}.")
        return Route(target, allowed[:MAX_ADDRESSES])

    def is_listed(self, address: str, port: int) -> bool:
        """Whether the operator's list names this address and port."""
        return (address, port) in self._allow

    def _refusal(self, address: Address, port: int, may_use_list: bool) -> str | None:
        own = refusal(address) in ("a loopback address", "an unspecified address") or address in own_addresses()
        if own and port in self._own_ports:
            return "Darkroom itself"
        if may_use_list and self.is_listed(str(address), port):
            return None
        return refusal(address) or ("Darkroom's own machine" if own else None)

    def _resolve(self, target: Target, timeout_s: float) -> list[Address]:
        try:
            return [_plain(target.host)]
        except ValueError:
            return [_plain(text) for text in self._lookup(target, timeout_s)]

    def _lookup(self, target: Target, timeout_s: float) -> Sequence[str]:
        """Resolving cannot be interrupted, so it has its own thread and the caller stops waiting for it."""
        answer: Future[Sequence[str]] = Future()

        def look_up() -> None:
            try:
                answer.set_result(self._resolver(target.host, target.port))
            except (OSError, ValueError) as exc:
                answer.set_exception(exc)

        Thread(target=look_up, name="resolve", daemon=True).start()
        try:
            return answer.result(timeout_s)
        except TimeoutError as exc:
            raise SourceUnavailable(f"The host name {target.host} was not resolved in time.") from exc
        except socket.gaierror as exc:
            if exc.errno == socket.EAI_AGAIN:
                raise SourceUnavailable(f"The host name {target.host} cannot be resolved for the moment.") from exc
            raise SourceError(f"The host name {target.host} does not exist.") from exc
        except (OSError, ValueError) as exc:
            raise SourceUnavailable(f"The host name {target.host} cannot be resolved for the moment.") from exc
