"""Films and heat maps as PNG."""

import io

import numpy as np
import pytest
from PIL import Image

from carina.imaging.pictures import film_png, heat_png, overlay_png, pixels_png
from making.films import film_of

RAMP = np.linspace(0, 1, 60 * 48, dtype=np.float32).reshape(60, 48)
BAR = 58  # pixels that the colour bar and its ticks add to the width


def opened(data):
    image = Image.open(io.BytesIO(data))
    image.load()
    assert image.format == "PNG"
    return image


def test_a_film_is_an_8_bit_grey_picture_of_its_size():
    image = opened(film_png(film_of(RAMP)))
    assert (image.mode, image.size) == ("L", (48, 60))
    np.testing.assert_array_equal(np.asarray(image), np.rint(RAMP * 255))


@pytest.mark.parametrize(("longer_side", "size"), [(30, (24, 30)), (60, (48, 60)), (500, (48, 60))])
def test_a_film_is_made_smaller_but_never_larger(longer_side, size):
    assert opened(film_png(film_of(RAMP), longer_side=longer_side)).size == size


def test_pixels_alone_give_the_same_picture():
    assert pixels_png(RAMP) == film_png(film_of(RAMP))


def test_without_heat_the_film_shows_as_it_is():
    image = opened(overlay_png(film_of(RAMP), np.zeros_like(RAMP)))
    assert (image.mode, image.size) == ("RGB", (48 + BAR, 60))
    film = np.asarray(image)[:, :48]
    for channel in range(3):
        np.testing.assert_array_equal(film[..., channel], np.rint(RAMP * 255))


def test_heat_colours_its_place_and_the_film_can_be_read_through_it():
    heat = np.zeros((60, 48), dtype=np.float32)
    heat[20:40, 10:30] = 1
    grey = np.full((60, 48), 0.5, dtype=np.float32)
    grey[30:] = 0.6
    shown = np.asarray(opened(overlay_png(film_of(grey), heat)), dtype=np.int64)[:, :48]
    hot, cold = shown[25, 20], shown[5, 5]
    assert cold.tolist() == [128, 128, 128]
    assert hot[0] - hot[2] > 30  # yellow: more red than blue
    assert (shown[35, 20] > hot).all()  # the brighter half is brighter under the colour too


def test_colour_and_opacity_rise_with_the_heat():
    heat = np.tile(np.linspace(0, 1, 48, dtype=np.float32), (60, 1))
    shown = np.asarray(opened(overlay_png(film_of(np.zeros((60, 48))), heat)), dtype=np.float64)
    brightness = shown[30, :48] @ [0.299, 0.587, 0.114]
    # on black, the perceptually uniform map only gets brighter (rounding: one level)
    assert (np.diff(brightness) >= -1).all()
    assert brightness[-1] > 120


def test_a_map_of_another_size_is_laid_over_the_whole_film():
    coarse = np.zeros((3, 3), dtype=np.float32)
    coarse[0, 0] = 1
    shown = np.asarray(opened(overlay_png(film_of(np.full((60, 48), 0.5)), coarse)), dtype=int)
    assert shown[2, 2, 0] - shown[2, 2, 2] > 30
    assert shown[58, 46].tolist() == [128, 128, 128]


def test_the_colour_bar_runs_from_none_at_the_foot_to_most_at_the_top():
    image = opened(overlay_png(film_of(np.zeros((200, 100))), np.zeros((200, 100), np.float32)))
    bar = np.asarray(image.convert("L"), dtype=int)[11:189, 100 + 10 + 7]
    assert bar[0] > 230
    assert bar[-1] < 60
    assert (np.diff(bar) <= 1).all()


def test_a_large_film_gives_an_overlay_of_the_asked_size():
    image = opened(overlay_png(film_of(np.zeros((300, 200))), np.zeros((30, 20)), longer_side=90))
    assert image.size == (60 + BAR, 90)


def test_without_the_colour_bar_the_picture_is_the_film_alone():
    heat = RAMP
    bare = opened(overlay_png(film_of(RAMP), heat, colour_bar=False))
    with_bar = opened(overlay_png(film_of(RAMP), heat))
    np.testing.assert_array_equal(np.asarray(bare), np.asarray(with_bar)[:, :48])


def test_the_layer_of_heat_over_the_film_looks_as_the_overlay_does():
    film, layer = opened(film_png(film_of(RAMP))), opened(heat_png(RAMP[::-1].copy()))
    assert (layer.mode, layer.size) == ("RGBA", (48, 60))
    colours = np.asarray(layer, dtype=np.float64)
    opacity = 0.65 * colours[..., 3:] / 255
    laid = np.asarray(film, dtype=np.float64)[..., None] * (1 - opacity)
    laid = laid + colours[..., :3] * opacity
    overlay = opened(overlay_png(film_of(RAMP), RAMP[::-1].copy(), colour_bar=False))
    # the layer's colours and opacity are rounded to 8 bits
    np.testing.assert_allclose(laid, np.asarray(overlay), atol=2)
