"""ONNX operations, forwards and backwards: what the heads of classifiers are made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from carina.registry import Registry

Array = NDArray[Any]
# The gradient at an operation's output, and the number of one of its inputs -> the gradient
# there, of that input's shape.
Pull = Callable[[Array, int], Array]
Attributes = Mapping[str, Any]
Inputs = Sequence[Array | None]
# Attributes, and inputs (None for one that is left out) -> the output, and how a gradient
# passes back; None in place of that where the output does not vary with the inputs' values.
# A form of the operation that is not known here raises NotImplementedError.
Operation = Callable[[Attributes, Inputs], tuple[Array, Pull | None]]


OPERATIONS: Registry[Operation] = Registry(
    "ONNX operation", package="carina.inference.explain.operations"
)


def given(inputs: Inputs, index: int) -> Array:
    """Return an input that must be there.

    Raises:
        NotImplementedError: if it is left out.
    """
    found = optional(inputs, index)
    if found is None:
        raise NotImplementedError
    return found


def optional(inputs: Inputs, index: int) -> Array | None:
    """Return an input that may be left out."""
    return inputs[index] if index < len(inputs) else None


def shaped_as(gradient: Array, shape: tuple[int, ...]) -> Array:
    """Return the gradient at values that were broadcast: summed over what they were spread to.

    >>> shaped_as(np.ones((2, 3)), (3,)).tolist()
    [2.0, 2.0, 2.0]
    """
    summed = gradient.sum(axis=tuple(range(gradient.ndim - len(shape))))
    spread = tuple(axis for axis, size in enumerate(shape) if size == 1 and summed.shape[axis] != 1)
    return np.asarray(summed.sum(axis=spread, keepdims=True)) if spread else np.asarray(summed)
