"""The arrays of `gate.safetensors`, if they fit each other."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from carina.errors import ClassifierError
from carina.imaging.thumbnails import THUMBNAIL_SIDE
from carina.inference.gate.columns import N_COLUMNS

Arrays = dict[str, NDArray[np.float32]]

_N_PIXELS = THUMBNAIL_SIDE**2
# Name -> the sizes of its axes; a letter stands for any size that is the same throughout.
_SHAPES: dict[str, tuple[int | str, ...]] = {
    "films.mean": (_N_PIXELS,),
    "films.directions": ("k", _N_PIXELS),
    "films.variances": ("k",),
    "films.rest": (),
    "scores.centre": (N_COLUMNS,),
    "scores.deviation": (N_COLUMNS,),
    "scores.waves": (N_COLUMNS, "w"),
    "scores.shifts": ("w",),
    "scores.weights": ("1+columns+w", 2),
    "pose_fits": (),
}
_SHAPES_OF_NETWORK: dict[str, tuple[int | str, ...]] = {
    "network.means": ("classes", "features"),
    "network.directions": ("d", "features"),
    "network.variances": ("d",),
    "network.rest": (),
}
_VARIANCES = ("films.variances", "films.rest", "scores.deviation", "network.variances",
               "network.rest")  # fmt: skip
# So that squares over variances, and their sums, stay numbers of 32 bits; fitting gives no
# variance below 1e-12.
_LARGEST, _LARGEST_VARIANCE, _LEAST_VARIANCE = 1e9, 1e18, 1e-13


def checked_arrays(data: bytes, *, name: str) -> Arrays:
    """Return the arrays of a fitted gate by name.

    Args:
        data: the bytes of a safetensors file.
        name: what it is called, for messages.

    Raises:
        ClassifierError: if it holds other arrays, of other shapes, or values that cannot be
            computed with.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        arrays = load(data)
        shapes = _SHAPES | (_SHAPES_OF_NETWORK if "network.means" in arrays else {})
        _require_shapes(arrays, shapes)
        _require_values(arrays)
    except (SafetensorError, KeyError, TypeError, ValueError) as problem:
        raise ClassifierError(
            f"{name} is no file of a fitted input gate ({problem}); train the classifier again, or "
            "take an unchanged copy of its folder"
        ) from problem
    return arrays


def _require_shapes(arrays: Arrays, shapes: dict[str, tuple[int | str, ...]]) -> None:
    if set(arrays) != set(shapes):
        raise ValueError(f"{len(shapes)} arrays are expected, and it names others")
    sizes: dict[int | str, int] = {"1+columns+w": 1 + N_COLUMNS + len(arrays["scores.shifts"])}
    for name, wanted in shapes.items():
        found = arrays[name].shape
        expected = tuple(
            side if isinstance(side, int) else sizes.setdefault(side, found_side)
            for side, found_side in zip(wanted, found, strict=False)
        )
        if len(found) != len(wanted) or found != expected or 0 in found:
            raise ValueError(f"'{name}' has the shape {list(found)}, which does not fit the others")


def _require_values(arrays: Arrays) -> None:
    for name, values in arrays.items():
        is_variance = name in _VARIANCES
        most = _LARGEST_VARIANCE if is_variance else _LARGEST
        if values.dtype != np.float32 or not (np.abs(values) <= most).all():
            raise ValueError(f"'{name}' holds what cannot be computed with")
        if is_variance and not (values >= _LEAST_VARIANCE).all():
            raise ValueError(f"'{name}' holds variances that are not above 0")
