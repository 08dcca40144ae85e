"""Named points at which a fault-injection test can stop or kill a process. Without the variable they do nothing.

`DARKROOM_CHECKPOINTS` names a Unix socket on which a test listens. A process that comes to a point tells it the
point, its process id and what it works on, and goes on when it is answered or the connection ends.
"""

import os
import socket

VARIABLE = "DARKROOM_CHECKPOINTS"


def checkpoint(name: str, detail: object = "") -> None:
    """Returns at once, unless a test listens: then when it says so."""
    path = os.environ.get(VARIABLE)
    if not path:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        try:
            connection.connect(path)
            connection.sendall(f"{name} {os.getpid()} {detail}\n".encode())
            connection.recv(1)
        except OSError:  # nobody listens any more: the test is over
            return
