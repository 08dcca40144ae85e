"""Whether each model computes here what it computed when it was catalogued."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from pipeline.errors import CapabilityUnavailable, OperatorError
from pipeline.inference.entries import Input, ModelEntry
from pipeline.inference.preparing import batch_of
from pipeline.inference.registry import OnnxModels
from pipeline.inference.samples import sample_picture

PLACES = 16
"""Numbers of each output that are compared, at even distances over the whole of it."""
TOLERANCE = 0.002
"""Largest deviation, as a share of the output's largest golden number. Without ONNX Runtime's optimisations, so with
other kernels in another order, the models deviate by at most a sixteenth of this; with red and blue exchanged by at
least 21 times this, and image_tags, which gives whole steps, by 7 steps (measured)."""
CUDA_TOLERANCE = 0.02
"""CUDA multiplies with 10 bits of mantissa (TF32) by default. Not measured: no device was there."""
QUANTISED_STEPS = 3.0
"""Outputs in whole steps may round to the next ones."""

Golden = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Checked:
    """What came of one model. `deviation` is the largest, in shares of the tolerance; None where nothing was compared.

    `ok` is None where there is nothing to compare with.
    """

    name: str
    ok: bool | None
    detail: str
    deviation: float | None = None
    provider: str | None = None


def sample_batch(spec: Input) -> NDArray[Any]:
    """The sample as this network takes it, in the size of its entry: nothing is resized, so nothing depends on how."""
    return batch_of(sample_picture(*spec.size), spec)


def measured(models: OnnxModels, entry: ModelEntry) -> dict[str, dict[str, Any]]:
    """For each output its shape and `PLACES` of its numbers, for the sample; raises `CapabilityUnavailable`."""
    if entry.input is None:
        raise CapabilityUnavailable(models.unavailable(entry.name))
    outputs = models.run(entry.name, sample_batch(entry.input))
    return {name: {"shape": list(each.shape), "values": _some(each)} for name, each in outputs.items()}


def check(models: OnnxModels, entry: ModelEntry) -> Checked:
    """Whether the model loads, runs on the sample, and gives its golden numbers."""
    if not entry.network:
        return Checked(entry.name, None, "no network: nothing to run")
    reason = models.unavailable(entry.name)
    if reason is not None:
        return Checked(entry.name, False, reason)
    try:
        found = measured(models, entry)
    except Exception as error:  # noqa: BLE001 - ONNX Runtime's own for a file or a batch it refuses: the finding here
        return Checked(entry.name, False, f"it does not run: {str(error).splitlines()[0]}")
    provider = models.session(entry.name).provider
    golden = None if entry.own else golden_values().get(entry.name)
    if golden is None:
        return Checked(entry.name, None, "it runs; there are no golden values for it", provider=provider)
    return _compared(entry, found, golden, provider)


@cache
def golden_values() -> Mapping[str, Golden]:
    """By model and output: what `measured` gave when the model was catalogued (made by `golden.py`)."""
    text = (files("pipeline.inference") / "golden.yaml").read_text(encoding="utf-8")
    values: Mapping[str, Golden] = yaml.safe_load(text)["models"]
    return values


def _compared(entry: ModelEntry, found: Golden, golden: Golden, provider: str | None) -> Checked:
    if {name: each["shape"] for name, each in found.items()} != {name: each["shape"] for name, each in golden.items()}:
        return Checked(entry.name, False, "its outputs have other names or shapes than the golden ones", None, provider)
    share = CUDA_TOLERANCE if provider == "CUDAExecutionProvider" else TOLERANCE
    quantised = entry.input is not None and entry.input.dtype == "uint8"
    worst = max(_deviation(found[name], golden[name], share, quantised=quantised) for name in golden)
    ok = worst <= 1
    detail = "as golden" if ok else f"an output deviates {worst:.1f} times as far as it may from its golden numbers"
    return Checked(entry.name, ok, detail, worst, provider)


def _deviation(found: Mapping[str, Any], golden: Mapping[str, Any], share: float, *, quantised: bool) -> float:
    ours, theirs = (np.array(each["values"], np.float64) for each in (found, golden))
    if not np.isfinite(ours).all():
        return float("inf")
    allowed = QUANTISED_STEPS if quantised else share * max(float(np.abs(theirs).max(initial=0.0)), 1e-3)
    return float(np.abs(ours - theirs).max(initial=0.0)) / allowed


def _some(output: NDArray[np.float32]) -> list[float]:
    """Numbers at even distances, and the mean and the extremes, which any change moves."""
    flat = output.reshape(-1).astype(np.float64)
    if flat.size == 0:
        return []
    places = np.linspace(0, flat.size - 1, min(PLACES, flat.size)).round().astype(int)
    return [float(f"{value:.7g}") for value in (*flat[places], flat.mean(), flat.min(), flat.max())]


def chosen(models: OnnxModels, names: Iterable[str]) -> list[ModelEntry]:
    """The named entries, or all; raises `OperatorError` where there is none of a name."""
    try:
        wanted = [models.catalog.entry(name) for name in names]
    except CapabilityUnavailable as error:
        raise OperatorError(str(error)) from error
    return wanted or list(models.catalog)
