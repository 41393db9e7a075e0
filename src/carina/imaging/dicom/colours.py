"""Captures in colour -> grey: ITU-R BT.601 luma of their red, green and blue."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from carina.imaging.decoded import COLOUR_DIFFERENCE, new_pixels
from carina.imaging.dicom.elements import Elements
from carina.imaging.dicom.greys import BLOCK_PIXELS, looked_up
from carina.imaging.dicom.lookup import palette_lookups
from carina.imaging.dicom.native import used_bits
from carina.imaging.dicom.picture import PALETTE, Picture
from carina.imaging.dicom.refusals import refused

_LUMA = np.array([0.299, 0.587, 0.114])
_LOOKED_AT = 64


def grey_of_colours(
    values: NDArray[Any], picture: Picture, elements: Elements, *, name: str
) -> tuple[NDArray[np.float32], float]:
    """Return the luma of a picture in colour, and the share of its pixels that are coloured.

    Args:
        values: as `native_values` or `decode_codestream` return them.
        picture: what they mean.
        elements: the file's, for its palette.
        name: the file, for messages.

    Raises:
        ImageError: "unsupported-pixels" for luma and chroma of other than 8 bits, "damaged"
            for a palette that is shorter than it says.
    """
    if picture.photometric == PALETTE:
        return _grey_of_palette(values, picture, elements, name)
    top = (1 << picture.bits_stored) - 1
    if picture.photometric != "RGB" and values.dtype != np.uint8:
        raise refused(
            name,
            f"stores luma and chroma of {picture.bits_allocated} bits; 8 are read",
            code="unsupported-pixels",
        )
    pixels = new_pixels(picture.rows, picture.columns)
    n_rows = max(BLOCK_PIXELS // picture.columns, 1)
    for start in range(0, picture.rows, n_rows):
        colours = _red_green_blue(values[start : start + n_rows], picture)
        pixels[start : start + n_rows] = _luma(colours, top)
    return pixels, _coloured_share(_red_green_blue(_some(values), picture) / top)


def _grey_of_palette(
    values: NDArray[Any], picture: Picture, elements: Elements, name: str
) -> tuple[NDArray[np.float32], float]:
    palettes = palette_lookups(elements, is_signed=picture.is_signed, name=name)

    def colours(numbers: NDArray[Any]) -> NDArray[np.float64]:
        used = used_bits(numbers, picture)
        return np.stack([palette.apply(used) / palette.top for palette in palettes], axis=-1)

    def grey(numbers: NDArray[Any]) -> NDArray[np.float32]:
        return _luma(colours(numbers), 1)

    return looked_up(values, grey), _coloured_share(colours(_some(values)))


def _red_green_blue(values: NDArray[Any], picture: Picture) -> NDArray[Any]:
    if picture.photometric == "RGB":
        return used_bits(values, picture)
    from pydicom.pixels.processing import convert_color_space

    return convert_color_space(np.ascontiguousarray(values), "YBR_FULL", "RGB")


def _luma(colours: NDArray[Any], top: float) -> NDArray[np.float32]:
    shares = np.asarray(colours, dtype=np.float64) @ _LUMA / top
    return np.asarray(shares.clip(0, 1), dtype=np.float32)


def _some(values: NDArray[Any]) -> NDArray[Any]:
    """Return about 64 x 64 of a picture's pixels."""
    rows, columns = values.shape[:2]
    return values[:: max(rows // _LOOKED_AT, 1), :: max(columns // _LOOKED_AT, 1)]


def _coloured_share(colours: NDArray[Any]) -> float:
    """Return the share of pixels whose channels differ clearly; colours are in [0, 1]."""
    red, green, blue = (colours[..., place].astype(np.float64) for place in range(3))
    widest = np.maximum(np.abs(red - green), np.abs(green - blue))
    return float((widest > COLOUR_DIFFERENCE / 255).mean())
