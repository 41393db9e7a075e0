"""Files that are no PNG, JPEG, TIFF or BMP: refused by what they are, with what to do."""

from __future__ import annotations

from typing import NoReturn

from carina.imaging.raster.stored import refuse

_AS_PNG = "save it as a PNG, which keeps every grey value"
_DEEP_AS_PNG = "save it as a PNG of 16 bit, which keeps every grey value, or send it as DICOM"
# What a file starts with, what it is, and what to do. In the order of trial.
_STARTS = (
    (b"GIF87a", "a GIF picture", _AS_PNG),
    (b"GIF89a", "a GIF picture", _AS_PNG),
    (b"\0\0\0\x0cjP  \r\n\x87\n", "a JPEG 2000 picture", _DEEP_AS_PNG),
    (b"\xff\x4f\xff\x51", "a JPEG 2000 picture", _DEEP_AS_PNG),
    (b"\0\0\0\x0cJXL \r\n\x87\n", "a JPEG XL picture", _DEEP_AS_PNG),
    (b"\xff\x0a", "a JPEG XL picture", _DEEP_AS_PNG),
    (b"II\xbc\x01", "a JPEG XR picture", _DEEP_AS_PNG),
    (b"8BPS", "a Photoshop file", _DEEP_AS_PNG),
    (b"\x76\x2f\x31\x01", "an OpenEXR picture", _DEEP_AS_PNG),
    (b"P5", "a PGM picture", _DEEP_AS_PNG),
    (b"P6", "a PPM picture", _DEEP_AS_PNG),
    (b"SIMPLE  =", "a FITS file", _DEEP_AS_PNG),
    (b"NRRD000", "an NRRD file", _DEEP_AS_PNG),
    (b"ObjectType", "a MetaImage header", _DEEP_AS_PNG),
    (b"\x93NUMPY", "a NumPy array", _DEEP_AS_PNG),
    (b"\x89HDF\r\n", "an HDF5 file", "take the film out of it and " + _DEEP_AS_PNG),
    (b"%PDF-", "a PDF document", "take the film out of it and " + _AS_PNG),
    (b"PK\x03\x04", "a ZIP archive", "name it as data, or take the film out of it"),
    (b"\x1f\x8b", "a gzip archive", "unpack it"),
    (b"Rar!", "a RAR archive", "unpack it"),
    (b"7z\xbc\xaf", "a 7z archive", "unpack it"),
    (b"<svg", "an SVG drawing", _AS_PNG),
    (b"<!DOCTYPE", "a web page", "fetch the film itself"),
    (b"<html", "a web page", "fetch the film itself"),
)  # fmt: skip
# ISO/IEC 14496-12: the brand behind 'ftyp', and what such a file is.
_BRANDS = {
    b"heic": "a HEIC picture", b"heix": "a HEIC picture", b"mif1": "a HEIF picture",
    b"msf1": "a HEIF sequence", b"avif": "an AVIF picture", b"avis": "an AVIF sequence",
}  # fmt: skip
_WEBP_ANIMATED = 0x02
_ONE_PICTURE = "save the one picture that is meant as a PNG"


def refuse_other_format(data: bytes, *, name: str) -> NoReturn:
    """Refuse a file by what it is.

    Raises:
        ImageError: "several-frames" for an animated GIF or WebP, otherwise "unknown-format".
    """
    if data.startswith((b"GIF87a", b"GIF89a")) and _gif_is_animated(data):
        refuse(name, f"is an animated GIF; {_ONE_PICTURE}", "several-frames")
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        if data[12:16] == b"VP8X" and len(data) > 20 and data[20] & _WEBP_ANIMATED:
            refuse(name, f"is an animated WebP; {_ONE_PICTURE}", "several-frames")
        refuse(name, f"is a WebP picture, which is not read; {_AS_PNG}", "unknown-format")
    for start, kind, advice in _STARTS:
        if data.startswith(start):
            refuse(name, f"is {kind}, which is not read; {advice}", "unknown-format")
    if data[4:8] == b"ftyp" and data[8:12] in _BRANDS:
        refuse(name, f"is {_BRANDS[data[8:12]]}, which is not read; {_AS_PNG}", "unknown-format")
    refuse(name, "is no PNG, JPEG, TIFF, BMP or DICOM file", "unknown-format")


def _gif_is_animated(data: bytes) -> bool:
    """Return whether a GIF holds a second picture, without decoding one.

    The blocks are those of CompuServe's GIF89a specification, sections 18 to 26.
    """
    if len(data) < 13:
        return False
    place = 13 + _colour_table_bytes(data[10])
    n_pictures = 0
    while place < len(data) and data[place] in (0x21, 0x2C):
        if data[place] == 0x2C:
            n_pictures += 1
            if n_pictures == 2:
                return True
            if place + 10 > len(data):
                return False
            place += 10 + _colour_table_bytes(data[place + 9]) + 1
        else:
            place += 2
        while place < len(data) and data[place]:  # sub-blocks, each with its length before it
            place += 1 + data[place]
        place += 1
    return False


def _colour_table_bytes(flags: int) -> int:
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0
