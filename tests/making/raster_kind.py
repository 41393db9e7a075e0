"""One raster file with the grey values that it must give, and what such files are made of."""

import struct
from dataclasses import dataclass

import numpy as np

SEE_THROUGH = "parts of the picture are transparent, read as black"
COLOURED = "a colour picture, read as grey"
HEIGHT, WIDTH = 12, 16
# ITU-R BT.601 luma in parts of 65536
_LUMA = np.array([19595, 38470, 7471])


@dataclass(frozen=True)
class Kind:
    """A file and what it becomes.

    Attributes:
        data: the file.
        grey: the grey values as fractions of `top`, `[height, width]`.
        top: the value of white.
        mode, bits: as in `Radiograph`.
        cautions: the sentences, or the start of each.
    """

    data: bytes
    grey: np.ndarray
    top: float
    mode: str
    bits: int
    cautions: tuple[str, ...] = ()


def ramp(bits):
    """Return integers [12, 16] from 0 to the top of so many bits."""
    top = 2**bits - 1
    return np.linspace(0, top, HEIGHT * WIDTH).round().astype(np.int64).reshape(HEIGHT, WIDTH)


def colours(bits):
    """Return integers [12, 16, 3] that differ in every channel."""
    top = 2**bits - 1
    places = np.arange(HEIGHT * WIDTH * 3, dtype=np.int64) * 2654435761 % 2**32
    return (places * (top + 1) >> 32).reshape(HEIGHT, WIDTH, 3)


def luma(values):
    """Return the luma of integers [..., 3], rounded as at 8 and 16 bit."""
    return (values @ _LUMA + 32768) >> 16


GREY_PALETTE = bytes(np.repeat(np.arange(256), 3).astype(np.uint8))
BMP_PALETTE = bytes(np.repeat(np.arange(256), 4).astype(np.uint8))
ALPHA = {bits: ramp(bits)[::-1, ::-1] for bits in (8, 16)}
BLOCKS = np.array([[3, 60, 255], [128, 200, 0]])
NEUTRAL, NO_INK, FULL_INK = np.full((2, 3), 128), np.full((2, 3), 255), np.zeros((2, 3), int)


def exif(orientation):
    """Return EXIF data, a TIFF directory, with an orientation."""
    return b"II*\0\x08\0\0\0" + struct.pack("<HHHIHHI", 1, 0x0112, 3, 1, orientation, 0, 0)
