"""What a decoder returns, and the limits that hold for all of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from carina.errors import ImageError

MAX_PIXELS = 80_000_000
MIN_SIDE_PX = 8
COLOURED_SHARE = 0.01
"""A picture of which more than this share of pixels is clearly coloured is one in colour."""
COLOUR_DIFFERENCE = 24
"""A pixel is clearly coloured where red and green, or green and blue, differ by more, of 255."""


@dataclass(frozen=True, slots=True, eq=False)
class Decoded:
    """The picture inside a file's bytes.

    Attributes:
        pixels: float32 `[height, width]` in `[0, 1]`; 0 is black.
        file_format, colour_mode, bits, view, laterality, pixel_spacing_mm, cautions, traces,
            jpeg_tables, jpeg_quality, colour_share: as in `Radiograph`.
    """

    pixels: NDArray[np.float32]
    file_format: str
    colour_mode: str
    bits: int
    view: str | None = None
    laterality: str | None = None
    pixel_spacing_mm: tuple[float, float] | None = None
    cautions: tuple[str, ...] = ()
    traces: tuple[str, ...] = ()
    jpeg_tables: str = ""
    jpeg_quality: int | None = None
    colour_share: float = 0.0


class PixelRoom(Protocol):
    """Where a film's pixels are put, and who is told how many there will be."""

    def declared(self, n_pixels: int) -> None:
        """A film says that it has so many pixels; nothing is allocated for them yet."""

    def empty(self, height: int, width: int) -> NDArray[np.float32]:
        """Return float32 `[height, width]` with any values, for a film's grey values."""


class _OwnMemory:
    """Pixels in the memory of this process."""

    def declared(self, n_pixels: int) -> None:
        """Nobody is told."""

    def empty(self, height: int, width: int) -> NDArray[np.float32]:
        """Return a new array."""
        return np.empty((height, width), dtype=np.float32)


_OWN_MEMORY = _OwnMemory()
_ROOM: ContextVar[PixelRoom] = ContextVar("_ROOM", default=_OWN_MEMORY)


@contextmanager
def decoding_into(room: PixelRoom) -> Iterator[None]:
    """Have `require_size` and `new_pixels` turn to `room` inside of the block."""
    token = _ROOM.set(room)
    try:
        yield
    finally:
        _ROOM.reset(token)


def new_pixels(height: int, width: int) -> NDArray[np.float32]:
    """Return float32 `[height, width]` with any values, for the grey values of a film.

    A decoder that fills it and returns it spares the worker one copy of the film: of 4
    megapixels about 3 ms. Any other array will do, too.
    """
    return _ROOM.get().empty(height, width)


def require_size(height: int, width: int, *, name: str) -> None:
    """Refuse a declared size before anything is allocated for it.

    The worker's limits grow with what is declared here: call it before the pixels are decoded.

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
    _ROOM.get().declared(height * width)
