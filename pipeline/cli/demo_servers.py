"""The demo's own two servers on loopback: one that has the pictures, and one that hears the webhook."""

import functools
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import SimpleQueue
from typing import Any
from urllib.parse import quote

LOOPBACK = "127.0.0.1"
MAX_WEBHOOK_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Heard:
    """A webhook as it came."""

    headers: dict[str, str]
    """Names in lower case."""
    body: bytes


@dataclass(frozen=True, slots=True)
class PictureServer:
    """Serves a folder at `address`, an `ip:port`."""

    address: str

    def url_of(self, picture: Path) -> str:
        return f"http://{self.address}/{quote(picture.as_posix(), errors='surrogateescape')}"


@dataclass(frozen=True, slots=True)
class Receiver:
    """Takes webhooks at `url` and answers 200."""

    address: str
    heard: "SimpleQueue[Heard]" = field(default_factory=SimpleQueue)

    @property
    def url(self) -> str:
        return f"http://{self.address}/webhook"


class _Pictures(SimpleHTTPRequestHandler):
    """These pictures of the folder, and nothing else that lies in it."""

    def __init__(self, pictures: frozenset[Path], *values: Any, **options: Any) -> None:
        self._pictures = pictures
        super().__init__(*values, **options)

    def send_head(self) -> Any:
        if Path(self.translate_path(self.path)) in self._pictures:
            return super().send_head()
        self.send_error(404)
        return None

    def log_message(self, format: str, *values: object) -> None:  # noqa: A002 - the library's name
        """Nothing: the demo has its own progress."""


@contextmanager
def picture_server(folder: Path, pictures: Iterable[Path]) -> Iterator[PictureServer]:
    """These pictures of the folder are served while the block lasts."""
    served = frozenset(folder / picture for picture in pictures)
    with _serving(functools.partial(_Pictures, served, directory=str(folder))) as address:
        yield PictureServer(address)


@contextmanager
def webhook_receiver() -> Iterator[Receiver]:
    """Webhooks are taken while the block lasts."""
    heard: SimpleQueue[Heard] = SimpleQueue()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            size = min(int(self.headers.get("content-length", "0")), MAX_WEBHOOK_BYTES)
            body = self.rfile.read(size)
            heard.put(Heard({name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, format: str, *values: object) -> None:  # noqa: A002 - the library's name
            """Nothing: the demo says itself what it heard."""

    with _serving(Handler) as address:
        yield Receiver(address, heard)


@contextmanager
def _serving(handler: "functools.partial[_Pictures] | type[BaseHTTPRequestHandler]") -> Iterator[str]:
    server = ThreadingHTTPServer((LOOPBACK, 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"{LOOPBACK}:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
