"""Whether a tensor in an ONNX file is as large as it says, and stands in the file at all."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

EXTERNAL = 1
"""TensorProto.DataLocation.EXTERNAL."""
MOST_VALUES = 2**31
"""Of one tensor; no file of a size that is read holds more of four bytes each."""
_MOST_DIMENSIONS = 8

DATA_TYPES = {
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
    12: ("<u4", "uint64_data"),
    13: ("<u8", "uint64_data"),
    16: ("V2", "int32_data"),
}
"""TensorProto.DataType -> what its values are, as NumPy writes it, and the field they stand in if
not in raw_data; https://github.com/onnx/onnx/blob/main/onnx/onnx.proto. NumPy has no bfloat16 (16).
"""
_FIELDS = ("float_data", "int32_data", "int64_data", "double_data", "uint64_data", "string_data")


def problem_of(tensor: Any, *, n_bytes: int | None = None) -> str:
    """Return what is wrong with a tensor, as the rest of a sentence, or "".

    Args:
        tensor: a message `Tensor` of `onnx_messages`, or `onnx.TensorProto`.
        n_bytes: how many `raw_data` has in the file, where they were left out.

    >>> from carina.inference.onnx_messages import model_class
    >>> graph = model_class()().graph.add()
    >>> problem_of(graph.initializer.add(data_type=1, dims=[3], raw_data=b"1234"))
    'says that it has the shape [3], 12 bytes, and holds 4'
    """
    if tensor.data_location == EXTERNAL or len(tensor.external_data):
        return "keeps its values in another file"
    if tensor.HasField("segment"):
        return "is a part of another tensor"
    if tensor.data_type not in DATA_TYPES:
        return f"holds values of ONNX's data type {tensor.data_type}, which is not read here"
    dims = list(tensor.dims)
    n_values = math.prod(dims)
    if len(dims) > _MOST_DIMENSIONS or any(size < 0 for size in dims) or n_values > MOST_VALUES:
        return f"has the impossible shape {_written(dims)}"
    return _size_problem(tensor, dims, n_values, n_bytes)


def _size_problem(tensor: Any, dims: list[int], n_values: int, n_bytes: int | None) -> str:
    kind, field = DATA_TYPES[tensor.data_type]
    bytes_each = np.dtype(kind).itemsize
    filled = [name for name in _FIELDS if len(getattr(tensor, name))]
    if tensor.HasField("raw_data"):
        if filled:
            return "says its values twice"
        found = len(tensor.raw_data) if n_bytes is None else n_bytes
        if found != n_values * bytes_each:
            return (
                f"says that it has the shape {_written(dims)}, {n_values * bytes_each:,} bytes, "
                f"and holds {found:,}"
            )
        return ""
    if [name for name in filled if name != field]:
        return "holds values of another kind than it says"
    found = len(getattr(tensor, field))
    if found != n_values:
        return f"says that it has the shape {_written(dims)}, and holds {found:,} values"
    return ""


def _written(dims: list[int]) -> str:
    shown = ", ".join(str(size) for size in dims[:_MOST_DIMENSIONS])
    return f"[{shown}{', ...' if len(dims) > _MOST_DIMENSIONS else ''}]"
