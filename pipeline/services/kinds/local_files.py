"""Files that a program needs on a disk, for as long as it works on them, and when it has to stop."""

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.errors import DatabaseUnavailable
from pipeline.services.line import Line
from pipeline.store.items import ItemRow, is_at_work
from pipeline.store.jobs import seconds_left
from pipeline.store.shards import Fence

ASK_EVERY_S = 1.0
"""How often the ledger is asked whether the item is still ours: an operator's cancel ends a video's process so soon."""
PREFIX = "darkroom-"


@contextmanager
def own_folder() -> Iterator[Path]:
    """A folder that nobody else sees, gone with all that is in it when the block ends."""
    with tempfile.TemporaryDirectory(prefix=PREFIX) as folder:
        yield Path(folder)


@contextmanager
def local_copy(line: Line, key: str) -> Iterator[Path]:
    """The object as a file without a name that means anything; raises `ObjectMissing`."""
    with own_folder() as folder:
        path = folder / "original"
        with path.open("wb") as file:
            for chunk in line.store.read(key):
                file.write(chunk)
        yield path


def stopper(line: Line, item: ItemRow, fence: Fence) -> Callable[[], str | None]:
    """Says why the work on the item has to stop, once it has: it was cancelled, its time is over, or it was taken away.

    The limit is read once and then kept by this process's own clock, so that it holds while the ledger is away.
    """
    with line.database.session() as session:
        left_s = seconds_left(session, item.job_id)
    deadline = None if left_s is None else time.monotonic() + left_s
    asked_at = time.monotonic()

    def should_stop() -> str | None:
        nonlocal asked_at
        now = time.monotonic()
        if deadline is not None and now >= deadline:
            return "the time limit of its job is over"
        if now - asked_at < ASK_EVERY_S:
            return None
        asked_at = now
        try:
            with line.database.session() as session:
                return None if is_at_work(session, item.id, fence.shard_id) else "the item is no longer this run's"
        except DatabaseUnavailable:
            return None  # what is found is written under the fence, or not at all

    return should_stop
