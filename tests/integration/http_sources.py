"""Fetching from servers on loopback as a job would, with naps that take no time."""

from typing import Any

from pipeline.adapters.address_guard import AddressGuard
from pipeline.adapters.http_source import HttpSource
from pipeline.ports import Fetched, SourceAuth, SourceRequest
from tests.integration.local_servers import Behaviour, LocalServer, serving

PICTURE = bytes(range(256)) * 1000
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
BEARER = SourceAuth("bearer", token="s3cret-token")


class Sleeper:
    """Stands in for time.sleep and remembers how long the naps would have been."""

    def __init__(self) -> None:
        self.naps: list[float] = []

    def __call__(self, seconds: float) -> None:
        self.naps.append(seconds)


def source_for(*servers: LocalServer, sleeper: Sleeper | None = None, **options: Any) -> HttpSource:
    """A source that may reach these servers, by whatever name."""
    allow = frozenset(server.address for server in servers)
    guard = AddressGuard(allow=allow, resolver=lambda host, port: ["127.0.0.1"])
    return HttpSource(guard, sleep=sleeper or Sleeper(), **options)


def fetch(
    behaviour: Behaviour, sleeper: Sleeper | None = None, max_bytes: int = 1_000_000, **options: Any
) -> tuple[Fetched, LocalServer]:
    """One file of a server that behaves like this, and the server for what it saw."""
    with serving(behaviour) as server:
        source = source_for(server, sleeper=sleeper, **options)
        return source.fetch(SourceRequest(server.url(), max_bytes)), server


def fetched(source: HttpSource, url: str, auth: SourceAuth | None = None) -> bytes:
    """The file behind this URL, asked for by one and the same job."""
    return source.fetch(SourceRequest(url, 1_000_000, auth, "job-1")).data
