"""The optional models by name: which are there, why one is not, and running them on ONNX Runtime."""

import importlib.util
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import CapabilityUnavailable
from pipeline.inference.catalog import CATALOG, ModelEntry
from pipeline.inference.sessions import session_of
from pipeline.inference.weights import checksum_of


@dataclass(frozen=True, slots=True)
class OnnxModels:
    """`pipeline.ports.Models` over the ONNX files in a folder.

    Weights are checked against the catalog and sessions are loaded once per process, on first use, and shared by
    all instances and threads.
    """

    folder: Path | None

    def unavailable(self, name: str) -> str | None:
        """Why this model cannot be used, with what to do; None when its verified weights are there."""
        entry = _entry(name)
        if self.folder is None:
            return f"{_needs(entry)}: set DARKROOM_MODELS to a folder that holds {entry.file.path}"
        path = self.folder / entry.file.path
        if not path.is_file():
            return f"{_needs(entry)}: DARKROOM_MODELS must point to a folder that holds it, and {path} does not exist"
        if checksum_of(path) != entry.file.sha256:
            return f"{_needs(entry)}: {path} is not the file that the catalog names (its sha256 differs); replace it"
        if importlib.util.find_spec("onnxruntime") is None:
            return f"{_needs(entry)}: ONNX Runtime is not installed"
        return None

    def run(self, name: str, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """The model's output for a batch shaped as its catalog entry says; raises `CapabilityUnavailable`."""
        reason = self.unavailable(name)
        if reason is not None or self.folder is None:
            raise CapabilityUnavailable(reason)
        entry = _entry(name)
        return session_of(self.folder / entry.file.path).run(entry.output.name, entry.input.name, batch)


def _entry(name: str) -> ModelEntry:
    try:
        return CATALOG[name]
    except KeyError:
        raise CapabilityUnavailable(f"there is no model named {name}: known are {', '.join(CATALOG)}") from None


def _needs(entry: ModelEntry) -> str:
    return f"the model {entry.name} ({entry.task}) is not available"
