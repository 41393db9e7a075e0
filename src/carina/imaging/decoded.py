"""What a decoder returns, and the limits that hold for all of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from carina.errors import ImageError

MAX_PIXELS = 80_000_000
MIN_SIDE_PX = 8


@dataclass(frozen=True, slots=True, eq=False)
class Decoded:
    """The picture inside a file's bytes.

    Attributes:
        pixels: float32 `[height, width]` in `[0, 1]`; 0 is black.
        file_format, colour_mode, bits, view, pixel_spacing_mm, cautions, traces,
            jpeg_tables, jpeg_quality, colour_share: as in `Radiograph`.
    """

    pixels: NDArray[np.float32]
    file_format: str
    colour_mode: str
    bits: int
    view: str | None = None
    pixel_spacing_mm: tuple[float, float] | None = None
    cautions: tuple[str, ...] = ()
    traces: tuple[str, ...] = ()
    jpeg_tables: str = ""
    jpeg_quality: int | None = None
    colour_share: float = 0.0


def require_size(height: int, width: int, *, name: str) -> None:
    """Refuse a declared size before anything is allocated for it.

    Raises:
        ImageError: "too-large" over `MAX_PIXELS`, "too-small" under `MIN_SIDE_PX` a side.
    """
    if height * width > MAX_PIXELS:
        raise ImageError(
            f"{name} is {width} x {height} pixels, and {MAX_PIXELS / 1e6:.0f} million are the most "
            "that is read; save it smaller",
            image_code="too-large",
        )
    if min(height, width) < MIN_SIDE_PX:
        raise ImageError(
            f"{name} is {width} x {height} pixels, and {MIN_SIDE_PX} a side are the least: "
            "no film can be seen in it",
            image_code="too-small",
        )
