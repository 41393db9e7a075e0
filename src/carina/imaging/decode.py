"""A film's bytes -> its picture; what runs in the worker (`imaging.worker`)."""

from __future__ import annotations

from carina.imaging.decoded import Decoded
from carina.imaging.dicom import decode_dicom, is_dicom
from carina.imaging.raster import decode_raster


def decode(data: bytes, *, name: str) -> Decoded:
    """Return the picture in the bytes of a film.

    Call it on bytes that are trusted: on others a decoder may crash, hang or fill the memory.
    `imaging.decoding` calls it for them in a process of its own.

    Args:
        data: the whole file: PNG, JPEG, TIFF, BMP or DICOM.
        name: its name, for messages.

    Raises:
        ImageError: if there is no readable picture; `image_code` says why.
    """
    if is_dicom(data):
        return decode_dicom(data, name=name)
    return decode_raster(data, name=name)
