"""The digest of what a graph computes: blind for names and order, and for nothing else."""

from typing import Any

import numpy as np
import pytest
from onnx import ModelProto, TensorProto, helper, numpy_helper

from pipeline.inference.conversion.onnx_graph import OnnxGraph
from pipeline.inference.conversion.tflite import finish
from pipeline.inference.graphs import digest_of

WEIGHTS = np.arange(6, dtype=np.float32).reshape(2, 3)


def a_model(*, weights: np.ndarray = WEIGHTS, slope: float = 0.1, output: str = "y", prefix: str = "") -> ModelProto:
    nodes = [
        helper.make_node("MatMul", [f"{prefix}x", f"{prefix}w"], [f"{prefix}m"], name=f"{prefix}node"),
        helper.make_node("LeakyRelu", [f"{prefix}m"], [output], alpha=slope),
    ]
    graph = helper.make_graph(
        nodes,
        prefix or "graph",
        [helper.make_tensor_value_info(f"{prefix}x", TensorProto.FLOAT, [1, 2])],
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, [1, 3])],
        [numpy_helper.from_array(weights, f"{prefix}w")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])


def test_inner_names_doc_strings_and_dead_nodes_do_not_count() -> None:
    other = a_model()
    other.doc_string = "saved elsewhere"
    other.graph.node[0].name = "renamed"
    other.graph.node[0].output[0] = other.graph.node[1].input[0] = "inner"
    other.graph.node.append(helper.make_node("Abs", ["x"], ["unused"]))
    assert digest_of(other) == digest_of(a_model())


def test_the_order_of_nodes_does_not_count() -> None:
    other = a_model()
    nodes = list(other.graph.node)
    del other.graph.node[:]
    other.graph.node.extend(reversed(nodes))
    assert digest_of(other) == digest_of(a_model())


def test_a_constant_node_is_the_same_as_a_stored_constant() -> None:
    other = a_model()
    stored = other.graph.initializer.pop()
    other.graph.node.append(helper.make_node("Constant", [], ["w"], value=stored))
    assert digest_of(other) == digest_of(a_model())


@pytest.mark.parametrize(
    "changes",
    [
        {"weights": WEIGHTS + np.eye(2, 3, dtype=np.float32) * 1e-6},
        {"weights": WEIGHTS.astype(np.float16)},
        {"slope": 0.2},
        {"output": "z"},
        {"prefix": "other_"},
    ],
    ids=["a weight", "the weights' type", "an attribute", "the output's name", "the input's name"],
)
def test_what_changes_the_computation_or_its_face_changes_the_digest(changes: dict[str, Any]) -> None:
    assert digest_of(a_model(**changes)) != digest_of(a_model())


def test_another_opset_is_another_computation() -> None:
    other = a_model()
    other.opset_import[0].version = 15
    assert digest_of(other) != digest_of(a_model())


def test_activations_are_kept_float_and_the_ends_get_their_names() -> None:
    nodes = [
        helper.make_node("DynamicQuantizeLinear", ["x"], ["q", "scale", "zero"]),
        helper.make_node("DequantizeLinear", ["q", "scale", "zero"], ["f"]),
        helper.make_node("Relu", ["f"], ["y"]),
    ]
    ends = [[helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 4])] for name in "xy"]
    model = helper.make_model(helper.make_graph(nodes, "g", *ends), opset_imports=[helper.make_opsetid("", 13)])
    finish(model, float_activations=True, renamed={"input": "input", "output": "probs"})
    plain = OnnxGraph()
    wanted = plain.model({"input": ["N", 4]}, {"probs": (plain.add("Relu", "input"), ["N", 4])})
    assert digest_of(model) == digest_of(wanted)
    assert model.graph.input[0].type.tensor_type.shape.dim[0].dim_param == "N"
