"""The test's end of `pipeline.services.checkpoints`: what happens when a process comes to a named point."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Arrival:
    """A process stands at a point and waits."""

    point: str
    pid: int
    detail: str
    connection: socket.socket

    def go_on(self) -> None:
        """The process need not wait for the handler's end."""
        self.connection.close()


@dataclass
class Checkpoints:
    """Every arrival goes on at once, unless its point has a handler: then when that returns."""

    path: Path
    handlers: dict[str, Callable[[Arrival], None]] = field(default_factory=dict)
    seen: list[str] = field(default_factory=list)

    def on(self, point: str, handler: Callable[[Arrival], None]) -> None:
        self.handlers[point] = handler

    def once(self, point: str, handler: Callable[[Arrival], None]) -> threading.Event:
        """The handler has the first arrival at the point, the event is set after it; later ones go on."""
        done = threading.Event()
        lock = threading.Lock()

        def first(arrival: Arrival) -> None:
            with lock:
                if done.is_set():
                    arrival.go_on()
                    return
                handler(arrival)
                done.set()

        self.handlers[point] = first
        return done

    def _arrived(self, connection: socket.socket) -> None:
        with connection, connection.makefile() as told:
            text = told.readline().rstrip("\n")
            if not text:
                return
            point, pid, detail = text.split(" ", 2)
            self.seen.append(point)
            self.handlers.get(point, Arrival.go_on)(Arrival(point, int(pid), detail, connection))


@contextmanager
def listening(path: Path) -> Iterator[Checkpoints]:
    """Points report to this socket inside the block."""
    checkpoints = Checkpoints(path)
    server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    server.bind(str(path))
    server.listen(64)

    def accept() -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            threading.Thread(target=checkpoints._arrived, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield checkpoints
    finally:
        server.shutdown(socket.SHUT_RDWR)
        server.close()
