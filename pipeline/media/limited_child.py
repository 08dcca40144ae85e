"""The child's side of `pipeline.media.limited_process`: limits first, then the work, then one answer.

`python -m pipeline.media.limited_child MODULE COMMAND PIPE PARENT`, with limits and request as JSON on its input.
A module's COMMANDS maps names to functions that take the request and `report`, which tells the parent of progress, and
return what is to be answered.
"""

import ctypes
import errno
import importlib
import json
import os
import re
import resource
import signal
import sys
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

Report = Callable[[Mapping[str, Any]], None]
Command = Callable[[Mapping[str, Any], Report], dict[str, Any]]

_OPEN_FILES = 256
# linux/sched.h and linux/prctl.h.
_CLONE_NEWUSER, _CLONE_NEWNET = 0x10000000, 0x40000000
_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS = 1, 38
_NO_MEMORY = ("bad_alloc", "nsufficient memory", "ailed to allocate")


def main(module: str, command: str, pipe: int, parent: int) -> None:
    """Answers one request and ends the process, without the tidying up that could still fail."""
    _die_with(parent)
    message = json.load(sys.stdin)
    _limit(message["limits"])
    _leave_the_network()

    def say(what: Mapping[str, Any]) -> None:
        data = memoryview(json.dumps(what).encode() + b"\n")
        while data:
            data = data[os.write(pipe, data) :]

    try:
        commands: Mapping[str, Command] = importlib.import_module(module).COMMANDS
        answer = commands[command](message["request"], lambda progress: say({"progress": progress}))
        said: dict[str, Any] = {"answer": answer, **_used()}
    except MemoryError:
        said = _error("too_expensive")
    except Exception as exc:  # noqa: BLE001 - the process edge: whatever it is, the parent has to hear of it
        traceback.print_exc()
        said = _error_of(exc)
    say(said)
    sys.stderr.flush()
    os._exit(0 if "answer" in said else 1)


def _error_of(exc: Exception) -> dict[str, Any]:
    is_file_limit = isinstance(exc, OSError) and exc.errno == errno.EFBIG
    if is_file_limit or any(sign in str(exc) for sign in _NO_MEMORY):
        return _error("too_expensive")
    code = getattr(exc, "code", None)
    return _error(code if isinstance(code, str) else "internal_error", f"{exc}" or type(exc).__name__)


def _error(code: str, message: str = "") -> dict[str, Any]:
    return {"error": {"code": code, "message": message}}


def _used() -> dict[str, float]:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    # Not ru_maxrss: it begins at the parent's.
    peak = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return {"cpu_s": usage.ru_utime + usage.ru_stime, "peak_bytes": int(peak[1]) * 1024 if peak else 0}


def _die_with(parent: int) -> None:
    """The child does not outlive the thread that waits for it, and gains no rights by starting programs."""
    library = ctypes.CDLL(None, use_errno=True)
    library.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    library.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)


def _limit(limits: Mapping[str, int | None]) -> None:
    for name, value in (
        (resource.RLIMIT_DATA, limits["memory_bytes"]),
        (resource.RLIMIT_AS, limits["address_bytes"]),
        (resource.RLIMIT_FSIZE, limits["file_bytes"]),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, _OPEN_FILES),
    ):
        if value is not None:
            hard = resource.getrlimit(name)[1]
            ours = value if hard == resource.RLIM_INFINITY else min(value, hard)
            resource.setrlimit(name, (ours, ours))
    seconds = limits["cpu_s"] or 1
    # At the first one SIGXCPU ends the process, which tells the parent why; at the second the kernel kills it.
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 2))


def _leave_the_network() -> bool:
    """Whether the process is in a network of its own, without any address.

    The kernel lets root do so, and others within a user namespace, but only while the process has a single thread and
    where containers or distributions do not forbid it. Nothing depends on it: FFmpeg is given no protocol either.
    """
    library = ctypes.CDLL(None, use_errno=True)
    return not library.unshare(_CLONE_NEWNET) or not library.unshare(_CLONE_NEWUSER | _CLONE_NEWNET)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
