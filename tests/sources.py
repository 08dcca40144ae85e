"""Real photographs, and a server that customers' originals are downloaded from."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler

import simplejpeg
from skimage import data as photographs

from tests.http_servers import Quiet, answering


def a_photograph(name: str = "coffee", *, quality: int = 90) -> bytes:
    """A real photograph of scikit-image's as a JPEG."""
    return simplejpeg.encode_jpeg(getattr(photographs, name)(), quality=quality)


@dataclass
class Source:
    """Files by path; `hits` counts the requests for each."""

    files: dict[str, bytes]
    base: str = ""
    port: int = 0
    hits: dict[str, int] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def url(self, name: str) -> str:
        return f"{self.base}/{name}"

    def urls(self) -> list[str]:
        return [self.url(name) for name in self.files]


@contextmanager
def serving(files: Mapping[str, bytes]) -> Iterator[Source]:
    """A real HTTP server on loopback for these files."""
    source = Source(dict(files))

    class Handler(Quiet, BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            name = self.path.lstrip("/").partition("?")[0]
            with source.lock:
                source.hits[name] = source.hits.get(name, 0) + 1
            body = source.files.get(name)
            self.send_response(200 if body is not None else 404)
            self.send_header("Content-Length", str(len(body or b"")))
            self.end_headers()
            self.wfile.write(body or b"")

    with answering(Handler) as source.port:
        source.base = f"http://127.0.0.1:{source.port}"
        yield source
