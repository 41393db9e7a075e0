"""A network for any number of films at once, whatever number it was exported for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from carina.errors import ClassifierError
from carina.inference.foreign.graph import Graph, renamed
from carina.inference.foreign.running import run_graph, traced_shapes

if TYPE_CHECKING:
    import onnx

FREE = "n"
OLDEST_SCAN_OPSET = 9
"""The first version of ONNX's operators whose Scan runs over films without a batch of its own."""
# Films alone and together are the same sums in another order: what float32 makes of that, on
# logits, is far below this, while a film that got another film's answer is far above.
_SAME = 1e-3


def for_any_batch(graph: Graph, images: NDArray[np.float32], *, batch: int) -> tuple[Graph, bool]:
    """Return the network with a free number of films, and whether it takes them one by one.

    Sizes that the export wrote down are made free where a reshaping holds them; that it worked
    is tried by running it on films alone and together.

    Args:
        graph: with one input; its outputs have the films as their first axis.
        images: what its input takes, three or more different ones.
        batch: how many it was exported for; 0 if for any number.

    Returns:
        The network, and False; or, where its films cannot be freed, the network for one film
        (`one_by_one` runs it on several), and True.

    Raises:
        ClassifierError: if it takes several films at once and no other number, or films
            change each other's answers.
    """
    expected = _alone(graph, images, batch=batch)
    free = _freed(graph, images[: batch or 1], batch=batch)
    try:
        together = run_graph(free, [graph.outputs[0].name], images)[0][0]
    except ClassifierError:
        together = np.empty(0)
    if together.shape == expected.shape and np.allclose(together, expected, rtol=_SAME, atol=_SAME):
        return free, False
    if batch > 1 or graph.opset < OLDEST_SCAN_OPSET:
        raise ClassifierError(
            f"the network takes {batch or 'several'} films at once, and answers otherwise or not "
            "at all for another number; export it with a free first axis (PyTorch: "
            "dynamic_shapes; tf2onnx and Keras: an input of None), or for one film"
        )
    return _of_batch(graph, 1), True


def one_by_one(graph: Graph, shapes: Mapping[str, tuple[int, ...]]) -> Graph:
    """Return a network that runs another one, made for one film, on each of several.

    Args:
        graph: its nodes are those for one film; its inputs and outputs have a free first axis,
            and all a kind.
        shapes: of the inputs and outputs for one film, the first size 1.
    """
    import onnx

    make = onnx.helper.make_node
    # Names within must not be those without.
    ports = (*graph.inputs, *graph.outputs)
    inner = renamed(graph, {port.name: f"film_{port.name}" for port in ports})
    weights: dict[str, onnx.TensorProto] = {}
    before, after, body_inputs, body_outputs = [], [], [], []

    def reshaped(source: str, target: str, shape: tuple[int, ...]) -> onnx.NodeProto:
        name = f"shape_of_{target}"
        sizes = np.array(shape, dtype=np.int64)
        weights[name] = onnx.numpy_helper.from_array(sizes, name)
        return make("Reshape", [source, name], [target])

    for port in graph.inputs:
        before.append(reshaped(f"one_{port.name}", f"film_{port.name}", shapes[port.name]))
        body_inputs.append(_info(f"one_{port.name}", port.kind, shapes[port.name][1:]))
    for port in graph.outputs:
        after.append(reshaped(f"film_{port.name}", f"one_{port.name}", shapes[port.name][1:]))
        body_outputs.append(_info(f"one_{port.name}", port.kind, shapes[port.name][1:]))
    read = {name for node in inner.nodes for name in node.input}
    weights.update({name: value for name, value in inner.weights.items() if name in read})
    body = onnx.helper.make_graph(
        [*before, *inner.nodes, *after], "film", body_inputs, body_outputs, list(weights.values())
    )
    scan = make(
        "Scan",
        [port.name for port in graph.inputs],
        [port.name for port in graph.outputs],
        body=body,
        num_scan_inputs=len(graph.inputs),
    )
    return replace(graph, nodes=(scan,), weights={})


def _info(name: str, kind: int, shape: tuple[int, ...]) -> onnx.ValueInfoProto:
    import onnx

    return onnx.helper.make_tensor_value_info(name, kind, list(shape))


def _alone(graph: Graph, images: NDArray[np.float32], *, batch: int) -> NDArray[Any]:
    """Return what each image gets alone, or, of a fixed batch, among copies of itself."""
    name = graph.outputs[0].name
    own = _of_batch(graph, batch) if batch else graph
    copies = batch or 1
    found = run_graph(own, [name], *(np.repeat(image[None], copies, axis=0) for image in images))
    return np.concatenate([values[0][:1] for values in found])


def _of_batch(graph: Graph, batch: int | str) -> Graph:
    ports = tuple(replace(port, shape=(batch, *(port.shape or ())[1:])) for port in graph.inputs)
    return replace(graph, inputs=ports)


def _freed(graph: Graph, images: NDArray[np.float32], *, batch: int) -> Graph:
    """Return the network with a free first axis, also in what its reshapings have as constants."""
    free = _of_batch(graph, FREE)
    shapes = traced_shapes(_of_batch(graph, batch) if batch else graph, images)
    size = len(images)
    weights = dict(graph.weights)
    nodes: list[onnx.NodeProto] = []
    for node in graph.nodes:
        nodes.append(node)
        target = graph.constant(node.input[1]) if node.op_type == "Reshape" else None
        if target is None or target.ndim != 1 or not target.size or target[0] != size:
            continue
        source = shapes[node.input[0]]
        nodes[-1] = _with_free_rows(node, target, weights, keeps_rows=source[:1] == (size,))
    return replace(free, nodes=tuple(nodes), weights=weights)


def _with_free_rows(
    node: onnx.NodeProto,
    target: NDArray[Any],
    weights: dict[str, onnx.TensorProto],
    *,
    keeps_rows: bool,
) -> onnx.NodeProto:
    """Return a reshaping whose first size follows from its input."""
    import onnx

    sizes = np.array(target, dtype=np.int64)
    if keeps_rows:
        sizes[0] = 0  # as many as the input has
    elif (sizes[1:] != -1).all():
        sizes[0] = -1  # what is left
    else:
        return node
    name = f"free_{node.output[0]}"
    weights[name] = onnx.numpy_helper.from_array(sizes, name)
    other = onnx.NodeProto()
    other.CopyFrom(node)
    other.input[1] = name
    if keeps_rows:
        kept = [one for one in other.attribute if one.name != "allowzero"]
        del other.attribute[:]
        other.attribute.extend(kept)
    return other


def with_constant_shapes(graph: Graph, images: NDArray[np.float32]) -> Graph:
    """Return the network with the sizes of its reshapings written down where it computes them.

    Exporters compute sizes from those of the image, all through the network; written down, they
    no longer hide which maps the whole answer passes through.

    Args:
        graph: with one input and a free number of films.
        images: what its input takes, three or more.
    """
    import onnx

    asked = [node.input[1] for node in graph.nodes if node.op_type == "Reshape"]
    asked = [name for name in dict.fromkeys(asked) if name not in graph.weights]
    if not asked:
        return graph
    for_one, for_three = run_graph(graph, asked, images[:1], images[:3])
    names: dict[str, str] = {}
    weights = dict(graph.weights)
    for name, one, three in zip(asked, for_one, for_three, strict=True):
        differ = np.flatnonzero(one != three)
        sizes = np.array(one, dtype=np.int64)
        if differ.size > 1 or (differ.size == 1 and (sizes == -1).any() and differ[0] != 0):
            continue
        # Where another size is what is left, the first is as many as the input has.
        sizes[differ] = 0 if (sizes == -1).any() else -1
        names[name] = f"constant_{name}"
        weights[names[name]] = onnx.numpy_helper.from_array(sizes, names[name])
    nodes = [_reading(node, names) if node.op_type == "Reshape" else node for node in graph.nodes]
    plain = replace(graph, nodes=tuple(nodes), weights=weights)
    plain = plain.with_nodes(plain.between([], [port.name for port in plain.outputs]))
    return plain if _answer_alike(graph, plain, images) else graph


def _answer_alike(first: Graph, second: Graph, images: NDArray[np.float32]) -> bool:
    """Return whether two graphs give the same for three images at once."""
    name = first.outputs[0].name
    try:
        found = [run_graph(graph, [name], images[:3])[0][0] for graph in (first, second)]
    except ClassifierError:
        return False
    return found[0].shape == found[1].shape and bool(
        np.allclose(found[0], found[1], rtol=_SAME, atol=_SAME)
    )


def _reading(node: onnx.NodeProto, names: dict[str, str]) -> onnx.NodeProto:
    """Return a reshaping that reads its sizes under another name, if it has one."""
    import onnx

    other = onnx.NodeProto()
    other.CopyFrom(node)
    other.input[1] = names.get(node.input[1], node.input[1])
    return other
