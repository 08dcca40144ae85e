"""TensorFlow Lite models as ONNX with float weights, by tf2onnx of the optional extra `tflite`."""

import importlib.util
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import onnx
from onnx import GraphProto, ModelProto, NodeProto

from pipeline.errors import OperatorError

OPSET = 13
NEEDS = ("tf2onnx", "tensorflow")


def convert(original: Path, *, float_activations: bool, renamed: dict[str, str]) -> ModelProto:
    """The model in ONNX, weights dequantised. `renamed`: its one "input" and one "output" by the names they get.

    `float_activations`: activations are not rounded to 8 bits on the way either, as the interpreter would. Raises
    `OperatorError` where the extra is not installed or refuses the file.
    """
    missing = [name for name in NEEDS if importlib.util.find_spec(name) is None]
    if missing:
        raise OperatorError(
            f"Converting {original.name} needs {' and '.join(missing)}: install the extra with "
            "`pip install 'darkroom[tflite]'`, or pull the ONNX form with --from."
        )
    with TemporaryDirectory() as folder:
        target = Path(folder, "model.onnx")
        command = [sys.executable, "-m", "tf2onnx.convert", "--tflite", str(original), "--output", str(target)]
        done = subprocess.run(
            [*command, "--opset", str(OPSET), "--dequantize"], capture_output=True, text=True, check=False
        )
        if done.returncode != 0 or not target.is_file():
            last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
            raise OperatorError(f"tf2onnx could not convert {original} ({last}): pull the ONNX form with --from.")
        model = onnx.load(str(target))
    finish(model, float_activations=float_activations, renamed=renamed)
    return model


def finish(model: ModelProto, *, float_activations: bool, renamed: dict[str, str]) -> None:
    """The model as tf2onnx made it has its activations and names as `convert` promises, and any batch size."""
    if float_activations:
        _keep_activations_float(model.graph)
    for old, new in _names(model.graph, renamed).items():
        _rename(model.graph, old, new)
    if float_activations:
        for value in (model.graph.input[0], model.graph.output[0]):
            value.type.tensor_type.shape.dim[0].dim_param = "N"
    onnx.checker.check_model(model)


def _keep_activations_float(graph: GraphProto) -> None:
    """Without each pair of DynamicQuantizeLinear and DequantizeLinear: what it took, it hands on."""
    maker: dict[str, NodeProto] = {name: node for node in graph.node for name in node.output}
    instead: dict[str, str] = {}
    dropped: list[NodeProto] = []
    for node in graph.node:
        quantized = maker.get(node.input[0]) if node.op_type == "DequantizeLinear" else None
        if quantized is not None and quantized.op_type == "DynamicQuantizeLinear":
            instead[node.output[0]] = quantized.input[0]
            dropped += [node] if quantized in dropped else [node, quantized]
    for node in dropped:
        graph.node.remove(node)
    for node in graph.node:
        for place, name in enumerate(node.input):
            while name in instead:
                name = instead[name]  # noqa: PLW2901 - a pair may stand behind a pair
            node.input[place] = name


def _names(graph: GraphProto, renamed: dict[str, str]) -> dict[str, str]:
    now = {"input": graph.input[0].name, "output": graph.output[0].name}
    return {now[role]: name for role, name in renamed.items() if now[role] != name}


def _rename(graph: GraphProto, old: str, new: str) -> None:
    for value in (*graph.input, *graph.output):
        value.name = new if value.name == old else value.name
    for node in graph.node:
        for names in (node.input, node.output):
            for place, name in enumerate(names):
                names[place] = new if name == old else name
