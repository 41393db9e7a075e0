"""Compressed pictures -> stored values, by the codec that is exact and quick for each kind.

| kind | with the extra `dicom` | without |
| --- | --- | --- |
| RLE | Pillow's PackBits | the same |
| JPEG, 8 bit | Pillow (libjpeg-turbo) | the same |
| JPEG, 12 bit; lossless | imagecodecs (libjpeg-turbo) | refused |
| JPEG-LS | imagecodecs (CharLS) | refused |
| JPEG 2000, HTJ2K | imagecodecs (OpenJPEG) | Pillow (OpenJPEG); not 16 bit colours |

What a codestream is decides, not what the transfer syntax says it is.
`docs/explanation/dicom.md` says why these.
"""

from __future__ import annotations

import io
import struct
from dataclasses import replace
from importlib import import_module
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from carina.imaging.dicom.codestreams import Codestream, is_whole, read_codestream
from carina.imaging.dicom.picture import LUMA_AND_CHROMA, Picture
from carina.imaging.dicom.refusals import DAMAGE, damaged, refused
from carina.imaging.raster.jpeg import TOO_MANY_SCANS, has_too_many_scans

Stored = NDArray[Any]

_KINDS = {
    "jpeg": "JPEG of 12 bits",
    "jpeg-lossless": "JPEG lossless",
    "jpeg-ls": "JPEG-LS",
    "jpeg-2000": "JPEG 2000",
}
# imagecodecs derives its errors from RuntimeError.
_DAMAGE = (*DAMAGE, SyntaxError, Image.DecompressionBombError)


def decode_codestream(stream: bytes, picture: Picture, *, name: str) -> tuple[Stored, Picture]:
    """Return the values of a compressed picture that is not run-length encoded.

    Args:
        stream: the codestream.
        picture: what the file declares.
        name: the file, for messages.

    Returns:
        Whole numbers `[rows, columns]` or `[rows, columns, 3]`, and the picture with what its
        values mean now.

    Raises:
        ImageError: "damaged" where the codestream contradicts the file or cannot be decoded,
            "decoder-missing", "unsupported-pixels".
    """
    codestream = _checked(stream, picture, name)
    try:
        if codestream.kind == "jpeg" and codestream.precision == 8:
            values, meant = _baseline(stream, codestream, picture)
        else:
            values = _decoded(stream[codestream.start :], codestream, name)
            values, meant = _represented(values, codestream, picture)
    except _DAMAGE as error:
        raise damaged(name, "its compressed picture cannot be decoded") from error
    if values.shape != (picture.rows, picture.columns, 3)[: 2 + (picture.samples == 3)]:
        raise damaged(name, "its compressed picture is of another size than it says")
    return values, meant


def decode_runs(stream: bytes, picture: Picture, *, name: str) -> Stored:
    """Return the values of a run-length encoded picture, `[rows, columns(, 3)]`.

    Each segment holds one byte of all values, the highest first (DICOM PS3.5, annex G). Its
    runs are those of PackBits; what goes on behind the picture's last pixel is dropped.

    Raises:
        ImageError: "damaged".
    """
    n_pixels, n_bytes = picture.rows * picture.columns, picture.bits_allocated // 8
    n_segments = n_bytes * picture.samples
    try:
        found, *starts = struct.unpack_from("<16L", stream)
        if found != n_segments or not n_bytes:
            raise damaged(
                name,
                f"it has {found} run-length segments, and a picture of {picture.samples} x "
                f"{picture.bits_allocated} bits has {n_segments}",
            )
        ends = [*starts[1:n_segments], len(stream)]
        planes = np.empty((picture.samples, n_pixels, n_bytes), np.uint8)
        for place in range(n_segments):
            sample, byte = divmod(place, n_bytes)
            runs = stream[starts[place] : ends[place]]
            row = Image.frombytes("L", (n_pixels, 1), runs, "packbits", "L")
            planes[sample, :, n_bytes - 1 - byte] = np.asarray(row)[0]
    except DAMAGE as error:
        raise damaged(name, "its run-length encoded pixels are cut short") from error
    kind = np.dtype(f"<{'i' if picture.is_signed else 'u'}{n_bytes}")
    values = planes.view(kind)[..., 0].reshape(picture.samples, picture.rows, picture.columns)
    return values[0] if picture.samples == 1 else values.transpose(1, 2, 0)


def _checked(stream: bytes, picture: Picture, name: str) -> Codestream:
    """Return a codestream's head; refuse one that contradicts the file before it is decoded."""
    try:
        codestream = read_codestream(stream)
    except (struct.error, IndexError, ValueError) as error:
        raise damaged(name, "the head of its compressed picture is damaged") from error
    if codestream is not None and not is_whole(stream, codestream):
        raise damaged(name, "its compressed picture is cut short")
    if codestream is None:
        raise refused(
            name,
            "is compressed in a way that is not read (JPEG XL, video, or none of the standard's); "
            "save it as JPEG 2000 or without compression",
            code="unsupported-pixels",
        )
    if codestream.kind == "jpeg" and has_too_many_scans(stream):
        what = f"{TOO_MANY_SCANS}; save it without compression"
        raise refused(name, what, code="takes-too-long")
    if (codestream.height, codestream.width) != (picture.rows, picture.columns):
        raise damaged(
            name,
            f"it says {picture.columns} x {picture.rows} pixels, and its compressed picture "
            f"{codestream.width} x {codestream.height}",
        )
    if codestream.components != picture.samples or codestream.precision > picture.bits_allocated:
        raise damaged(
            name,
            f"it says {picture.samples} x {picture.bits_allocated} bits a pixel, and its "
            f"compressed picture {codestream.components} x {codestream.precision}",
        )
    return codestream


def _decoded(stream: bytes, codestream: Codestream, name: str) -> Stored:
    """Return what the extra's codec makes of a codestream, or Pillow where it can."""
    extra = _extra()
    if codestream.kind == "jpeg-2000":
        if extra is None:
            return _jpeg_2000_by_pillow(stream, codestream, name)
        # OpenJPH, quicker for HTJ2K, dies of 5 in 4,000 changed streams; OpenJPEG of none
        return np.asarray(extra.jpeg2k_decode(stream))
    if extra is None:
        raise _missing(name, _KINDS[codestream.kind])
    if codestream.kind == "jpeg-ls":
        return np.asarray(extra.jpegls_decode(stream))
    # both said to be the same, so that no colours are changed
    space = "GRAYSCALE" if codestream.components == 1 else "RGB"
    return np.asarray(extra.jpeg8_decode(stream, colorspace=space, outcolorspace=space))


def _baseline(stream: bytes, codestream: Codestream, picture: Picture) -> tuple[Stored, Picture]:
    """Return an 8 bit JPEG's values as they were compressed: no colours are changed here."""
    with Image.open(io.BytesIO(stream), formats=("JPEG",)) as image:
        if codestream.components == 3 and "adobe_transform" not in image.info:
            # without Adobe's mark Pillow would turn luma and chroma into RGB itself
            image.draft("YCbCr", image.size)
        values = np.asarray(image)
        is_turned = "adobe_transform" in image.info and codestream.colours == "YBR"
    if picture.is_signed and picture.samples == 1:
        values = values.view(np.int8)
    meant = "RGB" if is_turned else _meaning(codestream, picture)
    return values, replace(picture, photometric=meant, has_clean_bits=True)


def _meaning(codestream: Codestream, picture: Picture) -> str:
    """Return the photometric interpretation of decoded values, by the stream's own marks."""
    if picture.samples == 1:
        return picture.photometric
    is_luma = picture.photometric in LUMA_AND_CHROMA
    # the decoders of JPEG 2000 undo the colour transforms that the stream itself declares
    if codestream.kind != "jpeg-2000" and codestream.colours:
        is_luma = codestream.colours == "YBR"
    return "YBR_FULL" if is_luma else "RGB"


def _represented(
    values: Stored, codestream: Codestream, picture: Picture
) -> tuple[Stored, Picture]:
    """Return values with the sign that the file says they have.

    A stream whose sign is not the file's holds the same bits, meant otherwise.
    """
    sign = "i" if picture.is_signed else "u"
    meant = replace(picture, photometric=_meaning(codestream, picture), has_clean_bits=True)
    if codestream.kind == "jpeg" and not picture.is_signed:
        # the transform rounds: values that leave the stored bits are white, and not masked
        return values, meant
    if codestream.kind in ("jpeg", "jpeg-lossless"):
        allocated = picture.bits_allocated // 8
        whole = values.astype(f"u{allocated}").view(f"{sign}{allocated}")
        return whole, replace(meant, has_clean_bits=False)
    size = values.dtype.itemsize
    values = values.view(f"{sign}{size}")
    shift = 8 * size - codestream.precision
    if codestream.is_signed != picture.is_signed and shift:
        values = np.right_shift(np.left_shift(values, shift), shift)
    return values, meant


def _jpeg_2000_by_pillow(stream: bytes, codestream: Codestream, name: str) -> Stored:
    """Return the values of a JPEG 2000 stream as OpenJPEG in Pillow decodes it.

    Pillow stretches 1 to 7 bits to 8 and 9 to 15 bits to 16, and lays signed values above 0.
    """
    size = 8 if codestream.precision <= 8 else 16
    if codestream.precision > 16 or (codestream.components == 3 and size == 16):
        raise _missing(name, "JPEG 2000 of so many bits")
    with Image.open(io.BytesIO(stream), formats=("JPEG2000",)) as image:
        stretched = np.asarray(image).astype(np.uint8 if size == 8 else np.uint16)
    values: Stored = np.right_shift(stretched, size - codestream.precision)
    if codestream.is_signed:
        values = values.astype(np.int32) - (1 << codestream.precision - 1)
        values = values.astype(f"i{size // 8}")
    return values


def _extra() -> ModuleType | None:
    """Return the codecs of the extra `dicom`, or None where it is not installed."""
    try:
        return import_module("imagecodecs")
    except ImportError:
        return None


def _missing(name: str, kind: str) -> Exception:
    return refused(
        name,
        f"is compressed as {kind}, which the extra 'dicom' decodes; install it with: pip install "
        "'carina[dicom]' (in a clone: pip install '.[dicom]'), or save the film uncompressed",
        code="decoder-missing",
    )
