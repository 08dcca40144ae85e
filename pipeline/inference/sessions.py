"""ONNX Runtime sessions: one for each model file and set of options, shared by the whole process."""

import threading
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

_WARNINGS_OFF = 3
"""ONNX Runtime's log level "error": what it cannot do is raised, its advice is nobody's concern at run time."""

_CUDA = "CUDAExecutionProvider"
_CPU = "CPUExecutionProvider"


@dataclass(frozen=True, slots=True)
class SessionOptions:
    """How a session runs. The stage's pool owns the cores, so a session takes one."""

    intra_op_threads: int = 1


@dataclass(slots=True)
class ModelSession:
    """A model that is loaded on first use, by one thread, and then run by any number of them."""

    path: Path
    options: SessionOptions
    _loaded: Any = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def run(self, output: str, input_: str, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """The output tensor as float32."""
        result = self._session().run([output], {input_: batch})[0]
        return np.asarray(result, dtype=np.float32)

    def _session(self) -> Any:
        with self._lock:
            if self._loaded is None:
                self._loaded = _load(self.path, self.options)
            return self._loaded


_sessions: dict[tuple[Path, SessionOptions], ModelSession] = {}
_sessions_lock = threading.Lock()


def session_of(path: Path, options: SessionOptions = SessionOptions()) -> ModelSession:
    """The process's one session for this file and these options; nothing is loaded yet."""
    with _sessions_lock:
        return _sessions.setdefault((path, options), ModelSession(path, options))


def _load(path: Path, options: SessionOptions) -> Any:
    # Importing ONNX Runtime takes 0.3 s, and most runs need no model.
    import onnxruntime

    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = options.intra_op_threads
    settings.inter_op_num_threads = 1
    settings.log_severity_level = _WARNINGS_OFF
    available = onnxruntime.get_available_providers()
    return onnxruntime.InferenceSession(
        str(path), settings, providers=providers(available, has_device=_has_nvidia_device())
    )


def providers(available: Collection[str], *, has_device: bool) -> list[str]:
    """CUDA where this build of ONNX Runtime and this machine have it; the CPU always, to fall back to."""
    return [_CUDA, _CPU] if has_device and _CUDA in available else [_CPU]


def _has_nvidia_device() -> bool:
    # The GPU build lists CUDA on machines without a device too, and then complains on stderr for each session.
    return Path("/dev/nvidiactl").exists() or Path("/dev/dxg").exists()
