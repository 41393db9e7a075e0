"""How much a network has to compute for one image, told from its file."""

from __future__ import annotations

import math
from typing import Any


def multiply_adds(data: bytes) -> int:
    """Return how many multiplications a network needs for one input, by its weights alone.

    Args:
        data: bytes of an ONNX file whose first dimension is the number of inputs.
    """
    import onnx

    graph = onnx.shape_inference.infer_shapes(onnx.load_model_from_string(data)).graph
    sizes = {tensor.name: math.prod(tensor.dims) for tensor in graph.initializer}
    places = {value.name: _n_places(value) for value in (*graph.value_info, *graph.output)}
    work = 0
    for node in graph.node:
        if node.op_type == "Conv":
            work += sizes.get(node.input[1], 0) * places.get(node.output[0], 1)
        elif node.op_type in ("Gemm", "MatMul"):
            work += sum(sizes.get(name, 0) for name in node.input[:2])
    return work


def _n_places(value: Any) -> int:
    """Return height times width of `[n, channels, height, width]`; 1 of other shapes."""
    sizes = [dimension.dim_value for dimension in value.type.tensor_type.shape.dim]
    return max(1, math.prod(sizes[2:])) if len(sizes) == 4 else 1
