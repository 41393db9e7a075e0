"""Raster files that are damaged, lie or are no film: each is refused by its code and a reason."""

import struct
import tracemalloc
import zlib

import numpy as np
import pytest
from PIL import Image

from carina.errors import ImageError
from carina.imaging.raster import decode_raster
from carina.imaging.raster.tones import profile_gamma
from making.raster_files import (
    bmp_file,
    bmp_rows,
    jpeg_file,
    jpeg_segment,
    png_chunk,
    png_file,
    rows_of,
    tiff_file,
    tiff_tags,
)
from making.raster_kind import GREY_PALETTE, exif, ramp
from making.rasters import encoded, several_pictures

GREY = ramp(8)
ROWS = rows_of(GREY)
BLOCKS = np.array([[3, 60, 255], [128, 200, 0]])
_PNG = png_file(GREY)
_FILLING = bytes(30_000_000)


def refused(data):
    """Return the code and the sentence of a refusal, which names the file once, in front."""
    with pytest.raises(ImageError) as caught:
        decode_raster(data, name="film.x")
    sentence = str(caught.value)
    assert sentence.startswith("film.x ")
    assert sentence.count("film.x") == 1
    return caught.value.image_code, sentence


def tiff(strips=(ROWS,), **tags):
    """Return a grey TIFF of 12 x 16 with other tags."""
    return tiff_file(list(strips), tiff_tags(12, 16, **tags))


def looped_tiff():
    """Return a TIFF whose last directory points to its first."""
    data = bytearray(tiff_file([ROWS], tiff_tags(12, 16), more=[tiff_tags(12, 16, tag_254=1)]))
    (first,) = struct.unpack_from("<I", data, 4)
    (second,) = struct.unpack_from("<I", data, first + 2 + 12 * data[first])
    place = second + 2 + 12 * data[second]
    data[place : place + 4] = struct.pack("<I", first)
    return bytes(data)


def with_byte(data, place, value):
    return data[:place] + bytes([value]) + data[place + 1 :]


def without_last_byte(png):
    """Return a PNG whose picture lacks its last byte, and has all its checksums right."""
    start = png.index(b"IDAT")
    (length,) = struct.unpack_from(">I", png, start - 4)
    rows = zlib.decompress(png[start + 4 : start + 4 + length])[:-1]
    return png[: start - 4] + png_chunk(b"IDAT", zlib.compress(rows)) + png_chunk(b"IEND", b"")


def many_tags(n_tags):
    """Return a TIFF that says its directory has so many tags."""
    data = bytearray(tiff())
    (first,) = struct.unpack_from("<I", data, 4)
    data[first : first + 2] = struct.pack("<H", n_tags)
    return bytes(data)


PNGS = {
    "a changed byte of the picture": (with_byte(_PNG, len(_PNG) // 2, 0), "bad-checksum"),
    "a changed byte of a text": (
        png_file(GREY, before=[(b"tEXt", b"a\0words")]).replace(b"words", b"wards"),
        "bad-checksum",
    ),
    "no end": (_PNG[:-12], "damaged"),
    "a chunk longer than the file": (_PNG[:33] + b"\x7f" + _PNG[34:], "damaged"),
    "no header": (_PNG[:8] + _PNG[33:], "damaged"),
    "two headers": (_PNG[:33] + _PNG[8:], "damaged"),
    "no picture": (_PNG[:33] + _PNG[-12:], "damaged"),
    "fewer rows than declared": (png_file(GREY, size=(16, 13)), "damaged"),
    "fewer rows, interlaced": (without_last_byte(png_file(GREY, interlaced=True)), "damaged"),
    "fewer rows of 16 bit colour": (
        png_file(np.dstack([ramp(16)] * 3), bits=16, colour_type=2, size=(16, 13)),
        "damaged",
    ),
    "fewer rows of 1 bit": (png_file(ramp(1), bits=1, size=(16, 13)), "damaged"),
    "no palette": (png_file(GREY, colour_type=3), "damaged"),
    "a palette too short": (
        png_file(GREY, colour_type=3, before=[(b"PLTE", GREY_PALETTE[:300])]),
        "damaged",
    ),
    "a palette behind the picture": (
        png_file(GREY, colour_type=3, after=[(b"PLTE", GREY_PALETTE)]),
        "damaged",
    ),
    "3 bits": (
        _PNG[:8] + png_chunk(b"IHDR", struct.pack(">IIBBBBB", 16, 12, 3, 0, 0, 0, 0)) + _PNG[33:],
        "damaged",
    ),
    "a private part that must be understood": (
        png_file(GREY, before=[(b"CgBI", b"\0\0\0\0")]),
        "unsupported-pixels",
    ),
    "animated": (several_pictures("PNG"), "several-frames"),
    "transparent everywhere": (
        png_file(np.dstack([GREY, GREY * 0]), colour_type=4),
        "no-pixels",
    ),
    "a text that inflates": (
        png_file(GREY, before=[(b"zTXt", b"a\0\0" + zlib.compress(_FILLING))]),
        "inflates-too-far",
    ),
    "an international text behind the picture that inflates": (
        png_file(GREY, after=[(b"iTXt", b"a\0\1\0\0\0" + zlib.compress(_FILLING))]),
        "inflates-too-far",
    ),
    "a profile that inflates": (
        png_file(GREY, before=[(b"iCCP", b"a\0\0" + zlib.compress(_FILLING))]),
        "inflates-too-far",
    ),
    "many texts that inflate": (
        png_file(GREY, after=[(b"zTXt", b"a\0\0" + zlib.compress(bytes(10**6)))] * 12),
        "inflates-too-far",
    ),
    "too large": (png_file(GREY, size=(60_000, 60_000)), "too-large"),
    "too small": (png_file(GREY[:7]), "too-small"),
}

JPEGS = {
    "12 bit": (jpeg_file([BLOCKS], bits=12), "unsupported-pixels"),
    "lossless": (jpeg_file([BLOCKS], frame=0xC3), "unsupported-pixels"),
    "JPEG-LS": (jpeg_file([BLOCKS], frame=0xF7), "unknown-format"),
    "two channels": (jpeg_file([BLOCKS] * 2), "unsupported-pixels"),
    "its height behind it": (jpeg_file([BLOCKS], size=(24, 0)), "unsupported-pixels"),
    "a size that its bytes cannot hold": (jpeg_file([BLOCKS], size=(8000, 8000)), "damaged"),
    "too large": (jpeg_file([BLOCKS], size=(65_000, 65_000)), "too-large"),
    "too small": (jpeg_file([BLOCKS], size=(24, 7)), "too-small"),
    "two headers of a picture": (
        jpeg_file([BLOCKS], before=[jpeg_segment(0xC0, b"\x08\0\x10\0\x18\1\1\x11\0")]),
        "damaged",
    ),
    "two starts": (b"\xff\xd8" + jpeg_file([BLOCKS]), "damaged"),
    "no end": (jpeg_file([BLOCKS], end=b""), "damaged"),
    "no picture": (jpeg_file([BLOCKS])[:30] + b"\xff\xd9", "damaged"),
    "a segment of no length": (b"\xff\xd8\xff\xe0\0\0" + bytes(60), "damaged"),
    "several pictures": (
        encoded(Image.fromarray(np.zeros((16, 16), np.uint8)), "MPO", save_all=True,
                append_images=[Image.fromarray(np.ones((16, 16), np.uint8))]),
        "several-frames",
    ),
}  # fmt: skip

TIFFS = {
    "several pages": (several_pictures("TIFF", n=3), "several-frames"),
    "a thumbnail first": (
        tiff_file([ROWS], tiff_tags(12, 16, tag_254=1), more=[tiff_tags(12, 16)]),
        "several-frames",
    ),
    "directories in a circle": (looped_tiff(), "damaged"),
    "more tags than the file": (many_tags(60_000), "damaged"),
    "no tags": (many_tags(0), "damaged"),
    "a tag with more values than the file": (
        tiff().replace(struct.pack("<HHI", 258, 3, 1), struct.pack("<HHI", 258, 3, 2**31)),
        "damaged",
    ),
    "a strip outside of the file": (tiff(tag_273=4_000_000_000), "damaged"),
    "a strip longer than the file": (tiff(tag_279=4_000), "damaged"),
    "a strip too short": (tiff(tag_279=40), "damaged"),
    "strips that do not cover the picture": (
        tiff([ROWS[:80], ROWS[80:160]], tag_278=5),
        "damaged",
    ),
    "no rows in a strip": (tiff(tag_278=0), "damaged"),
    "neither strips nor tiles": (tiff(tag_273=None), "damaged"),
    "strips and tiles": (tiff(tag_324=8, tag_322=16, tag_323=16), "damaged"),
    "tiles of a billion pixels": (
        tiff_file([zlib.compress(ROWS)],
                  tiff_tags(12, 16, tag_259=8, tag_278=None, tag_322=2**31 - 1, tag_323=2**31 - 1),
                  tiled=True),
        "damaged",
    ),
    "too little behind its compression": (tiff([zlib.compress(ROWS[:100])], tag_259=8), "damaged"),
    "a JPEG of another size": (tiff([jpeg_file([BLOCKS])], tag_259=7), "damaged"),
    "a palette too short": (tiff(photometric=3, tag_320=[0] * 30), "damaged"),
    "too large": (tiff(tag_256=60_000, tag_257=60_000), "too-large"),
    "too small": (tiff(tag_257=7), "too-small"),
    "signed 8 bit": (tiff(tag_339=2), "unsupported-pixels"),
    "signed 16 bit": (tiff([rows_of(GREY, 16)], bits=16, tag_339=2), "unsupported-pixels"),
    "32 bit": (tiff([rows_of(GREY, 32)], bits=32), "unsupported-pixels"),
    "float of 64 bit": (tiff([rows_of(GREY, 64)], bits=64, tag_339=3), "unsupported-pixels"),
    "10 bit": (tiff([bytes(240)], bits=10), "unsupported-pixels"),
    "CIE Lab": (tiff([ROWS * 3], samples=3, photometric=8), "unsupported-pixels"),
    "YCbCr with fewer colours": (tiff([ROWS * 3], samples=3, photometric=6), "unsupported-pixels"),
    "special inks": (tiff([ROWS * 4], samples=4, photometric=5, tag_332=2), "unsupported-pixels"),
    "no word on black and white": (tiff(tag_262=None), "unsupported-pixels"),
    "fax compression": (tiff(bits=1, tag_259=4), "unsupported-pixels"),
    "planes of 16 bit": (
        tiff([rows_of(GREY, 16)] * 3, bits=16, samples=3, photometric=2, tag_284=2),
        "unsupported-pixels",
    ),
    "a BigTIFF in the other byte order": (
        tiff_file([ROWS], tiff_tags(12, 16), order=">", big=True),
        "unsupported-pixels",
    ),
} | {
    f"float with {value}": (
        tiff_file([np.full((12, 16), value, "<f4").tobytes()],
                  tiff_tags(12, 16, bits=32, tag_339=3)),
        "unsupported-pixels",
    )
    for value in (1.5, -0.1, np.nan, np.inf)
}  # fmt: skip

_TWO_GREYS = b"\0\0\0\0\xff\xff\xff\0"
BMPS = {
    "shorter than its picture": (bmp_file(bmp_rows(GREY)[:-8], 16, 12, bits=24), "damaged"),
    "runs that end early": (
        bmp_file(b"\x10\x05\0\0\0\1", 16, 12, bits=8, compression=1, palette=bytes(1024)),
        "damaged",
    ),
    "colours that its palette lacks": (
        bmp_file(bmp_rows(GREY), 16, 12, bits=8, palette=bytes(400), n_colours=100),
        "damaged",
    ),
    "8 bit with two greys": (
        bmp_file(bmp_rows(GREY // 128), 16, 12, bits=8, palette=_TWO_GREYS, n_colours=2),
        "unsupported-pixels",
    ),
    "a JPEG within": (bmp_file(b"", 16, 12, bits=24, compression=4), "unsupported-pixels"),
    "a negative width": (bmp_file(b"", -16, 12, bits=24), "damaged"),
    "too large": (bmp_file(b"", 60_000, 60_000, bits=24), "too-large"),
    "a header of no BMP": (bmp_file(b"", 16, 12, bits=24, header_size=41), "damaged"),
}

_WEBP = b"RIFF\x24\0\0\0WEBP"
OTHERS = {
    "GIF": (encoded(GREY.astype(np.uint8), "GIF"), "unknown-format"),
    "animated GIF": (several_pictures("GIF"), "several-frames"),
    "a GIF that declares 4 gigapixels": (b"GIF89a" + b"\xff\xff\xff\xff\0\0\0", "unknown-format"),
    "WebP": (_WEBP + b"VP8L" + bytes(40), "unknown-format"),
    "animated WebP": (_WEBP + b"VP8X\x0a\0\0\0\x02" + bytes(40), "several-frames"),
    "JPEG 2000": (b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(40), "unknown-format"),
    "a JPEG 2000 codestream": (b"\xff\x4f\xff\x51" + bytes(40), "unknown-format"),
    "HEIC": (b"\0\0\0\x18ftypheic" + bytes(40), "unknown-format"),
    "a web page": (b"<!DOCTYPE html><p>404", "unknown-format"),
    "words": (b"no film at all, only words", "unknown-format"),
    "zeros": (bytes(4096), "unknown-format"),
}

ALL = [
    pytest.param(data, code, id=f"{kind}: {name}")
    for kind, files in (
        ("PNG", PNGS), ("JPEG", JPEGS), ("TIFF", TIFFS), ("BMP", BMPS), ("other", OTHERS)
    )
    for name, (data, code) in files.items()
]  # fmt: skip


@pytest.mark.parametrize(("data", "code"), ALL)
def test_a_file_is_refused_by_its_code(data, code):
    assert refused(data)[0] == code


def test_what_is_not_read_is_named_with_what_to_do():
    for name in ("GIF", "WebP", "JPEG 2000", "HEIC"):
        _, sentence = refused(OTHERS[name][0])
        assert name in sentence
        assert "save it as a PNG" in sentence
    assert "DICOM" in refused(JPEGS["JPEG-LS"][0])[1]


def test_no_refusal_shows_words_of_the_file():
    canary = b"DOE^JANE"
    files = [
        png_file(GREY, before=[(b"tEXt", b"Comment\0" + canary)])[:-30],
        png_file(GREY, before=[(b"tEXt", canary), (b"DOEJ", canary)]),
        jpeg_file([BLOCKS], before=[jpeg_segment(0xFE, canary)], end=b""),
        jpeg_file([BLOCKS], before=[jpeg_segment(0xE1, b"Exif\0\0" + canary)], end=b""),
        tiff([zlib.compress(ROWS[:90])], tag_259=8, tag_270=("s", canary + b"\0")),
        canary * 20,
    ]
    for data in files:
        assert "DOE" not in refused(data)[1]


def test_no_trace_shows_or_betrays_words_of_the_file():
    canary = "DOE^JANE"
    comment = jpeg_segment(0xFE, canary.encode())
    film = decode_raster(jpeg_file([BLOCKS], before=[comment]), name="film")
    assert "comment" in film.traces
    texts = [(b"tEXt", kind + b"\0" + canary.encode()) for kind in (b"Author", b"Software", b"X")]
    traces = decode_raster(png_file(GREY, before=texts), name="film").traces
    assert "author" in traces
    assert [trace for trace in traces if trace.startswith("software ")]
    assert not [trace for trace in (*film.traces, *traces) if "DOE" in trace]
    program = jpeg_segment(0xFE, b"CREATOR: gd-jpeg v1.0 (using IJG JPEG v62), quality = 75\n")
    (trace,) = decode_raster(jpeg_file([BLOCKS], before=[program]), name="film").traces
    assert trace == "comment 6dd73e3a"


def test_damaged_exif_data_cost_the_turn_and_not_the_film():
    broken = exif(6)[:-9]
    for data in (
        png_file(GREY, before=[(b"eXIf", broken)]),
        jpeg_file([BLOCKS], before=[jpeg_segment(0xE1, b"Exif\0\0" + broken)]),
        png_file(GREY, before=[(b"eXIf", b"no TIFF header at all")]),
    ):
        (caution,) = decode_raster(data, name="film").cautions
        assert "damaged" in caution


def test_a_profile_of_another_brightness_is_not_applied_and_is_said():
    def profile(curve):
        return bytes(128) + struct.pack(">I4sII", 1, b"kTRC", 144, len(curve)) + curve

    def file(gamma):
        curve = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(256 * gamma))
        packed = b"name\0\0" + zlib.compress(profile(curve))
        return png_file(GREY, before=[(b"iCCP", packed)])

    plain = decode_raster(file(2.2), name="film")
    linear = decode_raster(file(1.0), name="film")
    np.testing.assert_array_equal(plain.pixels, linear.pixels)
    assert plain.cautions == ()
    assert linear.cautions[0].startswith("the file asks for a gamma of 1.0")
    table = b"curv\0\0\0\0" + struct.pack(">I3H", 3, 0, 65535 // 4, 65535)
    # sRGB's own curve (IEC 61966-2-1), as ICC profiles write it: type 3
    numbers = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
    srgb = b"para\0\0\0\0" + struct.pack(">H2x5i", 3, *(round(65536 * n) for n in numbers))
    assert profile_gamma(profile(table)) == pytest.approx(2, abs=1e-3)
    assert profile_gamma(profile(srgb)) == pytest.approx(2.22, abs=0.01)
    assert profile_gamma(profile(b"curv" + bytes(8))) == 1
    for broken in (b"", bytes(200), profile(b"curv"), profile(b"para" + bytes(8)), b"\xff" * 300):
        assert profile_gamma(broken) is None


def test_a_declared_size_is_refused_before_anything_is_allocated_for_it():
    tracemalloc.start()
    try:
        for files in (PNGS, JPEGS, TIFFS, BMPS):
            assert refused(files["too large"][0])[0] == "too-large"
        assert tracemalloc.get_traced_memory()[1] < 2_000_000
    finally:
        tracemalloc.stop()


def test_a_jpeg_of_very_many_scans_is_refused_before_it_is_decoded():
    whole = jpeg_file([BLOCKS])
    scans = whole[whole.index(b"\xff\xda") : -2]
    code, sentence = refused(whole[:-2] + scans * 1000 + whole[-2:])
    assert code == "takes-too-long"
    assert "1,000 times" in sentence
