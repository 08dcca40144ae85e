"""How much memory an instance takes while it works."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psutil

EVERY_S = 0.5


@dataclass(slots=True)
class Peaks:
    """The highest sums of resident memory seen, in megabytes."""

    runs_mb: float = 0.0
    all_mb: float = 0.0


@contextmanager
def watching(pid: int) -> Iterator[Peaks]:
    """Peaks of the runs' processes and of everything under `pid`, seen while the block works."""
    peaks, stop = Peaks(), threading.Event()

    def watch() -> None:
        while not stop.wait(EVERY_S):
            runs_mb, all_mb = _now(pid)
            peaks.runs_mb, peaks.all_mb = max(peaks.runs_mb, runs_mb), max(peaks.all_mb, all_mb)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield peaks
    finally:
        stop.set()
        thread.join()


def _now(pid: int) -> tuple[float, float]:
    runs = everything = 0.0
    for process in psutil.Process(pid).children(recursive=True):
        try:
            used = process.memory_info().rss / 1e6
            command = " ".join(process.cmdline())
        except psutil.Error:
            continue
        everything += used
        if "spawn_main" in command:
            runs += used
    return runs, everything
