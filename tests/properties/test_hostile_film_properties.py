"""Whatever a DICOM or PNG file says: a film with grey values in [0, 1], or a code of the list."""

import struct
import warnings
import zlib

import numpy as np
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from carina.errors import IMAGE_CODES, ImageError
from carina.imaging.decode import decode
from making.hostile.pngs import END, Chunk, header, png_of

FEW = settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])

_SIDE = st.sampled_from([0, 1, 7, 8, 16, 20, 24, 255, 65535])
_SMALL = st.integers(0, 40) | st.sampled_from([0xFF, 0xFFFF, 0x8000])
_NUMBERS = (
    "0",
    "1",
    "-1",
    "1e308",
    "-1E-9",
    "nan",
    "inf",
    "2\\3",
    "",
    "1.5.2",
    " 7 ",
    "0x10",
    "9" * 16,
)
_SYNTAXES = (
    "1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.2",
    "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51", "1.2.840.10008.1.2.4.57",
    "1.2.840.10008.1.2.4.70", "1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.90",
    "1.2.840.10008.1.2.4.201", "1.2.840.10008.1.2.5", "1.2.3", "",
)  # fmt: skip
_PHOTOMETRIC = (
    "MONOCHROME1", "MONOCHROME2", "RGB", "PALETTE COLOR", "YBR_FULL", "YBR_FULL_422", "ARGB", "",
)  # fmt: skip


def element(
    group: int, number: int, vr: bytes, value: bytes, *, length: int | None = None
) -> bytes:
    """Return an explicit little endian element (PS3.5, 7.1.2); its length may lie."""
    value += b" " * (len(value) % 2)
    said = len(value) if length is None else length
    head = struct.pack("<HH2s", group, number, vr)
    if vr in (b"OB", b"OW", b"SQ", b"UN"):
        return head + struct.pack("<HI", 0, said % 2**32) + value
    return head + struct.pack("<H", said % 2**16) + value


def word(value: int) -> bytes:
    return struct.pack("<H", value % 65536)


_LUT = st.builds(
    lambda n, first, bits, data: (
        b"\xfe\xff\x00\xe0\xff\xff\xff\xff"
        + element(0x28, 0x3002, b"US", word(n) + word(first) + word(bits))
        + element(0x28, 0x3006, b"OW", data)
        + b"\xfe\xff\x0d\xe0\0\0\0\0"
    ),
    _SMALL,
    _SMALL,
    st.sampled_from([0, 1, 8, 10, 12, 16, 17, 255]),
    st.binary(max_size=80),
)


@st.composite
def dicom_files(draw: st.DrawFn) -> bytes:
    """Draw a file whose elements are there or not and say anything at all."""
    body: dict[tuple[int, int], bytes] = {}

    def may_say(group: int, number: int, vr: bytes, values: st.SearchStrategy[bytes]) -> None:
        if draw(st.integers(0, 5)):
            lie = draw(
                st.none() | st.none() | st.none() | st.sampled_from([0, 1, 3, 0xFFFF, 2**32 - 1])
            )
            body[group, number] = element(group, number, vr, draw(values), length=lie)

    for number, values in (
        (0x0002, st.sampled_from([1, 1, 1, 3, 0, 4])),
        (0x0010, _SIDE),
        (0x0011, _SIDE),
        (0x0100, st.sampled_from([8, 16, 16, 1, 12, 32, 64, 0])),
        (0x0101, st.sampled_from([8, 12, 16, 10, 0, 33])),
        (0x0102, _SMALL),
        (0x0103, st.sampled_from([0, 0, 1, 2])),
        (0x0006, st.sampled_from([0, 1, 9])),
    ):
        may_say(0x0028, number, b"US", values.map(word))
    photometric = st.sampled_from(_PHOTOMETRIC).map(str.encode)
    may_say(0x0028, 0x0004, b"CS", photometric)
    numbers = st.sampled_from(_NUMBERS).map(str.encode)
    for number in (0x1050, 0x1051, 0x1052, 0x1053):
        if draw(st.booleans()):
            may_say(0x0028, number, b"DS", numbers)
    if draw(st.integers(0, 3)) == 0:
        may_say(0x0028, 0x0008, b"IS", numbers)
    if draw(st.integers(0, 3)) == 0:
        may_say(0x0028, draw(st.sampled_from([0x3000, 0x3010])), b"SQ", _LUT)
    n_pixels = draw(st.sampled_from([0, 63, 64, 480, 960, 961, 2000]))
    may_say(0x7FE0, 0x0010, draw(st.sampled_from([b"OW", b"OB"])), st.just(bytes(range(200)) * 10)
            .map(lambda ramp: ramp[:n_pixels]))  # fmt: skip
    data = b"".join(body[tag] for tag in sorted(body))
    syntax = draw(st.sampled_from(_SYNTAXES))
    if syntax.endswith(".99"):
        packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
        data = packer.compress(data) + packer.flush()
    meta = element(2, 0x10, b"UI", syntax.encode() + b"\0" * (len(syntax) % 2))
    group = element(2, 0, b"UL", struct.pack("<I", len(meta)))
    return bytes(128) + b"DICM" + group + meta + data


_KINDS = st.sampled_from(
    [b"PLTE", b"tRNS", b"gAMA", b"iCCP", b"tEXt", b"zTXt", b"iTXt", b"pHYs", b"acTL", b"fcTL",
     b"eXIf", b"sBIT", b"cICP", b"IDAT", b"IEND", b"abcd"]
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
    rows = bytes((draw(st.integers(0, 5)),)) + draw(st.binary(max_size=30))
    pixels = Chunk(b"IDAT", zlib.compress(rows * draw(st.integers(0, 200))))
    more = draw(st.lists(st.builds(Chunk, _KINDS, _CONTENT), max_size=4))
    chunks = [first, *more, pixels, END]
    if draw(st.integers(0, 3)) == 0:
        chunks = draw(st.permutations(chunks))
    return png_of(chunks)


def read_or_refuse(data: bytes) -> None:
    with warnings.catch_warnings():  # Pillow and pydicom warn of what they forgive
        warnings.simplefilter("ignore")
        try:
            decoded = decode(data, name="film")
        except ImageError as error:
            refused = error
        else:
            pixels = decoded.pixels
            assert pixels.dtype == np.float32
            assert pixels.ndim == 2
            assert np.isfinite(pixels).all()
            assert 0 <= pixels.min() <= pixels.max() <= 1
            return
    assert refused.image_code in IMAGE_CODES
    assert str(refused).startswith("film")
    assert len(str(refused)) < 600


@FEW
@given(data=dicom_files())
def test_any_dicom_file_is_a_film_or_has_a_code(data):
    read_or_refuse(data)


@FEW
@given(data=png_files())
@example(data=png_of([header(20, 20), END]))
def test_any_png_file_is_a_film_or_has_a_code(data):
    read_or_refuse(data)
