"""face-api.js' age and gender network (a tiny Xception, written as code there) as ONNX."""

import json
from pathlib import Path

import numpy as np
from onnx import ModelProto

from pipeline.inference.conversion.onnx_graph import OnnxGraph, Shape
from pipeline.inference.conversion.tfjs_weights import Weights, read_weights

_MEAN = (122.782, 117.001, 104.298)
_DIVISOR = 256
"""Both from face-api.js, src/ageGenderNet and src/xception: RGB, 0..255."""


def convert(manifest: Path, weights: Path) -> ModelProto:
    """The network with `input` [N, 3, 112, 112], `age` [N, 1] in years and `gender` [N, 2], male first."""
    network = _Xception(read_weights(json.loads(manifest.read_text(encoding="utf-8")), weights.read_bytes()))
    return network.model()


class _Xception:
    def __init__(self, weights: Weights) -> None:
        self._weights = weights
        self._graph = OnnxGraph()

    def model(self) -> ModelProto:
        graph = self._graph
        mean = graph.constant(np.array(_MEAN, np.float32).reshape(1, 3, 1, 1))
        x = graph.add("Div", graph.add("Sub", "input", mean), graph.constant(np.array(_DIVISOR, np.float32)))
        x = self._relu(self._convolution(x, "entry_flow/conv_in", stride=2))
        x = self._reduction(x, "entry_flow/reduction_block_0", activated=True)
        x = self._reduction(x, "entry_flow/reduction_block_1")
        for block in range(2):
            x = self._middle(x, f"middle_flow/main_block_{block}")
        x = self._reduction(x, "exit_flow/reduction_block")
        x = self._relu(self._separable(x, "exit_flow/separable_conv"))
        x = graph.add("Flatten", graph.add("AveragePool", x, kernel_shape=[7, 7], strides=[2, 2]), axis=1)
        gender = graph.add("Softmax", self._dense(x, "fc/gender"), axis=1)
        outputs: dict[str, tuple[str, Shape]] = {
            "age": (self._dense(x, "fc/age"), ["N", 1]),
            "gender": (gender, ["N", 2]),
        }
        return graph.model({"input": ["N", 3, 112, 112]}, outputs)

    def _relu(self, x: str) -> str:
        return self._graph.add("Relu", x)

    def _bias(self, name: str) -> str:
        return self._graph.constant(self._weights[f"{name}/bias"])

    def _convolution(self, x: str, name: str, *, stride: int) -> str:
        filters = self._graph.constant(self._weights[f"{name}/filters"].transpose(3, 2, 0, 1))
        return self._graph.add("Conv", x, filters, self._bias(name), strides=[stride, stride], auto_pad="SAME_UPPER")

    def _separable(self, x: str, name: str) -> str:
        depthwise = self._weights[f"{name}/depthwise_filter"].transpose(2, 3, 0, 1)
        pointwise = self._weights[f"{name}/pointwise_filter"].transpose(3, 2, 0, 1)
        filters = self._graph.constant(depthwise)
        x = self._graph.add("Conv", x, filters, group=depthwise.shape[0], auto_pad="SAME_UPPER")
        return self._graph.add("Conv", x, self._graph.constant(pointwise), self._bias(name))

    def _reduction(self, x: str, name: str, *, activated: bool = False) -> str:
        inner = self._separable(x if activated else self._relu(x), f"{name}/separable_conv0")
        inner = self._separable(self._relu(inner), f"{name}/separable_conv1")
        inner = self._graph.add("MaxPool", inner, kernel_shape=[3, 3], strides=[2, 2], auto_pad="SAME_UPPER")
        return self._graph.add("Add", inner, self._convolution(x, f"{name}/expansion_conv", stride=2))

    def _middle(self, x: str, name: str) -> str:
        inner = x
        for place in range(3):
            inner = self._separable(self._relu(inner), f"{name}/separable_conv{place}")
        return self._graph.add("Add", inner, x)

    def _dense(self, x: str, name: str) -> str:
        weights = self._graph.constant(self._weights[f"{name}/weights"])
        return self._graph.add("Gemm", x, weights, self._graph.constant(self._weights[f"{name}/bias"]))
