"""What a network's file must not hold, refused by name before a runtime sees it.

A runtime's reader and its operators are native code: a stride of 0 ends the process, and a weight
in another file is read from wherever the file says. So everything that a network of a
classifier has no use for is refused here, in Python.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from carina.errors import ClassifierError
from carina.inference.onnx_messages import ONCE
from carina.inference.onnx_tensors import problem_of

MOST_NODES = 20_000
"""Operators of a classifier's network; DenseNet201 has 700."""
_MOST_MESSAGES = 2_000_000
_MOST_LIST = 100_000
_MOST_DIMENSIONS = 8
_LARGEST_SIDE = 2**24
_OWN_DOMAINS = ("", "ai.onnx")
_SCAN = "Scan"
_ADVICE = "take the file as it was made, or export, import or train it again"

# Control flow of unknown length; chance, which gives one film several answers; text, lists and
# files, which no image network needs; and spectra, whose tables are as long as a number says.
_REFUSED_OPERATORS = frozenset(
    {"Loop", "If", "SequenceMap", "Bernoulli", "Multinomial", "RandomNormal", "RandomNormalLike",
     "RandomUniform", "RandomUniformLike", "ImageDecoder", "RegexFullMatch", "StringConcat",
     "StringNormalizer", "StringSplit", "TfIdfVectorizer", "ConcatFromSequence", "SequenceAt",
     "SequenceConstruct", "SequenceEmpty", "SequenceErase", "SequenceInsert", "SequenceLength",
     "SplitToSequence", "Optional", "OptionalGetElement", "OptionalHasElement", "BlackmanWindow",
     "HammingWindow", "HannWindow", "MelWeightMatrix", "DFT", "STFT"}
)  # fmt: skip
# Numbers that operators divide or step by, or that count what there is at least one of.
_COUNTS = frozenset(
    {"blocksize", "dilations", "group", "hidden_size", "kernel_shape", "kv_num_heads", "num_groups",
     "num_heads", "num_outputs", "num_scan_inputs", "offset_group", "p", "q_num_heads", "size",
     "strides", "to"}
)  # fmt: skip
_LARGEST_NUMBER = 2**31 - 1
# AttributeProto.AttributeType -> the field of its value.
_FIELD_OF_TYPE = {
    1: "f", 2: "i", 3: "s", 4: "t", 5: "g", 6: "floats", 7: "ints", 8: "strings",
}  # fmt: skip
_VALUE_FIELDS = (
    "f", "i", "s", "t", "g", "floats", "ints", "strings", "tensors", "graphs", "sparse_tensor",
    "sparse_tensors",
)  # fmt: skip


def require_plain(model: Any, *, cut: Mapping[int, int] = MappingProxyType({})) -> None:
    """Refuse a classifier's network that holds more than tensors and operators of ONNX itself.

    Args:
        model: of `onnx_files.read_model`.
        cut: weight of the graph -> bytes that it holds in the file, where they were left out.

    Raises:
        ClassifierError: naming what stands in the way.
    """
    if model.functions or model.training_info:
        what = "functions of its own" if model.functions else "a training of its own"
        raise _refused(f"holds {what}")
    _require_whole(model, cut, knows_all=True)
    domains = [one.domain for one in model.opset_import]
    others = [domain for domain in domains if domain not in _OWN_DOMAINS]
    if others or len(domains) != 1:
        named = ", ".join(f"'{_shown(domain)}'" for domain in others[:3]) or "none, or one twice"
        raise _refused(f"needs operators that are not part of ONNX itself (sets: {named})")
    _require_plain_graph(model.graph[0], is_body=False)


def require_whole(model: Any, *, cut: Mapping[int, int] = MappingProxyType({})) -> None:
    """Refuse a file that another reader would understand otherwise, and weights that are not
    what they say or lie in other files; also within subgraphs, attributes and functions.

    Args:
        model: of `onnx_files.read_model`; another tool's file may hold more than `require_plain`
            lets pass.
        cut: as for `require_plain`.

    Raises:
        ClassifierError: naming the first one.
    """
    _require_whole(model, cut, knows_all=False)


def _require_whole(model: Any, cut: Mapping[int, int], *, knows_all: bool) -> None:
    if not model.graph:
        raise ClassifierError("the network is no ONNX file: it holds no graph")
    for message, is_main_graph in _messages(model):
        _require_each_once(message)
        tensors = _tensors_of(message)
        for place, tensor in enumerate(tensors):
            _require_honest(tensor, n_bytes=cut.get(place) if is_main_graph else None)
        if message.DESCRIPTOR.name == "Attribute":
            _require_usable_numbers(message)
        if knows_all:
            _require_known_fields((message, *tensors))


def _require_each_once(message: Any) -> None:
    kind = message.DESCRIPTOR.name
    for field in ONCE.get(kind, ()):
        if len(getattr(message, field)) > 1:
            raise _refused(f"holds the field '{field}' twice, which readers join or drop")
    if kind == "SparseTensor":
        raise _refused("has sparse weights; export it with plain ones")


def _tensors_of(message: Any) -> Sequence[Any]:
    """Return the tensors that stand in a message itself."""
    kind = message.DESCRIPTOR.name
    if kind == "Attribute":
        return (*message.t, *message.tensors)
    return tuple(message.initializer) if kind == "Graph" else ()


def _require_honest(tensor: Any, *, n_bytes: int | None = None) -> None:
    problem = problem_of(tensor, n_bytes=n_bytes)
    if not problem:
        return
    if "another file" in problem:
        raise _refused(
            f"keeps weights in other files ({_shown(tensor.name)}); one file must hold everything"
        )
    raise _refused(f"has a damaged weight: '{_shown(tensor.name)}' {problem}")


def _messages(model: Any) -> Iterator[tuple[Any, bool]]:
    """Yield a message and every one within it but tensors and what they hold, and whether it is
    the model's graph.

    Raises:
        ClassifierError: if there are too many.
    """
    waiting = [(model, False)]
    n_messages = 0
    while waiting:
        message, is_main_graph = waiting.pop()
        yield message, is_main_graph
        n_messages += 1
        if n_messages > _MOST_MESSAGES:
            raise _refused(f"has more than {_MOST_MESSAGES:,} parts")
        for field, value in message.ListFields():
            if field.message_type is not None and field.message_type.name != "Tensor":
                is_main = message is model and field.name == "graph"
                waiting.extend((one, is_main) for one in value)


def _require_known_fields(messages: Iterable[Any]) -> None:
    from google.protobuf.unknown_fields import UnknownFieldSet  # type: ignore[import-untyped]

    for message in messages:
        unknown = UnknownFieldSet(message)
        if len(unknown):
            raise _refused(
                f"holds something that this Carina does not know (field "
                f"{unknown[0].field_number} of {message.DESCRIPTOR.name}); update Carina, or"
            )


def _require_usable_numbers(attribute: Any) -> None:
    """Refuse numbers that operators divide by or count with, and that are no such numbers."""
    name = attribute.name
    if name not in _COUNTS:
        return
    for number in (attribute.i, *attribute.ints) if attribute.HasField("i") else attribute.ints:
        if not 1 <= number <= _LARGEST_NUMBER:
            raise _refused(f"has an operator with the impossible setting {name} = {number}")


def _require_plain_graph(graph: Any, *, is_body: bool) -> None:
    if not 1 <= len(graph.node) <= MOST_NODES:
        raise _refused(f"has {len(graph.node):,} operators, and 1 to {MOST_NODES:,} are possible")
    for port in (*graph.input, *graph.output):
        _require_plain_port(port)
    weights = [tensor.name for tensor in graph.initializer]
    made = [name for node in graph.node for name in node.output if name]
    taken = [port.name for port in graph.input]
    named = [*weights, *taken, *made]
    _require_text((*named, *(name for node in graph.node for name in node.input)))
    twice = [name for name, n_times in Counter(named).items() if n_times > 1]
    if twice:
        raise _refused(f"makes the value '{_shown(twice[0])}' twice")
    for node in graph.node:
        _require_plain_node(node, is_body=is_body)


def _require_plain_port(port: Any) -> None:
    """Refuse an input or output that is no tensor of a possible shape."""
    if len(port.type) != 1 or len(port.type[0].tensor_type) != 1:
        raise _refused(f"has the input or output '{_shown(port.name)}', which is no tensor")
    shapes = port.type[0].tensor_type[0].shape
    dimensions = shapes[0].dim if shapes else ()
    _require_utf8(one.dim_param for one in dimensions)
    sizes = [one.dim_value for one in dimensions if one.HasField("dim_value")]
    doubled = any(one.HasField("dim_value") and one.HasField("dim_param") for one in dimensions)
    if len(dimensions) > _MOST_DIMENSIONS or doubled:
        raise _refused(f"has the input or output '{_shown(port.name)}' of an impossible shape")
    if any(not 1 <= size <= _LARGEST_SIDE for size in sizes):
        raise _refused(f"has the input or output '{_shown(port.name)}' of the size {sizes}")


def _require_plain_node(node: Any, *, is_body: bool) -> None:
    _require_text((node.op_type, node.domain, *(one.name for one in node.attribute)))
    _require_utf8((node.name, *(text for one in node.attribute for text in (one.s, *one.strings))))
    if node.domain not in _OWN_DOMAINS:
        raise _refused(
            f"holds the operator '{_shown(node.op_type)}' of '{_shown(node.domain)}', which is "
            "not part of ONNX itself"
        )
    if node.op_type in _REFUSED_OPERATORS:
        raise _refused(f"holds the operator '{node.op_type}', which no classifier of films needs")
    names = [one.name for one in node.attribute]
    if len(set(names)) < len(names):
        raise _refused(f"has an operator '{_shown(node.op_type)}' with one setting twice")
    for attribute in node.attribute:
        _require_plain_attribute(node, attribute, is_body=is_body)


def _require_plain_attribute(node: Any, attribute: Any, *, is_body: bool) -> None:
    """Refuse a setting of an operator that is not the one value that it says."""
    filled = [field.name for field, _ in attribute.ListFields() if field.name in _VALUE_FIELDS]
    field = _FIELD_OF_TYPE.get(attribute.type)
    where = f"the setting '{_shown(attribute.name)}' of an operator '{_shown(node.op_type)}'"
    if field is None or [one for one in filled if one != field] or attribute.ref_attr_name:
        raise _refused(f"has {where} of a kind that is not read")
    if field in ("t", "g") and not filled:
        raise _refused(f"has {where} without a value")
    lists = (attribute.floats, attribute.ints, attribute.strings)
    if max(map(len, lists)) > _MOST_LIST or len(attribute.s) > _MOST_LIST:
        raise _refused(f"has {where} with more than {_MOST_LIST:,} values")
    if field == "g":
        if node.op_type != _SCAN or attribute.name != "body" or is_body:
            raise _refused(f"holds the control flow '{_shown(node.op_type)}'")
        _require_plain_graph(attribute.g[0], is_body=True)


def _require_text(names: Iterable[object]) -> None:
    """Refuse names that are no text, which protobuf hands on as bytes."""
    if not all(isinstance(name, str) for name in names):
        raise _refused("is damaged: a name in it is no text")


def _require_utf8(texts: Iterable[bytes]) -> None:
    """Refuse texts that a runtime could not tell of in an error."""
    try:
        for text in texts:
            text.decode("utf-8")
    except UnicodeDecodeError:
        raise _refused("is damaged: a text in it is none") from None


def _shown(name: object) -> str:
    from carina.files.names import one_line

    return one_line(str(name))[:80]


def _refused(problem: str) -> ClassifierError:
    ending = f" {_ADVICE}" if problem.endswith(" or") else f"; {_ADVICE}"
    return ClassifierError(f"the network {problem}{ending}")
