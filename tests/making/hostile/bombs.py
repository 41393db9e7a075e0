"""Small files that become very large, very deep or very wide, and files that lie of their size."""

import struct
import zlib

import numpy as np
from pydicom.uid import ImplicitVRLittleEndian

from making.dicom_files import dicom_bytes, dicom_dataset
from making.hostile.dicoms import deflated_bomb
from making.hostile.pictures import colours, grey
from making.hostile.pngs import END, Chunk, grey_png, header, png_of
from making.rasters import encoded

_SEQUENCE = b"\x08\0\x40\x11"  # ReferencedImageSequence
_ITEM, _ITEM_END, _SEQUENCE_END = b"\xfe\xff\0\xe0", b"\xfe\xff\x0d\xe0", b"\xfe\xff\xdd\xe0"
_UNDEFINED = b"\xff\xff\xff\xff"


def small_bombs() -> dict[str, bytes]:
    """Return name -> file, none of them over 100 KB."""
    return {
        "bomb-gif": gif_bomb(),
        "bomb-png-size": png_of(
            [header(100_000, 100_000), Chunk(b"IDAT", zlib.compress(bytes(1000))), END]
        ),
        "bomb-png-text": grey_png(24, 20, compressed_text(2_000_000)),
        "bomb-png-profile": grey_png(24, 20, compressed_profile(2_000_000)),
        "bomb-png-pixels": png_of(
            [header(24, 20), Chunk(b"IDAT", zlib.compress(bytes(2_000_000))), END]
        ),
        "bomb-dicom-deflated": deflated_bomb(20_000_000),
        "bomb-dicom-size": lying_dicom(rows=65535, columns=65535),
        "bomb-dicom-nested": nested_dicom(1_000),
        "bomb-tiff-size": tiff_bomb(100_000),
        "bomb-tiff-pages": endless_tiff(),
        "bomb-jpeg-size": jpeg_bomb(),
        "bomb-bmp-size": bmp_bomb(),
    }


def gif_bomb() -> bytes:
    """Return a GIF of 425 bytes with one pixel on a canvas of 65,535 x 1,040: 68 megapixels."""
    head = b"GIF89a" + struct.pack("<HHBBB", 65535, 1040, 0x80, 0, 0) + bytes((0, 0, 0, 9, 9, 9))
    image = b"," + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\2\2\x44\1\0;"
    n_comment = 425 - len(head) - len(image) - 2 - 2 - 1
    comment = b"!\xfe\xff" + bytes(255) + bytes((n_comment - 255,)) + bytes(n_comment - 255) + b"\0"
    return head + comment + image


def compressed_text(n_bytes: int, kind: bytes = b"zTXt") -> Chunk:
    """Return a chunk with a text of so many letters."""
    packed = zlib.compress(b"a" * n_bytes, 9)
    head = {b"zTXt": b"Comment\0\0", b"iTXt": b"Comment\0\1\0en\0Comment\0"}[kind]
    return Chunk(kind, head + packed)


def compressed_profile(n_bytes: int) -> Chunk:
    """Return a colour profile of so many bytes."""
    return Chunk(b"iCCP", b"profile\0\0" + zlib.compress(bytes(n_bytes), 9))


def nested_dicom(depth: int) -> bytes:
    """Return a film with sequences inside one another, of no said length, before its pixels."""
    opened = _SEQUENCE + b"SQ\0\0" + _UNDEFINED + _ITEM + _UNDEFINED
    closed = _ITEM_END + bytes(4) + _SEQUENCE_END + bytes(4)
    return _with_element(opened * depth + closed * depth)


def _with_element(element: bytes) -> bytes:
    """Return a film with an element of group 8 put before its patient's name."""
    whole = dicom_bytes(dicom_dataset(grey(4095), bits=12))
    at = whole.index(b"\x10\0\x10\0PN")
    return whole[:at] + element + whole[at:]


def lying_dicom(*, rows: int, columns: int, syntax: str | None = None) -> bytes:
    """Return a film that says it has another size than its pixels."""
    film = dicom_dataset(grey(4095), bits=12)
    film.Rows, film.Columns = rows, columns
    return dicom_bytes(film, syntax=syntax) if syntax else dicom_bytes(film)


def lying_length(n_bytes: int) -> bytes:
    """Return a film whose pixels say they are so many bytes."""
    whole = dicom_bytes(dicom_dataset(grey(4095), bits=12), syntax=ImplicitVRLittleEndian)
    at = whole.rindex(b"\xe0\x7f\x10\0") + 4
    return whole[:at] + n_bytes.to_bytes(4, "little") + whole[at + 4 :]


def tiff_bomb(side: int) -> bytes:
    """Return a TIFF that says it has `side` x `side` pixels."""
    whole = bytearray(encoded(np.zeros((8, 8), np.uint8), "TIFF"))
    (directory,) = struct.unpack_from("<I", whole, 4)
    (n_entries,) = struct.unpack_from("<H", whole, directory)
    for entry in range(directory + 2, directory + 2 + 12 * n_entries, 12):
        if struct.unpack_from("<H", whole, entry)[0] in (256, 257):
            struct.pack_into("<HII", whole, entry + 2, 4, 1, side)
    return bytes(whole)


def endless_tiff() -> bytes:
    """Return a TIFF whose first page says that the next page is the first."""
    whole = bytearray(encoded(grey().astype(np.uint8), "TIFF"))
    (directory,) = struct.unpack_from("<I", whole, 4)
    (n_entries,) = struct.unpack_from("<H", whole, directory)
    struct.pack_into("<I", whole, directory + 2 + 12 * n_entries, directory)
    return bytes(whole)


def jpeg_bomb() -> bytes:
    """Return a JPEG that says it has 65,500 x 65,500 pixels."""
    whole = bytearray(encoded(colours("L"), "JPEG"))
    frame = whole.index(b"\xff\xc0")
    struct.pack_into(">HH", whole, frame + 5, 65_500, 65_500)
    return bytes(whole)


def bmp_bomb() -> bytes:
    """Return a BMP that says it has 100,000 x 100,000 pixels."""
    whole = bytearray(encoded(colours("L"), "BMP"))
    struct.pack_into("<ii", whole, 18, 100_000, 100_000)
    return bytes(whole)
