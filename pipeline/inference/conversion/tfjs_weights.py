"""The weights of a TensorFlow.js model, dequantised."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import OperatorError

Weights = Mapping[str, NDArray[np.float32]]


def read_weights(manifest: Sequence[Mapping[str, Any]], data: bytes) -> Weights:
    """The tensors by name, as the manifest lays them out in `data`: value x scale + min where they are quantised."""
    weights: dict[str, NDArray[np.float32]] = {}
    offset = 0
    for spec in (each for group in manifest for each in group["weights"]):
        count = int(np.prod(spec["shape"], dtype=np.int64))
        quantization = spec.get("quantization") or {}
        stored = np.dtype(quantization.get("dtype", spec["dtype"]))
        end = offset + count * stored.itemsize
        if end > len(data):
            raise OperatorError(f"The weights end before {spec['name']}: fetch the file again.")
        values = np.frombuffer(data, stored, count, offset).astype(np.float32)
        if "scale" in quantization:
            values = values * np.float32(quantization["scale"]) + np.float32(quantization["min"])
        weights[spec["name"]] = values.reshape(spec["shape"])
        offset = end
    if offset != len(data):
        raise OperatorError(f"The weights have {len(data) - offset} bytes more than their manifest says.")
    return weights
