"""Pixels that are not compressed -> stored values (DICOM PS3.5, 8.1 and 8.2)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from carina.imaging.dicom.elements import Element
from carina.imaging.dicom.picture import Picture, several_frames
from carina.imaging.dicom.refusals import damaged

Stored = NDArray[Any]

_SUBSAMPLED = "YBR_FULL_422"


def native_values(element: Element, picture: Picture, *, name: str) -> tuple[Stored, Picture]:
    """Return the values of uncompressed pixels, with their unused bits as they lie there.

    Returns:
        Whole numbers `[rows, columns]` or `[rows, columns, 3]` in this machine's byte order,
        and the picture with what its values mean now.

    Raises:
        ImageError: "damaged" where there are fewer bytes than declared, "several-frames" where
            there are at least twice as many.
    """
    n_values = picture.rows * picture.columns * picture.samples
    n_bytes = -(-n_values * picture.bits_allocated // 8)
    is_subsampled = picture.photometric == _SUBSAMPLED and len(element.value) < n_bytes
    if is_subsampled:
        n_bytes = n_bytes // 3 * 2
    if len(element.value) < n_bytes:
        raise damaged(
            name,
            f"{picture.columns} x {picture.rows} pixels take {n_bytes:,} bytes, and it has "
            f"{len(element.value):,} of them",
        )
    n_frames = len(element.value) // n_bytes
    if n_frames > 1:
        raise several_frames(name, n_frames)
    values = _numbers(element, picture, n_bytes)
    if is_subsampled:
        return _both_of_each_pair(values, picture), picture.as_photometric("YBR_FULL")
    if picture.photometric == _SUBSAMPLED:
        picture = picture.as_photometric("YBR_FULL")
    if picture.is_planar:
        return values.reshape(3, picture.rows, picture.columns).transpose(1, 2, 0), picture
    return values.reshape((picture.rows, picture.columns, 3)[: 2 + (picture.samples == 3)]), picture


def used_bits(values: Stored, picture: Picture) -> Stored:
    """Return values without what lies in bits that are not theirs, such as overlays.

    Bits above the highest one are shifted out, those below the lowest one after them, which
    also spreads the sign.

    Args:
        values: whole numbers as they lie in the file, in `picture.bits_allocated` bits.
        picture: says which bits count.
    """
    above = picture.bits_allocated - 1 - picture.high_bit
    unused = picture.bits_allocated - picture.bits_stored
    if unused == 0 or picture.has_clean_bits:
        return values
    return np.right_shift(np.left_shift(values, above), unused)


def _numbers(element: Element, picture: Picture, n_bytes: int) -> Stored:
    """Return the values in a row."""
    n_values = n_bytes * 8 // picture.bits_allocated
    if picture.bits_allocated == 1:
        bits = np.frombuffer(element.value[:n_bytes], np.uint8)
        return np.unpackbits(bits, bitorder="little")[: picture.rows * picture.columns]
    data = element.value
    if picture.bits_allocated == 8 and element.vr == "OW" and not element.encoding.is_little_endian:
        # PS3.5, 8.2: bytes in words, which big endian turns round
        data = memoryview(np.frombuffer(_even(data), "<u2").byteswap().tobytes())
    kind = f"{'i' if picture.is_signed else 'u'}{picture.bits_allocated // 8}"
    found = np.frombuffer(data[:n_bytes], element.encoding.order + kind, n_values)
    return found.astype(kind, copy=False)


def _even(data: memoryview) -> bytes:
    return bytes(data) + bytes(len(data) % 2)


def _both_of_each_pair(values: Stored, picture: Picture) -> Stored:
    """Return luma and chroma of each pixel, `[rows, columns, 3]`.

    PS3.3, C.7.6.3.1.2: Y1 Y2 B R stand for two pixels that share B and R.
    """
    pairs = values.reshape(-1, 4)
    pixels = np.stack([pairs[:, [0, 2, 3]], pairs[:, [1, 2, 3]]], axis=1)
    return pixels.reshape(picture.rows, picture.columns, 3)
