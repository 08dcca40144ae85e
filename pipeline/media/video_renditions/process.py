"""One run of ffmpeg: with limits on memory, CPU time and file size, a deadline, and an end when we end."""

import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import MediaError, Stopped

_LOOK_S = 0.1
"""How often a run asks whether it should stop: well within the 2 s in which a job's time limit ends its work."""
_END_S = 10.0
_LAST_SIGNAL = 31
"""POSIX signals; real-time ones, which end nothing here, are above."""
_BLOCK = 512
"""POSIX: the unit of `ulimit -f` in a shell called `sh`."""

_SCRIPT = """
exec 8<&0
ulimit -c 0; ulimit -t "$1"; ulimit -f "$2"; ulimit -v "$3" 2>/dev/null || :
shift 3
"$@" </dev/null 8<&- &
child=$!
{ read -r _ <&8; kill -9 "$child"; } 2>/dev/null &
watcher=$!
wait "$child"
code=$?
kill -9 "$watcher" 2>/dev/null
exit "$code"
"""
"""Sets the limits in the child itself (`preexec_fn` is not safe among threads), and holds our end of a pipe: when we
close it, or die in whatever way, ffmpeg is killed. `ulimit -v` is not there on macOS."""


class RenditionFailed(MediaError):
    """A rendition could not be made of this video."""

    code = "rendition_failed"


@dataclass(frozen=True, slots=True)
class ProcessLimits:
    """What one run may use before it is ended."""

    cpu_s: int
    wall_s: float
    memory_bytes: int = 2 * 1024**3
    """Address space: 1080p H.264 takes up to 0.4 GiB of it (measured); 8K in 10 bit, whose pictures have 100 MB, could
    take 1.8 with all those that the format may refer to."""
    file_bytes: int = 1024**3


ShouldStop = Callable[[], bool | str | None]
"""Asked again and again: anything true ends the work, and text is the reason."""


def never() -> bool:
    """Nobody ever asks for the end."""
    return False


def check(should_stop: ShouldStop) -> None:
    """Nothing, or `Stopped` where somebody has asked for the end."""
    answer = should_stop()
    if answer:
        raise Stopped(answer if isinstance(answer, str) else "its renditions are no longer wanted")


def run(
    command: Sequence[str],
    *,
    limits: ProcessLimits,
    folder: Path,
    should_stop: ShouldStop,
    descriptors: Sequence[int] = (),
) -> None:
    """The command has ended well, with `folder` as its working folder and no environment of ours.

    Raises `RenditionFailed` with the program's last words, and `Stopped` once `should_stop` says so.
    """
    values = (str(limits.cpu_s), str(limits.file_bytes // _BLOCK), str(limits.memory_bytes // 1024))
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            ["/bin/sh", "-c", _SCRIPT, "sh", *values, *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=log,
            pass_fds=tuple(descriptors),
            cwd=folder,
            env={name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ},
        )
        try:
            code = _wait(process, limits.wall_s, should_stop)
        finally:
            _end(process)
        if code != 0:
            raise RenditionFailed(_reason(code, _last_words(log.fileno())))


def _wait(process: "subprocess.Popen[bytes]", wall_s: float, should_stop: ShouldStop) -> int:
    deadline = time.monotonic() + wall_s
    while True:
        try:
            return process.wait(_LOOK_S)
        except subprocess.TimeoutExpired:
            check(should_stop)
            if time.monotonic() > deadline:
                raise RenditionFailed(f"ffmpeg was still at work after {wall_s:.0f} s, and was ended.") from None


def _end(process: "subprocess.Popen[bytes]") -> None:
    """Nothing of it runs any more."""
    if process.stdin is not None:
        process.stdin.close()
    try:
        process.wait(_END_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _last_words(log: int) -> str:
    size = os.fstat(log).st_size
    lines = os.pread(log, 2000, max(0, size - 2000)).decode(errors="replace").strip().splitlines()
    return lines[-1].strip()[:300] if lines else ""


def _reason(code: int, words: str) -> str:
    # Above 128 a shell tells of a signal; ffmpeg's own codes of an error reach there as well, but not as low.
    if 128 < code <= 128 + _LAST_SIGNAL:
        return f"ffmpeg was ended by signal {code - 128}: it took more CPU time or memory, or wrote more, than it may."
    return f"ffmpeg ended with {code}: {words}" if words else f"ffmpeg ended with {code}."
