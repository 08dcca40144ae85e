"""ONNX Runtime sessions: one for each model file and set of options, shared by the whole process, within a budget."""

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

_WARNINGS_OFF = 3
"""ONNX Runtime's log level "error": what it cannot do is raised, its advice is nobody's concern at run time."""

CUDA = "CUDAExecutionProvider"
CPU = "CPUExecutionProvider"

MEMORY_FACTOR = 4.0
MEMORY_BASE_MB = 20.0
"""A session in use takes about so many times its file, for its weights, and so much more for what it computes with:
between 3.5 and 5 times, and 2 to 28 MB, measured at the sizes of the catalog (docs/models.md)."""
DEFAULT_BUDGET_MB = 768
"""Room for every default model of the catalog at once, which is 490 MB by this measure."""

_log = logging.getLogger(__name__)
_cuda_cannot_load = threading.Event()


@dataclass(frozen=True, slots=True)
class SessionOptions:
    """How a session runs. The stage's pool owns the cores, so a session takes one."""

    intra_op_threads: int = 1


Start = Callable[[Path, SessionOptions, list[str]], Any]
"""Makes an `onnxruntime.InferenceSession` with these providers, in their order."""


def start_session(path: Path, options: SessionOptions, providers: list[str]) -> Any:
    """A session of ONNX Runtime that raises where a provider fails, instead of choosing another by itself."""
    # Importing ONNX Runtime takes 0.3 s, and most runs need no model.
    import onnxruntime

    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = options.intra_op_threads
    settings.inter_op_num_threads = 1
    settings.log_severity_level = _WARNINGS_OFF
    session = onnxruntime.InferenceSession(str(path), settings, providers=providers)
    session.disable_fallback()
    return session


def wanted_providers() -> list[str]:
    """What this build of ONNX Runtime and this machine have, best first; no CUDA once it could not be loaded."""
    import onnxruntime

    if _cuda_cannot_load.is_set():
        return [CPU]
    return providers(onnxruntime.get_available_providers(), has_device=_has_nvidia_device())


def providers(available: Collection[str], *, has_device: bool) -> list[str]:
    """CUDA where this build of ONNX Runtime and this machine have it; the CPU always, to fall back to."""
    return [CUDA, CPU] if has_device and CUDA in available else [CPU]


def _has_nvidia_device() -> bool:
    # The GPU build lists CUDA on machines without a device too, and then complains on stderr for each session.
    return Path("/dev/nvidiactl").exists() or Path("/dev/dxg").exists()


@dataclass(slots=True)
class ModelSession:
    """A model that is loaded on first use, by one thread, and then run by any number of them.

    Where CUDA fails to start or to run it, it goes on on the CPU for good, and says so once.
    """

    path: Path
    options: SessionOptions = SessionOptions()
    start: Start = start_session
    wanted: Callable[[], list[str]] = wanted_providers
    _loaded: Any = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def provider(self) -> str | None:
        """What runs it, in ONNX Runtime's words; None before the first run."""
        return None if self._loaded is None else str(self._loaded.get_providers()[0])

    @property
    def memory_mb(self) -> float:
        """About what it takes while loaded."""
        return MEMORY_BASE_MB + MEMORY_FACTOR * self.path.stat().st_size / 1e6

    def run(self, tensor: str, batch: NDArray[Any]) -> dict[str, NDArray[np.float32]]:
        """The output tensors by name, as float32, for one input tensor."""
        session = self._session()
        try:
            results = session.run(None, {tensor: batch})
        except Exception as error:
            if session.get_providers()[0] == CPU:
                raise
            session = self._on_the_cpu(session, error)
            results = session.run(None, {tensor: batch})
        names = (each.name for each in session.get_outputs())
        return {name: np.asarray(result, dtype=np.float32) for name, result in zip(names, results, strict=True)}

    def _session(self) -> Any:
        with self._lock:
            if self._loaded is None:
                self._loaded = self._started(self.wanted())
            return self._loaded

    def _started(self, wanted: list[str]) -> Any:
        if wanted == [CPU]:
            return self.start(self.path, self.options, wanted)
        try:
            session = self.start(self.path, self.options, wanted)
        except Exception as error:  # noqa: BLE001 - whatever a driver raises; the CPU's own trouble is raised below
            self._tell(error)
            return self.start(self.path, self.options, [CPU])
        if session.get_providers()[0] == CPU:
            # Its libraries are not there, so no other session needs to find that out again.
            _cuda_cannot_load.set()
            self._tell("ONNX Runtime could not load it (is CUDA with cuDNN on the library path?)")
        return session

    def _on_the_cpu(self, failed: Any, error: Exception) -> Any:
        with self._lock:
            if self._loaded is failed:
                self._tell(error)
                self._loaded = self.start(self.path, self.options, [CPU])
            return self._loaded

    def _tell(self, reason: object) -> None:
        _log.warning("%s runs on the CPU, because CUDA failed: %s", self.path.name, str(reason).splitlines()[0])


class SessionCache:
    """Sessions by file and options. Beyond the budget, those that were used longest ago are let go.

    A session that is let go while a thread runs it goes when that thread is done; asked for again, it is loaded again.
    """

    def __init__(self) -> None:
        self._sessions: OrderedDict[tuple[Path, SessionOptions, int], ModelSession] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, path: Path, options: SessionOptions, *, budget_mb: float = DEFAULT_BUDGET_MB) -> ModelSession:
        """The process's one session for this file and these options; nothing is loaded yet.

        A file that was replaced has another session. The one that is returned counts even if it alone is too large.
        """
        key = (path, options, path.stat().st_mtime_ns)
        with self._lock:
            session = self._sessions.setdefault(key, ModelSession(path, options))
            self._sessions.move_to_end(key)
            total = sum(each.memory_mb for each in self._sessions.values())
            while total > budget_mb and len(self._sessions) > 1:
                total -= self._sessions.popitem(last=False)[1].memory_mb
            return session

    def __len__(self) -> int:
        return len(self._sessions)


SESSIONS = SessionCache()
"""The process's sessions."""
