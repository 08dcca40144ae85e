"""Real servers on free loopback ports that behave, or misbehave, as a test wants it."""

import contextlib
import socket
import socketserver
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    headers: dict[str, str]
    """Names in lower case."""
    body: bytes
    lines: tuple[str, ...] = ()
    """The header's lines as they came, a name that came twice included."""


@dataclass
class Exchange:
    """One request and the raw socket to answer it on."""

    request: Request
    connection: socket.socket
    stopping: threading.Event
    number: int
    """1 for the server's first request."""

    def send(self, data: bytes) -> None:
        self.connection.sendall(data)

    def drip(self, data: bytes = b"x") -> None:
        """A byte every 20 ms for as long as anybody listens."""
        while not self.stopping.wait(0.02):
            self.send(data)

    def silence(self) -> None:
        """Nothing, until the other side gives up."""
        self.connection.recv(1)


Behaviour = Callable[[Exchange], None]


def response(body: bytes = b"", *headers: str, status: int = 200) -> bytes:
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def redirect(location: str, status: int = 302) -> bytes:
    return response(b"see there", f"Location: {location}", status=status)


def answers(*replies: bytes) -> Behaviour:
    """The replies one after the other, the last one for ever."""
    return lambda exchange: exchange.send(replies[min(exchange.number, len(replies)) - 1])


def silent(exchange: Exchange) -> None:
    exchange.silence()


def drips_headers(exchange: Exchange) -> None:
    exchange.send(b"HTTP/1.1 200 OK\r\n")
    exchange.drip(b"X-A: b\r\n")


def drips_body(exchange: Exchange) -> None:
    exchange.send(b"HTTP/1.1 200 OK\r\n\r\n")
    exchange.drip()


@dataclass
class LocalServer:
    behaviour: Behaviour
    tls: ssl.SSLContext | None = None
    greeting: bytes = b""
    """Sent at once, before any request."""
    requests: list[Request] = field(default_factory=list)
    connections: int = 0

    def __post_init__(self) -> None:
        self.lock = threading.Lock()
        self.stopping = threading.Event()
        outer = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                with contextlib.suppress(OSError, EOFError):
                    outer.serve(self.request)

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads = True
            block_on_close = False
            request_queue_size = 64

        self.server = Server(("127.0.0.1", 0), Handler)
        self.port: int = self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    def serve(self, raw: socket.socket) -> None:
        with self.lock:
            self.connections += 1
        connection = self.tls.wrap_socket(raw, server_side=True) if self.tls else raw
        with connection:
            connection.sendall(self.greeting)
            while request := _read(connection):
                with self.lock:
                    self.requests.append(request)
                    number = len(self.requests)
                self.behaviour(Exchange(request, connection, self.stopping, number))

    def url(self, path: str = "/a.jpg", host: str = "127.0.0.1") -> str:
        return f"{'https' if self.tls else 'http'}://{host}:{self.port}{path}"

    @property
    def address(self) -> tuple[str, int]:
        return ("127.0.0.1", self.port)


def _read(connection: socket.socket) -> Request | None:
    head = b""
    while b"\r\n\r\n" not in head:
        received = connection.recv(65536)
        if not received:
            return None
        head += received
    head, _, body = head.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    method, path, _ = first.split(" ", 2)
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    while len(body) < int(headers.get("content-length", "0")):
        body += connection.recv(65536)
    return Request(method, path, headers, body, tuple(lines))


@contextlib.contextmanager
def serving(behaviour: Behaviour, tls: ssl.SSLContext | None = None, greeting: bytes = b"") -> Iterator[LocalServer]:
    local = LocalServer(behaviour, tls, greeting)
    local.thread.start()
    try:
        yield local
    finally:
        local.stopping.set()
        local.server.shutdown()
        local.server.server_close()
