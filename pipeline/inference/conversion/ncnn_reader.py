"""ncnn's two files: a text with the layers, and their weights, as float32."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import OperatorError

_MAGIC = "7767517"
_HALF, _FULL = 0x01306B47, 0
"""What stands before a layer's weights: 16-bit or 32-bit floats."""
_ARRAYS = -23300
"""Parameter -23300 - k is an array with the meaning of parameter k."""
WITH_WEIGHTS = ("Convolution", "ConvolutionDepthWise", "Deconvolution")
_OUTPUTS, _BIAS, _WEIGHTS, _INT8 = 0, 5, 6, 8

Parameter = float | int | tuple[float | int, ...]


@dataclass(frozen=True, slots=True)
class NcnnLayer:
    """One layer: its kind, the tensors it takes and makes, its numbered parameters, its weights."""

    kind: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    parameters: dict[int, Parameter]
    weights: NDArray[np.float32] | None = None
    bias: NDArray[np.float32] | None = None

    def whole(self, number: int, default: int | None = None) -> int:
        """A parameter that is one whole number."""
        value = self.parameters.get(number, default)
        if not isinstance(value, int):
            raise OperatorError(f"The layer {self.name} ({self.kind}) has no whole number as parameter {number}.")
        return value

    def array(self, number: int) -> tuple[float | int, ...]:
        """A parameter that is an array."""
        value = self.parameters.get(number)
        if not isinstance(value, tuple):
            raise OperatorError(f"The layer {self.name} ({self.kind}) has no array as parameter {number}.")
        return value


def read_layers(parameters: Path, weights: Path) -> list[NcnnLayer]:
    """The layers in their order; raises `OperatorError` where the two files do not fit or hold 8-bit weights."""
    lines = [line.split() for line in parameters.read_text(encoding="utf-8").splitlines() if line.strip()]
    if not lines or lines[0] != [_MAGIC]:
        raise OperatorError(f"{parameters} is not an ncnn parameter file.")
    data = _Weights(weights.read_bytes())
    layers = [_layer(words, data) for words in lines[2:]]
    if data.left:
        raise OperatorError(f"{weights} has {data.left} bytes more than {parameters.name} asks for.")
    return layers


class _Weights:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._offset = 0

    @property
    def left(self) -> int:
        return len(self._data) - self._offset

    def tagged(self, count: int) -> NDArray[np.float32]:
        tag = int(self._take(np.uint32, 1)[0])
        if tag not in (_HALF, _FULL):
            raise OperatorError(f"The weights are stored in a form ({tag:#x}) that is not read here.")
        if tag == _FULL:
            return self.plain(count)
        values = self._take(np.float16, count).astype(np.float32)
        self._offset += -self._offset % 4
        return values

    def plain(self, count: int) -> NDArray[np.float32]:
        return self._take(np.float32, count).astype(np.float32)

    def _take(self, kind: type[np.generic], count: int) -> NDArray[np.generic]:
        size = np.dtype(kind).itemsize * count
        if size > self.left:
            raise OperatorError("The weights end before the last layer: fetch the file again.")
        values = np.frombuffer(self._data, kind, count, self._offset)
        self._offset += size
        return values


def _layer(words: list[str], data: _Weights) -> NcnnLayer:
    kind, name, taken, made = words[0], words[1], int(words[2]), int(words[3])
    tensors = words[4 : 4 + taken + made]
    parameters = dict(_parameter(word) for word in words[4 + taken + made :])
    layer = NcnnLayer(kind, name, tuple(tensors[:taken]), tuple(tensors[taken:]), parameters)
    if kind not in WITH_WEIGHTS:
        return layer
    if layer.whole(_INT8, 0):
        raise OperatorError(f"The layer {name} holds 8-bit weights, which are not read here.")
    weights = data.tagged(layer.whole(_WEIGHTS))
    bias = data.plain(layer.whole(_OUTPUTS)) if layer.whole(_BIAS, 0) else None
    return NcnnLayer(kind, name, layer.inputs, layer.outputs, parameters, weights, bias)


def _parameter(word: str) -> tuple[int, Parameter]:
    key, _, value = word.partition("=")
    number = int(key)
    if number <= _ARRAYS:
        return _ARRAYS - number, tuple(_number(each) for each in value.split(",")[1:])
    return number, _number(value)


def _number(text: str) -> float | int:
    return float(text) if "." in text or "e" in text else int(text)
