"""The derivative of a logit at every place of every map, from the head's ONNX file."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from carina.domain.explanation import METHODS_WITH_MAPS, METHODS_WITHOUT_MAPS
from carina.errors import ClassifierError, UnknownNameError
from carina.inference.explain import in_float32
from carina.inference.explain.operations import OPERATIONS, Array, Pull
from carina.inference.onnx_files import array_of, attributes_of, read_graph


# BLAS kernels may compute with what lies behind a matrix too, and raise flags for numbers that
# nobody is given.
@np.errstate(all="ignore")
def head_gradient(
    head_file: bytes, maps: NDArray[np.float32], *, class_index: int, needed_by: str
) -> NDArray[np.float32]:
    """Return the derivative of a logit at every place of every map.

    The head is computed once forwards, noting for each operation how a gradient passes back
    through it, and once backwards. At a kink the derivative is that of automatic
    differentiation: 0 at the corner of a ReLU, and of equal values the first is the maximum.

    Args:
        head_file: the bytes of an ONNX file: input `maps`, output `logits`.
        maps: float32 `[maps, map height, map width]`.
        class_index: whose logit.
        needed_by: the registered explanation method, for the error.

    Returns:
        float32 of the shape of `maps`.

    Raises:
        ClassifierError: if the head has an operation whose derivative is not known here, or does
            not fit together.
    """
    try:
        return _gradient(head_file, maps, class_index=class_index, needed_by=needed_by)
    # What arrays raise that do not fit each other: the head was not made by Carina.
    except (ArithmeticError, LookupError, TypeError, ValueError) as error:
        raise ClassifierError(
            f"{needed_by} cannot be computed for this classifier: its head does not fit together "
            f"({str(error)[:200]}); take the classifier as it was made, or train it again"
        ) from error


def _gradient(
    head_file: bytes, maps: NDArray[np.float32], *, class_index: int, needed_by: str
) -> NDArray[np.float32]:
    nodes, weights = _nodes_and_weights(head_file)
    values: dict[str, Array] = {**weights, "maps": maps[None]}
    passed: list[tuple[Any, Pull]] = []
    moving = {"maps"}
    for node in nodes:
        try:
            values[node.output[0]], pull = _forwards(node, values)
        except (NotImplementedError, UnknownNameError) as error:
            raise _cannot(needed_by, node.op_type) from error
        if pull is not None and moving.intersection(node.input):
            moving.add(node.output[0])
            passed.append((node, pull))
    gradient = np.zeros(values["logits"].shape, dtype=np.float32)
    gradient[0, class_index] = 1
    gradients: dict[str, Array] = {"logits": gradient}
    for node, pull in reversed(passed):
        arrived = gradients.pop(node.output[0], None)
        for index, name in enumerate(node.input):
            if arrived is None or name not in moving:
                continue
            try:
                further = pull(arrived, index)
            except NotImplementedError as error:
                raise _cannot(needed_by, node.op_type) from error
            gradients[name] = gradients[name] + further if name in gradients else further
    found = gradients.get("maps")
    return np.zeros_like(maps) if found is None else in_float32(found[0])


# A dense head may hold 85 MB, and is asked film after film.
@lru_cache(maxsize=1)
def _nodes_and_weights(head_file: bytes) -> tuple[tuple[Any, ...], dict[str, Array]]:
    graph = read_graph(head_file)
    return tuple(graph.node), {tensor.name: array_of(tensor) for tensor in graph.initializer}


def _forwards(node: Any, values: dict[str, Array]) -> tuple[Array, Pull | None]:
    """Return a node's output, and how a gradient passes back through it.

    Raises:
        UnknownNameError: if there is no such operation here.
        NotImplementedError: if its form is not known here.
    """
    if node.domain not in ("", "ai.onnx"):
        raise NotImplementedError
    operation = OPERATIONS.get(node.op_type)
    attributes = attributes_of(node)
    inputs: Sequence[Array | None] = [_value(values, name) if name else None for name in node.input]
    return operation(attributes, inputs)


def _value(values: dict[str, Array], name: str) -> Array:
    # What is not there is a second output, such as the places of a maximum.
    if name not in values:
        raise NotImplementedError
    return values[name]


def _cannot(needed_by: str, operation: str) -> ClassifierError:
    others = [n for n in (*METHODS_WITH_MAPS, *METHODS_WITHOUT_MAPS) if n != needed_by]
    return ClassifierError(
        f"{needed_by} cannot be computed for this classifier: its head holds the operation "
        f"'{operation}' in a form whose derivative is not known here; "
        f"{', '.join(others)} need no derivative"
    )
