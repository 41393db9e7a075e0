"""ONNX files, read without the package `onnx`: it takes 29 MB, and a start of its own."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from carina.errors import ClassifierError

# Message -> field -> (number, kind), of https://github.com/onnx/onnx/blob/main/onnx/onnx.proto;
# what is not named here is passed over when a file is read. A message or a kind with "*" is
# read as a list.
_FIELDS: dict[str, dict[str, tuple[int, str]]] = {
    "Model": {"graph": (7, "Graph"), "functions": (25, "Function")},
    "Function": {"node": (7, "Node")},
    "Graph": {
        "node": (1, "Node"),
        "initializer": (5, "Tensor"),
        "sparse_initializer": (15, "SparseTensor"),
    },
    "Node": {
        "input": (1, "string*"),
        "output": (2, "string*"),
        "op_type": (4, "string"),
        "attribute": (5, "Attribute"),
        "domain": (7, "string"),
    },
    "Attribute": {
        "name": (1, "string"),
        "f": (2, "float"),
        "i": (3, "int64"),
        "s": (4, "bytes"),
        "t": (5, "Tensor"),
        "g": (6, "Graph"),
        "floats": (7, "float*"),
        "ints": (8, "int64*"),
        "strings": (9, "bytes*"),
        "tensors": (10, "Tensor"),
        "graphs": (11, "Graph"),
        "type": (20, "int32"),
        "sparse_tensor": (22, "SparseTensor"),
        "sparse_tensors": (23, "SparseTensor"),
    },
    "SparseTensor": {"values": (1, "Tensor"), "indices": (2, "Tensor")},
    "Tensor": {
        "dims": (1, "int64*"),
        "data_type": (2, "int32"),
        "float_data": (4, "float*"),
        "int32_data": (5, "int32*"),
        "int64_data": (7, "int64*"),
        "name": (8, "string"),
        "raw_data": (9, "bytes"),
        "double_data": (10, "double*"),
        "data_location": (14, "int32"),
    },
}
_EXTERNAL = 1  # TensorProto.DataLocation.EXTERNAL
# TensorProto.DataType -> what its values are, and the field they stand in if not in raw_data.
_DATA_TYPES = {
    1: ("<f4", "float_data"),
    2: ("<u1", "int32_data"),
    3: ("<i1", "int32_data"),
    4: ("<u2", "int32_data"),
    5: ("<i2", "int32_data"),
    6: ("<i4", "int32_data"),
    7: ("<i8", "int64_data"),
    9: ("?", "int32_data"),
    10: ("<f2", "int32_data"),
    11: ("<f8", "double_data"),
}
_FLOAT16 = 10
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


def read_graph(data: bytes) -> Any:
    """Return the graph of an ONNX file: `node` and `initializer`, with ONNX's names.

    Raises:
        ClassifierError: if the bytes are no ONNX file, or weights stand in other files.
    """
    model = _read(data)
    _refuse_other_files(model)
    if not model.graph:
        raise ClassifierError("the network is no ONNX file: it holds no graph")
    return model.graph[0]


def require_whole(data: bytes) -> None:
    """Refuse an ONNX file whose weights stand in other files: nobody checked their digests.

    Args:
        data: the file's bytes.

    Raises:
        ClassifierError: if there are any, or the bytes are no ONNX file.
    """
    _refuse_other_files(_read(data))


def array_of(tensor: Any) -> NDArray[Any]:
    """Return the values of a tensor that is held in the file.

    Raises:
        NotImplementedError: if its values are of a kind that is not read here.
    """
    if tensor.data_type not in _DATA_TYPES:
        raise NotImplementedError(f"tensors of ONNX's data type {tensor.data_type}")
    kind, field = _DATA_TYPES[tensor.data_type]
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
    if data_type not in _DATA_TYPES:
        raise NotImplementedError(f"ONNX's data type {data_type}")
    return np.dtype(_DATA_TYPES[data_type][0])


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


def _read(data: bytes) -> Any:
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped]

    try:
        return _model_class().FromString(data)
    except DecodeError as error:
        raise ClassifierError(f"the network is no ONNX file: {error}") from error


def _refuse_other_files(model: Any) -> None:
    elsewhere = [t.name for t in _tensors(model) if t.data_location == _EXTERNAL]
    if elsewhere:
        raise ClassifierError(
            f"the network keeps weights in other files ({', '.join(elsewhere[:3])}); a "
            "classifier's network.onnx must hold everything: train or import it again"
        )


def _tensors(message: Any) -> Iterator[Any]:
    """Yield every tensor below a message, whatever it stands in."""
    if message.DESCRIPTOR.name == "Tensor":
        yield message
        return
    for field, value in message.ListFields():
        if field.message_type is not None:
            for inner in value:
                yield from _tensors(inner)


@cache
def _model_class() -> Any:
    """Return the class of the message `Model`."""
    from google.protobuf import (  # type: ignore[import-untyped]
        descriptor_pb2,
        descriptor_pool,
        message_factory,
    )

    field_type = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(name="carina_onnx.proto", syntax="proto2")
    for name, fields in _FIELDS.items():
        message = file.message_type.add(name=name)
        for field_name, (number, kind) in fields.items():
            field = message.field.add(name=field_name, number=number)
            is_list = kind in _FIELDS or kind.endswith("*")
            field.label = field_type.LABEL_REPEATED if is_list else field_type.LABEL_OPTIONAL
            if kind in _FIELDS:
                field.type, field.type_name = field_type.TYPE_MESSAGE, f".{kind}"
            else:
                field.type = field_type.Type.Value(f"TYPE_{kind.rstrip('*').upper()}")
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("Model"))
