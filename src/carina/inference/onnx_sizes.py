"""How large the values of a network become, told from its file without computing one."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from carina.errors import ClassifierError
from carina.files.names import one_line

FILMS_AT_ONCE = 32
"""The most films that a network is given in one call."""
MOST_VALUES_A_FILM = 2**28
"""Of all values that a network holds at one time for one film; 1 GB in float32. 64 maps of
2,048 x 2,048 pixels are as many."""
MOST_WORK_A_FILM = 10**12
"""Multiplications for one film: 60 times VGG16's at 224 x 224 (15.5e9), seconds of two cores."""
_MOST_VALUES_AT_ONCE = 2**30

# Constants of so few values may decide about sizes and are kept; the others become inputs, so
# that nothing large is read, copied or computed.
_MOST_KEPT = 1024
_NUMBERS = ("float", "double", "float16", "bfloat16", "bool", "int8", "int16", "int32", "int64",
            "uint8", "uint16", "uint32", "uint64")  # fmt: skip
_WHOLE = frozenset(f"tensor({name})" for name in _NUMBERS if "int" in name)
_KINDS = frozenset(f"tensor({name})" for name in _NUMBERS)


@dataclass(frozen=True, slots=True)
class NetworkSizes:
    """What a network needs.

    Attributes:
        values: that are held at one time for `FILMS_AT_ONCE` films, its weights not counted.
        work: multiplications for one film, about.
    """

    values: int
    work: int

    @property
    def films_at_once(self) -> int:
        """How many films it is given in one call, so that 4 GB hold their values.

        >>> NetworkSizes(values=2**20, work=0).films_at_once
        32
        """
        return max(1, min(FILMS_AT_ONCE, FILMS_AT_ONCE * _MOST_VALUES_AT_ONCE // self.values))


@dataclass(frozen=True, slots=True)
class _Value:
    """A value of a graph: its sizes, and its type as ONNX Runtime calls it."""

    sizes: tuple[int, ...]
    kind: str

    @property
    def n(self) -> int:
        return math.prod(self.sizes)


def sizes_of(model: Any) -> NetworkSizes:
    """Return what a network needs, or refuse one that needs more than any film is worth.

    ONNX Runtime infers the sizes from those of the input: nothing is optimised, folded or run,
    and large weights are left out.

    Args:
        model: of `onnx_files.read_model`, let pass by `onnx_contents.require_plain`.

    Raises:
        ClassifierError: naming the value that is too large or whose size the file does not tell.
    """
    return _of_graph(model, model.graph[0], films=FILMS_AT_ONCE)


def _of_graph(model: Any, graph: Any, *, films: int) -> NetworkSizes:
    """Return what a graph needs; of a body, which is run film after film, with `films` 1."""
    values = _values_of(model, graph, films=films)
    for node in graph.node:
        for name in filter(None, node.output):
            _require_possible(name, values[name])
        _require_safe_division(node, graph, values)
    inner = [_of_graph(model, body, films=1) for node in graph.node for body in _bodies(node)]
    held = _most_held(graph, values) + sum(one.values for one in inner)
    if held > MOST_VALUES_A_FILM * films:
        raise ClassifierError(
            f"the network holds {held / films:.1e} values of one film at one time, and "
            f"{MOST_VALUES_A_FILM:.1e} are the most that is computed; {_ADVICE}"
        )
    work = sum(_work_of(node, values) for node in graph.node) // films
    work += sum(one.work for one in inner)
    if work > MOST_WORK_A_FILM:
        raise ClassifierError(
            f"the network needs {work:.1e} multiplications for one film, and "
            f"{MOST_WORK_A_FILM:.0e} are the most that is computed; {_ADVICE}"
        )
    return NetworkSizes(values=held, work=work)


_ADVICE = "take one for smaller images, or a smaller one"


def _values_of(model: Any, graph: Any, *, films: int) -> dict[str, _Value]:
    """Return every input, large weight and output of a node."""
    plain = _without_weights(model, graph, films=films)
    names = list(dict.fromkeys(name for node in graph.node for name in node.output if name))
    found = _inferred(plain, names)
    # Of a value whose number of axes is not known ONNX Runtime says what it says of one number.
    of_one = [name for name in names if not found[name].sizes]
    ranks = _inferred(plain, of_one, ranks=True) if of_one else {}
    for name in of_one:
        if ranks[name].sizes != (0,):
            raise _unknown(name)
    return found


def _without_weights(model: Any, graph: Any, *, films: int) -> Any:
    """Return a model like one of a graph, but with large weights as inputs and no outputs."""
    plain = type(model)(ir_version=model.ir_version)
    plain.opset_import.extend(model.opset_import)
    made = plain.graph.add(name=b"sizes")
    made.node.extend(graph.node)
    for port in graph.input:
        copy = made.input.add()
        copy.CopyFrom(port)
        for shape in copy.type[0].tensor_type[0].shape:
            for size in shape.dim:
                if not size.HasField("dim_value"):
                    size.dim_value = films
                    size.ClearField("dim_param")
    for tensor in graph.initializer:
        if math.prod(tensor.dims) <= _MOST_KEPT:
            made.initializer.add().CopyFrom(tensor)
            continue
        of_type = made.input.add(name=tensor.name).type.add().tensor_type.add()
        of_type.elem_type = tensor.data_type
        shape = of_type.shape.add()
        for side in tensor.dims:
            shape.dim.add(dim_value=side)
    return plain


def _inferred(plain: Any, names: Sequence[str], *, ranks: bool = False) -> dict[str, _Value]:
    """Return values as ONNX Runtime infers them; or, of each, how many axes it has as `(k,)`."""
    import onnxruntime

    from carina.inference.runtimes.onnxruntime import cannot_be_run, onnxruntime_errors

    asked = type(plain)()
    asked.CopyFrom(plain)
    for place, name in enumerate(names):
        output = f"rank of value {place}" if ranks else name
        if ranks:
            asked.graph[0].node.add(op_type="Shape", input=[name], output=[output])
        asked.graph[0].output.add(name=output)
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    try:
        session = onnxruntime.InferenceSession(
            asked.SerializeToString(),
            options,
            providers=["CPUExecutionProvider"],
            enable_fallback=0,  # which would be printed
        )
    except onnxruntime_errors() as error:
        raise cannot_be_run(error) from error
    weights = {value.name: _value(value) for value in session.get_inputs()}
    made = [_value(value) for value in session.get_outputs()]
    return {**weights, **dict(zip(names, made, strict=True))}


def _value(value: Any) -> _Value:
    sizes = tuple(size if isinstance(size, int) else -1 for size in value.shape)
    return _Value(sizes, str(value.type))


def _require_possible(name: str, value: _Value) -> None:
    if value.kind not in _KINDS:
        raise ClassifierError(
            f"the network makes the value '{_shown(name)}' of the kind {value.kind}, which no "
            "network for images needs"
        )
    if -1 in value.sizes:
        raise _unknown(name)
    if any(size <= 0 for size in value.sizes):
        raise ClassifierError(
            f"the network makes the value '{_shown(name)}' of the impossible shape "
            f"{list(value.sizes)}"
        )


def _unknown(name: str) -> ClassifierError:
    return ClassifierError(
        f"the network does not tell how large its value '{_shown(name)}' is, so nobody knows what "
        "it would take; export it again for one fixed size of image, or run it through onnxsim"
    )


def _require_safe_division(node: Any, graph: Any, values: Mapping[str, _Value]) -> None:
    """Refuse whole numbers divided by others than constants above 0.

    The processor stops a program that divides by 0, or the least whole number by -1; ONNX
    Runtime 1.31 looks for the former alone.
    """
    if node.op_type not in ("Div", "Mod") or values[node.output[0]].kind not in _WHOLE:
        return
    divisor = _constant(graph, node.input[1] if len(node.input) > 1 else "")
    if divisor is None or not (divisor > 0).all():
        raise ClassifierError(
            f"the network divides whole numbers by what may be 0 or -1 ('{_shown(node.output[0])}'"
            "), which can stop a program; export it again without"
        )


def _constant(graph: Any, name: str) -> Any:
    """Return a constant's array, or None."""
    from carina.inference.onnx_files import array_of

    for tensor in graph.initializer:
        if tensor.name == name:
            return array_of(tensor)
    for node in graph.node:
        if node.op_type == "Constant" and name in node.output:
            tensors = [one.t[0] for one in node.attribute if len(one.t)]
            return array_of(tensors[0]) if tensors else None
    return None


def _most_held(graph: Any, values: Mapping[str, _Value]) -> int:
    """Return how many values are held at most, if each is dropped after its last use."""
    inputs = {port.name for port in graph.input}
    asked = {port.name for port in graph.output}
    last = {name: place for place, node in enumerate(graph.node) for name in node.input}
    held = sum(values[name].n for name in inputs)
    most = held
    for place, node in enumerate(graph.node):
        outputs = [name for name in node.output if name]
        held += sum(values[name].n for name in outputs)
        most = max(most, held)
        for name in {*node.input, *outputs}:
            is_made = name in values and (name in outputs or last.get(name) == place)
            if is_made and last.get(name, place) == place and name not in asked | inputs:
                held -= values[name].n
    return max(most, 1)


def _work_of(node: Any, values: Mapping[str, _Value]) -> int:
    """Return how many multiplications a node takes, about; at least one for each value."""
    outputs = sum(values[name].n for name in node.output if name)
    taken = [values.get(name, _Value((), "")) for name in node.input]
    touched = outputs + sum(value.n for value in taken)
    kernel = next((one.ints for one in node.attribute if one.name == "kernel_shape"), ())
    if node.op_type in ("Conv", "ConvInteger", "QLinearConv", "DeformConv") and len(taken) > 1:
        weights = taken[3] if node.op_type == "QLinearConv" and len(taken) > 3 else taken[1]
        return touched + outputs * math.prod(weights.sizes[1:])
    if node.op_type == "ConvTranspose" and len(taken) > 1:
        return touched + taken[0].n * math.prod(taken[1].sizes[1:])
    if node.op_type in ("MatMul", "Gemm", "MatMulInteger", "QLinearMatMul") and taken[0].sizes:
        return touched + outputs * max(taken[0].sizes[-2:])
    if node.op_type == "Einsum":
        return touched + _work_of_einsum(node, taken)
    if node.op_type in ("RNN", "GRU", "LSTM") and len(taken) > 2:
        return touched + taken[0].n * (taken[1].n + taken[2].n)
    return touched + outputs * math.prod(kernel)


def _work_of_einsum(node: Any, taken: Sequence[_Value]) -> int:
    """Return the product of the sizes of all letters of an equation."""
    equation = next((one.s for one in node.attribute if one.name == "equation"), b"")
    terms = equation.decode("ascii", "replace").split("->")[0].replace(" ", "").split(",")
    sizes: dict[str, int] = {}
    rest = 1
    for term, value in zip(terms, taken, strict=False):
        letters = term.replace(".", "")
        known = value.sizes[-len(letters) :] if "." in term else value.sizes
        sizes.update(zip(letters, known, strict=False))
        rest = max(rest, value.n // max(1, math.prod(known)))
    return math.prod(sizes.values()) * rest


def _bodies(node: Any) -> Iterator[Any]:
    for attribute in node.attribute:
        yield from attribute.g


def _shown(name: object) -> str:
    return one_line(str(name))[:80]
