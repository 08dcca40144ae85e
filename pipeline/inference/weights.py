"""Weight files: the folder they lie in, and whether what lies there is what the catalog names."""

import hashlib
import os
import sys
import threading
from collections.abc import Callable, Iterable
from enum import StrEnum
from pathlib import Path

from pipeline.errors import OperatorError
from pipeline.inference.entries import Labels, ModelEntry, Weights

_digests: dict[tuple[str, Path, int, int], str] = {}
_lock = threading.Lock()


class State(StrEnum):
    """What lies in the models folder where a model's file should be."""

    VERIFIED = "verified"
    """The file of the catalog, by its sha256 or by what it computes."""
    UNVERIFIED = "unverified"
    """There; the operator's own entry names no sha256."""
    DIFFERENT = "different"
    """There, and not what the catalog names: it is never loaded."""
    MISSING = "missing"


def default_folder() -> Path:
    """Where weights lie when DARKROOM_MODELS names no folder: `darkroom/models` in the user's cache."""
    if sys.platform == "darwin":
        cache = Path.home() / "Library" / "Caches"
    else:
        given = os.environ.get("XDG_CACHE_HOME", "")
        cache = Path(given) if Path(given).is_absolute() else Path.home() / ".cache"
    return cache / "darkroom" / "models"


def state_of(entry: ModelEntry, folder: Path) -> State:
    """The state of all that the model needs at run time: its ONNX file and its labels; of brisque, its parameters."""
    if entry.file is None:
        originals = entry.source.files if entry.source else ()
        return _worst(_file_state(folder / each.name, each.sha256) for each in originals)
    return _worst((_weights_state(entry.file, folder), _labels_state(entry.labels, folder)))


def is_weights(path: Path, weights: Weights) -> bool:
    """Whether the file is the catalog's: the same bytes, or the same computation from the same weights."""
    if weights.sha256 is not None and checksum_of(path) == weights.sha256:
        return True
    return weights.graph is not None and _graph_of(path) == weights.graph


def checksum_of(path: Path) -> str:
    """The file's sha256 as hex, computed once per process for each state (size and time) of the file."""

    def compute() -> str:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    return _once("sha256", path, compute)


def _graph_of(path: Path) -> str:
    def compute() -> str:
        # Only for a file that is not byte for byte the catalog's: importing onnx takes 0.2 s.
        from pipeline.inference.graphs import graph_digest

        try:
            return graph_digest(path)
        except OperatorError:
            return "none"

    return _once("graph", path, compute)


def _once(kind: str, path: Path, compute: Callable[[], str]) -> str:
    status = path.stat()
    key = (kind, path, status.st_size, status.st_mtime_ns)
    with _lock:
        if key not in _digests:
            _digests[key] = compute()
        return _digests[key]


def _weights_state(weights: Weights, folder: Path) -> State:
    path = folder / weights.path
    if not path.is_file():
        return State.MISSING
    if weights.sha256 is None and weights.graph is None:
        return State.UNVERIFIED
    return State.VERIFIED if is_weights(path, weights) else State.DIFFERENT


def _labels_state(labels: Labels | None, folder: Path) -> State:
    if labels is None or labels.file is None:
        return State.VERIFIED
    return _file_state(folder / labels.file, labels.sha256)


def _file_state(path: Path, sha256: str | None) -> State:
    if not path.is_file():
        return State.MISSING
    if sha256 is None:
        return State.UNVERIFIED
    return State.VERIFIED if checksum_of(path) == sha256 else State.DIFFERENT


def _worst(states: Iterable[State]) -> State:
    order = list(State)
    return max(states, key=order.index, default=State.MISSING)
