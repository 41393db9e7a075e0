"""Operations on each value, or on pairs of values."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from carina.inference.explain.operations import (
    OPERATIONS,
    Array,
    Attributes,
    Inputs,
    Operation,
    Pull,
    given,
    optional,
    shaped_as,
)


def _each(of: Callable[[Array], Array], slope: Callable[[Array], Array]) -> Operation:
    """Return the operation of a function of one value and its derivative."""

    def operation(_attributes: Attributes, inputs: Inputs) -> tuple[Array, Pull]:
        before = given(inputs, 0)
        return of(before), lambda gradient, _index: gradient * slope(before)

    return operation


def _logistic(x: Array) -> Array:
    # By the hyperbolic tangent, which does not overflow.
    return np.asarray((1 + np.tanh(x / 2)) / 2)


for _name, _of, _slope in (
    ("Identity", lambda x: x, np.ones_like),
    ("Dropout", lambda x: x, np.ones_like),
    ("Relu", lambda x: np.maximum(x, 0), lambda x: x > 0),
    ("Sigmoid", _logistic, lambda x: _logistic(x) * _logistic(-x)),
    ("Tanh", np.tanh, lambda x: 1 - np.tanh(x) ** 2),
    ("Exp", np.exp, np.exp),
    ("Log", np.log, np.reciprocal),
    ("Sqrt", np.sqrt, lambda x: 1 / (2 * np.sqrt(x))),
    ("Neg", np.negative, lambda x: -np.ones_like(x)),
    ("Softplus", lambda x: np.logaddexp(x, 0), _logistic),
):
    OPERATIONS.register(_name)(_each(_of, _slope))


@OPERATIONS.register("LeakyRelu")
def leaky_relu(attributes: Attributes, inputs: Inputs) -> tuple[Array, Pull]:
    """Return the values, those below 0 times `alpha`."""
    before = given(inputs, 0)
    slope = np.where(before > 0, 1, attributes.get("alpha", 0.01)).astype(before.dtype)
    return before * slope, lambda gradient, _index: gradient * slope


@OPERATIONS.register("Clip")
def clip(attributes: Attributes, inputs: Inputs) -> tuple[Array, Pull]:
    """Return the values within two limits, each of which may be left out."""
    before = given(inputs, 0)
    lowest, highest = (
        attributes.get(name) if optional(inputs, index) is None else optional(inputs, index)
        for index, name in ((1, "min"), (2, "max"))
    )
    after = before if lowest is None else np.maximum(before, lowest)
    after = after if highest is None else np.minimum(after, highest)
    inside = np.ones(before.shape, dtype=bool)
    inside &= True if lowest is None else before > lowest
    inside &= True if highest is None else before < highest
    return after, lambda gradient, _index: gradient * inside


@OPERATIONS.register("Add")
def add(_attributes: Attributes, inputs: Inputs) -> tuple[Array, Pull]:
    """Return the sum of two."""
    pair = given(inputs, 0), given(inputs, 1)
    return pair[0] + pair[1], lambda gradient, index: shaped_as(gradient, pair[index].shape)


@OPERATIONS.register("Sub")
def sub(_attributes: Attributes, inputs: Inputs) -> tuple[Array, Pull]:
    """Return the first less the second."""
    pair = given(inputs, 0), given(inputs, 1)

    def pull(gradient: Array, index: int) -> Array:
        return shaped_as(-gradient if index else gradient, pair[index].shape)

    return pair[0] - pair[1], pull


@OPERATIONS.register("Mul")
def mul(_attributes: Attributes, inputs: Inputs) -> tuple[Array, Pull]:
    """Return the product of two."""
    pair = given(inputs, 0), given(inputs, 1)

    def pull(gradient: Array, index: int) -> Array:
        return shaped_as(gradient * pair[1 - index], pair[index].shape)

    return pair[0] * pair[1], pull


@OPERATIONS.register("Div")
def div(_attributes: Attributes, inputs: Inputs) -> tuple[Array, Pull]:
    """Return the first over the second."""
    above, below = given(inputs, 0), given(inputs, 1)
    whole_numbers = np.issubdtype(above.dtype, np.integer)
    quotient = above // below if whole_numbers else above / below

    def pull(gradient: Array, index: int) -> Array:
        if index == 0:
            return shaped_as(gradient / below, above.shape)
        return shaped_as(-gradient * quotient / below, below.shape)

    return quotient, pull


@OPERATIONS.register("Sum")
def sum_of_all(_attributes: Attributes, inputs: Inputs) -> tuple[Array, Pull]:
    """Return the sum of any number."""
    parts = [given(inputs, index) for index in range(len(inputs))]
    total = np.asarray(sum(parts[1:], parts[0]))
    return total, lambda gradient, index: shaped_as(gradient, parts[index].shape)
