"""A radiograph -> the pixels that a network sees; the same code for training and serving."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from carina.domain.input_spec import InputSpec
from carina.domain.radiograph import Radiograph
from carina.imaging.denoise import denoised

_TOP_LEVEL = 65535
MASKED_SHARE = 0.8
"""The share of height and of width that mask = "centre" blacks out. 95 % of the lungs' area lies
within it on 269 films with lung masks, and 99.9 % of the lesions of phantom films; with 0.7 it
was 85 and 94 % (`python benchmarks/lungs_in_the_mask.py`). Frame and corners lie outside."""
_RESAMPLING = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
}
Box = tuple[float, float, float, float]
Pixel = TypeVar("Pixel", bound=np.generic)


def prepare(radiograph: Radiograph, spec: InputSpec) -> NDArray[np.float32]:
    """Return the network's input for one radiograph.

    Returns:
        float32 `[channels, height, width]` in `[0, 1]`, every value a multiple of 1/65535;
        the channels are equal.
    """
    prepared: NDArray[np.float32] = network_input(prepare_levels(radiograph, spec)[None], spec)[0]
    return prepared


def prepare_levels(radiograph: Radiograph, spec: InputSpec) -> NDArray[np.uint16]:
    """Return one channel of the network's input as levels uint16 `[height, width]`.

    The film is fitted and resized in float32 (antialiased when it shrinks, nearest excepted),
    clipped to `[0, 1]`, denoised, padded, masked and rounded to the nearest of 65,536 levels.

    Raises:
        MissingExtraError: if the noise filter is not installed.
    """
    fitted = _padded(denoised(fitted_film(radiograph, spec), spec.denoise), spec, radiograph)
    if spec.mask == "centre":
        fitted = without_centre(fitted)
    levels: NDArray[np.uint16] = np.rint(fitted * np.float32(_TOP_LEVEL)).astype(np.uint16)
    return levels


def fitted_film(radiograph: Radiograph, spec: InputSpec) -> NDArray[np.float32]:
    """Return a film on the network's grid, before noise filter, padding and mask.

    Returns:
        float32 `[rows, columns]` in `[0, 1]`: `[height, width]` of the spec, or less where
        a letterbox will pad it.
    """
    height, width = radiograph.pixels.shape
    left, top, right, bottom = _inside(spec, height, width)
    part = _resized(
        radiograph.pixels,
        bottom - top,
        right - left,
        _RESAMPLING[spec.interpolation],
        box=_seen(spec, height, width),
    )
    return part.clip(0, 1)


def without_centre(pixels: NDArray[Pixel]) -> NDArray[Pixel]:
    """Return films with their middle black, as mask = "centre" prepares them.

    Args:
        pixels: `[..., height, width]`, 0 black; levels or grey values.

    Returns:
        A copy, in which the middle `MASKED_SHARE` of height and of width is 0.

    >>> int(without_centre(np.ones((1, 8, 8), dtype=np.uint16)).sum())
    28
    """
    height, width = pixels.shape[-2:]
    rows = round(height * (1 - MASKED_SHARE) / 2)
    columns = round(width * (1 - MASKED_SHARE) / 2)
    masked = pixels.copy()
    masked[..., rows : height - rows, columns : width - columns] = 0
    return masked


def network_input(levels: NDArray[np.uint16], spec: InputSpec) -> NDArray[np.float32]:
    """Return the network's input float32 `[n, channels, height, width]` in `[0, 1]` for films
    that were prepared as levels uint16 `[n, height, width]`; the channels are equal."""
    return np.repeat(from_levels(levels)[:, None], spec.channels, axis=1)


def from_levels(levels: NDArray[np.uint16]) -> NDArray[np.float32]:
    """Return levels uint16 of any shape as float32 in `[0, 1]`.

    >>> from_levels(np.array([0, 65535], dtype=np.uint16)).tolist()
    [0.0, 1.0]
    """
    return levels.astype(np.float32) / np.float32(_TOP_LEVEL)


def back_to_film(
    heat: NDArray[np.float32], spec: InputSpec, *, height: int, width: int
) -> NDArray[np.float32]:
    """Return a map over the network's input as a map over the film it came from.

    Args:
        heat: float32 `[h, w]`, over the whole input; of any size.
        spec: how the film was fitted.
        height, width: the film's pixels.

    Returns:
        float32 `[height, width]`; 0 where the network did not see the film.
    """
    over_input = _resized(heat, spec.height, spec.width, Image.Resampling.BILINEAR)
    film = np.zeros((height, width), dtype=np.float32)
    left, top, right, bottom = _seen(spec, height, width)
    rows = slice(round(top), max(round(bottom), round(top) + 1))
    columns = slice(round(left), max(round(right), round(left) + 1))
    inner = _inside(spec, height, width)
    part = over_input[inner[1] : inner[3], inner[0] : inner[2]]
    film[rows, columns] = _resized(
        part, rows.stop - rows.start, columns.stop - columns.start, Image.Resampling.BILINEAR
    )
    return film


def _padded(
    part: NDArray[np.float32], spec: InputSpec, radiograph: Radiograph
) -> NDArray[np.float32]:
    """Return a fitted film in the network's size, float32 `[height, width]`, as a new array."""
    left, top, right, bottom = _inside(spec, *radiograph.pixels.shape)
    padded = np.zeros((spec.height, spec.width), dtype=np.float32)
    padded[top:bottom, left:right] = part
    return padded


def _seen(spec: InputSpec, height: int, width: int) -> Box:
    """Return the part of the film that the network sees: left, top, right, bottom."""
    if spec.fit != "crop":
        return (0.0, 0.0, float(width), float(height))
    scale = max(spec.height / height, spec.width / width)
    seen_width, seen_height = min(spec.width / scale, width), min(spec.height / scale, height)
    left, top = (width - seen_width) / 2, (height - seen_height) / 2
    return (left, top, left + seen_width, top + seen_height)


def _inside(spec: InputSpec, height: int, width: int) -> tuple[int, int, int, int]:
    """Return where the film lies in the network's input: left, top, right, bottom."""
    if spec.fit != "letterbox":
        return (0, 0, spec.width, spec.height)
    scale = min(spec.height / height, spec.width / width)
    inner_width = min(max(round(width * scale), 1), spec.width)
    inner_height = min(max(round(height * scale), 1), spec.height)
    left, top = (spec.width - inner_width) // 2, (spec.height - inner_height) // 2
    return (left, top, left + inner_width, top + inner_height)


def _resized(
    pixels: NDArray[np.float32],
    height: int,
    width: int,
    resampling: Image.Resampling,
    *,
    box: Box | None = None,
) -> NDArray[np.float32]:
    image = Image.fromarray(np.ascontiguousarray(pixels, dtype=np.float32))
    return np.array(image.resize((width, height), resampling, box=box), dtype=np.float32)
