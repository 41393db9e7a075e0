"""A radiograph becomes what the network sees, and a map over that comes back onto the film."""

import numpy as np
import pytest

from carina.domain.input_spec import InputSpec
from carina.imaging import read_radiograph
from carina.imaging.prepare import back_to_film, from_levels, prepare, prepare_levels
from making.films import film_of
from making.real_films import REAL_FILMS, needs_real_films


def spec(**options):
    return InputSpec(**{"height": 40, "width": 40, **options})


def quartered(height, width):
    """Return a film whose four quarters are 0.2, 0.4 above 0.6, 0.8."""
    pixels = np.empty((height, width), dtype=np.float32)
    top, left = height // 2, width // 2
    pixels[:top, :left], pixels[:top, left:] = 0.2, 0.4
    pixels[top:, :left], pixels[top:, left:] = 0.6, 0.8
    return pixels


def corners(prepared):
    return [round(float(prepared[r, c]), 3) for r in (0, -1) for c in (0, -1)]


@pytest.mark.parametrize("channels", [1, 3])
def test_the_shape_is_that_of_the_spec_and_channels_are_equal(channels):
    prepared = prepare(film_of(quartered(60, 50)), spec(height=32, width=48, channels=channels))
    assert prepared.shape == (channels, 32, 48)
    assert prepared.dtype == np.float32
    for channel in prepared:
        np.testing.assert_array_equal(channel, prepared[0])


def test_a_film_of_the_networks_size_passes_unchanged_up_to_the_grid():
    pixels = np.random.default_rng(0).random((40, 40), dtype=np.float32)
    prepared = prepare(film_of(pixels), spec())[0]
    # half a step of the 16-bit grid, and float32's own rounding
    assert np.abs(prepared - pixels).max() <= 0.5 / 65535 + 1e-7


def test_stretch_sees_the_whole_film_and_fills_the_whole_input():
    prepared = prepare(film_of(quartered(200, 80)), spec())[0]
    assert corners(prepared) == [0.2, 0.4, 0.6, 0.8]
    assert prepared.min() >= 0.2 - 1e-4


@pytest.mark.parametrize(
    ("size", "black", "film_part"),
    [
        ((80, 40), (slice(None), slice(0, 10)), (slice(None), slice(10, 30))),
        ((40, 80), (slice(0, 10), slice(None)), (slice(10, 30), slice(None))),
    ],
)
def test_letterbox_keeps_the_shape_and_pads_with_black(size, black, film_part):
    prepared = prepare(film_of(quartered(*size)), spec(fit="letterbox"))[0]
    np.testing.assert_array_equal(prepared[black], 0)
    assert corners(prepared[film_part]) == [0.2, 0.4, 0.6, 0.8]
    assert (prepared > 0).mean() == 0.5


@pytest.mark.parametrize("size", [(80, 40), (40, 80)])
def test_crop_keeps_the_shape_and_cuts_both_ends_alike(size):
    pixels = np.full(size, 0.5, dtype=np.float32)
    pixels[: size[0] // 5] = pixels[:, : size[1] // 5] = 1.0
    pixels[-(size[0] // 5) :] = pixels[:, -(size[1] // 5) :] = 1.0
    prepared = prepare(film_of(pixels), spec(fit="crop"))[0]
    long = 0 if size[0] > size[1] else 1
    middle = prepared.take(20, axis=1 - long)
    # the frame is a fifth of the film: along the longer axis a quarter was cut off
    np.testing.assert_allclose(middle, 0.5, atol=1e-4)
    assert prepared.take(20, axis=long)[0] == 1


def test_shrinking_is_antialiased_and_nearest_is_not():
    checks = (np.indices((160, 160)).sum(axis=0) % 2).astype(np.float32)
    for interpolation in ("bilinear", "bicubic"):
        prepared = prepare(film_of(checks), spec(interpolation=interpolation))[0]
        assert np.abs(prepared[2:-2, 2:-2] - 0.5).max() < 0.02
    nearest = prepare(film_of(checks), spec(interpolation="nearest"))[0]
    assert set(np.unique(nearest)) <= {0.0, 1.0}


def test_the_centre_mask_blacks_out_the_middle_and_nothing_else():
    film = film_of(np.full((90, 70), 0.75, dtype=np.float32))
    plain = prepare(film, spec())[0]
    masked = prepare(film, spec(mask="centre"))[0]
    np.testing.assert_array_equal(masked[4:36, 4:36], 0)
    outside = np.ones((40, 40), dtype=bool)
    outside[4:36, 4:36] = False
    np.testing.assert_array_equal(masked[outside], plain[outside])


def test_preparing_does_not_change_the_film():
    pixels = quartered(40, 40)
    film = film_of(pixels.copy())
    prepare(film, spec(mask="centre"))
    np.testing.assert_array_equal(film.pixels, pixels)


def test_every_level_survives_the_way_through_float():
    levels = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    film = film_of(from_levels(levels))
    np.testing.assert_array_equal(prepare_levels(film, spec(height=256, width=256)), levels)


@pytest.mark.parametrize("fit", ["stretch", "letterbox", "crop"])
@pytest.mark.parametrize("size", [(120, 60), (60, 120), (70, 70)])
def test_a_spot_comes_back_to_where_it_was_on_the_film(fit, size):
    rows, columns = np.indices(size)
    row, column = size[0] * 0.55, size[1] * 0.45
    near = ((rows - row) / 8) ** 2 + ((columns - column) / 8) ** 2
    pixels = np.exp(-near).astype(np.float32)
    heat = prepare(film_of(pixels), spec(fit=fit))[0]
    back = back_to_film(heat, spec(fit=fit), height=size[0], width=size[1])
    assert back.shape == size
    highest = np.unravel_index(back.argmax(), size)
    # one pixel of the input is up to three of the film
    assert abs(highest[0] - row) <= 3
    assert abs(highest[1] - column) <= 3


def test_back_on_the_film_what_the_network_did_not_see_is_zero():
    heat = np.ones((40, 40), dtype=np.float32)
    cropped = back_to_film(heat, spec(fit="crop"), height=80, width=40)
    np.testing.assert_array_equal(cropped[:20], 0)
    np.testing.assert_array_equal(cropped[60:], 0)
    np.testing.assert_array_equal(cropped[20:60], 1)
    for fit in ("stretch", "letterbox"):
        np.testing.assert_array_equal(back_to_film(heat, spec(fit=fit), height=80, width=40), 1)


def test_heat_on_the_padding_does_not_reach_the_film():
    heat = np.zeros((40, 40), dtype=np.float32)
    heat[:, :10] = heat[:, 30:] = 1
    back = back_to_film(heat, spec(fit="letterbox"), height=80, width=40)
    np.testing.assert_array_equal(back, 0)


def test_a_coarse_map_covers_the_whole_input():
    coarse = np.ones((3, 5), dtype=np.float32)
    np.testing.assert_array_equal(back_to_film(coarse, spec(), height=50, width=30), 1)


@needs_real_films
def test_a_real_film_keeps_its_mean_grey_when_it_is_stretched():
    film = read_radiograph(sorted((REAL_FILMS / "kermany" / "Normal").iterdir())[0])
    prepared = prepare(film, InputSpec(height=150, width=150))
    assert prepared.mean() == pytest.approx(film.pixels.mean(), abs=0.005)
