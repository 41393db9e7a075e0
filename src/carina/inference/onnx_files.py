"""ONNX files, read without the package `onnx`."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from carina.errors import ClassifierError
from carina.inference.onnx_contents import require_whole
from carina.inference.onnx_messages import model_class
from carina.inference.onnx_tensors import DATA_TYPES

MOST_BYTES = 1_000_000_000
"""The largest file that is read: VGG16, the largest network in use on films, has 553 MB."""

_FLOAT16, _BFLOAT16 = 10, 16
# AttributeProto.AttributeType -> the field of its value, and whether that is one value.
_ATTRIBUTE_FIELDS = {
    1: ("f", True),
    2: ("i", True),
    3: ("s", True),
    4: ("t", False),
    5: ("g", False),
    6: ("floats", True),
    7: ("ints", True),
    8: ("strings", True),
    9: ("tensors", True),
    10: ("graphs", True),
}


def read_model(data: bytes) -> Any:
    """Return what an ONNX file holds, with ONNX's names; a message that ONNX knows once, such as
    `graph`, is a list here.

    Raises:
        ClassifierError: if the bytes are no ONNX file, or more than `MOST_BYTES`.
    """
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped]

    if len(data) > MOST_BYTES:
        raise ClassifierError(
            f"the network has {len(data) / 1e6:,.0f} MB, and {MOST_BYTES / 1e6:,.0f} MB are the "
            "most that is read"
        )
    try:
        # protobuf gives up at messages that are nested 100 deep.
        return model_class().FromString(data)
    except DecodeError as error:
        raise ClassifierError(f"the network is no ONNX file: {error}") from error


def read_graph(data: bytes) -> Any:
    """Return the graph of an ONNX file: `node` and `initializer`, with ONNX's names.

    Raises:
        ClassifierError: if the bytes are no ONNX file, or its weights lie elsewhere or are not
            what they say.
    """
    model = read_model(data)
    require_whole(model)
    return model.graph[0]


def array_of(tensor: Any) -> NDArray[Any]:
    """Return the values of a tensor that is held in the file.

    Raises:
        NotImplementedError: if its values are of a kind that is not read here.
    """
    kind = dtype_of(tensor.data_type)
    _, field = DATA_TYPES[tensor.data_type]
    if tensor.HasField("raw_data"):
        values = np.frombuffer(tensor.raw_data, dtype=kind)
    elif tensor.data_type == _FLOAT16:  # its bits, as whole numbers
        values = np.array(tensor.int32_data, dtype=np.uint16).view(kind)
    else:
        values = np.array(getattr(tensor, field), dtype=kind)
    return values.reshape(tuple(tensor.dims))


def dtype_of(data_type: int) -> np.dtype[Any]:
    """Return the dtype of one of ONNX's data types, such as a Cast's `to`.

    Raises:
        NotImplementedError: if it is not read here.
    """
    if data_type not in DATA_TYPES or data_type == _BFLOAT16:
        raise NotImplementedError(f"ONNX's data type {data_type}")
    return np.dtype(DATA_TYPES[data_type][0])


def attributes_of(node: Any) -> dict[str, Any]:
    """Return a node's attributes by name: numbers, bytes, tensors, graphs or lists of them.

    Raises:
        NotImplementedError: if one is of a kind that is not read here.
    """
    found = {}
    for attribute in node.attribute:
        if attribute.type not in _ATTRIBUTE_FIELDS:
            raise NotImplementedError(f"attributes of ONNX's type {attribute.type}")
        field, is_whole = _ATTRIBUTE_FIELDS[attribute.type]
        value = getattr(attribute, field)
        found[attribute.name] = value if is_whole else value[0]
    return found
