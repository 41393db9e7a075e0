"""A network as nodes and weights, to be looked at and cut."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

if TYPE_CHECKING:
    import onnx

Size = int | str
"""A size of a value's shape: a number, or the name of one that is free ("n")."""

# ONNX IR 8 (2021): weights need not be inputs.
_FILE_FORMAT = 8


@dataclass(frozen=True, slots=True)
class Port:
    """An input or output of a graph.

    Attributes:
        name: the value.
        kind: its ONNX data type (`onnx.TensorProto.FLOAT`, ...).
        shape: its sizes; "" where the file does not say one; None if it says nothing.
    """

    name: str
    kind: int
    shape: tuple[Size, ...] | None


@dataclass(frozen=True, eq=False)
class Graph:
    """A network as nodes and weights; nodes hold no graphs of their own.

    Attributes:
        nodes: each after those whose values it reads.
        weights: name -> constant value.
        inputs: what it takes.
        outputs: what it gives.
        opset: version of ONNX's operators.
        was_half: whether some of its numbers had 16 bits in the file.
    """

    nodes: tuple[onnx.NodeProto, ...]
    weights: Mapping[str, onnx.TensorProto]
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    opset: int
    was_half: bool = False
    _arrays: dict[str, NDArray[Any]] = field(default_factory=dict, init=False, repr=False)

    @cached_property
    def producers(self) -> Mapping[str, onnx.NodeProto]:
        """Value -> the node that makes it."""
        return {name: node for node in self.nodes for name in node.output if name}

    @cached_property
    def readers(self) -> Mapping[str, Sequence[onnx.NodeProto]]:
        """Value -> the nodes that read it."""
        found: dict[str, list[onnx.NodeProto]] = {}
        for node in self.nodes:
            for name in dict.fromkeys(node.input):
                found.setdefault(name, []).append(node)
        return found

    @cached_property
    def names(self) -> frozenset[str]:
        """Every name in use."""
        written = (name for node in self.nodes for name in (*node.input, *node.output))
        ports = (port.name for port in (*self.inputs, *self.outputs))
        return frozenset((*written, *ports, *self.weights))

    def constant(self, name: str) -> NDArray[Any] | None:
        """Return a weight's array, or None if `name` is no weight."""
        import onnx

        if name not in self.weights:
            return None
        if name not in self._arrays:
            self._arrays[name] = onnx.numpy_helper.to_array(self.weights[name])
        return self._arrays[name]

    def with_nodes(self, nodes: Iterable[onnx.NodeProto], **changed: Any) -> Graph:
        """Return the graph with other nodes, and with other weights, inputs or outputs."""
        return replace(self, nodes=tuple(nodes), **changed)

    def between(self, sources: Iterable[str], targets: Iterable[str]) -> tuple[onnx.NodeProto, ...]:
        """Return the nodes that make `targets` of `sources` and of weights, in order.

        Args:
            sources: values that are given; what makes them is left out.
            targets: values.
        """
        given, wanted = set(sources), set(targets)
        found: list[onnx.NodeProto] = []
        for node in reversed(self.nodes):
            if any(name in wanted and name not in given for name in node.output):
                found.append(node)
                wanted.update(name for name in node.input if name)
        return tuple(reversed(found))

    def depending_on(self, name: str) -> frozenset[str]:
        """Return the values that are made of `name`, itself among them."""
        found = {name}
        for node in self.nodes:
            if not found.isdisjoint(node.input):
                found.update(output for output in node.output if output)
        return frozenset(found)


def attribute(node: onnx.NodeProto, name: str, default: Any = None) -> Any:
    """Return an attribute's value, or `default` where the node has none."""
    import onnx

    for one in node.attribute:
        if one.name == name:
            return onnx.helper.get_attribute_value(one)
    return default


def model_bytes(graph: Graph, *, nodes: Sequence[onnx.NodeProto] | None = None) -> bytes:
    """Return a graph as the bytes of an ONNX file: the same graph gives the same bytes.

    Args:
        graph: only the weights that its nodes read are written.
        nodes: these instead of its own.
    """
    import onnx

    kept = graph.nodes if nodes is None else tuple(nodes)
    read = {name for node in kept for name in _read_by(node)}
    read.update(port.name for port in graph.outputs)
    made = onnx.helper.make_graph(
        kept,
        "network",
        [_value_info(port) for port in graph.inputs],
        [_value_info(port) for port in graph.outputs],
        [tensor for name, tensor in graph.weights.items() if name in read],
    )
    opsets = [onnx.helper.make_opsetid("", graph.opset)]
    model = onnx.helper.make_model(made, opset_imports=opsets, producer_name="carina")
    # No newer than the operators need: runtimes refuse formats that they do not know.
    oldest = onnx.helper.find_min_ir_version_for(opsets, ignore_unknown=True)
    model.ir_version = max(_FILE_FORMAT, oldest)
    data: bytes = model.SerializeToString(deterministic=True)
    return data


def _read_by(node: onnx.NodeProto) -> Iterable[str]:
    yield from node.input
    for one in node.attribute:
        for inner in one.g.node:
            yield from _read_by(inner)


def _value_info(port: Port) -> onnx.ValueInfoProto:
    import onnx

    if not port.kind:
        return onnx.ValueInfoProto(name=port.name)
    shape = None if port.shape is None else [size or None for size in port.shape]
    return onnx.helper.make_tensor_value_info(port.name, port.kind, shape)


def renamed(graph: Graph, known: Mapping[str, str]) -> Graph:
    """Return the graph with names that tell nothing of its author: "v0", ... and "w0", ...

    Args:
        graph: left as it was.
        known: old name -> new one, of values that keep a name of their own.
    """
    import onnx

    names = {"": "", **known}
    for name in graph.weights:
        names.setdefault(name, f"w{len(names)}")
    for port in graph.inputs:
        names.setdefault(port.name, f"v{len(names)}")
    nodes = []
    for node in graph.nodes:
        other = onnx.NodeProto()
        other.CopyFrom(node)
        for name in node.output:
            names.setdefault(name, f"v{len(names)}")
        for place, name in enumerate(node.input):
            other.input[place] = names[name]
        for place, name in enumerate(node.output):
            other.output[place] = names[name]
        nodes.append(other)
    weights: dict[str, onnx.TensorProto] = {}
    for name, tensor in graph.weights.items():
        copy = onnx.TensorProto()
        copy.CopyFrom(tensor)
        copy.name = names[name]
        weights[copy.name] = copy
    return Graph(
        nodes=tuple(nodes),
        weights=weights,
        inputs=tuple(replace(port, name=names[port.name]) for port in graph.inputs),
        outputs=tuple(replace(port, name=names[port.name]) for port in graph.outputs),
        opset=graph.opset,
    )
