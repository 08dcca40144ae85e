"""What an instance that was killed may have left behind, and how it is ended."""

import ctypes
import os
import select
import signal
import sys
from pathlib import Path

from pipeline.errors import OperatorError

PR_SET_CHILD_SUBREAPER = 36
STOP_WAIT_S = 15.0
CLOCK_TOLERANCE_S = 5.0
"""How far the start time of a server in its own record may be from the kernel's: the clock may have been set since."""


def adopt_orphans() -> None:
    """From now on a process whose parent dies becomes a child of this one, which can end it."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def end_children() -> None:
    """No process that descends from this one is left."""
    while children := _children():
        for pid in children:
            _send(pid, signal.SIGKILL)
        for pid in children:
            try:
                os.waitpid(pid, 0)
            except ChildProcessError:
                continue


def end_stray_server(cluster: Path) -> None:
    """No PostgreSQL server works on this cluster, and no record of one stands in the next one's way.

    The record of a server that lost its power names a process number that may be somebody else's by now: it is
    believed only when the process is a PostgreSQL that started at the second the record says.
    """
    record = cluster / "postmaster.pid"
    try:
        lines = record.read_text().splitlines()
    except FileNotFoundError:
        return
    if len(lines) > 2 and _started_at(int(lines[0]), "postgres", float(lines[2])):
        _end_and_wait(int(lines[0]))
    record.unlink(missing_ok=True)


def _end_and_wait(pid: int) -> None:
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        _send(pid, signal.SIGINT)
        if not select.select([handle], [], [], STOP_WAIT_S)[0]:
            raise OperatorError(f"A PostgreSQL server of an earlier start, process {pid}, does not end: kill it.")
    finally:
        os.close(handle)


def _started_at(pid: int, name: str, started_s: float) -> bool:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text()
        boot_s = next(line for line in Path("/proc/stat").read_text().splitlines() if line.startswith("btime"))
    except OSError:
        return False
    ticks = int(fields.rpartition(")")[2].split()[19])
    began_s = float(boot_s.split()[1]) + ticks / os.sysconf("SC_CLK_TCK")
    return f"({name})" in fields and abs(began_s - started_s) < CLOCK_TOLERANCE_S


def _children() -> list[int]:
    """The processes whose parent this one is, ended ones included."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = entry.read_text().rpartition(")")[2].split()[1]
        except OSError:
            continue
        if int(parent) == os.getpid():
            found.append(int(entry.parent.name))
    return found


def _send(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return
