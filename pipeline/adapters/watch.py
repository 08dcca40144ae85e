"""Time limits that really end a call, and the cap on calls to one host at a time."""

import socket
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from threading import Condition, Lock, Timer
from types import TracebackType
from typing import Self

from pipeline.errors import SourceBusy, SourceTimedOut

Clock = Callable[[], float]
"""Seconds on a monotonic clock."""


class Deadline:
    """The moment at which a call must be over. Waiting for our own limits does not count against the source."""

    def __init__(self, seconds: float, clock: Clock) -> None:
        self._clock = clock
        self._end = clock() + seconds

    @property
    def remaining_s(self) -> float:
        return self._end - self._clock()

    def extend(self, seconds: float) -> None:
        self._end += seconds


class Watch:
    """Shuts the socket of a call when its deadline passes, so that no drip of bytes can keep a thread.

    Socket timeouts alone start again with each byte that arrives; a shut socket ends every read at once.
    """

    def __init__(self, deadline: Deadline) -> None:
        self.expired = False
        self._lock = Lock()
        self._socket: socket.socket | None = None
        self._timer = Timer(max(deadline.remaining_s, 0.0), self._end)
        self._timer.daemon = True

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """From here on the socket may serve another call: the timer cannot reach it any more."""
        self._timer.cancel()
        with self._lock:
            self._socket = None

    def track(self, connected: socket.socket) -> None:
        """This is the socket to shut; it is shut at once when the deadline has passed already."""
        with self._lock:
            self._socket = connected
            if self.expired:
                _shut(connected)

    def check(self, host: str) -> None:
        """Raises `SourceTimedOut` once the deadline has passed, however peacefully the answer ended."""
        if self.expired:
            raise SourceTimedOut(f"{host} did not finish its answer in time.")

    def _end(self) -> None:
        with self._lock:
            self.expired = True
            if self._socket is not None:
                _shut(self._socket)


def _shut(connected: socket.socket) -> None:
    """Shuts the TCP connection below TLS: `SSLSocket.shutdown` would drop the TLS state under a reading thread."""
    with suppress(OSError):
        socket.socket.shutdown(connected, socket.SHUT_RDWR)


current_watch: ContextVar[Watch | None] = ContextVar("current_watch", default=None)
"""The watch of the call that this thread is about to send, for the connection that will carry it."""


class HostSlots:
    """At most `per_host` calls to one host name at a time in this process (acceptance B 23)."""

    def __init__(self, per_host: int, clock: Clock) -> None:
        self._per_host = per_host
        self._clock = clock
        self._busy: Counter[str] = Counter()
        self._changed = Condition()

    @contextmanager
    def hold(self, host: str, *, timeout_s: float) -> Iterator[float]:
        """Gives the seconds waited; raises `SourceBusy` when no slot came free in time."""
        started = self._clock()
        with self._changed:
            if not self._changed.wait_for(lambda: self._busy[host] < self._per_host, timeout=max(timeout_s, 0.0)):
                raise SourceBusy(f"Other downloads from {host} are still running.", retry_after_s=1.0)
            self._busy[host] += 1
        try:
            yield self._clock() - started
        finally:
            with self._changed:
                self._busy[host] -= 1
                if not self._busy[host]:
                    del self._busy[host]
                self._changed.notify_all()
