"""Model files for tests: originals as they were published, and tiny ONNX models of our own making."""

import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from pipeline.inference import ModelEntry


def originals_of(entry: ModelEntry, source: Path, target: Path) -> None:
    """The published files of the entry lie in `target` as in a models folder."""
    assert entry.source is not None
    for original in entry.source.files:
        path = target / original.name
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source / original.name, path)


def save_color_classifier(path: Path) -> None:
    """Three logits: how red, green and blue the middle of the picture is. Input `pixels` [1, 3, 8, 8], 0..1."""
    nodes = [
        helper.make_node("GlobalAveragePool", ["pixels"], ["mean"]),
        helper.make_node("Flatten", ["mean"], ["flat"]),
        helper.make_node("Mul", ["flat", "ten"], ["logits"]),
    ]
    _save(path, nodes, [1, 3, 8, 8], "logits", [1, 3], [numpy_helper.from_array(np.float32(10), "ten")])


def save_corner_detector(path: Path) -> None:
    """Two boxes whatever it sees: the left upper quarter at 0.9, a bit less of it at 0.8. Input [1, 3, 64, 64]."""
    rows = np.array([[[0, 0, 32, 32, 0.9, 1], [2, 2, 32, 32, 0.8, 1], [40, 40, 60, 60, 0.1, 0]]], np.float32)
    nodes = [
        helper.make_node("ReduceMean", ["pixels"], ["mean"], axes=[0, 1, 2, 3], keepdims=0),
        helper.make_node("Mul", ["mean", "nothing"], ["zero"]),
        helper.make_node("Add", ["rows", "zero"], ["boxes"]),
    ]
    constants = [numpy_helper.from_array(rows, "rows"), numpy_helper.from_array(np.float32(0), "nothing")]
    _save(path, nodes, [1, 3, 64, 64], "boxes", [1, 3, 6], constants)


def _save(
    path: Path,
    nodes: Sequence[onnx.NodeProto],
    shape: Sequence[int],
    output: str,
    output_shape: Sequence[int],
    constants: Sequence[TensorProto],
) -> None:
    graph = helper.make_graph(
        list(nodes),
        "tiny",
        [helper.make_tensor_value_info("pixels", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, output_shape)],
        list(constants),
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.checker.check_model(model)
    path.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(model, str(path))
