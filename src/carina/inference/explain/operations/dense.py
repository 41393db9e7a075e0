"""Dense layers, normalisation, and what turns logits into probabilities."""

from __future__ import annotations

import numpy as np

from carina.inference.explain.operations import (
    OPERATIONS,
    Array,
    Attributes,
    Inputs,
    Pull,
    given,
    optional,
    shaped_as,
)

# ONNX's default for BatchNormalization.
_EPSILON = 1e-5


@OPERATIONS.register("Gemm")
def gemm(attributes: Attributes, inputs: Inputs) -> tuple[Array, Pull]:
    """Return `alpha A B + beta C`, with A and B turned where `transA` and `transB` say so."""
    turned = attributes.get("transA", 0), attributes.get("transB", 0)
    alpha = np.float32(attributes.get("alpha", 1.0))
    beta = np.float32(attributes.get("beta", 1.0))
    left, right = (given(inputs, i).T if turned[i] else given(inputs, i) for i in (0, 1))
    added = optional(inputs, 2)

    def pull(gradient: Array, index: int) -> Array:
        if index == 2:
            return beta * shaped_as(gradient, given(inputs, 2).shape)
        found = alpha * (left.T @ gradient if index else gradient @ right.T)
        return found.T if turned[index] else found

    product = alpha * (left @ right)
    return (product if added is None else product + beta * added), pull


@OPERATIONS.register("MatMul")
def matmul(_attributes: Attributes, inputs: Inputs) -> tuple[Array, Pull]:
    """Return the product of two matrices, or of stacks of them."""
    left, right = given(inputs, 0), given(inputs, 1)
    if min(left.ndim, right.ndim) < 2:
        raise NotImplementedError

    def pull(gradient: Array, index: int) -> Array:
        if index == 0:
            return shaped_as(gradient @ right.swapaxes(-1, -2), left.shape)
        return shaped_as(left.swapaxes(-1, -2) @ gradient, right.shape)

    return left @ right, pull


@OPERATIONS.register("BatchNormalization")
def batch_normalization(attributes: Attributes, inputs: Inputs) -> tuple[Array, Pull]:
    """Return values normalised channel by channel (axis 1) with kept means and variances."""
    if attributes.get("training_mode", 0):
        raise NotImplementedError
    before = given(inputs, 0)
    channels = (1, -1) + (1,) * (before.ndim - 2)
    scale, shift, mean, variance = (given(inputs, i).reshape(channels) for i in (1, 2, 3, 4))
    slope = scale / np.sqrt(variance + attributes.get("epsilon", _EPSILON))
    slope = slope.astype(before.dtype)

    def pull(gradient: Array, index: int) -> Array:
        if index:
            raise NotImplementedError
        return np.asarray(gradient * slope)

    return (before - mean) * slope + shift, pull


@OPERATIONS.register("Softmax")
def softmax(attributes: Attributes, inputs: Inputs) -> tuple[Array, Pull]:
    """Return shares that sum to 1 along an axis."""
    before, axis = given(inputs, 0), attributes.get("axis", -1)
    shares = np.exp(_log_shares(before, axis))

    def pull(gradient: Array, _index: int) -> Array:
        return np.asarray(shares * (gradient - (gradient * shares).sum(axis, keepdims=True)))

    return shares, pull


@OPERATIONS.register("LogSoftmax")
def log_softmax(attributes: Attributes, inputs: Inputs) -> tuple[Array, Pull]:
    """Return the logarithms of the shares."""
    before, axis = given(inputs, 0), attributes.get("axis", -1)
    logs = _log_shares(before, axis)

    def pull(gradient: Array, _index: int) -> Array:
        return np.asarray(gradient - np.exp(logs) * gradient.sum(axis, keepdims=True))

    return logs, pull


def _log_shares(values: Array, axis: int) -> Array:
    # Until opset 12 the default axis was 1 and the rest was flattened: the same for two axes.
    if values.ndim != 2:
        raise NotImplementedError
    below_zero = values - values.max(axis, keepdims=True)
    return np.asarray(below_zero - np.log(np.exp(below_zero).sum(axis, keepdims=True)))
