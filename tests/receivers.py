"""A webhook receiver on loopback that answers as a test tells it to."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler

from tests.http_servers import Quiet, answering


@dataclass(frozen=True, slots=True)
class Received:
    headers: dict[str, str]
    """Names in lower case."""
    body: bytes


@dataclass
class Receiver:
    """What was received, in order; `answer` decides the status and headers of each answer by its number from 0."""

    url: str = ""
    port: int = 0
    received: list[Received] = field(default_factory=list)
    changed: threading.Condition = field(default_factory=threading.Condition)
    answer: Callable[[int], tuple[int, dict[str, str]]] = lambda number: (204, {})

    def wait_for(self, count: int, *, timeout_s: float = 60.0) -> list[Received]:
        """The first `count` messages, as soon as there are so many."""
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.received) >= count, timeout=timeout_s), (
                f"{len(self.received)} of {count} messages came"
            )
            return self.received[:count]


@contextmanager
def receiving() -> Iterator[Receiver]:
    receiver = Receiver()

    class Handler(Quiet, BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            headers = {name.lower(): value for name, value in self.headers.items()}
            with receiver.changed:
                number = len(receiver.received)
                receiver.received.append(Received(headers, body))
                receiver.changed.notify_all()
            status, extra = receiver.answer(number)
            self.send_response(status)
            for name, value in extra.items():
                self.send_header(name, value)
            self.send_header("Content-Length", "0")
            self.end_headers()

    with answering(Handler) as receiver.port:
        receiver.url = f"http://127.0.0.1:{receiver.port}/hook"
        yield receiver
