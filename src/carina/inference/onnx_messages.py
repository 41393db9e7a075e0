"""The messages that an ONNX file consists of, without the package `onnx`: it takes 29 MB, and a
start of its own."""

from __future__ import annotations

from functools import cache
from typing import Any

# Message -> field -> (number, kind), of https://github.com/onnx/onnx/blob/main/onnx/onnx.proto.
# A kind with "*" is a list. Every message is read as a list, so that one that stands twice is
# seen; `ONCE` names those that ONNX knows once. What is not named here is no part of a network
# that Carina reads: texts for people are, so that they are told from what is unknown.
_FIELDS: dict[str, dict[str, tuple[int, str]]] = {
    "Model": {
        "ir_version": (1, "int64"),
        "producer_name": (2, "bytes"),
        "producer_version": (3, "bytes"),
        "domain": (4, "bytes"),
        "model_version": (5, "int64"),
        "doc_string": (6, "bytes"),
        "graph": (7, "Graph"),
        "opset_import": (8, "OperatorSet"),
        "metadata_props": (14, "Entry"),
        "training_info": (20, "bytes*"),
        "functions": (25, "Function"),
    },
    "OperatorSet": {"domain": (1, "string"), "version": (2, "int64")},
    "Entry": {"key": (1, "bytes"), "value": (2, "bytes")},
    "Function": {
        "name": (1, "string"),
        "input": (4, "string*"),
        "output": (5, "string*"),
        "node": (7, "Node"),
        "domain": (10, "string"),
    },
    "Graph": {
        "node": (1, "Node"),
        "name": (2, "bytes"),
        "initializer": (5, "Tensor"),
        "doc_string": (10, "bytes"),
        "input": (11, "ValueInfo"),
        "output": (12, "ValueInfo"),
        "value_info": (13, "ValueInfo"),
        "sparse_initializer": (15, "SparseTensor"),
        "metadata_props": (16, "Entry"),
    },
    "ValueInfo": {
        "name": (1, "string"),
        "type": (2, "Type"),
        "doc_string": (3, "bytes"),
        "metadata_props": (4, "Entry"),
    },
    "Type": {"tensor_type": (1, "TensorType"), "denotation": (6, "bytes")},
    "TensorType": {"elem_type": (1, "int32"), "shape": (2, "Shape")},
    "Shape": {"dim": (1, "Dimension")},
    "Dimension": {"dim_value": (1, "int64"), "dim_param": (2, "bytes"), "denotation": (3, "bytes")},
    "Node": {
        "input": (1, "string*"),
        "output": (2, "string*"),
        "name": (3, "bytes"),
        "op_type": (4, "string"),
        "attribute": (5, "Attribute"),
        "doc_string": (6, "bytes"),
        "domain": (7, "string"),
        "metadata_props": (9, "Entry"),
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
        "doc_string": (13, "bytes"),
        "type": (20, "int32"),
        "ref_attr_name": (21, "bytes"),
        "sparse_tensor": (22, "SparseTensor"),
        "sparse_tensors": (23, "SparseTensor"),
    },
    "SparseTensor": {
        "values": (1, "Tensor"),
        "indices": (2, "Tensor"),
        "dims": (3, "int64*"),
    },
    "Tensor": {
        "dims": (1, "int64*"),
        "data_type": (2, "int32"),
        "segment": (3, "bytes"),
        "float_data": (4, "float*"),
        "int32_data": (5, "int32*"),
        "string_data": (6, "bytes*"),
        "int64_data": (7, "int64*"),
        "name": (8, "string"),
        "raw_data": (9, "bytes"),
        "double_data": (10, "double*"),
        "uint64_data": (11, "uint64*"),
        "doc_string": (12, "bytes"),
        "external_data": (13, "Entry"),
        "data_location": (14, "int32"),
        "metadata_props": (16, "Entry"),
    },
}
ONCE = {
    "Model": ("graph",),
    "ValueInfo": ("type",),
    "Type": ("tensor_type",),
    "TensorType": ("shape",),
    "Attribute": ("t", "g", "sparse_tensor"),
    "SparseTensor": ("values", "indices"),
}
"""Message -> its fields that ONNX knows once; of two other readers make one."""


@cache
def model_class() -> Any:
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
