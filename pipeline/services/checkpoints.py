"""Named points at which a fault-injection test can stop or kill a process. Without the variable they do nothing.

For a point `enhance.item` a test makes two FIFOs in the folder, `enhance.item.reached` and `enhance.item.go`. The
process that gets there writes its pid into the first, then blocks until the second is written to (or it is killed).
"""

import os
from pathlib import Path

VARIABLE = "DARKROOM_CHECKPOINTS"
_FOLDER = os.environ.get(VARIABLE)


def checkpoint(name: str) -> None:
    """Returns at once, unless a test waits at this point."""
    if _FOLDER is None:
        return
    reached = Path(_FOLDER) / f"{name}.reached"
    if not reached.exists():
        return
    with reached.open("w") as pipe:
        pipe.write(f"{os.getpid()}\n")
    with (Path(_FOLDER) / f"{name}.go").open() as pipe:
        pipe.read()
