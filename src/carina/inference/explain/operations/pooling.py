"""Means and maxima over maps and windows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from carina.inference.explain.operations import (
    OPERATIONS,
    Array,
    Attributes,
    Inputs,
    Pull,
    given,
    optional,
)


@OPERATIONS.register("GlobalAveragePool")
def global_average_pool(_attributes: Attributes, inputs: Inputs) -> tuple[Array, Pull]:
    """Return the mean of each map."""
    before = given(inputs, 0)
    places = tuple(range(2, before.ndim))
    size = before[0, 0].size
    return before.mean(axis=places, keepdims=True), (
        lambda gradient, _index: np.broadcast_to(gradient / np.float32(size), before.shape)
    )


@OPERATIONS.register("GlobalMaxPool")
def global_max_pool(_attributes: Attributes, inputs: Inputs) -> tuple[Array, Pull]:
    """Return the largest value of each map."""
    before = given(inputs, 0)
    flat = before.reshape(*before.shape[:2], -1)
    first = flat.argmax(axis=2)[..., None]
    largest = np.take_along_axis(flat, first, axis=2)

    def pull(gradient: Array, _index: int) -> Array:
        found = np.zeros_like(flat, dtype=gradient.dtype)
        np.put_along_axis(found, first, gradient.reshape(largest.shape), axis=2)
        return found.reshape(before.shape)

    return largest.reshape(before.shape[:2] + (1,) * (before.ndim - 2)), pull


@OPERATIONS.register("ReduceMean")
def reduce_mean(attributes: Attributes, inputs: Inputs) -> tuple[Array, Pull]:
    """Return the means over some axes."""
    return _reduced(attributes, inputs, mean=True)


@OPERATIONS.register("ReduceSum")
def reduce_sum(attributes: Attributes, inputs: Inputs) -> tuple[Array, Pull]:
    """Return the sums over some axes."""
    return _reduced(attributes, inputs, mean=False)


def _reduced(attributes: Attributes, inputs: Inputs, *, mean: bool) -> tuple[Array, Pull]:
    before, listed = given(inputs, 0), optional(inputs, 1)
    axes = attributes.get("axes") if listed is None else listed.tolist()
    if not axes:
        if attributes.get("noop_with_empty_axes", 0):
            raise NotImplementedError
        axes = range(before.ndim)
    over = tuple(int(axis) % before.ndim for axis in axes)
    kept = before.sum(axis=over, keepdims=True)
    share = np.float32(kept.size / before.size if mean else 1)

    def pull(gradient: Array, _index: int) -> Array:
        return np.broadcast_to(gradient.reshape(kept.shape) * share, before.shape)

    reduced = kept * share
    return (reduced if attributes.get("keepdims", 1) else reduced.squeeze(over)), pull


@OPERATIONS.register("MaxPool")
def max_pool(attributes: Attributes, inputs: Inputs) -> tuple[Array, Pull]:
    """Return the largest value of each window."""
    before = given(inputs, 0)
    windows = _windows(attributes, before)
    padded = windows.padded(before, fill=-np.inf)
    largest = np.max([padded[at] for at in windows], axis=0)

    def pull(gradient: Array, _index: int) -> Array:
        found = np.zeros_like(padded, dtype=gradient.dtype)
        free = np.ones(largest.shape, dtype=bool)
        for at in windows:
            chosen = free & (padded[at] == largest)
            found[at] += gradient * chosen
            free &= ~chosen
        return windows.unpadded(found)

    return largest, pull


@OPERATIONS.register("AveragePool")
def average_pool(attributes: Attributes, inputs: Inputs) -> tuple[Array, Pull]:
    """Return the mean of each window; what pads the maps counts only if it is said to."""
    before = given(inputs, 0)
    windows = _windows(attributes, before)
    padded = windows.padded(before, fill=0)
    counted = windows.padded(np.ones_like(before), fill=attributes.get("count_include_pad", 0))
    counts = np.sum([counted[at] for at in windows], axis=0)

    def pull(gradient: Array, _index: int) -> Array:
        found = np.zeros_like(padded, dtype=gradient.dtype)
        for at in windows:
            found[at] += gradient / counts
        return windows.unpadded(found)

    return np.sum([padded[at] for at in windows], axis=0) / counts, pull


@dataclass(frozen=True, slots=True)
class _Windows:
    """Where the windows of a pooling lie on padded maps `[n, maps, rows, columns]`.

    Attributes:
        kernel, stride, spread: of rows and of columns; `spread` is ONNX's `dilations`.
        before: places that pad the maps above and at the left.
        size: of the maps.
        n_windows: in a column and in a row.
    """

    kernel: tuple[int, int]
    stride: tuple[int, int]
    spread: tuple[int, int]
    before: tuple[int, int]
    size: tuple[int, int]
    n_windows: tuple[int, int]

    def __iter__(self) -> Iterator[tuple[slice, slice, slice, slice]]:
        """Yield, for each place of a window in order, where it lies in all windows."""
        for place in np.ndindex(*self.kernel):
            rows, columns = (
                slice(start, start + (n - 1) * stride + 1, stride)
                for start, n, stride in zip(
                    (place[i] * self.spread[i] for i in (0, 1)),
                    self.n_windows,
                    self.stride,
                    strict=True,
                )
            )
            yield slice(None), slice(None), rows, columns

    def padded(self, maps: Array, *, fill: float) -> Array:
        """Return the maps with as much around them as the windows reach."""
        reached = [
            max(
                (self.n_windows[i] - 1) * self.stride[i]
                + (self.kernel[i] - 1) * self.spread[i]
                + 1,
                self.before[i] + self.size[i],
            )
            for i in (0, 1)
        ]
        padded = np.full((*maps.shape[:2], *reached), fill, dtype=maps.dtype)
        self.unpadded(padded)[...] = maps
        return padded

    def unpadded(self, padded: Array) -> Array:
        """Return the maps' own places among padded ones."""
        (top, left), (height, width) = self.before, self.size
        return padded[:, :, top : top + height, left : left + width]


def _windows(attributes: Attributes, maps: Array) -> _Windows:
    """Return the windows of ONNX's MaxPool and AveragePool over maps.

    Raises:
        NotImplementedError: if the maps have not two axes, or the maxima's places are asked for.
    """
    if maps.ndim != 4 or attributes.get("storage_order", 0):
        raise NotImplementedError
    kernel = _pair(attributes["kernel_shape"])
    stride = _pair(attributes.get("strides", (1, 1)))
    spread = _pair(attributes.get("dilations", (1, 1)))
    pads = list(attributes.get("pads", (0, 0, 0, 0)))
    size = (maps.shape[2], maps.shape[3])
    reach = [(kernel[i] - 1) * spread[i] + 1 for i in (0, 1)]
    automatic = attributes.get("auto_pad", b"NOTSET")
    if automatic in (b"SAME_UPPER", b"SAME_LOWER"):
        for i in (0, 1):
            total = max((-(-size[i] // stride[i]) - 1) * stride[i] + reach[i] - size[i], 0)
            less = total // 2
            pads[i] = less if automatic == b"SAME_UPPER" else total - less
            pads[i + 2] = total - pads[i]
    counts = []
    for i in (0, 1):
        room = size[i] + pads[i] + pads[i + 2] - reach[i]
        upwards = attributes.get("ceil_mode", 0)
        n = (-(-room // stride[i]) if upwards else room // stride[i]) + 1
        # A window that would begin beyond the maps and what pads them at the left is left out.
        counts.append(n - 1 if (n - 1) * stride[i] >= size[i] + pads[i] else n)
    return _Windows(
        kernel=kernel,
        stride=stride,
        spread=spread,
        before=(pads[0], pads[1]),
        size=size,
        n_windows=(counts[0], counts[1]),
    )


def _pair(values: list[int] | tuple[int, ...]) -> tuple[int, int]:
    first, second = values
    return int(first), int(second)
