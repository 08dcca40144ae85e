"""Writing an ONNX graph node by node."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

OPSET = 13
IR_VERSION = 8
"""Old enough for every ONNX Runtime of the last years, new enough for all that is written here."""

Shape = Sequence[int | str]


class OnnxGraph:
    """Nodes and constants in the order in which they were added; a tensor is known by the name that `add` gives it."""

    def __init__(self) -> None:
        self._nodes: list[NodeProto] = []
        self._constants: list[TensorProto] = []

    def constant(self, values: NDArray[Any]) -> str:
        """The name of a tensor that holds these values."""
        name = f"constant_{len(self._constants)}"
        self._constants.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def add(self, operator: str, *inputs: str, **attributes: Any) -> str:
        """The name of the operator's one output."""
        name = f"{operator}_{len(self._nodes)}"
        self._nodes.append(helper.make_node(operator, inputs, [name], name=name, **attributes))
        return name

    def model(self, inputs: Mapping[str, Shape], outputs: Mapping[str, tuple[str, Shape]]) -> ModelProto:
        """The checked model. `inputs`: name -> shape; `outputs`: name -> the tensor that it is, and its shape."""
        named = [helper.make_node("Identity", [tensor], [name]) for name, (tensor, _) in outputs.items()]
        graph = helper.make_graph(
            [*self._nodes, *named],
            "darkroom",
            [_value(name, shape) for name, shape in inputs.items()],
            [_value(name, shape) for name, (_, shape) in outputs.items()],
            self._constants,
        )
        model = helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION, producer_name="darkroom"
        )
        onnx.checker.check_model(model)
        return model


def _value(name: str, shape: Shape) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, list(shape))
