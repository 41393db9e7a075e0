"""Zeros around maps before a max-pooling, kept where ONNX Runtime would drop them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from carina.inference.foreign.graph import Graph, attribute

if TYPE_CHECKING:
    import onnx

_VALUE_IS_INPUT_FROM = 11
_ALMOST_ZERO = "almost_zero"
_SAME_VALUES = frozenset({"Cast", "Identity", "Transpose"})


def with_kept_zeros(graph: Graph) -> Graph:
    """Return a network whose max-poolings see the zeros that were put around their maps.

    ONNX Runtime (1.31 does) takes a `Pad` with zeros before a `MaxPool` for the pooling's own
    padding, which is minus infinity: where all values under the kernel are negative it gives the
    largest of them and not zero. Keras's ResNet50V2, which pools before its first ReLU, then
    answers otherwise by up to 0.45. Any other value is left alone, so that the smallest normal
    float32 (1.2e-38) takes zero's place, for whoever runs the network.

    Args:
        graph: its numbers are float32.
    """
    nodes = []
    for node in graph.nodes:
        nodes.append(_kept(node, graph.opset) if _is_dropped(node, graph) else node)
    if all(node is own for node, own in zip(nodes, graph.nodes, strict=True)):
        return graph
    import onnx

    value = np.array(np.finfo(np.float32).tiny)
    tensor = onnx.numpy_helper.from_array(value, _ALMOST_ZERO)
    return replace(graph, nodes=tuple(nodes), weights={**graph.weights, _ALMOST_ZERO: tensor})


def _is_dropped(node: onnx.NodeProto, graph: Graph) -> bool:
    if node.op_type != "Pad" or attribute(node, "mode", b"constant") != b"constant":
        return False
    if not _is_pooled(node.output[0], graph):
        return False
    if graph.opset < _VALUE_IS_INPUT_FROM:
        return float(attribute(node, "value", 0.0)) == 0
    name = node.input[2] if len(node.input) > 2 else ""
    value = graph.constant(name) if name else np.zeros(())
    return value is not None and not np.any(value)


def _is_pooled(name: str, graph: Graph) -> bool:
    """Return whether a max-pooling reads a value, as it is or with its axes in another order."""
    return any(
        reader.op_type == "MaxPool"
        or (reader.op_type in _SAME_VALUES and _is_pooled(reader.output[0], graph))
        for reader in graph.readers.get(name, ())
    )


def _kept(node: onnx.NodeProto, opset: int) -> onnx.NodeProto:
    import onnx

    kept = onnx.NodeProto()
    kept.CopyFrom(node)
    if opset < _VALUE_IS_INPUT_FROM:
        others = [one for one in node.attribute if one.name != "value"]
        del kept.attribute[:]
        tiny = float(np.finfo(np.float32).tiny)
        kept.attribute.extend([*others, onnx.helper.make_attribute("value", tiny)])
    else:
        inputs = [*node.input[:2], _ALMOST_ZERO, *node.input[3:]]
        del kept.input[:]
        kept.input.extend(inputs)
    return kept
