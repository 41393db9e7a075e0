"""What a raster file's own header says, before a decoder sees it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NoReturn

from carina.errors import ImageCode, ImageError

MAX_INFLATED_BYTES = 4 * 1024 * 1024
"""The most that one compressed text or colour profile may inflate to: a profile of a press has
up to 3 MB, and none of it is needed."""


@dataclass(frozen=True, slots=True)
class Stored:
    """What a raster file's own header says.

    Attributes:
        data: the file's bytes, as a decoder shall get them.
        file_format: "PNG", "JPEG", "TIFF" or "BMP".
        bits: of one sample.
        height, width: pixels as stored, before the file's turn.
        negative: whether 0 is white and the decoder leaves it so.
        deep_colour: whether colours, or grey and alpha, have 16 bits, which Pillow reads at 8.
        transparent: the samples of the one colour that is transparent, or none: a grey value or
            red, green and blue, as the file writes them.
        n_colours: entries of the palette, or None where there is none.
        cautions: sentences about what was noticed.
    """

    data: bytes
    file_format: str
    bits: int
    height: int
    width: int
    negative: bool = False
    deep_colour: bool = False
    transparent: tuple[int, ...] = ()
    n_colours: int | None = None
    cautions: tuple[str, ...] = ()


def refuse(name: str, what: str, image_code: ImageCode) -> NoReturn:
    """Raise the error that says what is wrong with a file: `what` follows on its name."""
    raise ImageError(f"{name} {what}", image_code=image_code)


def damaged(name: str, what: str) -> NoReturn:
    """Raise the error of a file that contradicts itself or its format."""
    refuse(name, f"is damaged or cut short: {what}", "damaged")
