"""Keras models that were published as TensorFlow.js layers, as ONNX: one layer after another."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto

from pipeline.errors import OperatorError
from pipeline.inference.conversion.onnx_graph import OnnxGraph
from pipeline.inference.conversion.tfjs_weights import Weights, read_weights

Config = Mapping[str, Any]


def convert(description: Path, weights: Path) -> ModelProto:
    """The network with `input` [N, 3, H, W] (ONNX's order, not Keras') and `probs` [N, classes]."""
    document = json.loads(description.read_text(encoding="utf-8"))
    layers = document["modelTopology"]["model_config"]["config"]["layers"]
    network = _Network(read_weights(document["weightsManifest"], weights.read_bytes()))
    for layer in layers:
        network.add(layer)
    height, width = layers[0]["config"]["batch_input_shape"][1:3]
    return network.model(height, width)


class _Network:
    def __init__(self, weights: Weights) -> None:
        self._weights = weights
        self._graph = OnnxGraph()
        self._made: dict[str, str] = {}
        self._classes = 0
        self._last = "input"
        self._layers: Mapping[str, Callable[[list[str], Config], str]] = {
            "InputLayer": lambda inputs, config: "input",
            "Dropout": lambda inputs, config: inputs[0],
            "ZeroPadding2D": self._padding,
            "Conv2D": self._convolution,
            "DepthwiseConv2D": self._depthwise,
            "BatchNormalization": self._normalization,
            "ReLU": self._relu,
            "Add": lambda inputs, config: self._graph.add("Add", *inputs),
            "AveragePooling2D": self._pooling,
            "Flatten": self._flat,
            "Dense": self._dense,
        }

    def add(self, layer: Config) -> None:
        make = self._layers.get(layer["class_name"])
        if make is None:
            raise OperatorError(f"The layer {layer['class_name']} has no form in ONNX here.")
        inbound = layer["inbound_nodes"][0] if layer["inbound_nodes"] else []
        self._last = make([self._made[each[0]] for each in inbound], layer["config"])
        self._made[layer["config"]["name"]] = self._last

    def model(self, height: int, width: int) -> ModelProto:
        return self._graph.model({"input": ["N", 3, height, width]}, {"probs": (self._last, ["N", self._classes])})

    def _weight(self, config: Config, name: str) -> NDArray[np.float32]:
        return self._weights[f"{config['name']}/{name}"]

    def _constant(self, config: Config, name: str) -> str:
        return self._graph.constant(self._weight(config, name))

    def _padding(self, inputs: list[str], config: Config) -> str:
        (top, bottom), (left, right) = config["padding"]
        pads = self._graph.constant(np.array([0, 0, top, left, 0, 0, bottom, right], np.int64))
        return self._graph.add("Pad", inputs[0], pads)

    def _convolution(self, inputs: list[str], config: Config) -> str:
        return self._filtered(inputs[0], config, self._weight(config, "kernel").transpose(3, 2, 0, 1))

    def _depthwise(self, inputs: list[str], config: Config) -> str:
        filters = self._weight(config, "depthwise_kernel").transpose(2, 3, 0, 1)
        if filters.shape[1] != 1:
            raise OperatorError(f"The layer {config['name']} has a depth multiplier, which has no form in ONNX here.")
        return self._filtered(inputs[0], config, filters, group=filters.shape[0])

    def _filtered(self, x: str, config: Config, filters: NDArray[np.float32], **attributes: Any) -> str:
        if config["activation"] != "linear":
            raise OperatorError(f"The layer {config['name']} activates with {config['activation']}: not known here.")
        if config["padding"] != "valid":
            attributes["auto_pad"] = "SAME_UPPER"
        inputs = [x, self._graph.constant(filters)]
        inputs += [self._constant(config, "bias")] if config["use_bias"] else []
        return self._graph.add(
            "Conv", *inputs, strides=config["strides"], kernel_shape=config["kernel_size"], **attributes
        )

    def _normalization(self, inputs: list[str], config: Config) -> str:
        names = ("gamma", "beta", "moving_mean", "moving_variance")
        given = [self._constant(config, name) for name in names]
        return self._graph.add("BatchNormalization", inputs[0], *given, epsilon=config["epsilon"])

    def _relu(self, inputs: list[str], config: Config) -> str:
        limits = [self._graph.constant(np.array(limit, np.float32)) for limit in (0, config["max_value"])]
        return self._graph.add("Clip", inputs[0], *limits)

    def _pooling(self, inputs: list[str], config: Config) -> str:
        return self._graph.add("AveragePool", inputs[0], kernel_shape=config["pool_size"], strides=config["strides"])

    def _flat(self, inputs: list[str], config: Config) -> str:
        # Keras flattens with the channels last, and its dense weights lie in that order.
        return self._graph.add("Flatten", self._graph.add("Transpose", inputs[0], perm=[0, 2, 3, 1]), axis=1)

    def _dense(self, inputs: list[str], config: Config) -> str:
        self._classes = int(config["units"])
        made = self._graph.add("Gemm", inputs[0], self._constant(config, "kernel"), self._constant(config, "bias"))
        if config["activation"] == "softmax":
            return self._graph.add("Softmax", made, axis=1)
        return self._graph.add("Relu", made) if config["activation"] == "relu" else made
