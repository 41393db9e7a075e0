"""Where a network's last spatial maps are, what it makes of them, and its features."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from carina.inference.foreign.graph import Graph, attribute

if TYPE_CHECKING:
    import onnx

Shapes = Mapping[str, tuple[int, ...]]
Axes = tuple[int, ...]
"""Where n, channels, height and width stand among a value's axes: (0, 1, 2, 3) is NCHW."""

NCHW: Axes = (0, 1, 2, 3)
NHWC: Axes = (0, 3, 1, 2)
_SPATIAL = frozenset(
    {"Conv", "ConvTranspose", "MaxPool", "AveragePool", "GlobalAveragePool", "GlobalMaxPool",
     "LpPool", "BatchNormalization", "InstanceNormalization", "GroupNormalization", "LRN",
     "QLinearConv"}
)  # fmt: skip
# Of one value each; together with these of several values they keep every place where it is.
_PLACE_BY_PLACE = frozenset(
    {"Relu", "LeakyRelu", "PRelu", "Elu", "Selu", "Celu", "Gelu", "Mish", "Softplus", "Softsign",
     "ThresholdedRelu", "HardSwish", "HardSigmoid", "Sigmoid", "Tanh", "Clip", "Erf", "Identity",
     "Cast", "Dropout", "Neg", "Abs", "Exp", "Log", "Sqrt", "Pow", "Min", "Max", "Mul", "Add",
     "Sub", "Div", "Sum", "Concat", "Pad", "Swish", "QuantizeLinear", "DequantizeLinear", "Round",
     "Floor"}
)  # fmt: skip
_POOLING = frozenset({"MaxPool", "AveragePool", "LpPool"})
_WALKED_BACK = _POOLING | {"Transpose", "Identity", "Cast", "Dropout"}
_LINEAR_INPUT = {"Gemm": 0, "MatMul": 0}
_BEHIND_THE_LAST_LAYER = frozenset(
    {"Identity", "Cast", "Flatten", "Add", "Reshape", "Squeeze", "Mul"}
)
# What a head of a convolutional network does not do: attention, recurrence, search.
_NOT_IN_A_HEAD = frozenset(
    {"Softmax", "Attention", "LSTM", "GRU", "RNN", "Einsum", "TopK", "NonMaxSuppression", "Scan",
     "LayerNormalization", "Resize", "Upsample", "ConvTranspose"}
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class SpatialMaps:
    """A network's last spatial maps.

    Attributes:
        name: the value.
        axes: where its n, channels, height and width stand.
    """

    name: str
    axes: Axes


def find_maps(graph: Graph, shapes: Shapes, *, logits: str) -> SpatialMaps | None:
    """Return the last spatial maps that the whole answer passes through, or None.

    Every way from the image to the logits goes through them, they have more than one row and
    column, and behind them stands a head that only pools, flattens and weighs: no convolution
    over neighbours and no attention. Behind a last pooling the maps before it are taken, which
    show more.

    Args:
        graph: with one input.
        shapes: of every value for one image.
        logits: the answer.
    """
    axes = _axes_of_values(graph, shapes)
    passed = [name for name in _passed_through(graph, logits) if _is_map(name, axes, shapes)]
    if not passed:
        return None
    name = passed[-1]
    while (node := graph.producers.get(name)) is not None and node.op_type in _WALKED_BACK:
        if node.input[0] not in passed:
            break
        name = node.input[0]
    if not _is_head(graph.between([name], [logits]), graph, shapes, above=name):
        return None
    return SpatialMaps(name, axes[name])


def find_features(graph: Graph, shapes: Shapes, *, answer: str) -> str:
    """Return the value that the last layer weighs, `[n, features]`; "" if there is no such.

    Args:
        graph: the network.
        shapes: of every value for one image.
        answer: what it gives, before the last softmax or sigmoid.
    """
    name = answer
    while (node := graph.producers.get(name)) is not None:
        if node.op_type in _LINEAR_INPUT:
            found: str = node.input[_LINEAR_INPUT[node.op_type]]
            is_plain = len(shapes[found]) == 2 and not attribute(node, "transA", 0)
            return found if is_plain and found in graph.producers else ""
        inputs = [one for one in node.input if one and one not in graph.weights]
        if len(inputs) != 1 or node.op_type not in _BEHIND_THE_LAST_LAYER:
            return ""
        name = inputs[0]
    return ""


def _axes_of_values(graph: Graph, shapes: Shapes) -> dict[str, Axes]:
    """Return the axes of the values for which the layers tell them."""
    axes: dict[str, Axes] = {}
    for node in graph.nodes:
        output = node.output[0]
        if len(shapes.get(output, ())) != 4:
            continue
        if node.op_type in _SPATIAL:
            axes[output] = NCHW
        elif node.op_type == "Transpose" and node.input[0] in axes:
            order = attribute(node, "perm", [3, 2, 1, 0])
            old = axes[node.input[0]]
            axes[output] = tuple(list(order).index(axis) for axis in old)
        elif node.op_type in _PLACE_BY_PLACE:
            known = [axes[name] for name in node.input if name in axes]
            if known:
                axes[output] = known[0]
    return axes


def _passed_through(graph: Graph, logits: str) -> list[str]:
    """Return the values that every way from the input to the logits passes, in their order."""
    source = graph.inputs[0].name
    alive = graph.depending_on(source)
    nodes = graph.between([source], [logits])
    last_read: dict[str, int] = {}
    for place, node in enumerate(nodes):
        last_read.update(dict.fromkeys((name for name in node.input if name in alive), place))
    last_read[logits] = len(nodes)
    open_values = {source}
    passed: list[str] = []
    for place, node in enumerate(nodes):
        made = {name for name in node.output if name in last_read}
        open_values = {name for name in open_values if last_read.get(name, -1) > place} | made
        if len(open_values) == 1:
            passed.extend(made)
    return passed


def _is_map(name: str, axes: Mapping[str, Axes], shapes: Shapes) -> bool:
    if name not in axes:
        return False
    return all(shapes[name][axes[name][place]] > 1 for place in (1, 2, 3))


def _is_head(nodes: Sequence[onnx.NodeProto], graph: Graph, shapes: Shapes, *, above: str) -> bool:
    """Return whether nodes behind some maps only pool, flatten and weigh."""
    moving = graph.depending_on(above)
    for node in nodes:
        if node.op_type in _NOT_IN_A_HEAD:
            return False
        if node.op_type == "Conv" and max(shapes[node.input[0]][2:]) > 1:
            kernel = graph.constant(node.input[1])
            if kernel is None or max(kernel.shape[2:]) > 1:
                return False
        if node.op_type == "MatMul" and all(name in moving for name in node.input):
            return False
    return bool(nodes)
