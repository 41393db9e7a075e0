"""Films as their files show them."""

import io

import numpy as np
import pytest
from PIL import Image

from carina.errors import ImageError
from carina.imaging.colour_pictures import stored_png
from carina.imaging.pictures import film_png
from carina.imaging.read import read_radiograph

GREY = np.linspace(0, 255, 80 * 40).astype(np.uint8).reshape(80, 40)


def opened(data):
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


def green(alpha=None):
    planes = [np.zeros_like(GREY), GREY, np.zeros_like(GREY)]
    return np.dstack([*planes, np.full_like(GREY, alpha)] if alpha is not None else planes)


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_a_grey_film_is_the_picture_that_it_always_is(tmp_path, mode):
    path = tmp_path / "film.png"
    Image.fromarray(GREY).convert(mode).save(path)
    assert stored_png(path, longer_side=40) == film_png(read_radiograph(path), longer_side=40)


def test_a_colour_picture_keeps_its_colours_and_is_made_small(tmp_path):
    path = tmp_path / "film.png"
    Image.fromarray(green()).save(path)
    image = opened(stored_png(path, longer_side=40))
    assert (image.format, image.mode, image.size) == ("PNG", "RGB", (20, 40))
    assert np.asarray(image)[..., 1].max() > 200
    assert np.asarray(image)[..., (0, 2)].max() == 0


def test_what_is_transparent_is_black(tmp_path):
    array = green(alpha=255)
    array[:40, :, 3] = 0
    path = tmp_path / "film.png"
    Image.fromarray(array).save(path)
    pixels = np.asarray(opened(stored_png(path, longer_side=80)))
    assert pixels[:40].max() == 0
    assert pixels[40:].max() == 255


def test_a_picture_stands_as_its_file_says(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by 90 degrees
    path = tmp_path / "film.jpg"
    Image.fromarray(green()).save(path, exif=exif)
    assert opened(stored_png(path, longer_side=80)).size == (80, 40)


def test_a_film_of_an_archive_is_shown_grey(tmp_path):
    colours = np.random.default_rng(0).integers(0, 256, (2, 28, 28, 3), dtype=np.uint8)
    np.savez(tmp_path / "set.npz", train_images=colours, train_labels=np.zeros((2, 1), np.uint8))
    member = tmp_path / "set.npz!" / "train_images" / "1"
    assert opened(stored_png(member, longer_side=28)).mode == "L"


def test_what_is_no_film_is_refused_with_its_code(tmp_path):
    path = tmp_path / "film.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n and then nothing")
    with pytest.raises(ImageError) as caught:
        stored_png(path, longer_side=40)
    assert caught.value.image_code == "damaged"
