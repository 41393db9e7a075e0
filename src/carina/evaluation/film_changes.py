"""Small changes of a film that mean nothing, and what they leave of a heat map."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from carina.evaluation.heat_maps import Heat, Image, likeness

SHIFT_SHARE = 0.02
"""How far a film is moved to the right and down, in shares of its sides: patients do not stand
to the centimetre (on a 35 cm detector: 7 mm)."""
NOISE_STD = 0.01
"""Deviation of the added noise, in shares of the grey range: two and a half levels of 8 bits."""
GREY_EXPONENT = 1.1
"""What grey values are raised to: a film developed or windowed a little darker."""

_SHIFT, _NOISE, _GREY = "stability_shift", "stability_noise", "stability_grey"


def changed(image: Image, *, rng: np.random.Generator) -> Mapping[str, Image]:
    """Return a film changed a little, by the name of the score that asks for it.

    Args:
        image: float32 `[channels, height, width]` in `[0, 1]`; the channels are equal, and
            stay so.
        rng: draws the noise.
    """
    rows, columns = _moved_by(image.shape[1:])
    height, width = image.shape[1:]
    framed = np.pad(image, ((0, 0), (rows, 0), (columns, 0)), mode="edge")
    noise = NOISE_STD * rng.standard_normal(image.shape[1:], dtype=np.float32)
    return {
        _SHIFT: framed[:, :height, :width],
        _NOISE: (image + noise).clip(0, 1),
        _GREY: image ** np.float32(GREY_EXPONENT),
    }


def likeness_after(name: str, heat: Heat, of_changed: Heat) -> float:
    """Return how alike a film's map and that of the changed film are, -1 to 1; what was moved
    is moved back.

    Args:
        name: of the change, as `changed` gives it.
        heat, of_changed: float32 `[height, width]`.
    """
    if name != _SHIFT:
        return likeness(heat, of_changed)
    rows, columns = _moved_by(heat.shape)
    height, width = heat.shape
    return likeness(heat[: height - rows, : width - columns], of_changed[rows:, columns:])


def _moved_by(shape: tuple[int, ...]) -> tuple[int, int]:
    """Return by how many rows and columns a film is moved, one at least."""
    return max(1, round(SHIFT_SHARE * shape[0])), max(1, round(SHIFT_SHARE * shape[1]))
