"""A command run in a process of its own, with limits, whose death costs one file and nothing else.

The child is `pipeline.media.limited_child`: it limits itself before it imports anything that reads a file.
"""

import json
import logging
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pipeline.errors import (
    CorruptMedia,
    MediaError,
    OperatorError,
    PipelineError,
    Stopped,
    TooExpensive,
    TransientError,
)

LOOK_EVERY_S = 0.25
"""How often `should_stop` is asked: a deadline is kept well within the 2 seconds that the interface promises."""
LINGER_S = 5.0
"""How long a child may take to end once it has said its last word."""
STDERR_BYTES = 4096
_READ_BYTES = 65_536
_CHILD = "pipeline.media.limited_child"
_ROOT = Path(__file__).resolve().parents[2]
# What a child needs to find its libraries and the accelerator: no setting, no secret and no address of ours.
_INHERITED = (
    *("PATH", "TMPDIR", "TESSDATA_PREFIX", "LANG", "LC_ALL", "TZ"),
    *("LD_LIBRARY_PATH", "CUDA_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES"),
)
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
_OUT_OF_MEMORY = ("bad_alloc", "nsufficient memory", "MemoryError", "annot allocate memory", "ailed to allocate")
_CRASHES = (signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGILL, signal.SIGFPE)
_LOG = logging.getLogger(__name__)

Progress = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ProcessLimits:
    """What one child may use."""

    memory_bytes: int = 2 * 1024**3
    """Private memory that it may write to (RLIMIT_DATA): heap, stacks, buffers."""
    cpu_s: int = 3600
    file_bytes: int = 64 * 1024**2
    """The largest file that it may write."""
    address_bytes: int | None = None
    """Everything that it may map (RLIMIT_AS); None where CUDA is used, which reserves more than any machine has."""
    answer_bytes: int = 64 * 1024**2
    """The longest answer that is read."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a child answered, and what that took it."""

    value: dict[str, Any]
    cpu_s: float
    peak_bytes: int


def run_limited(
    module: str,
    command: str,
    request: Mapping[str, Any],
    *,
    limits: ProcessLimits,
    should_stop: Callable[[], str | None] = lambda: None,
    on_progress: Callable[[Progress], None] = lambda progress: None,
    environment: Mapping[str, str] | None = None,
) -> Answer:
    """What `module.COMMANDS[command]` answers to `request`, computed in a child that has ended when this returns.

    Requests and answers are JSON; `environment` is added to the few variables that the child inherits. Raises the
    `PipelineError` that the command raised, `TooExpensive` at a limit, `CorruptMedia` where the file crashed the child,
    `Stopped` with the reason of `should_stop`, and `RuntimeError` for a mistake of ours, with the child's last words.
    """
    with _started(module, command, environment or {}) as child:
        child.talk({"limits": asdict(limits), "request": dict(request)}, limits, should_stop, on_progress)
        return child.judged(limits)


class _Child:
    def __init__(self, process: "subprocess.Popen[bytes]", answers: int) -> None:
        self.process, self.answers = process, answers
        self._said: dict[str, Any] = {}
        self._stderr = b""
        self._line = bytearray()
        self._unsent = memoryview(b"")
        self._ready = selectors.DefaultSelector()

    def talk(
        self,
        message: Mapping[str, Any],
        limits: ProcessLimits,
        should_stop: Callable[[], str | None],
        on_progress: Callable[[Progress], None],
    ) -> None:
        """Sends the message and listens until the child has ended or closed its side."""
        self._unsent = memoryview(json.dumps(message).encode())
        with self._ready:
            self._register()
            look_at = time.monotonic() + LOOK_EVERY_S
            while self._listen(limits, on_progress) and (self.process.poll() is None or self._ready.select(0)):
                if time.monotonic() >= look_at:
                    look_at = time.monotonic() + LOOK_EVERY_S
                    if reason := should_stop():
                        raise Stopped(reason)

    def _register(self) -> None:
        for pipe, event in (
            (self.process.stdin, selectors.EVENT_WRITE),
            (self.process.stderr, selectors.EVENT_READ),
            (self.answers, selectors.EVENT_READ),
        ):
            if pipe is None:
                raise RuntimeError("the child was started without its pipes")
            os.set_blocking(pipe if isinstance(pipe, int) else pipe.fileno(), False)
            self._ready.register(pipe, event)

    def _listen(self, limits: ProcessLimits, on_progress: Callable[[Progress], None]) -> bool:
        """Does what can be done within the next `LOOK_EVERY_S`; False once the child says no more."""
        for key, _ in self._ready.select(LOOK_EVERY_S):
            if key.fileobj is self.process.stdin:
                self._send()
                continue
            data = os.read(key.fd, _READ_BYTES)
            if key.fd == self.answers:
                if not data:
                    return False
                self._hear(data, limits, on_progress)
            elif data:
                self._stderr = (self._stderr + data)[-STDERR_BYTES:]
            else:
                self._ready.unregister(key.fileobj)
        return True

    def _send(self) -> None:
        pipe = self.process.stdin
        if pipe is None:
            return
        try:
            sent = os.write(pipe.fileno(), self._unsent[:_READ_BYTES])
            self._unsent = self._unsent[sent:]
        except BrokenPipeError:
            self._unsent = self._unsent[:0]
        if not self._unsent:
            self._ready.unregister(pipe)
            pipe.close()

    def _hear(self, data: bytes, limits: ProcessLimits, on_progress: Callable[[Progress], None]) -> None:
        self._line += data
        if len(self._line) > limits.answer_bytes:
            raise TooExpensive(f"What was found in the file is longer than {limits.answer_bytes} bytes.")
        if b"\n" not in data:
            return
        *lines, rest = self._line.split(b"\n")
        self._line = bytearray(rest)
        for line in lines:
            said = json.loads(line)
            if "progress" in said:
                on_progress(said["progress"])
            else:
                self._said |= said

    def judged(self, limits: ProcessLimits) -> Answer:
        """What the child said, or the error that its end stands for."""
        status = self._ended()
        self._hear_last_words()
        words = self._stderr.decode(errors="replace").strip()
        if words:
            _LOG.info("the child's last words: %s", words)
        if "answer" in self._said:
            return Answer(self._said["answer"], self._said["cpu_s"], self._said["peak_bytes"])
        if "error" in self._said:
            raise _named(self._said["error"], limits)
        raise _of_status(status, words, limits)

    def _ended(self) -> int:
        try:
            return self.process.wait(LINGER_S)
        except subprocess.TimeoutExpired:
            self.kill()
            return self.process.wait()

    def _hear_last_words(self) -> None:
        pipe = self.process.stderr
        # Not blocking: what the child started may still hold the other end.
        while pipe and (data := pipe.read(_READ_BYTES)):
            self._stderr = (self._stderr + data)[-STDERR_BYTES:]

    def kill(self) -> None:
        """Neither the child nor anything that it started is left."""
        # The group outlives its leader, and its number is not given away before the leader has been waited for.
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            return


@contextmanager
def _started(module: str, command: str, extra: Mapping[str, str]) -> Iterator[_Child]:
    ours, theirs = os.pipe()
    kept = {name: os.environ[name] for name in os.environ if name in _INHERITED or name.startswith("MALLOC_")}
    try:
        process = subprocess.Popen(
            [sys.executable, "-m", _CHILD, module, command, str(theirs), str(os.getpid())],
            cwd="/",
            env={**kept, **_ONE_THREAD, "PYTHONPATH": str(_ROOT), **extra},
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            pass_fds=(theirs,),
            start_new_session=True,
        )
    except BaseException:
        os.close(ours)
        raise
    finally:
        os.close(theirs)
    child = _Child(process, ours)
    try:
        yield child
    finally:
        child.kill()
        os.close(ours)
        for pipe in (process.stdin, process.stderr):
            if pipe:
                pipe.close()
        process.wait()


def _named(said: Mapping[str, str], limits: ProcessLimits) -> Exception:
    """The error of ours that the child reported by its code."""
    if said["code"] == TooExpensive.code and not said["message"]:
        return _too_much_memory(limits)
    for branch in (MediaError, OperatorError, TransientError):
        for kind in _kinds(branch):
            if kind.code == said["code"]:
                return kind(said["message"])
    return RuntimeError(f"the child failed: {said['message']}")


def _kinds(branch: type[PipelineError]) -> Iterator[type[PipelineError]]:
    yield branch
    for kind in branch.__subclasses__():
        yield from _kinds(kind)


def _of_status(status: int, words: str, limits: ProcessLimits) -> Exception:
    """What the end of a child means that said nothing."""
    if status == -signal.SIGXCPU:
        return TooExpensive(f"The file takes more than {limits.cpu_s} seconds of computing: cut it into parts.")
    if status == -signal.SIGKILL or any(sign in words for sign in _OUT_OF_MEMORY):
        return _too_much_memory(limits)
    if -status in _CRASHES:
        return CorruptMedia(f"The file crashes its decoder ({signal.Signals(-status).name}): export it again.")
    return RuntimeError(f"the child ended with status {status} and no answer: {words}")


def _too_much_memory(limits: ProcessLimits) -> TooExpensive:
    return TooExpensive(
        f"The file takes more than {limits.memory_bytes / 2**20:.0f} MB of memory: export it in a smaller size."
    )
