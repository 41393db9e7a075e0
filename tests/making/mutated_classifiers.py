"""A classifier's files changed by chance, with the digests made right again."""

import copy
import random
import shutil
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from carina.files.digests import sha256_bytes
from making.changed_classifiers import change_card
from making.classifiers import N_MAPS, write_tiny_classifier
from making.gates import made_gate

TARGETS = ("card", "card bytes", "network", "network bytes", "head", "head bytes", "gate", "seen")
_FILE_OF = {
    "card bytes": "card.json", "network": "network.onnx", "network bytes": "network.onnx",
    "head": "head.onnx", "head bytes": "head.onnx", "gate": "gate.safetensors", "seen": "seen.csv",
}  # fmt: skip
_NUMBERS = (0, 1, -1, 2, 3, 7, 255, 2**31 - 1, 2**31, -(2**31), 2**62, -(2**63), 2**63 - 1)
_VALUES: tuple[Any, ...] = (
    None, True, 0, 1, -1, 2**31, 2**63, -(2**70), 10**30, 0.5, -0.5, 1e308, -1e300, 1e-320, "", "x",
    "network.onnx", "../card.json", "Normal", "\u202e", [], {}, [[]], [0.5], ["Normal"], {"a": 1},
)  # fmt: skip
_OPERATORS = ("Add", "Sub", "Mul", "Div", "Relu", "Softmax", "MatMul", "Gemm", "Conv", "MaxPool",
              "Reshape", "Transpose", "Concat", "Slice", "Gather", "Expand", "Tile", "Resize",
              "Pad", "Shape", "Cast", "Range", "NonZero", "ReduceMean", "GlobalAveragePool",
              "Flatten", "Scan", "Loop", "If", "Einsum", "TopK", "Identity", "Where", "Mod",
              "ConstantOfShape", "OneHot", "DepthToSpace", "Split", "LRN", "Unknown")  # fmt: skip


def write_gated_classifier(folder: Path) -> Path:
    """Write a small classifier with a fitted gate, heads and training films."""
    write_tiny_classifier(folder)
    gate, data = made_gate(N_MAPS)
    (folder / gate.file).write_bytes(data)

    def gated(card: dict[str, Any]) -> None:
        card["gate"] = gate.model_dump(mode="json")
        card["files"][gate.file] = sha256_bytes(data)

    change_card(folder, gated)
    return folder


def mutate(source: Path, folder: Path, *, target: str, number: int) -> Path:
    """Write a copy of a classifier with one of its files changed; the same for the same number."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(source, folder)
    rng = random.Random(f"{target}#{number}")
    if target == "card":
        change_card(folder, lambda card: _change_values(card, rng))
        return folder
    name = _FILE_OF[target]
    data = (folder / name).read_bytes()
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        if target in ("network", "head"):
            data = _changed_model(data, rng)
        else:
            data = changed_bytes(data, rng)
    (folder / name).write_bytes(data)
    if name != "card.json":
        change_card(folder, lambda card: card["files"].update({name: sha256_bytes(data)}))
    return folder


def changed_bytes(data: bytes, rng: random.Random) -> bytes:
    """Return bytes with a small change: most in the first kilobyte, where headers are."""
    changed = bytearray(data)
    at = rng.randrange(min(len(changed), rng.choice((16, 200, 1000, 10**9))) or 1)
    other = rng.randrange(len(changed) or 1)
    length = rng.choice((1, 1, 2, 4, 8, 40))
    kind = rng.randrange(8)
    if kind == 0:
        changed[at : at + 1] = bytes([rng.randrange(256)])
    elif kind == 1 and changed:
        changed[at] ^= 1 << rng.randrange(8)
    elif kind == 2:
        changed[at : at + length] = b""
    elif kind == 3:
        changed[at:at] = changed[other : other + length]
    elif kind == 4:
        changed[at : at + length] = rng.choice((b"\xff", b"\x00", b"\x7f")) * length
    elif kind == 5:
        del changed[at:]
    elif kind == 6:
        changed[at : at + 8] = rng.choice(_NUMBERS).to_bytes(9, "little", signed=True)[:8]
    else:
        changed[at : at + length] = rng.randbytes(length)
    return bytes(changed)


def _change_values(card: dict[str, Any], rng: random.Random) -> None:
    for _ in range(rng.choice((1, 1, 2, 3))):
        places = list(_places(card))
        holder, key = rng.choice(places)
        kind = rng.randrange(6)
        if kind == 0:
            del holder[key]
        elif kind == 1:
            other, other_key = rng.choice(places)
            holder[key] = copy.deepcopy(other.get(other_key) if isinstance(other, dict) else 1)
        elif kind == 2 and isinstance(holder[key], list):
            holder[key] = holder[key] * 2 or [1]
        elif kind == 3 and isinstance(holder[key], int | float):
            holder[key] = rng.choice((-holder[key], holder[key] * 1e9, holder[key] / 1e9, 0))
        else:
            holder[key] = rng.choice(_VALUES)


def _places(values: Any) -> list[tuple[Any, Any]]:
    found = []
    waiting = [values]
    while waiting:
        value = waiting.pop()
        keys = list(value) if isinstance(value, dict) else list(range(len(value)))
        found += [(value, key) for key in keys]
        waiting += [value[key] for key in keys if isinstance(value[key], dict | list)]
    return found


def _changed_model(data: bytes, rng: random.Random) -> bytes:
    """Return the bytes of a model with a part of its graph changed."""
    model = onnx.ModelProto.FromString(data)
    rng.choice(_MODEL_CHANGES)(model, rng)
    return model.SerializeToString()


def _names(graph: onnx.GraphProto) -> list[str]:
    names = [name for one in graph.node for name in (*one.input, *one.output)]
    return [*names, *(tensor.name for tensor in graph.initializer), "", "new"]


def _change_node(model: onnx.ModelProto, rng: random.Random) -> None:
    one = rng.choice(model.graph.node or [onnx.NodeProto()])
    names = one.input if rng.random() < 0.6 else one.output
    if rng.random() < 0.4 or not names:
        one.op_type = rng.choice(_OPERATORS)
    else:
        names[rng.randrange(len(names))] = rng.choice(_names(model.graph))


def _add_setting(model: onnx.ModelProto, rng: random.Random) -> None:
    name = rng.choice(("axis", "axes", "strides", "pads", "group", "kernel_shape", "perm", "to",
                       "keepdims", "dilations", "alpha", "equation"))  # fmt: skip
    number = rng.choice(_NUMBERS)
    value = rng.choice((number, [number] * rng.choice((1, 2, 4)), 0.5, "ij,jk->ik"))
    one = rng.choice(model.graph.node or [onnx.NodeProto()])
    one.attribute.append(onnx.helper.make_attribute(name, value))


def _add_node(model: onnx.ModelProto, rng: random.Random) -> None:
    graph = model.graph
    names = _names(graph)
    added = onnx.NodeProto(op_type=rng.choice(_OPERATORS), output=[rng.choice(names)])
    added.input.extend(rng.choices(names, k=rng.randrange(4)))
    graph.node.insert(rng.choice((0, len(graph.node))), added)


def _remove_part(model: onnx.ModelProto, rng: random.Random) -> None:
    graph = model.graph
    parts = rng.choice((graph.node, graph.initializer, graph.input, graph.output))
    if parts:
        parts.pop(rng.randrange(len(parts)))


def _change_version(model: onnx.ModelProto, rng: random.Random) -> None:
    model.opset_import[0].version = rng.choice((1, 7, 9, 13, 21, 99, *_NUMBERS))


def _change_weight(model: onnx.ModelProto, rng: random.Random) -> None:
    _change_tensor(rng.choice(model.graph.initializer or [onnx.TensorProto()]), rng)


def _change_port(model: onnx.ModelProto, rng: random.Random) -> None:
    graph = model.graph
    port = rng.choice([*graph.input, *graph.output, onnx.ValueInfoProto()])
    kind = port.type.tensor_type
    if rng.random() < 0.3:
        kind.elem_type = rng.randrange(20)
    elif rng.random() < 0.3:
        port.name = rng.choice(("image", "logits", "features", "maps", "x"))
    elif kind.shape.dim:
        rng.choice(kind.shape.dim).dim_value = rng.choice(_NUMBERS)


_MODEL_CHANGES = (
    _change_node,
    _change_node,
    _add_setting,
    _add_node,
    _remove_part,
    _change_version,
    _change_weight,
    _change_port,
)


def _change_tensor(tensor: onnx.TensorProto, rng: random.Random) -> None:
    kind = rng.randrange(5)
    if kind == 0 and tensor.dims:
        tensor.dims[rng.randrange(len(tensor.dims))] = rng.choice(_NUMBERS)
    elif kind == 1:
        tensor.data_type = rng.randrange(30)
    elif kind == 2:
        tensor.raw_data = tensor.raw_data[: rng.randrange(40)]
    elif kind == 3:
        rng.shuffle(tensor.dims)
    elif all(0 <= size < 1_000 for size in tensor.dims):
        values = np.full(tuple(tensor.dims), rng.choice((np.nan, np.inf, 1e30, 0, -1e-30)))
        tensor.raw_data = values.astype(np.float32).tobytes()


@lru_cache(maxsize=1)
def film_pixels() -> np.ndarray:
    """Return the film that mutated classifiers are asked about, float32 in `[0, 1]`."""
    from making.uploads import grey_levels

    return grey_levels().astype(np.float32) / 255
