"""ncnn models as ONNX: the layers that nanodet_plus_m and waifu2x are made of."""

from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate, pairwise
from pathlib import Path

import numpy as np
from onnx import ModelProto

from pipeline.errors import OperatorError
from pipeline.inference.conversion.ncnn_reader import NcnnLayer, read_layers
from pipeline.inference.conversion.onnx_graph import OnnxGraph

_REST = -233
"""As a size in Slice: an equal share of what is left."""


def convert(parameters: Path, weights: Path, *, shape: Sequence[int | str]) -> ModelProto:
    """The network with `input` [N, 3, H, W] and `output`, the last layer's, which has this shape."""
    network = _Network()
    layers = read_layers(parameters, weights)
    for layer in layers:
        network.add(layer)
    return network.model(layers[-1].outputs[0], shape)


def _unless(holds: bool, layer: NcnnLayer, what: str) -> None:
    if not holds:
        raise OperatorError(f"The layer {layer.name} ({layer.kind}) has {what}, which has no form in ONNX here.")


class _Network:
    def __init__(self) -> None:
        self._graph = OnnxGraph()
        self._tensors: dict[str, str] = {}
        self._channels: dict[str, int] = {}
        self._layers: Mapping[str, Callable[[NcnnLayer], None]] = {
            "Input": lambda layer: self._is(layer.outputs[0], "input", 3),
            "Convolution": self._convolution,
            "ConvolutionDepthWise": self._convolution,
            "Deconvolution": self._deconvolution,
            "Pooling": self._pooling,
            "Split": self._split,
            "Concat": self._concat,
            "Crop": self._crop,
            "Slice": self._slice,
            "ShuffleChannel": self._shuffle,
            "BinaryOp": self._sum,
            "Sigmoid": lambda layer: self._follows(layer, self._graph.add("Sigmoid", self._input(layer))),
            "Interp": self._resize,
            "Reshape": self._reshape,
            "Permute": self._permute,
        }

    def add(self, layer: NcnnLayer) -> None:
        make = self._layers.get(layer.kind)
        if make is None:
            raise OperatorError(f"The layer {layer.name} is a {layer.kind}, which has no form in ONNX here.")
        make(layer)

    def model(self, output: str, shape: Sequence[int | str]) -> ModelProto:
        return self._graph.model({"input": ["N", 3, "H", "W"]}, {"output": (self._tensors[output], shape)})

    def _is(self, name: str, tensor: str, channels: int) -> None:
        self._tensors[name], self._channels[name] = tensor, channels

    def _follows(self, layer: NcnnLayer, tensor: str) -> None:
        self._is(layer.outputs[0], tensor, self._channels[layer.inputs[0]])

    def _input(self, layer: NcnnLayer) -> str:
        return self._tensors[layer.inputs[0]]

    def _given(self, layer: NcnnLayer, shape: tuple[int, ...], axes: tuple[int, ...]) -> list[str]:
        if layer.weights is None:
            raise OperatorError(f"The layer {layer.name} ({layer.kind}) has no weights.")
        names = [self._graph.constant(layer.weights.reshape(shape).transpose(axes))]
        return names if layer.bias is None else [*names, self._graph.constant(layer.bias)]

    def _convolution(self, layer: NcnnLayer) -> None:
        outputs, across = layer.whole(0), layer.whole(1)
        down, padding = layer.whole(11, across), layer.whole(4, 0)
        _unless(layer.whole(2, 1) == 1, layer, "a dilation")
        groups = layer.whole(7, 1) if layer.kind == "ConvolutionDepthWise" else 1
        made = self._graph.add(
            "Conv",
            self._input(layer),
            *self._given(layer, (outputs, -1, down, across), (0, 1, 2, 3)),
            kernel_shape=[down, across],
            strides=[layer.whole(3, 1)] * 2,
            pads=[padding] * 4,
            group=groups,
        )
        self._is(layer.outputs[0], self._activated(layer, made), outputs)

    def _deconvolution(self, layer: NcnnLayer) -> None:
        outputs, side, padding = layer.whole(0), layer.whole(1), layer.whole(4, 0)
        shape = (outputs, self._channels[layer.inputs[0]], side, side)
        made = self._graph.add(
            "ConvTranspose",
            self._input(layer),
            *self._given(layer, shape, (1, 0, 2, 3)),
            kernel_shape=[side, side],
            strides=[layer.whole(3, 1)] * 2,
            pads=[padding] * 4,
        )
        self._is(layer.outputs[0], self._activated(layer, made), outputs)

    def _activated(self, layer: NcnnLayer, made: str) -> str:
        kind = layer.whole(9, 0)
        _unless(kind in (0, 1, 2), layer, f"activation {kind}")
        if kind == 0:
            return made
        return self._graph.add("Relu", made) if kind == 1 else self._leaky(made, float(layer.array(10)[0]))

    def _leaky(self, made: str, slope: float) -> str:
        return self._graph.add("LeakyRelu", made, alpha=slope)

    def _pooling(self, layer: NcnnLayer) -> None:
        _unless(
            layer.whole(0, 0) == 0 and layer.whole(5, 0) == 1, layer, "another pooling than the maximum of whole tiles"
        )
        side, stride, padding = layer.whole(1), layer.whole(2, 1), layer.whole(3, 0)
        made = self._graph.add(
            "MaxPool", self._input(layer), kernel_shape=[side] * 2, strides=[stride] * 2, pads=[padding] * 4
        )
        self._follows(layer, made)

    def _split(self, layer: NcnnLayer) -> None:
        for name in layer.outputs:
            self._is(name, self._input(layer), self._channels[layer.inputs[0]])

    def _concat(self, layer: NcnnLayer) -> None:
        axis = layer.whole(0, 0)
        _unless(axis in (0, 1), layer, f"axis {axis}")
        made = self._graph.add("Concat", *(self._tensors[name] for name in layer.inputs), axis=axis + 1)
        channels = [self._channels[name] for name in layer.inputs]
        self._is(layer.outputs[0], made, sum(channels) if axis == 0 else channels[0])

    def _crop(self, layer: NcnnLayer) -> None:
        _unless(layer.array(11) == (0,), layer, "another axis than the channels")
        start, end = int(layer.array(9)[0]), min(int(layer.array(10)[0]), self._channels[layer.inputs[0]])
        self._is(layer.outputs[0], self._cut(layer, start, end), end - start)

    def _slice(self, layer: NcnnLayer) -> None:
        left, sizes, wanted = self._channels[layer.inputs[0]], [], layer.array(0)
        for place, size in enumerate(wanted):
            sizes.append(left // (len(wanted) - place) if size == _REST else int(size))
            left -= sizes[-1]
        for name, (start, end) in zip(layer.outputs, pairwise(accumulate(sizes, initial=0)), strict=True):
            self._is(name, self._cut(layer, start, end), end - start)

    def _cut(self, layer: NcnnLayer, start: int, end: int) -> str:
        bounds = [self._graph.constant(np.array([each], np.int64)) for each in (start, end, 1)]
        return self._graph.add("Slice", self._input(layer), *bounds)

    def _shuffle(self, layer: NcnnLayer) -> None:
        channels, groups = self._channels[layer.inputs[0]], layer.whole(0, 1)
        shape = (channels // groups, groups) if layer.whole(1, 0) else (groups, channels // groups)
        order = np.arange(channels, dtype=np.int64).reshape(shape).T.ravel()
        self._follows(layer, self._graph.add("Gather", self._input(layer), self._graph.constant(order), axis=1))

    def _sum(self, layer: NcnnLayer) -> None:
        _unless(layer.whole(0, 0) == 0, layer, "another operation than the sum")
        self._follows(layer, self._graph.add("Add", *(self._tensors[name] for name in layer.inputs)))

    def _resize(self, layer: NcnnLayer) -> None:
        _unless(layer.whole(0) == 2 and layer.whole(6, 0) == 0, layer, "another resizing than bilinear")
        factors = [float(layer.parameters[number]) for number in (1, 2)]  # type: ignore[arg-type]
        scales = self._graph.constant(np.array([1, 1, *factors], np.float32))
        made = self._graph.add(
            "Resize",
            self._input(layer),
            "",
            scales,
            mode="linear",
            coordinate_transformation_mode="pytorch_half_pixel",
        )
        self._follows(layer, made)

    def _reshape(self, layer: NcnnLayer) -> None:
        channels = layer.whole(1)
        _unless(layer.whole(0) == -1 and channels == self._channels[layer.inputs[0]], layer, "another target than rows")
        target = self._graph.constant(np.array([0, channels, -1], np.int64))
        self._follows(layer, self._graph.add("Reshape", self._input(layer), target))

    def _permute(self, layer: NcnnLayer) -> None:
        _unless(layer.whole(0) == 1, layer, "another order than columns first")
        self._follows(layer, self._graph.add("Transpose", self._input(layer), perm=[0, 2, 1]))
