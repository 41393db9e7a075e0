"""The bytes of an ONNX file -> a graph, or a refusal that names what stands in the way."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING

import numpy as np

from carina.domain.sentences import counted
from carina.errors import ClassifierError
from carina.inference.foreign.graph import Graph, Port, attribute
from carina.inference.onnx_files import MOST_BYTES
from carina.inference.onnx_safety import require_whole

if TYPE_CHECKING:
    import onnx

MOST_NODES = 100_000
"""The most operators, functions written out: DenseNet201 has 700."""
OLDEST_OPSET = 7
"""What ONNX Runtime promises to run."""

_DEEPEST = 50
_OWN_DOMAINS = ("", "ai.onnx")
_DRAWING = frozenset(
    {"Bernoulli", "Multinomial", "RandomNormal", "RandomNormalLike", "RandomUniform",
     "RandomUniformLike"}
)  # fmt: skip
_PYTORCH_ADVICE = "torch.onnx.export(model, (example,), 'model.onnx', external_data=False)"


def read_foreign(data: bytes) -> Graph:
    """Return the network in the bytes of an ONNX file that another tool wrote.

    Functions are written out, constants become weights, and float16, bfloat16 and
    double become float32. Names of
    its author, paths and texts are left behind.

    Args:
        data: the whole file, of `MOST_BYTES` at most.

    Raises:
        ClassifierError: if it is no ONNX file, or holds what a classifier cannot: weights in
            other files, operators of its own, control flow, chance.
    """

    model = _parsed(data)
    _require_text(model)
    _refuse_other_files(model.graph)
    require_whole(data)
    model = _without_functions(model)
    _refuse_operators(model.graph.node)
    opset = next((one.version for one in model.opset_import if one.domain in _OWN_DOMAINS), 0)
    if opset < OLDEST_OPSET:
        raise ClassifierError(
            f"the network is written in version {opset} of ONNX's operators, and {OLDEST_OPSET} is "
            "the oldest that can be run; convert it with onnx.version_converter"
        )
    if model.graph.sparse_initializer:
        raise ClassifierError("the network has sparse weights; export it with plain ones")
    weights = {tensor.name: tensor for tensor in model.graph.initializer}
    nodes = []
    for node in model.graph.node:
        if node.op_type == "Constant":
            weights[node.output[0]] = _constant(node)
            continue
        nodes.append(node)
    wide = {name: _widened(name, tensor) for name, tensor in weights.items()}
    inputs = [_port(value) for value in model.graph.input if value.name not in wide]
    outputs = [_port(value) for value in model.graph.output]
    known = {*wide, *(port.name for port in inputs)}
    return Graph(
        nodes=_in_order([_plain(node) for node in nodes], known),
        weights=wide,
        inputs=tuple(inputs),
        outputs=tuple(outputs),
        opset=opset,
        was_half=any(tensor.data_type in _half_floats() for tensor in weights.values()),
    )


def _parsed(data: bytes) -> onnx.ModelProto:
    import onnx
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped]

    if len(data) > MOST_BYTES:
        raise ClassifierError(
            f"the network has {len(data) / 1e6:,.0f} MB, and {MOST_BYTES / 1e6:,.0f} MB are the "
            "most that is read"
        )
    try:
        model = onnx.load_model_from_string(data)
    except DecodeError as error:
        raise ClassifierError(
            f"it is no ONNX file, or a damaged one ({error}); export or copy it again"
        ) from error
    if not model.graph.node:
        raise ClassifierError(
            "it is no ONNX file, or one without a network (no operator was found); export or "
            "copy it again"
        )
    return model


def _require_text(model: onnx.ModelProto) -> None:
    """Refuse names that are no text, which protobuf hands on as bytes.

    Raises:
        ClassifierError: if there is one.
    """
    nodes = [*model.graph.node, *(node for one in model.functions for node in one.node)]
    names: list[object] = [one.domain for one in model.opset_import]
    for node in nodes:
        names += [node.op_type, node.domain, *node.input, *node.output]
        names += [one.name for one in node.attribute]
    ports = (*model.graph.input, *model.graph.output, *model.graph.initializer)
    names += [one.name for one in ports]
    names += [part for one in model.functions for part in (one.domain, one.name)]
    if not all(isinstance(name, str) for name in names):
        raise ClassifierError("the network is damaged: a name in it is no text; export it again")


def _refuse_other_files(graph: onnx.GraphProto) -> None:
    """Refuse weights that stand in other files.

    Raises:
        ClassifierError: naming some.
    """
    import onnx

    tensors = [*graph.initializer, *(one.t for node in graph.node for one in node.attribute)]
    elsewhere = [t.name for t in tensors if t.data_location == onnx.TensorProto.EXTERNAL]
    if elsewhere:
        raise ClassifierError(
            f"the network keeps {counted(len(elsewhere), 'weight')} in other files "
            f"({', '.join(elsewhere[:3])}), and one file must hold everything; in PyTorch write "
            f"{_PYTORCH_ADVICE}; elsewhere load it with onnx.load, which reads the other files "
            "too, and save it again with onnx.save"
        )


def _without_functions(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return the model with each call of a function replaced by what it does.

    Raises:
        ClassifierError: if functions call each other in a circle, or unfold to more than
            `MOST_NODES` operators.
    """
    import onnx
    import onnx.inliner

    n_nodes = _unfolded_size(model)
    if n_nodes > MOST_NODES:
        raise ClassifierError(
            f"the network has {n_nodes:,} operators, and {MOST_NODES:,} are the most that is read"
        )
    if not model.functions:
        return model
    inlined: onnx.ModelProto = onnx.inliner.inline_local_functions(model)
    return inlined


def _unfolded_size(model: onnx.ModelProto) -> int:
    """Return how many operators a model has once its functions are written out.

    Raises:
        ClassifierError: if functions call each other in a circle, or `_DEEPEST` deep.
    """
    functions = {(one.domain, one.name): one.node for one in model.functions}
    sizes: dict[tuple[str, str], int] = {}

    def size(call: tuple[str, str], above: tuple[tuple[str, str], ...]) -> int:
        if call not in functions:
            return 1
        if call in above or len(above) > _DEEPEST:
            raise ClassifierError(
                f"the function '{call[1]}' of the network calls itself, or too deep; export it "
                "again without functions"
            )
        if call not in sizes:
            inner = ((node.domain, node.op_type) for node in functions[call])
            sizes[call] = sum(size(one, (*above, call)) for one in inner)
        return sizes[call]

    return sum(size((node.domain, node.op_type), ()) for node in model.graph.node)


def _refuse_operators(nodes: Iterable[onnx.NodeProto]) -> None:
    """Refuse operators that not every runtime has, that hold graphs, or that draw lots.

    Raises:
        ClassifierError: naming them.
    """
    import onnx

    own: dict[str, None] = {}
    for node in nodes:
        if node.domain not in _OWN_DOMAINS or not onnx.defs.has(node.op_type):
            own[f"{node.domain}.{node.op_type}".lstrip(".")] = None
        if any(one.HasField("g") or one.graphs for one in node.attribute):
            raise ClassifierError(
                f"the network holds the control flow '{node.op_type}', which cannot be looked "
                "into; export it again for one fixed size, in PyTorch with dynamo=True, or run "
                "it through onnxsim"
            )
        if node.op_type in _DRAWING:
            raise ClassifierError(
                f"the network draws random numbers ('{node.op_type}'), so that one film would get "
                "several answers; export it in evaluation mode (PyTorch: model.eval())"
            )
    if own:
        raise ClassifierError(
            f"the network holds operators that are not part of ONNX ({', '.join(list(own)[:5])}); "
            "export it again without optimisation for one runtime and without operators of your "
            "own"
        )


def _constant(node: onnx.NodeProto) -> onnx.TensorProto:
    """Return the value of a Constant node as a weight.

    Raises:
        ClassifierError: for text and sparse values.
    """
    import onnx

    tensor = attribute(node, "value")
    if tensor is not None:
        return tensor  # type: ignore[no-any-return]
    for name, kind in (("value_float", np.float32), ("value_int", np.int64)):
        for written in (name, f"{name}s"):
            value = attribute(node, written)
            if value is not None:
                return onnx.numpy_helper.from_array(np.array(value, dtype=kind))
    raise ClassifierError("the network holds a constant that is text or sparse; export it again")


def _widened(name: str, tensor: onnx.TensorProto) -> onnx.TensorProto:
    """Return a weight without its texts, other floats as float32."""
    import onnx

    try:
        onnx.checker.check_tensor(tensor)
    except onnx.checker.ValidationError as error:
        raise ClassifierError(
            f"the network's weight '{name}' is damaged: {str(error).splitlines()[0]}; export it "
            "again"
        ) from error
    if tensor.data_type in _other_floats():
        array = onnx.numpy_helper.to_array(tensor).astype(np.float32)
        return onnx.numpy_helper.from_array(array, name)
    plain = onnx.TensorProto()
    plain.CopyFrom(tensor)
    plain.name = name
    plain.ClearField("doc_string")
    plain.ClearField("metadata_props")
    return plain


def _other_floats() -> tuple[int, ...]:
    """Return the kinds of numbers that become float32, which every runtime computes in."""
    import onnx

    return (*_half_floats(), int(onnx.TensorProto.DOUBLE))


def _half_floats() -> tuple[int, ...]:
    import onnx

    return (int(onnx.TensorProto.FLOAT16), int(onnx.TensorProto.BFLOAT16))


def _plain(node: onnx.NodeProto) -> onnx.NodeProto:
    """Return a node without its name and texts, other floats in its attributes as float32."""
    import onnx

    others = _other_floats()
    plain = onnx.NodeProto()
    plain.CopyFrom(node)
    for field in ("name", "doc_string", "metadata_props", "domain"):
        plain.ClearField(field)
    for one in plain.attribute:
        one.ClearField("doc_string")
        if one.name in ("to", "dtype") and one.i in others:
            one.i = onnx.TensorProto.FLOAT
        if one.type == onnx.AttributeProto.TENSOR:
            one.t.CopyFrom(_widened("", one.t))
    return plain


def _port(value: onnx.ValueInfoProto) -> Port:
    import onnx

    kind = value.type.tensor_type
    shape = None
    if kind.HasField("shape"):
        shape = tuple(
            size.dim_value if size.HasField("dim_value") else size.dim_param
            for size in kind.shape.dim
        )
    return Port(
        value.name,
        onnx.TensorProto.FLOAT if kind.elem_type in _other_floats() else kind.elem_type,
        shape,
    )


def _in_order(nodes: Sequence[onnx.NodeProto], known: Iterable[str]) -> tuple[onnx.NodeProto, ...]:
    """Return the nodes, each after those whose values it reads.

    Raises:
        ClassifierError: if that cannot be, or a value is made twice or never.
    """
    makers: dict[str, int] = {}
    made = set(known)
    for place, node in enumerate(nodes):
        for name in filter(None, node.output):
            if name in makers or name in made:
                raise ClassifierError(f"two operators of the network make the value '{name}'")
            makers[name] = place
    before: dict[int, list[int]] = {}
    for place, node in enumerate(nodes):
        unknown = [name for name in node.input if name and name not in made and name not in makers]
        if unknown:
            raise ClassifierError(f"nothing in the network makes the value '{unknown[0]}'")
        before[place] = sorted({makers[name] for name in node.input if name in makers})
    try:
        return tuple(nodes[place] for place in TopologicalSorter(before).static_order())
    except CycleError as error:
        raise ClassifierError("operators of the network wait for each other in a circle") from error
