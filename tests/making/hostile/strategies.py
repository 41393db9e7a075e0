"""Hypothesis strategies for DICOM and PNG files whose parts say anything."""

import struct
import zlib

from hypothesis import strategies as st

from making.hostile.pngs import END, Chunk, header, png_of

_SIDE = st.sampled_from([0, 1, 7, 8, 16, 20, 24, 255, 65535])
_SMALL = st.integers(0, 40) | st.sampled_from([0xFF, 0x8000, 0xFFFF])
_LIE = st.sampled_from([None, None, None, None, 0, 1, 3, 0xFFFF, 2**32 - 1])
_NUMBER = st.sampled_from(
    ["0", "1", "-1", "1e308", "-1E-9", "nan", "inf", "2\\3", "", "1.5.2", " 7 ", "0x10", "9" * 16]
).map(str.encode)
_SYNTAX = st.sampled_from(
    [
        "1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2",
        "1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51",
        "1.2.840.10008.1.2.4.57", "1.2.840.10008.1.2.4.70", "1.2.840.10008.1.2.4.80",
        "1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.4.201", "1.2.840.10008.1.2.5", "1.2.3", "",
    ]
).map(str.encode)  # fmt: skip
_PHOTOMETRIC = st.sampled_from(
    ["MONOCHROME1", "MONOCHROME2", "RGB", "PALETTE COLOR", "YBR_FULL", "YBR_FULL_422", "ARGB", ""]
).map(str.encode)


def _element(group: int, number: int, vr: bytes, value: bytes, length: int | None = None) -> bytes:
    """Return an explicit little endian element (PS3.5, 7.1.2); its length may lie."""
    value += b" " * (len(value) % 2)
    said = len(value) if length is None else length
    head = struct.pack("<HH2s", group, number, vr)
    if vr in (b"OB", b"OW", b"SQ", b"UN"):
        return head + struct.pack("<HI", 0, said % 2**32) + value
    return head + struct.pack("<H", said % 2**16) + value


def _word(value: int) -> bytes:
    return struct.pack("<H", value % 65536)


_TABLE = st.builds(
    lambda n, first, bits, data: (
        b"\xfe\xff\x00\xe0\xff\xff\xff\xff"
        + _element(0x28, 0x3002, b"US", _word(n) + _word(first) + _word(bits))
        + _element(0x28, 0x3006, b"OW", data)
        + b"\xfe\xff\x0d\xe0\0\0\0\0"
    ),
    _SMALL,
    _SMALL,
    st.sampled_from([0, 1, 8, 10, 12, 16, 17, 255]),
    st.binary(max_size=80),
)
_PIXELS = st.sampled_from([0, 63, 64, 480, 960, 961, 2000]).map(
    lambda n: (bytes(range(200)) * 10)[:n]
)


def _words(*values: int) -> st.SearchStrategy[bytes]:
    return st.sampled_from(values).map(_word)


# Tag, type, what it may say, and how often of six it is there.
_ELEMENTS = (
    (0x0028, 0x0002, b"US", _words(1, 1, 1, 3, 0, 4), 5),
    (0x0028, 0x0004, b"CS", _PHOTOMETRIC, 5),
    (0x0028, 0x0006, b"US", _words(0, 1, 9), 3),
    (0x0028, 0x0008, b"IS", _NUMBER, 1),
    (0x0028, 0x0010, b"US", _SIDE.map(_word), 5),
    (0x0028, 0x0011, b"US", _SIDE.map(_word), 5),
    (0x0028, 0x0100, b"US", _words(8, 16, 16, 1, 12, 32, 64, 0), 5),
    (0x0028, 0x0101, b"US", _words(8, 12, 16, 10, 0, 33), 5),
    (0x0028, 0x0102, b"US", _SMALL.map(_word), 5),
    (0x0028, 0x0103, b"US", _words(0, 0, 1, 2), 5),
    (0x0028, 0x0120, b"US", _SMALL.map(_word), 1),
    (0x0028, 0x1050, b"DS", _NUMBER, 2),
    (0x0028, 0x1051, b"DS", _NUMBER, 2),
    (0x0028, 0x1052, b"DS", _NUMBER, 2),
    (0x0028, 0x1053, b"DS", _NUMBER, 2),
    (0x0028, 0x1056, b"CS", st.sampled_from([b"LINEAR", b"SIGMOID", b"LINEAR_EXACT", b"?"]), 2),
    (0x0028, 0x3000, b"SQ", _TABLE, 1),
    (0x0028, 0x3010, b"SQ", _TABLE, 1),
    (0x7FE0, 0x0010, b"OW", _PIXELS, 5),
)


@st.composite
def dicom_files(draw: st.DrawFn) -> bytes:
    """Draw a file whose elements are there or not and say anything at all."""
    there = draw(st.tuples(*(st.integers(0, 5) for _ in _ELEMENTS)))
    data = b"".join(
        _element(group, number, vr, draw(values), draw(_LIE))
        for is_there, (group, number, vr, values, share) in zip(there, _ELEMENTS, strict=True)
        if is_there < share
    )
    syntax = draw(_SYNTAX)
    if syntax.endswith(b".99"):
        packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
        data = packer.compress(data) + packer.flush()
    meta = _element(2, 0x10, b"UI", syntax + b"\0" * (len(syntax) % 2))
    return bytes(128) + b"DICM" + _element(2, 0, b"UL", struct.pack("<I", len(meta))) + meta + data


_KIND = st.sampled_from(
    [
        b"PLTE", b"tRNS", b"gAMA", b"iCCP", b"tEXt", b"zTXt", b"iTXt", b"pHYs", b"acTL", b"fcTL",
        b"eXIf", b"sBIT", b"cICP", b"IDAT", b"IEND", b"abcd",
    ]
)  # fmt: skip
_CONTENT = st.binary(max_size=60) | st.builds(
    lambda head, n: head + zlib.compress(bytes(n)),
    st.sampled_from([b"key\0\0", b"key\0\1\0\0\0", b""]),
    st.integers(0, 3000),
)


@st.composite
def png_files(draw: st.DrawFn) -> bytes:
    """Draw a file whose checksums are right and whose chunks say anything."""
    first = header(
        draw(_SIDE),
        draw(_SIDE),
        draw(st.sampled_from([8, 16, 1, 2, 4, 3, 0])),
        draw(st.sampled_from([0, 2, 3, 4, 6, 1, 5])),
        draw(st.sampled_from([0, 0, 1, 2])),
    )
    row = bytes((draw(st.integers(0, 5)),)) + draw(st.binary(max_size=30))
    pixels = Chunk(b"IDAT", zlib.compress(row * draw(st.integers(0, 200))))
    more = draw(st.lists(st.tuples(_KIND, _CONTENT).map(lambda both: Chunk(*both)), max_size=4))
    chunks = [first, *more, pixels, END]
    return png_of(draw(st.permutations(chunks)) if draw(st.integers(0, 3)) == 0 else chunks)
