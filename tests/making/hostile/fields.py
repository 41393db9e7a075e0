"""Changes that know what a file's bytes mean: lengths, counts, types, tags, parts."""

import random
import struct
import zlib
from collections.abc import Callable
from typing import NamedTuple

from making.hostile.pngs import Chunk, chunks_of, png_of

_LIES_2 = (0, 1, 2, 3, 0x7F, 0xFF, 0x7FFE, 0x8000, 0xFFFE, 0xFFFF)
_LIES_4 = (0, 1, 3, 0xFF, 0xFFFF, 0x10000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF)
_VRS = (
    b"AE AS AT CS DA DS DT FD FL IS LO LT OB OD OF OL OV OW PN SH SL SQ SS ST SV TM UC UI UL UN UR "
    b"US UT UV ?? \0\0"
).split(b" ")
_LONG_VRS = (b"OB", b"OW", b"OF", b"OD", b"OL", b"OV", b"SQ", b"UN", b"UC", b"UR", b"UT")
_PIXEL_TAGS = tuple(
    struct.pack("<HH", group, element)
    for group, element in (
        (0x0028, 0x0002), (0x0028, 0x0004), (0x0028, 0x0006), (0x0028, 0x0008), (0x0028, 0x0010),
        (0x0028, 0x0011), (0x0028, 0x0100), (0x0028, 0x0101), (0x0028, 0x0102), (0x0028, 0x0103),
        (0x0028, 0x1050), (0x0028, 0x1051), (0x0028, 0x1052), (0x0028, 0x1053), (0x0028, 0x3010),
        (0x7FE0, 0x0010), (0x0002, 0x0010), (0x0008, 0x0005), (0x6000, 0x3000),
    )
)  # fmt: skip
_SEQUENCE = b"\x08\0\x40\x11SQ\0\0\xff\xff\xff\xff"
_ITEM = b"\xfe\xff\0\xe0\xff\xff\xff\xff"
_ENDS = b"\xfe\xff\x0d\xe0\0\0\0\0\xfe\xff\xdd\xe0\0\0\0\0"
_CHUNK_KINDS = (
    b"IHDR PLTE IDAT IEND tRNS cHRM gAMA iCCP sBIT sRGB tEXt zTXt iTXt bKGD hIST pHYs sPLT tIME "
    b"acTL fcTL fdAT eXIf cICP abcd \xff\xff\xff\xff"
).split(b" ")
_TIFF_TAGS = (
    254, 256, 257, 258, 259, 262, 266, 273, 274, 277, 278, 279, 284, 296, 317, 320, 322, 323, 324,
    325, 330, 338, 339, 347, 34665, 34675,
)  # fmt: skip
_MARKERS = (
    0xC0,
    0xC1,
    0xC2,
    0xC3,
    0xC4,
    0xC9,
    0xD0,
    0xD8,
    0xD9,
    0xDA,
    0xDB,
    0xDD,
    0xE0,
    0xEE,
    0xFE,
)


class Element(NamedTuple):
    """An element of a DICOM file: where it starts, its length and its value."""

    start: int
    length_at: int
    value: int
    end: int


def elements_of(data: bytes | bytearray) -> list[Element]:
    """Return the elements of a little endian DICOM file, as far as they can be followed."""
    at = 132 if data[128:132] == b"DICM" else 0
    found: list[Element] = []
    while at + 8 <= len(data) and len(found) < 200:
        if bytes(data[at + 4 : at + 6]) in _LONG_VRS:
            length_at, size = at + 8, 4
        elif data[at + 4 : at + 6].isalpha():
            length_at, size = at + 6, 2
        else:
            length_at, size = at + 4, 4
        length = int.from_bytes(data[length_at : length_at + size], "little")
        value = length_at + size
        length = 0 if length == 0xFFFFFFFF else length
        found.append(Element(at, length_at, value, min(value + length, len(data))))
        at = value + length
    return found


def _dicom_length(data: bytearray, rng: random.Random) -> None:
    if elements := elements_of(data):
        one = rng.choice(elements)
        size = one.value - one.length_at
        true = one.end - one.value
        lie = rng.choice((*(_LIES_2 if size == 2 else _LIES_4), true + 1, true + 2, abs(true - 1)))
        data[one.length_at : one.value] = (lie % 256**size).to_bytes(size, "little")


def _dicom_vr(data: bytearray, rng: random.Random) -> None:
    if elements := elements_of(data):
        one = rng.choice(elements)
        data[one.start + 4 : one.start + 6] = rng.choice(_VRS)


def _dicom_tag(data: bytearray, rng: random.Random) -> None:
    if elements := elements_of(data):
        one = rng.choice(elements)
        data[one.start : one.start + 4] = rng.choice(_PIXEL_TAGS)


def _dicom_value(data: bytearray, rng: random.Random) -> None:
    elements = [one for one in elements_of(data) if one.end - one.value in (2, 4, 6, 8)]
    if elements:
        one = rng.choice(elements)
        size = one.end - one.value
        number = rng.choice((*_LIES_2, *_LIES_4, rng.getrandbits(16))) % 256**size
        words = rng.choice((b"1e308", b"-0", b"nan", b"inf", b"1\\2", b"\xff\xfe", b"0"))
        data[one.value : one.end] = (
            number.to_bytes(size, "little") if rng.random() < 0.7 else words.ljust(size)[:size]
        )


def _dicom_move(data: bytearray, rng: random.Random) -> None:
    if elements := elements_of(data):
        one = rng.choice(elements)
        part = bytes(data[one.start : one.end])
        if rng.random() < 0.5:
            del data[one.start : one.end]
        at = rng.choice(elements).start
        data[at:at] = part * rng.choice((1, 2, 50))


def _dicom_nest(data: bytearray, rng: random.Random) -> None:
    if elements := elements_of(data):
        at = rng.choice(elements).start
        depth = rng.choice((1, 2, 40, 400, 3000))
        ends = _ENDS * depth if rng.random() < 0.6 else b""
        data[at:at] = (_SEQUENCE + _ITEM) * depth + ends


def _dicom_put_in(data: bytearray, rng: random.Random) -> None:
    if elements := elements_of(data):
        at = rng.choice(elements).start
        value = rng.choice(
            (b"", b"1", b"65535", rng.randbytes(6), b"ISO 2022 IR 87\\", b"\0" * 200)
        )
        length = len(value) if rng.random() < 0.7 else rng.choice(_LIES_2)
        data[at:at] = (
            rng.choice(_PIXEL_TAGS) + rng.choice(_VRS).ljust(2) + struct.pack("<H", length) + value
        )


def _dicom_pixels(data: bytearray, rng: random.Random) -> None:
    """Change what a codec reads, and leave the elements before it as they are."""
    start = max(data.rfind(b"\xe0\x7f\x10\0"), data.rfind(b"\x7f\xe0\0\x10"))
    first = start + rng.choice((12, 12, 28, 40))
    if start < 0 or first >= len(data):
        return
    for _ in range(rng.choice((1, 1, 2, 8))):
        near = min(first + rng.choice((16, 64, 400)), len(data))
        at = rng.randrange(first, near if rng.random() < 0.6 else len(data))
        data[at] = rng.choice((0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256), data[at] ^ 1))


def _png_change(change: Callable[[list[Chunk], random.Random], None]):
    def changed(data: bytearray, rng: random.Random) -> None:
        chunks = chunks_of(bytes(data))
        if chunks:
            change(chunks, rng)
            data[:] = png_of(chunks)

    return changed


def _png_length(chunks: list[Chunk], rng: random.Random) -> None:
    at = rng.randrange(len(chunks))
    lie = rng.choice((*_LIES_4, len(chunks[at].content) + 1, len(chunks[at].content) + 12))
    chunks[at] = chunks[at]._replace(length=lie)


def _png_checksum(chunks: list[Chunk], rng: random.Random) -> None:
    at = rng.randrange(len(chunks))
    chunks[at] = chunks[at]._replace(crc=rng.getrandbits(32))


def _png_put_in(chunks: list[Chunk], rng: random.Random) -> None:
    content = rng.choice(
        (
            b"",
            rng.randbytes(rng.choice((1, 4, 13, 40))),
            zlib.compress(bytes(rng.choice((1, 1000, 100_000)))),
            b"key\0\0" + zlib.compress(b"a" * rng.choice((1, 1000, 1_500_000))),
            b"key\0\1\0en\0key\0" + zlib.compress(b"a" * 1000),
            struct.pack(">IIBBBBB", *rng.choices(_LIES_4, k=2), *rng.choices(range(17), k=5)),
            struct.pack(">II", rng.choice(_LIES_4), 0),
        )
    )
    repeats = rng.choice((1, 1, 2, 300))
    at = rng.randrange(len(chunks) + 1)
    chunks[at:at] = [Chunk(rng.choice(_CHUNK_KINDS), content)] * repeats


def _png_move(chunks: list[Chunk], rng: random.Random) -> None:
    chunk = chunks.pop(rng.randrange(len(chunks)))
    for _ in range(rng.choice((0, 1, 2))):
        chunks.insert(rng.randrange(len(chunks) + 1), chunk)


def _png_kind(chunks: list[Chunk], rng: random.Random) -> None:
    at = rng.randrange(len(chunks))
    chunks[at] = chunks[at]._replace(kind=rng.choice(_CHUNK_KINDS))


def _png_content(chunks: list[Chunk], rng: random.Random) -> None:
    at = rng.randrange(len(chunks))
    content = bytearray(chunks[at].content)
    for _ in range(rng.choice((1, 3)) if content else 0):
        content[rng.randrange(len(content))] = rng.choice((0, 1, 16, 255, rng.randrange(256)))
    chunks[at] = chunks[at]._replace(content=bytes(content))


def _png_pixels(chunks: list[Chunk], rng: random.Random) -> None:
    """Pack other rows: too few, too many, of wrong filters, or of zeros without an end."""
    rows = rng.choice((b"", rng.randbytes(500), bytes(3_000_000), bytes((rng.randrange(9),)) * 900))
    for at, chunk in enumerate(chunks):
        if chunk.kind == b"IDAT":
            chunks[at] = chunk._replace(content=zlib.compress(rows))


def _tiff_entries(data: bytearray) -> tuple[str, list[int]]:
    """Return the byte order and where the entries of the first directory start."""
    order = "<" if data[:2] == b"II" else ">"
    try:
        (directory,) = struct.unpack_from(f"{order}I", data, 4)
        (n,) = struct.unpack_from(f"{order}H", data, directory)
    except struct.error:
        return order, []
    starts = [directory + 2 + 12 * k for k in range(min(n, 60))]
    return order, [at for at in starts if at + 12 <= len(data)]


def _tiff_tag(data: bytearray, rng: random.Random) -> None:
    order, entries = _tiff_entries(data)
    if entries:
        struct.pack_into(f"{order}H", data, rng.choice(entries), rng.choice(_TIFF_TAGS))


def _tiff_type(data: bytearray, rng: random.Random) -> None:
    order, entries = _tiff_entries(data)
    if entries:
        struct.pack_into(f"{order}H", data, rng.choice(entries) + 2, rng.choice((0, *range(1, 19))))


def _tiff_count(data: bytearray, rng: random.Random) -> None:
    order, entries = _tiff_entries(data)
    if entries:
        struct.pack_into(f"{order}I", data, rng.choice(entries) + 4, rng.choice(_LIES_4))


def _tiff_value(data: bytearray, rng: random.Random) -> None:
    order, entries = _tiff_entries(data)
    if entries:
        value = rng.choice((*_LIES_4, *_LIES_2, *range(20), rng.randrange(len(data))))
        struct.pack_into(f"{order}I", data, rng.choice(entries) + 8, value)


def _tiff_next(data: bytearray, rng: random.Random) -> None:
    order, entries = _tiff_entries(data)
    if entries and entries[-1] + 16 <= len(data):
        next_page = rng.choice((entries[0] - 2, rng.randrange(len(data)), 0xFFFFFFFF))
        struct.pack_into(f"{order}I", data, entries[-1] + 12, next_page)


def _segments(data: bytearray) -> list[int]:
    """Return where the segments of a JPEG start, up to its pixels."""
    at, found = 2, []
    while at + 4 <= len(data) and data[at] == 0xFF:
        found.append(at)
        if data[at + 1] == 0xDA:
            break
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return found


def _jpeg_length(data: bytearray, rng: random.Random) -> None:
    if segments := _segments(data):
        struct.pack_into(">H", data, rng.choice(segments) + 2, rng.choice(_LIES_2))


def _jpeg_marker(data: bytearray, rng: random.Random) -> None:
    if segments := _segments(data):
        data[rng.choice(segments) + 1] = rng.choice(_MARKERS)


def _jpeg_move(data: bytearray, rng: random.Random) -> None:
    segments = _segments(data)
    if len(segments) > 1:
        one = rng.randrange(len(segments) - 1)
        part = bytes(data[segments[one] : segments[one + 1]])
        at = rng.choice(segments)
        data[at:at] = part * rng.choice((1, 2, 200))


def _jpeg_content(data: bytearray, rng: random.Random) -> None:
    if segments := _segments(data):
        at = rng.choice(segments) + 4 + rng.randrange(20)
        if at < len(data):
            data[at] = rng.choice((0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256)))


def _bmp_number(data: bytearray, rng: random.Random) -> None:
    at = rng.choice((2, 6, 10, 14, 18, 22, 26, 28, 30, 34, 38, 42, 46, 50))
    size = rng.choice((2, 4))
    data[at : at + size] = (rng.choice(_LIES_4 + _LIES_2) % 256**size).to_bytes(size, "little")


FIELD_CHANGES: dict[str, tuple[Callable[[bytearray, random.Random], None], ...]] = {
    "DICOM": (
        _dicom_length, _dicom_vr, _dicom_tag, _dicom_value, _dicom_value, _dicom_move, _dicom_nest,
        _dicom_put_in, _dicom_pixels, _dicom_pixels, _dicom_pixels,
    ),
    "PNG": tuple(
        _png_change(change)
        for change in (
            _png_length, _png_checksum, _png_put_in, _png_move, _png_kind, _png_content,
            _png_pixels,
        )
    ),
    "TIFF": (_tiff_tag, _tiff_type, _tiff_count, _tiff_value, _tiff_next),
    "JPEG": (_jpeg_length, _jpeg_marker, _jpeg_move, _jpeg_content),
    "BMP": (_bmp_number,),
}  # fmt: skip
"""What a file is -> changes of its fields, each in place."""
