"""The optional models by name: which are there, why one is not, and running them on ONNX Runtime."""

import importlib.util
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from pipeline.domain.analysis import Detection, Label
from pipeline.errors import CapabilityUnavailable
from pipeline.inference.catalog import Catalog, read_catalog
from pipeline.inference.decoding import Unfit, detections_in, labels_in
from pipeline.inference.entries import DETECTORS, Classes, Input, ModelEntry, Weights
from pipeline.inference.labels import read_labels
from pipeline.inference.preparing import prepare
from pipeline.inference.sessions import DEFAULT_BUDGET_MB, SESSIONS, ModelSession, SessionOptions
from pipeline.inference.weights import State, default_folder, state_of

Found = TypeVar("Found")
Outputs = Mapping[str, NDArray[np.float32]]


class OnnxModels:
    """`pipeline.ports.Models` over the ONNX files in a folder; None is the folder in the user's cache.

    The catalog is read once. Weights are checked against it and sessions are loaded once per process, on first use,
    and shared by all instances and threads; together they take about `budget_mb`.
    """

    def __init__(self, folder: Path | None = None, *, budget_mb: float = DEFAULT_BUDGET_MB) -> None:
        self.folder = folder or default_folder()
        self._budget_mb = budget_mb

    @cached_property
    def catalog(self) -> Catalog:
        """Ours and the operator's own; raises `OperatorError` with every mistake in the latter."""
        return read_catalog(self.folder)

    def unavailable(self, name: str) -> str | None:
        """Why this model cannot be used, with the command that fixes it; None when its weights are there and right."""
        entry = self.catalog.entry(name)
        needs = f"The model {entry.name} ({entry.task.replace('_', ' ')}) is not available"
        if not entry.network:
            return f"{needs}: it is no network, and nothing here computes it yet"
        state = state_of(entry, self.folder)
        if state in (State.MISSING, State.DIFFERENT):
            return f"{needs}: {_trouble(entry, state, self.folder)}"
        if importlib.util.find_spec("onnxruntime") is None:
            return f"{needs}: ONNX Runtime is not installed; `pip install onnxruntime`"
        return None

    def run(self, name: str, batch: NDArray[Any]) -> Outputs:
        """The model's outputs by name for a batch shaped as its catalog entry says; raises `CapabilityUnavailable`."""
        _, file, spec = self._usable(name)
        return self._session(file).run(spec.tensor, batch)

    def serving(self, task: str) -> tuple[str, ...]:
        """The models that serve this task by default, an operator's own first; whether they are there or not."""
        return tuple(entry.name for entry in self.catalog.serving(task))

    def classify(self, name: str, pixels: NDArray[np.uint8]) -> tuple[Label, ...]:
        """What a classifier says of a picture, (H, W, 3) sRGB: its labels, surest first, without those of exactly 0."""
        entry, file, spec = self._usable(name)
        if not isinstance(entry.decoder, Classes):
            raise CapabilityUnavailable(f"The model {name} is no classifier: its decoder is {entry.decoder.kind}.")
        decoder = entry.decoder
        outputs = self._session(file).run(spec.tensor, prepare(pixels, spec)[0])
        return self._read(entry, lambda names: labels_in(_result(entry, outputs), decoder, names))

    def detect(self, name: str, pixels: NDArray[np.uint8]) -> tuple[Detection, ...]:
        """What a detector finds in a picture, (H, W, 3) sRGB, above the entry's threshold, surest first."""
        entry, file, spec = self._usable(name)
        if not isinstance(entry.decoder, DETECTORS):
            raise CapabilityUnavailable(f"The model {name} is no detector: its decoder is {entry.decoder.kind}.")
        batch, placement = prepare(pixels, spec)
        outputs = self._session(file).run(spec.tensor, batch)
        return self._read(entry, lambda names: detections_in(_result(entry, outputs), entry, spec, placement, names))

    def session(self, name: str) -> ModelSession:
        """The session that this model runs in; raises `CapabilityUnavailable`."""
        return self._session(self._usable(name)[1])

    def _usable(self, name: str) -> tuple[ModelEntry, Weights, Input]:
        reason = self.unavailable(name)
        entry = self.catalog.entry(name)
        if reason is not None or entry.file is None or entry.input is None:
            raise CapabilityUnavailable(reason)
        return entry, entry.file, entry.input

    def _session(self, file: Weights) -> ModelSession:
        return SESSIONS.get(self.folder / file.path, SessionOptions(), budget_mb=self._budget_mb)

    def _read(self, entry: ModelEntry, read: Callable[[tuple[str, ...]], Found]) -> Found:
        if entry.labels is None:
            raise CapabilityUnavailable(f"The model {entry.name} has no labels in its catalog entry.")
        try:
            return read(read_labels(entry.labels, self.folder))
        except Unfit as error:
            raise CapabilityUnavailable(
                f"The model {entry.name} is not what its catalog entry says: {error}. Mend the entry or its labels."
            ) from error


def _result(entry: ModelEntry, outputs: Outputs) -> NDArray[np.float32]:
    """The output that the entry names, or the only one."""
    name = entry.outputs[0].tensor if entry.outputs else next(iter(outputs))
    if name not in outputs:
        raise Unfit(f"it has no output {name}, but {', '.join(outputs)}")
    return outputs[name]


def _trouble(entry: ModelEntry, state: State, folder: Path) -> str:
    """Without the folder's path: customers read these words in their results. `darkroom models list` shows it."""
    names = [entry.file.path] if entry.file else []
    if entry.labels and entry.labels.file:
        names.append(entry.labels.file)
    absent = [name for name in names if not (folder / name).is_file()]
    if state is State.MISSING:
        where = " and ".join(absent)
        way = "put it there" if entry.own else f"`darkroom models pull {entry.name}` brings it"
        return f"{where} is not in the models' folder; {way}, or set DARKROOM_MODELS to a folder that holds it"
    wrong = " or ".join(names)
    way = "replace it" if entry.own else f"`darkroom models pull {entry.name}` replaces it"
    return f"{wrong} is not the file that the catalog names (its sha256 differs); {way}"
