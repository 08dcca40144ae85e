"""Free ports on loopback, claimed so that two instances that start at the same moment never choose the same one."""

import socket
import sys
from types import TracebackType

from pipeline.errors import OperatorError

LOOPBACK = "127.0.0.1"
API_START = 8400
"""Where the search for the API's port and the next one, the Dagster UI's, begins."""
INNER_START = 18400
"""Where the search for Postgres and the code server begins: below 32768, where Linux begins to give clients theirs."""


class PortClaims:
    """The ports that this process has chosen: nobody else chooses them until it closes the claims or ends.

    A claim is a name in Linux's abstract socket namespace: it needs no file and goes away with the process. Other
    systems have none, and two instances started in the same moment there can collide.
    """

    def __init__(self) -> None:
        self._claims: list[socket.socket] = []

    def __enter__(self) -> "PortClaims":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for claim in self._claims:
            claim.close()

    def take(self, port: int) -> bool:
        """True when the port was free and is claimed now."""
        claim = _claimed_name(port)
        if claim is None:
            return False
        if not is_free(port):
            claim.close()
            return False
        self._claims.append(claim)
        return True

    def next_free(self, start: int, *, count: int = 1) -> int:
        """The first of `count` free ports in a row, at or after `start`, all claimed."""
        for first in range(start, 65536 - count, count):
            if all(self.take(port) for port in range(first, first + count)):
                return first
        raise OperatorError(f"No port from {start} on is free on {LOOPBACK}.")

    def web_ports(self, wanted: int | None) -> tuple[int, int]:
        """The API's port and the Dagster UI's, one above; raises `OperatorError` when a wanted one is taken."""
        if wanted is None:
            first = self.next_free(API_START, count=2)
            return first, first + 1
        for port, what in ((wanted, "the API"), (wanted + 1, "the Dagster UI, which takes the port after the API's,")):
            if not self.take(port):
                raise OperatorError(
                    f"Port {port} for {what} is in use: choose another with --port, "
                    "or leave --port out and a free one is found."
                )
        return wanted, wanted + 1


def is_free(port: int) -> bool:
    """True when a server could listen on the port now; a connection that lingers from an ended one is no hindrance."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True


def _claimed_name(port: int) -> socket.socket | None:
    claim = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        if sys.platform == "linux":
            claim.bind(f"\0darkroom-port-{port}")
    except OSError:
        claim.close()
        return None
    return claim
