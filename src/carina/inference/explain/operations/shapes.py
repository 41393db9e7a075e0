"""Operations that move values and change none, and those on shapes alone."""

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
from carina.inference.onnx_files import array_of, dtype_of


def _axes(attributes: Attributes, inputs: Inputs) -> list[int] | None:
    listed = optional(inputs, 1)
    axes = attributes.get("axes") if listed is None else listed.tolist()
    return None if axes is None else [int(axis) for axis in axes]


def _reshaped(before: Array, shape: tuple[int, ...]) -> tuple[Array, Pull]:
    return before.reshape(shape), lambda gradient, _index: gradient.reshape(before.shape)


@OPERATIONS.register("Flatten")
def flatten(attributes: Attributes, inputs: Inputs) -> tuple[Array, Pull]:
    """Return a matrix: the axes before `axis` as rows, the others as columns."""
    before, axis = given(inputs, 0), attributes.get("axis", 1)
    rows = int(np.prod(before.shape[: axis if axis >= 0 else before.ndim + axis], dtype=np.int64))
    return _reshaped(before, (rows, before.size // max(rows, 1)))


@OPERATIONS.register("Reshape")
def reshape(attributes: Attributes, inputs: Inputs) -> tuple[Array, Pull]:
    """Return the values in another shape; a 0 in it keeps the size that stood there."""
    before, shape = given(inputs, 0), [int(size) for size in given(inputs, 1)]
    if not attributes.get("allowzero", 0):
        shape = [before.shape[i] if size == 0 else size for i, size in enumerate(shape)]
    return _reshaped(before, tuple(shape))


@OPERATIONS.register("Squeeze")
def squeeze(attributes: Attributes, inputs: Inputs) -> tuple[Array, Pull]:
    """Return the values without some axes of size 1."""
    before, axes = given(inputs, 0), _axes(attributes, inputs)
    return _reshaped(before, before.squeeze(None if axes is None else tuple(axes)).shape)


@OPERATIONS.register("Unsqueeze")
def unsqueeze(attributes: Attributes, inputs: Inputs) -> tuple[Array, Pull]:
    """Return the values with more axes of size 1."""
    before, axes = given(inputs, 0), _axes(attributes, inputs)
    return _reshaped(before, np.expand_dims(before, tuple(axes or ())).shape)


@OPERATIONS.register("Transpose")
def transpose(attributes: Attributes, inputs: Inputs) -> tuple[Array, Pull]:
    """Return the values with their axes in another order."""
    before = given(inputs, 0)
    order = attributes.get("perm", tuple(reversed(range(before.ndim))))
    return before.transpose(order), lambda gradient, _index: gradient.transpose(np.argsort(order))


@OPERATIONS.register("Concat")
def concat(attributes: Attributes, inputs: Inputs) -> tuple[Array, Pull]:
    """Return the inputs one after the other along an axis."""
    parts = [given(inputs, index) for index in range(len(inputs))]
    axis = attributes["axis"]
    starts = np.cumsum([0, *(part.shape[axis] for part in parts)])

    def pull(gradient: Array, index: int) -> Array:
        return gradient.take(range(starts[index], starts[index + 1]), axis=axis)

    return np.concatenate(parts, axis=axis), pull


@OPERATIONS.register("Gather")
def gather(attributes: Attributes, inputs: Inputs) -> tuple[Array, Pull]:
    """Return the values at some places of an axis."""
    before, places = given(inputs, 0), given(inputs, 1)
    axis = attributes.get("axis", 0)

    def pull(gradient: Array, index: int) -> Array:
        if index:
            raise NotImplementedError
        found = np.zeros(before.shape, dtype=gradient.dtype)
        chosen = (slice(None),) * (axis % before.ndim) + (places,)
        np.add.at(found, chosen, gradient)
        return found

    return before.take(places, axis=axis), pull


@OPERATIONS.register("Slice")
def slice_of(attributes: Attributes, inputs: Inputs) -> tuple[Array, Pull]:
    """Return a part of the values: from `starts` to `ends` along some axes."""
    before = given(inputs, 0)
    starts, ends, axes, steps = (
        attributes.get(name) if optional(inputs, i) is None else given(inputs, i).tolist()
        for i, name in enumerate(("starts", "ends", "axes", "steps"), start=1)
    )
    if starts is None or ends is None:
        raise NotImplementedError
    steps = steps or [1] * len(starts)
    if min(steps) < 1:
        raise NotImplementedError
    chosen = [slice(None)] * before.ndim
    for axis, start, end, step in zip(
        range(len(starts)) if axes is None else axes, starts, ends, steps, strict=True
    ):
        chosen[axis] = slice(start, end, step)
    kept = tuple(chosen)

    def pull(gradient: Array, _index: int) -> Array:
        found = np.zeros(before.shape, dtype=gradient.dtype)
        found[kept] = gradient
        return found

    return before[kept], pull


@OPERATIONS.register("Expand")
def expand(_attributes: Attributes, inputs: Inputs) -> tuple[Array, Pull]:
    """Return the values spread to a shape."""
    before = given(inputs, 0)
    shape = np.broadcast_shapes(before.shape, tuple(int(size) for size in given(inputs, 1)))
    return np.broadcast_to(before, shape), (
        lambda gradient, _index: shaped_as(gradient, before.shape)
    )


@OPERATIONS.register("Cast")
def cast(attributes: Attributes, inputs: Inputs) -> tuple[Array, Pull | None]:
    """Return the values in another number format; only another float keeps a gradient."""
    before = given(inputs, 0)
    after = before.astype(dtype_of(attributes["to"]))
    if not np.issubdtype(after.dtype, np.floating):
        return after, None
    return after, lambda gradient, _index: gradient.astype(before.dtype)


@OPERATIONS.register("Shape")
def shape_of(attributes: Attributes, inputs: Inputs) -> tuple[Array, None]:
    """Return the sizes of the axes."""
    sizes = given(inputs, 0).shape[attributes.get("start", 0) : attributes.get("end")]
    return np.array(sizes, dtype=np.int64), None


@OPERATIONS.register("Constant")
def constant(attributes: Attributes, _inputs: Inputs) -> tuple[Array, None]:
    """Return the value that the operation holds."""
    if "value" in attributes:
        return array_of(attributes["value"]), None
    for name, dtype in (("value_float", np.float32), ("value_int", np.int64)):
        for key in (name, f"{name}s"):
            if key in attributes:
                return np.array(attributes[key], dtype=dtype), None
    raise NotImplementedError


@OPERATIONS.register("ConstantOfShape")
def constant_of_shape(attributes: Attributes, inputs: Inputs) -> tuple[Array, None]:
    """Return one value in every place of a shape."""
    shape = tuple(int(size) for size in given(inputs, 0))
    if "value" not in attributes:
        return np.zeros(shape, dtype=np.float32), None
    value = array_of(attributes["value"])
    return np.full(shape, value.reshape(-1)[0], dtype=value.dtype), None
