"""Every kind of raster file that is read becomes the grey values that the docs' table says."""

import hashlib
import json
import random
import re
import warnings
from pathlib import Path

import numpy as np
import pytest

from carina.errors import IMAGE_CODES, ImageError
from carina.imaging.colour_pictures import decode_colours
from carina.imaging.raster import decode_raster
from making.raster_files import png_file
from making.raster_kind import COLOURED, colours, luma, ramp
from making.raster_kinds import kinds

KINDS = kinds()
GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "rasters.json").read_text())
TABLE = Path(__file__).parents[2] / "docs" / "explanation" / "rasters.md"


def decoded(name):
    """Return a kind and what its file becomes; a warning is an error."""
    kind = KINDS[name]
    return kind, decode_raster(kind.data, name="film")


def digest_of(pixels):
    """Return the sha256 of float32 values in the order of the rows, little endian."""
    return hashlib.sha256(pixels.astype("<f4").tobytes()).hexdigest()


@pytest.mark.parametrize("name", KINDS)
def test_a_kind_becomes_the_grey_values_it_stores_at_its_full_depth(name):
    kind, film = decoded(name)
    expected = (kind.grey / np.float64(kind.top)).astype(np.float32)
    np.testing.assert_array_equal(film.pixels, expected)
    assert (film.colour_mode, film.bits) == (kind.mode, kind.bits)
    assert film.file_format.casefold() == name.partition("-")[0]
    assert film.pixels.dtype == np.float32
    assert film.pixels.flags.c_contiguous


@pytest.mark.parametrize("name", KINDS)
def test_what_is_not_as_it_seems_is_said_in_order(name):
    kind, film = decoded(name)
    assert len(film.cautions) == len(kind.cautions), film.cautions
    for said, expected in zip(film.cautions, kind.cautions, strict=True):
        assert said.startswith(expected)


def test_the_golden_hashes_hold():
    assert {name: digest_of(decoded(name)[1].pixels) for name in KINDS} == GOLDEN


def test_the_table_in_the_docs_names_every_golden_kind_and_no_other():
    named = set(re.findall(r"`((?:png|tiff|jpeg|bmp)-[a-z0-9-]+)`", TABLE.read_text("utf-8")))
    assert named == set(GOLDEN)


@pytest.mark.parametrize("bits", [8, 16])
def test_a_grey_film_stored_in_colour_gives_the_same_values_to_the_last_bit(bits):
    grey = decode_raster(png_file(ramp(bits), bits=bits), name="film").pixels
    for colour_type, n_channels in ((2, 3), (4, 1), (6, 3)):
        stored = np.dstack([ramp(bits)] * n_channels)
        if colour_type & 4:
            stored = np.dstack([stored, np.full(ramp(bits).shape, 2**bits - 1)])
        film = decode_raster(png_file(stored, bits=bits, colour_type=colour_type), name="film")
        np.testing.assert_array_equal(film.pixels, grey)
        assert film.cautions == ()


def test_eight_bits_spread_over_sixteen_give_the_same_colours():
    narrow = decode_raster(png_file(colours(8), colour_type=2), name="film").pixels
    wide = png_file(colours(8) * 257, bits=16, colour_type=2)
    # luma is rounded once, to a step of each depth
    np.testing.assert_allclose(
        decode_raster(wide, name="film").pixels, narrow, atol=0.5 / 255 + 0.5 / 65535
    )


@pytest.mark.parametrize(
    "name", [name for name, kind in KINDS.items() if COLOURED in kind.cautions]
)
def test_the_picture_in_colours_shows_the_same_film(name):
    kind, film = decoded(name)
    shown = decode_colours(kind.data, name="film", longer_side=100)
    assert shown.shape == (*film.pixels.shape, 3)
    # 16 bits are shown at 8, the lower ones cut off; laying on black rounds once more
    np.testing.assert_allclose(luma(shown.astype(np.int64)) / 255, film.pixels, atol=2 / 255)
    if kind.bits == 8 and len(kind.cautions) == 1:
        np.testing.assert_array_equal(np.float32(luma(shown.astype(int)) / 255), film.pixels)


def test_nothing_of_this_process_is_changed_by_reading():
    from PIL import Image, ImageFile, PngImagePlugin

    before = (Image.MAX_IMAGE_PIXELS, PngImagePlugin.MAX_TEXT_CHUNK, warnings.filters[:])
    ImageFile.LOAD_TRUNCATED_IMAGES = True
    try:
        with pytest.raises(ImageError):
            decode_raster(KINDS["jpeg-grey"].data[:-12], name="film")
        assert ImageFile.LOAD_TRUNCATED_IMAGES
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = False
    assert before == (Image.MAX_IMAGE_PIXELS, PngImagePlugin.MAX_TEXT_CHUNK, warnings.filters)


@pytest.mark.parametrize("file_format", ["png", "tiff", "jpeg", "bmp"])
def test_a_file_that_is_cut_short_is_never_a_film(file_format):
    # what stands behind a picture, and the mark at the end of a BMP's runs, may be missing
    spare = ("png-bytes-behind", "jpeg-two", "bmp-grey-8-runs")
    for name in [name for name in KINDS if name.startswith(file_format)]:
        data = KINDS[name].data
        shorter = {len(data) * share // 10 for share in range(1, 10)} | {len(data) - 1}
        for n_bytes in shorter if name not in spare else [len(data) // 3]:
            with pytest.raises(ImageError) as caught:
                decode_raster(data[:n_bytes], name="film")
            assert caught.value.image_code in ("damaged", "unknown-format"), (name, n_bytes)


def test_changed_bytes_give_a_film_or_an_error_of_the_list():
    chance = random.Random(7)
    seen = set()
    for data in [kind.data for kind in KINDS.values()] * 8:
        spoilt = bytearray(data)
        for _ in range(chance.randint(1, 3)):
            spoilt[chance.randrange(len(spoilt))] = chance.randrange(256)
        try:
            film = decode_raster(bytes(spoilt), name="film")
        except ImageError as error:
            seen.add(error.image_code)
        else:
            assert 0 <= film.pixels.min() <= film.pixels.max() <= 1
    assert {"damaged", "bad-checksum", "unknown-format"} <= seen <= set(IMAGE_CODES)
