"""What an ONNX file computes, as one digest: independent of names, of the order of nodes and of how it was saved."""

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import onnx
from onnx import AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto, helper, numpy_helper

from pipeline.errors import OperatorError


def graph_digest(path: Path) -> str:
    """The digest of the file's graph; raises `OperatorError` where it is no ONNX file that can be read."""
    try:
        return digest_of(onnx.load(str(path)))
    except Exception as error:  # protobuf, onnx and numpy each have their own for "these bytes are none"
        raise OperatorError(f"{path} cannot be read as an ONNX model ({error}): replace it.") from error


def digest_of(model: ModelProto) -> str:
    """sha256, as hex, over the computation that leads to each named output.

    A tensor is known by what it is computed from: an input by its name, a constant by its content, any other by its
    node's operator and attributes and the digests of the node's inputs. So what no output needs does not count,
    `Identity` is nothing, and two files with one digest compute the same.
    """
    graph = model.graph
    versions = {each.domain: each.version for each in model.opset_import}
    known = {"": _hashed(["absent"])}
    known |= {value.name: _hashed(["input", value.name, _type(value)]) for value in graph.input}
    known |= {tensor.name: _constant(tensor) for tensor in graph.initializer}
    for node in _ordered(graph, set(known)):
        _learn(node, versions.get(node.domain, 0), known)
    return _hashed(f"{value.name}={known[value.name]}" for value in sorted(graph.output, key=lambda each: each.name))


def _learn(node: NodeProto, version: int, known: dict[str, str]) -> None:
    if node.op_type == "Identity":
        known[node.output[0]] = known[node.input[0]]
    elif node.op_type == "Constant":
        known[node.output[0]] = _constant_node(node)
    else:
        parts = [node.domain, str(version), node.op_type, *sorted(_attribute(each) for each in node.attribute)]
        made_of = _hashed([*parts, *(known[name] for name in node.input)])
        known |= {name: _hashed([made_of, str(place)]) for place, name in enumerate(node.output) if name}


def _ordered(graph: GraphProto, known: set[str]) -> Iterable[NodeProto]:
    """The nodes, each after those that it needs: ONNX demands that order, and not every writer keeps it."""
    waiting = list(graph.node)
    while waiting:
        ready = [node for node in waiting if all(name in known for name in node.input)]
        if not ready:
            raise ValueError("its graph has a circle, or needs a tensor that nothing makes")
        for node in ready:
            known |= set(node.output)
            yield node
        taken = {id(node) for node in ready}
        waiting = [node for node in waiting if id(node) not in taken]


def _constant(tensor: TensorProto) -> str:
    values = numpy_helper.to_array(tensor)
    content = hashlib.sha256(values.tobytes()).hexdigest()
    return _hashed(["constant", str(values.dtype), str(values.shape), content])


def _constant_node(node: NodeProto) -> str:
    (attribute,) = node.attribute
    value = helper.get_attribute_value(attribute)
    return _constant(value) if isinstance(value, TensorProto) else _hashed(["constant", _attribute(attribute)])


def _attribute(attribute: AttributeProto) -> str:
    value: Any = helper.get_attribute_value(attribute)
    if isinstance(value, TensorProto):
        return f"{attribute.name}={_constant(value)}"
    if isinstance(value, GraphProto):
        return f"{attribute.name}={hashlib.sha256(value.SerializeToString(deterministic=True)).hexdigest()}"
    return f"{attribute.name}={list(value) if attribute.ints or attribute.floats else value!r}"


def _type(value: Any) -> str:
    return str(value.type.tensor_type.elem_type)


def _hashed(parts: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
