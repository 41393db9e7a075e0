"""Raster files become grey values in [0, 1], or an error that says why not."""

import os

import numpy as np
import pytest
from PIL import Image

from carina.errors import ImageError
from carina.imaging import read_radiograph, read_radiograph_bytes
from making.raster_files import png_file
from making.rasters import encoded, grey_ramp, png_8_bit, png_16_bit, several_pictures, turned_png
from making.real_films import REAL_FILMS, needs_real_films

RAMP = grey_ramp()
RAMP_RGB = np.repeat(RAMP[..., None], 3, axis=2).astype(np.uint8)


def read(data):
    return read_radiograph_bytes(data, name="film")


def refused(data):
    """Return the code and the sentence of the refusal of a file."""
    with pytest.raises(ImageError) as caught:
        read(data)
    assert "film" in str(caught.value)
    return caught.value.image_code, str(caught.value)


@pytest.mark.parametrize("file_format", ["PNG", "BMP", "TIFF"])
@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_eight_bit_grey_is_the_value_over_255(file_format, mode):
    film = read(encoded(RAMP.astype(np.uint8), file_format, mode=mode))
    np.testing.assert_array_equal(film.pixels, (RAMP / 255).astype(np.float32))
    assert film.pixels.dtype == np.float32
    assert (film.file_format, film.bits, film.cautions) == (file_format, 8, ())


def test_one_grey_picture_gives_the_same_pixels_in_every_lossless_colour_mode():
    grey = read(png_8_bit(RAMP)).pixels
    image = Image.fromarray(RAMP_RGB)
    palette = Image.fromarray(RAMP.astype(np.uint8), mode="L").convert("P")
    for other in (image, image.convert("RGBA"), image.convert("L").convert("LA"), palette):
        np.testing.assert_array_equal(read(encoded(other, "PNG")).pixels, grey)


@pytest.mark.parametrize("file_format", ["PNG", "TIFF"])
def test_sixteen_bit_keeps_its_depth(file_format):
    values = np.arange(30_000, 30_192, dtype=np.uint16).reshape(12, 16)
    film = read(encoded(values, file_format))
    assert film.bits == 16
    assert np.unique(film.pixels).size == 192
    np.testing.assert_array_equal(np.rint(film.pixels * 65535), values)


def test_float_tiff_within_0_and_1_is_taken_as_it_is():
    values = (RAMP / 255).astype(np.float32)
    film = read(encoded(values, "TIFF"))
    np.testing.assert_array_equal(film.pixels, values)
    assert film.bits == 32


@pytest.mark.parametrize("value", [1.5, -0.1, np.nan, np.inf])
def test_float_tiff_of_another_range_is_refused(value):
    values = np.full((12, 16), 0.5, dtype=np.float32)
    values[3, 4] = value
    code, sentence = refused(encoded(values, "TIFF"))
    assert code == "unsupported-pixels"
    assert "between 0 (black) and 1 (white)" in sentence


def test_thirty_two_bit_integers_beyond_16_bits_are_refused():
    values = np.full((12, 16), 70_000, dtype=np.int32)
    assert refused(encoded(values, "TIFF"))[0] == "unsupported-pixels"


@pytest.mark.parametrize("file_format", ["PNG", "TIFF", "BMP"])
def test_one_bit_is_black_and_white(file_format):
    film = read(encoded(((RAMP > 100) * 255).astype(np.uint8), file_format, mode="1"))
    np.testing.assert_array_equal(film.pixels, (RAMP > 100).astype(np.float32))
    assert film.bits == 1


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
def test_jpeg_is_near_what_was_saved_in_every_colour_mode(mode):
    smooth = np.linspace(20, 235, 64 * 64).reshape(64, 64)
    data = encoded(smooth.astype(np.uint8), "JPEG", mode="L", quality=95)
    if mode == "RGB":
        data = encoded(Image.fromarray(smooth.astype(np.uint8)).convert("RGB"), "JPEG", quality=95)
    if mode == "CMYK":
        ink = Image.fromarray((255 - smooth).astype(np.uint8))
        none = Image.new("L", ink.size)
        data = encoded(Image.merge("CMYK", (none, none, none, ink)), "JPEG", quality=95)
        # Adobe's marker: such files store the inks inverted
        assert b"Adobe" in data[:200]
    film = read(data)
    assert film.colour_mode == mode
    # JPEG at quality 95 of a smooth ramp: off by a few grey levels
    np.testing.assert_allclose(film.pixels, smooth / 255, atol=4 / 255)


def test_colour_becomes_luma_and_is_said():
    colours = np.zeros((16, 16, 3), dtype=np.uint8)
    colours[:, :8] = (200, 40, 10)
    film = read(encoded(colours, "PNG"))
    luma = (0.299 * 200 + 0.587 * 40 + 0.114 * 10) / 255
    assert film.pixels[0, 0] == pytest.approx(luma, abs=0.5 / 255)
    assert film.cautions == ("a colour picture, read as grey",)


def test_transparent_parts_are_black_and_are_said():
    layered = np.full((16, 16, 4), 200, dtype=np.uint8)
    layered[..., 3] = 255
    layered[:8, :, 3] = 0
    film = read(encoded(layered, "PNG"))
    assert film.pixels[0, 0] == 0
    assert film.pixels[15, 0] == pytest.approx(200 / 255)
    assert film.cautions == ("parts of the picture are transparent, read as black",)


@pytest.mark.parametrize(
    ("orientation", "turned"),
    [
        (1, RAMP),
        (2, RAMP[:, ::-1]),
        (3, RAMP[::-1, ::-1]),
        (4, RAMP[::-1]),
        (6, np.rot90(RAMP, -1)),
        (8, np.rot90(RAMP, 1)),
    ],
)
def test_exif_orientation_is_applied(orientation, turned):
    film = read(turned_png(RAMP, orientation))
    np.testing.assert_array_equal(np.rint(film.pixels * 255), turned)
    assert (film.height, film.width) == turned.shape


@pytest.mark.parametrize("file_format", ["PNG", "JPEG", "TIFF", "BMP"])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_file_cut_short_is_damaged_or_unknown_and_never_a_film(file_format, share):
    rng = np.random.default_rng(0)
    data = encoded(rng.integers(0, 256, (64, 64), dtype=np.uint8), file_format)
    code, _ = refused(data[: int(len(data) * share)])
    assert code in ("damaged", "unknown-format")


def test_a_changed_byte_within_a_png_is_found_by_its_checksum():
    data = bytearray(png_16_bit(grey_ramp(64, 64, top=65535)))
    data[len(data) // 2] ^= 0xFF
    assert refused(bytes(data))[0] == "bad-checksum"


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "empty-file"),
        (b"no film at all, only words" * 20, "unknown-format"),
        (bytes(4096), "unknown-format"),
        (encoded(np.zeros((16, 16), dtype=np.uint8), "GIF"), "unknown-format"),
        (png_8_bit(grey_ramp(7, 40)), "too-small"),
        (several_pictures("PNG"), "several-frames"),
        (several_pictures("TIFF", n=3), "several-frames"),
    ],
    ids=["empty", "words", "zeros", "gif", "too small", "animated", "pages"],
)
def test_what_is_no_single_film_is_refused_by_its_code(data, code):
    assert refused(data)[0] == code


@pytest.mark.parametrize(("width", "height"), [(9_000, 9_500), (12_000, 10_000), (60_000, 60_000)])
def test_a_declared_size_is_refused_before_anything_is_allocated(width, height):
    data = png_file(RAMP, size=(width, height))
    code, sentence = refused(data)
    assert code == "too-large"
    assert str(width) in sentence or str(width * height) in sentence


def test_a_name_does_not_decide_what_a_file_is(tmp_path):
    path = tmp_path / "film.jpeg"
    path.write_bytes(png_8_bit(RAMP))
    film = read_radiograph(path)
    assert (film.file_format, film.path) == ("PNG", path)


def test_a_path_that_is_no_file_is_refused_by_its_code(tmp_path):
    for path, code in ((tmp_path, "not-a-file"), (tmp_path / "none.png", "not-found")):
        with pytest.raises(ImageError) as caught:
            read_radiograph(path)
        assert caught.value.image_code == code
        assert str(path) in str(caught.value)


@pytest.mark.skipif(getattr(os, "geteuid", int)() == 0, reason="the superuser may read everything")
def test_a_file_without_permission_is_said(tmp_path):
    path = tmp_path / "film.png"
    path.write_bytes(png_8_bit(RAMP))
    path.chmod(0)
    with pytest.raises(ImageError) as caught:
        read_radiograph(path)
    assert caught.value.image_code == "no-permission"


def test_a_film_of_an_archive_is_read_by_its_number(tmp_path):
    films = np.stack([RAMP, RAMP[::-1]]).astype(np.uint8)
    np.savez(tmp_path / "films.npz", train_images=films, coloured=np.stack([RAMP_RGB] * 2))
    film = read_radiograph(tmp_path / "films.npz!" / "train_images" / "1")
    np.testing.assert_array_equal(film.pixels, (RAMP[::-1] / 255).astype(np.float32))
    assert (film.file_format, film.bits) == ("NPZ", 8)
    coloured = read_radiograph(f"{tmp_path}/films.npz!/coloured/0")
    np.testing.assert_allclose(coloured.pixels, RAMP / 255, atol=1e-6)


@pytest.mark.parametrize(
    ("member", "code"),
    [
        ("films.npz!/train_images/9", "not-found"),
        ("films.npz!/val_images/0", "not-found"),
        ("films.npz!/train_images/one", "not-found"),
        ("none.npz!/train_images/0", "not-found"),
        ("flat.npz!/train_images/0", "unsupported-pixels"),
    ],
)
def test_a_film_that_an_archive_lacks_is_refused(tmp_path, member, code):
    np.savez(tmp_path / "films.npz", train_images=RAMP[None].astype(np.uint8))
    np.savez(tmp_path / "flat.npz", train_images=np.zeros((3, 40), dtype=np.uint8))
    with pytest.raises(ImageError) as caught:
        read_radiograph(f"{tmp_path}/{member}")
    assert caught.value.image_code == code


@needs_real_films
@pytest.mark.parametrize("folder", ["kermany/Normal", "kermany/ViralPneumonia", "ieee8023/images"])
def test_real_films_are_read(folder):
    paths = sorted((REAL_FILMS / folder).iterdir())[:4]
    assert paths
    for path in paths:
        film = read_radiograph(path)
        assert min(film.height, film.width) > 100
        assert 0 <= film.pixels.min() < 0.3
        assert 0.7 < film.pixels.max() <= 1
