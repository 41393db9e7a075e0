"""What a network gives -> logits of exclusive classes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from carina.domain.sentences import listed
from carina.domain.softmax import log_softmax
from carina.errors import ClassifierError, UsageError
from carina.inference.foreign.graph import Graph, Port, attribute

if TYPE_CHECKING:
    import onnx

Ending = Literal["softmax", "log-softmax", "sigmoid", "logits", "probabilities", "one-probability"]
"""How a network ends: "sigmoid" and "one-probability" have one output for two classes, and so may
"logits"."""

LOGITS = "logits"
# Our own export calls it so, beside its features and maps.
_RESHAPING = frozenset(
    {"Identity", "Cast", "Dropout", "Flatten", "Reshape", "Squeeze", "Unsqueeze"}
)
_LINEAR = frozenset({"Gemm", "MatMul", "Add", "Conv", "GlobalAveragePool", "ReduceMean"})
_CHOOSING = frozenset({"ArgMax", "TopK", "Hardmax"})
_SUM_TOLERANCE = 1e-3
_SMALLEST = 1e-30
"""The probability below which a logarithm would no longer be finite in float32."""


@dataclass(frozen=True, slots=True)
class Answers:
    """How a network answers.

    Attributes:
        output: the value that it gives.
        before: the value before the last softmax or sigmoid; `output` where there is none.
        ending: what it ends in.
        n_outputs: numbers for each image.
    """

    output: str
    before: str
    ending: Ending
    n_outputs: int

    @property
    def n_classes(self) -> int:
        """How many classes it tells apart."""
        return max(2, self.n_outputs)

    def probabilities(self, given: NDArray[np.generic]) -> NDArray[np.float64]:
        """Return probabilities float64 `[n, classes]` of what the network itself gives.

        Args:
            given: its output for n images.
        """
        flat = np.asarray(given, dtype=np.float64).reshape(len(given), -1)
        if self.n_outputs > 1:
            if self.ending in ("softmax", "probabilities"):
                return flat
            return np.exp(log_softmax(flat))
        if self.ending == "logits":
            return np.exp(log_softmax(np.hstack([-flat / 2, flat / 2])))
        return np.hstack([1 - flat, flat])


def one_output(graph: Graph, name: str) -> Graph:
    """Return the part of a network that makes one of its outputs, with the inputs it needs.

    Args:
        graph: the network.
        name: the output; "" where there is one only, or one is called "logits".

    Raises:
        UsageError: if there are several and none was named, or none of that name.
    """
    names = [port.name for port in graph.outputs]
    if not name and len(names) > 1 and LOGITS in names:
        name = LOGITS
    if name not in names and (name or len(names) != 1):
        found = "is no output of the network" if name else "none was named"
        told = listed([f"'{port}'" for port in names])
        raise UsageError(
            f"the network gives {len(names)} outputs ({told}), and {name or found}"
            f"{' ' + found if name else ''}; say which one holds the classes with --output-name"
        )
    chosen = [port for port in graph.outputs if not name or port.name == name]
    nodes = graph.between([], [chosen[0].name])
    read = {value for node in nodes for value in node.input}
    inputs = tuple(port for port in graph.inputs if port.name in read)
    return graph.with_nodes(nodes, outputs=(chosen[0],), inputs=inputs)


def find_answers(
    graph: Graph, *, shapes: dict[str, tuple[int, ...]], given: NDArray[np.generic]
) -> Answers:
    """Return how a network answers.

    Args:
        graph: with one output.
        shapes: of every value, for as many images as `given`.
        given: what it gave for some images, of different kinds of pixels.

    Raises:
        ClassifierError: if it gives no scores of classes, or scores of findings that do not
            exclude each other.
    """
    output = graph.outputs[0].name
    flat = np.asarray(given, dtype=np.float64).reshape(len(given), -1)
    n_outputs = flat.shape[1]
    value = output
    while (node := graph.producers.get(value)) is not None and node.op_type in _RESHAPING:
        value = node.input[0]
    operator = node.op_type if node is not None else ""
    if operator in _CHOOSING or given.dtype.kind not in "f":
        raise ClassifierError(
            f"the network gives the number of a class ('{operator}'), not a score for each; export "
            "it without its last step, or name another output with --output-name"
        )
    if node is not None and operator in ("Softmax", "LogSoftmax"):
        _require_over_classes(node, shapes[node.input[0]], n_outputs, graph.opset)
        ending: Ending = "softmax" if operator == "Softmax" else "log-softmax"
        return Answers(output, node.input[0], ending, n_outputs)
    if node is not None and operator == "Sigmoid":
        _require_exclusive(n_outputs, "its last layer is a sigmoid")
        return Answers(output, node.input[0], "sigmoid", n_outputs)
    return Answers(output, output, _ending(flat, is_linear=operator in _LINEAR), n_outputs)


def with_logits(graph: Graph, answers: Answers) -> Graph:
    """Return the network with one output `logits`, float32 `[n, classes]`.

    Args:
        graph: with one output; its values are called as `renamed` calls them.
        answers: how it answers.
    """
    import onnx

    make = onnx.helper.make_node
    weights = dict(graph.weights)

    def number(name: str, value: float) -> str:
        array = np.array([[value]], dtype=np.float32)
        weights[name] = onnx.numpy_helper.from_array(array, name)
        return name

    kept = list(graph.between([graph.inputs[0].name], [answers.before]))
    own, flat = "given", "given_flat"
    kept += [
        make("Cast", [answers.before], [own], to=onnx.TensorProto.FLOAT),
        make("Flatten", [own], [flat], axis=1),
    ]
    if answers.ending in ("probabilities", "one-probability"):
        kept.append(make("Max", [flat, number("least", _SMALLEST)], ["above"]))
        kept.append(make("Log", ["above"], ["log"]))
        flat = "log"
    if answers.ending == "one-probability":
        kept += [
            make("Sub", [number("one", 1.0), "above"], ["rest"]),
            make("Max", ["rest", "least"], ["minus"]),
            make("Log", ["minus"], ["log_rest"]),
            make("Concat", ["log_rest", flat], [LOGITS], axis=1),
        ]
    elif answers.n_outputs == 1:
        kept += [
            make("Mul", [flat, number("minus", -0.5)], ["pair_low"]),
            make("Mul", [flat, number("plus", 0.5)], ["pair_high"]),
            make("Concat", ["pair_low", "pair_high"], [LOGITS], axis=1),
        ]
    else:
        kept.append(make("Identity", [flat], [LOGITS]))
    port = Port(LOGITS, int(onnx.TensorProto.FLOAT), ("n", answers.n_classes))
    return replace(graph, nodes=tuple(kept), weights=weights, outputs=(port,))


def require_labels(answers: Answers, labels: Sequence[str]) -> None:
    """Refuse another number of classes than the network has.

    Raises:
        UsageError: saying how many there are.
    """
    if len(labels) == answers.n_classes:
        return
    of_two = " for two classes" if answers.n_outputs == 1 else ""
    order = "the second is the one of a high output" if of_two else "in the order of the outputs"
    told = f"{len(labels)} labels were given ({', '.join(labels)})" if labels else "no label was"
    raise UsageError(
        f"the network gives {answers.n_outputs} output{'s'[: answers.n_outputs > 1]}{of_two}, and "
        f"{told}; name {answers.n_classes} classes with --labels, {order} (Keras and PyTorch "
        "folders: alphabetical)"
    )


def _require_over_classes(
    node: onnx.NodeProto, shape: tuple[int, ...], n_outputs: int, opset: int
) -> None:
    if n_outputs == 1:
        raise ClassifierError(
            "the network ends in a softmax over one output, which is 1 for every film; it was "
            "trained without learning anything: train it again with a sigmoid, or with two outputs"
        )
    axis = attribute(node, "axis", -1 if opset >= 13 else 1)
    if shape[axis] != n_outputs:
        raise ClassifierError(
            f"the network's last softmax runs over {shape[axis]} values, and it gives {n_outputs} "
            "outputs; a score for each class is expected"
        )


def _require_exclusive(n_outputs: int, seen: str) -> None:
    if n_outputs > 1:
        raise ClassifierError(
            f"the network gives {n_outputs} scores that do not exclude each other ({seen}): "
            "several findings on one film. Carina's classes are exclusive, one answer a film; "
            "export two of its outputs with a softmax over them, or put a new last layer on it"
        )


def _ending(flat: NDArray[np.float64], *, is_linear: bool) -> Ending:
    """Return how a network ends whose last layer is no softmax and no sigmoid.

    Args:
        flat: float64 `[n, outputs]`; what it gave.
        is_linear: whether its last layer is one without an activation.
    """
    if is_linear:
        return "logits"
    within = bool(((flat >= 0) & (flat <= 1)).all())
    if flat.shape[1] == 1:
        return "one-probability" if within else "logits"
    if within and bool(np.allclose(flat.sum(axis=1), 1, atol=_SUM_TOLERANCE)):
        return "probabilities"
    if within:
        _require_exclusive(flat.shape[1], "each lies in 0 to 1, and their sums are not 1")
    if flat.max() < 1 and bool(np.allclose(np.exp(flat).sum(axis=1), 1, atol=_SUM_TOLERANCE)):
        return "log-softmax"
    return "logits"
