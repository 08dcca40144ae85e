"""The one URL parser: what it returns is both what the guard checks and what the client sends."""

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import quote, urljoin

import idna

from pipeline.errors import SourceRefused

DEFAULT_PORTS = {"http": 80, "https": 443}
MAX_URL_CHARS = 8192
"""Twice what common servers accept in a request line; signed URLs of object stores stay below 2500."""

_URL = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<authority>[^/?#]*)(?P<rest>[^#]*)(?:#.*)?", re.DOTALL)
_AUTHORITY = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]+\]|[^\[\]:]+)(?::(?P<port>[0-9]{0,5}))?")
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_FORBIDDEN = re.compile(r"[\x00-\x1f\x7f-\x9f\\]")
_KEPT_IN_PATH = "!\"#$%&'()*+,/:;<=>?@[]^`{|}~"


@dataclass(frozen=True, slots=True)
class Target:
    """One URL in the only form that is checked, dialled and sent. `host` is lower-case ASCII without brackets."""

    scheme: str
    host: str
    port: int
    path: str
    """Path and query, ASCII, beginning with a slash; the fragment is dropped."""

    @property
    def origin(self) -> tuple[str, str, int]:
        return (self.scheme, self.host, self.port)

    @property
    def authority(self) -> str:
        """What the Host header says: the port only where it is not the scheme's own."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.authority}{self.path}"


def parse_target(text: str) -> Target:
    """The URL as it will be called; raises `SourceRefused` for whatever two parsers could read in two ways."""
    if len(text) > MAX_URL_CHARS:
        raise SourceRefused(f"The URL is longer than {MAX_URL_CHARS} characters.")
    if _FORBIDDEN.search(text):
        raise SourceRefused("The URL contains control characters or a backslash.")
    url = _URL.fullmatch(text)
    if url is None or (scheme := url["scheme"].lower()) not in DEFAULT_PORTS:
        raise SourceRefused("The URL does not start with http:// or https://.")
    if "@" in url["authority"]:
        raise SourceRefused("The URL carries a user name before its host: use source_auth instead.")
    authority = _AUTHORITY.fullmatch(url["authority"])
    if authority is None:
        raise SourceRefused("The URL has no valid host.")
    rest = url["rest"] if url["rest"].startswith("/") else "/" + url["rest"]
    return Target(
        scheme=scheme,
        host=_host(authority["host"]),
        port=_port(authority["port"], scheme),
        path=quote(rest, safe=_KEPT_IN_PATH),
    )


def redirected(target: Target, location: str) -> Target:
    """Where a `Location` header leads. `location` is as `http.client` gives it: bytes read as Latin-1."""
    if _FORBIDDEN.search(location.encode("latin-1", "replace").decode("utf-8", "replace")):
        raise SourceRefused(f"{target.host} redirects to a URL with control characters or a backslash.")
    readable = location.encode("latin-1", "replace").decode("utf-8", "replace").strip(" ")
    try:
        absolute = urljoin(target.url, readable)
    except ValueError as exc:
        raise SourceRefused(f"{target.host} redirects to a URL that has no valid host.") from exc
    following = parse_target(absolute)
    if target.scheme == "https" and following.scheme == "http":
        raise SourceRefused(f"{target.host} redirects from https to http.")
    return following


def _port(text: str | None, scheme: str) -> int:
    port = int(text) if text else DEFAULT_PORTS[scheme]
    if not 0 < port < 65536:
        raise SourceRefused("The port of the URL is not between 1 and 65535.")
    return port


def _host(text: str) -> str:
    if text.startswith("["):
        try:
            return str(ipaddress.IPv6Address(text[1:-1]))
        except ValueError as exc:
            raise SourceRefused("The IPv6 address in the URL is not valid.") from exc
    host = (text if text.isascii() else _ascii(text)).lower().removesuffix(".")
    if len(host) > 253 or not all(_LABEL.fullmatch(label) for label in host.split(".")):
        raise SourceRefused("The host name in the URL is not valid.")
    return host


def _ascii(host: str) -> str:
    """UTS 46: full-width digits and dots become plain ones before anybody looks at them."""
    try:
        return idna.encode(host, uts46=True).decode("ascii")
    except (idna.IDNAError, UnicodeError) as exc:
        raise SourceRefused("The host name in the URL is not valid.") from exc
