"""Random changes of a training film: drawn, then applied.

All that moves pixels is one affine map and one warp, whatever is asked for: a warp for
each would cost seven times more and blur the film each time.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from carina.domain.recipe import AugmentSection

_FILL = {
    "nearest": cv2.BORDER_REPLICATE,
    "constant": cv2.BORDER_CONSTANT,
    "reflect": cv2.BORDER_REFLECT,
}


@dataclass(frozen=True, slots=True)
class Changes:
    """What happens to one film; the defaults change nothing.

    Attributes:
        rotation_degrees: clockwise.
        zoom: above 1 the film grows.
        shear_degrees: the angle by which upright lines lean.
        shift_x, shift_y: to the right and down, in shares of the width and the height.
        mirror, upside_down: whether the film is turned over.
        brightness: added to every value; the range is 1.
        contrast: factor about the film's mean.
        blur_sigma_px: of a Gaussian blur; 0 for none.
        noise_std: of Gaussian noise; 0 for none.
        noise_seed: decides the noise.
    """

    rotation_degrees: float = 0.0
    zoom: float = 1.0
    shear_degrees: float = 0.0
    shift_x: float = 0.0
    shift_y: float = 0.0
    mirror: bool = False
    upside_down: bool = False
    brightness: float = 0.0
    contrast: float = 1.0
    blur_sigma_px: float = 0.0
    noise_std: float = 0.0
    noise_seed: int = 0


def changes_films(section: AugmentSection) -> bool:
    """Return whether any film is shown other than it is.

    >>> changes_films(AugmentSection(views=3, fill="reflect"))
    False
    >>> changes_films(AugmentSection(horizontal_flip=True))
    True
    """
    return any(section.model_dump(exclude={"fill", "views"}).values())


def draw_changes(section: AugmentSection, rng: np.random.Generator) -> Changes:
    """Return what happens to one film in one epoch.

    Args:
        section: the ranges.
        rng: the film's own in this epoch. The same twelve numbers are always taken from
            it, so that switching one change on leaves the others as they were.
    """
    share = rng.random(12).tolist()

    def about_zero(index: int, limit: float) -> float:
        return float((2 * share[index] - 1) * limit)

    return Changes(
        rotation_degrees=about_zero(0, section.rotation_degrees),
        zoom=1 + about_zero(1, section.zoom),
        shear_degrees=about_zero(2, section.shear_degrees),
        shift_x=about_zero(3, section.shift),
        shift_y=about_zero(4, section.shift),
        mirror=section.horizontal_flip and share[5] < 0.5,
        upside_down=section.vertical_flip and share[6] < 0.5,
        brightness=about_zero(7, section.brightness),
        contrast=1 + about_zero(8, section.contrast),
        blur_sigma_px=share[9] * section.blur_sigma_px,
        noise_std=share[10] * section.noise_std,
        noise_seed=int(share[11] * 2**53),
    )


def apply_changes(
    pixels: NDArray[np.float32], changes: Changes, *, fill: str
) -> NDArray[np.float32]:
    """Return a changed film.

    Args:
        pixels: float32 `[height, width]` in `[0, 1]`; not touched.
        changes: what to do.
        fill: what stands where the warp finds no film, as in `AugmentSection`.

    Returns:
        float32 `[height, width]` in `[0, 1]`; the same values where nothing changes, and
        exactly the mirrored ones where the film is only turned over.
    """
    changed = _moved(pixels, changes, fill=fill)
    if changes.contrast != 1 or changes.brightness:
        mean = np.float32(changed.mean())
        offset = mean * (1 - changes.contrast) + changes.brightness
        changed = changed * np.float32(changes.contrast) + np.float32(offset)
    if changes.blur_sigma_px:
        changed = np.asarray(
            cv2.GaussianBlur(changed, (0, 0), changes.blur_sigma_px, borderType=cv2.BORDER_REFLECT),
            dtype=np.float32,
        )
    if changes.noise_std:
        rng = np.random.Generator(np.random.PCG64(changes.noise_seed))
        noise = rng.standard_normal(changed.shape, dtype=np.float32)
        changed = changed + noise * np.float32(changes.noise_std)
    return changed.clip(0, 1)


@contextmanager
def one_opencv_thread() -> Iterator[None]:
    """Let OpenCV work on the calling thread alone in the block; torch has the others."""
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(before)


def _moved(pixels: NDArray[np.float32], changes: Changes, *, fill: str) -> NDArray[np.float32]:
    turned = pixels[:: -1 if changes.upside_down else 1, :: -1 if changes.mirror else 1]
    matrix = _affine(changes, *pixels.shape)
    if np.array_equal(matrix, np.eye(2, 3)):
        return turned
    height, width = pixels.shape
    warped = cv2.warpAffine(
        np.ascontiguousarray(turned),
        matrix,
        (width, height),
        flags=cv2.INTER_LINEAR,
        borderMode=_FILL[fill],
    )
    return np.asarray(warped, dtype=np.float32)


def _affine(changes: Changes, height: int, width: int) -> NDArray[np.float64]:
    """Return the map `[2, 3]` of pixel centres: shear, then zoom, then rotation about the
    film's centre, then shift."""
    angle = math.radians(changes.rotation_degrees)
    cos, sin = changes.zoom * math.cos(angle), changes.zoom * math.sin(angle)
    lean = math.tan(math.radians(changes.shear_degrees))
    linear = np.array([[cos, cos * lean - sin], [sin, sin * lean + cos]])
    centre = np.array([(width - 1) / 2, (height - 1) / 2])
    shift = np.array([changes.shift_x * width, changes.shift_y * height])
    return np.column_stack([linear, centre - linear @ centre + shift])
