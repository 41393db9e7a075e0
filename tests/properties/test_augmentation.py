"""What holds for every random change of a training film."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from carina.domain.recipe import AugmentSection
from carina.training.augment import Changes, apply_changes, draw_changes, one_opencv_thread
from carina.training.chance import derived_rng

FILLS = ("nearest", "constant", "reflect")

sections = st.builds(
    AugmentSection,
    rotation_degrees=st.floats(0, 180),
    zoom=st.floats(0, 0.9),
    shear_degrees=st.floats(0, 60),
    shift=st.floats(0, 0.9),
    horizontal_flip=st.booleans(),
    vertical_flip=st.booleans(),
    brightness=st.floats(0, 1),
    contrast=st.floats(0, 0.9),
    blur_sigma_px=st.floats(0, 3),
    noise_std=st.floats(0, 1),
    fill=st.sampled_from(FILLS),
)
shapes = st.tuples(st.integers(16, 40), st.integers(16, 40))


def film(shape, seed=0):
    levels = np.random.default_rng(seed).integers(0, 65536, shape, dtype=np.uint16)
    return levels.astype(np.float32) / np.float32(65535)


@given(section=sections, shape=shapes, seed=st.integers(0, 10**6))
def test_a_changed_film_keeps_its_shape_its_type_and_its_range(section, shape, seed):
    pixels = film(shape)
    before = pixels.copy()
    changed = apply_changes(
        pixels, draw_changes(section, np.random.default_rng(seed)), fill=section.fill
    )
    assert changed.shape == shape
    assert changed.dtype == np.float32
    assert changed.min() >= 0
    assert changed.max() <= 1
    np.testing.assert_array_equal(pixels, before)


@given(section=sections, seed=st.integers(0, 10**6))
def test_what_is_drawn_lies_in_the_ranges_that_were_asked_for(section, seed):
    drawn = draw_changes(section, np.random.default_rng(seed))
    assert abs(drawn.rotation_degrees) <= section.rotation_degrees
    assert abs(drawn.zoom - 1) <= section.zoom + 1e-12
    assert abs(drawn.shear_degrees) <= section.shear_degrees
    assert max(abs(drawn.shift_x), abs(drawn.shift_y)) <= section.shift
    assert drawn.mirror <= section.horizontal_flip
    assert drawn.upside_down <= section.vertical_flip
    assert abs(drawn.brightness) <= section.brightness
    assert abs(drawn.contrast - 1) <= section.contrast + 1e-12
    assert 0 <= drawn.blur_sigma_px <= section.blur_sigma_px
    assert 0 <= drawn.noise_std <= section.noise_std


@given(shape=shapes, seed=st.integers(0, 10**6), fill=st.sampled_from(FILLS))
def test_a_section_of_zeros_changes_no_bit(shape, seed, fill):
    drawn = draw_changes(AugmentSection(fill=fill), np.random.default_rng(seed))
    assert drawn == Changes(noise_seed=drawn.noise_seed)
    np.testing.assert_array_equal(apply_changes(film(shape), drawn, fill=fill), film(shape))


@given(shape=shapes, mirror=st.booleans(), upside_down=st.booleans())
def test_a_flip_is_the_exact_mirror(shape, mirror, upside_down):
    changed = apply_changes(
        film(shape), Changes(mirror=mirror, upside_down=upside_down), fill="nearest"
    )
    wanted = film(shape)
    wanted = wanted[:, ::-1] if mirror else wanted
    wanted = wanted[::-1] if upside_down else wanted
    np.testing.assert_array_equal(changed, wanted)


@given(zoom=st.floats(0.4, 1.6), half=st.tuples(st.integers(8, 16), st.integers(8, 16)))
def test_zoom_keeps_the_centre(zoom, half):
    pixels = film((2 * half[0] + 1, 2 * half[1] + 1))
    changed = apply_changes(pixels, Changes(zoom=zoom), fill="constant")
    assert changed[half] == pytest.approx(pixels[half], abs=1e-4)


@given(section=sections, seed=st.integers(0, 10**6))
def test_switching_one_change_off_leaves_the_others_as_they_were(section, seed):
    with_all = draw_changes(section, np.random.default_rng(seed))
    still = section.model_copy(update={"zoom": 0.0})
    without = draw_changes(still, np.random.default_rng(seed))
    assert without.zoom == 1
    assert without.rotation_degrees == with_all.rotation_degrees
    assert without.noise_seed == with_all.noise_seed


@given(zoom=st.floats(1.1, 1.9))
def test_zoom_above_one_makes_things_larger(zoom):
    pixels = np.zeros((41, 41), dtype=np.float32)
    pixels[16:25, 16:25] = 1
    grown = apply_changes(pixels, Changes(zoom=zoom), fill="constant")
    # bilinear edges carry the area to a few percent
    assert grown.sum() == pytest.approx(81 * zoom**2, rel=0.05)


def test_a_shift_of_whole_pixels_moves_the_film_right_and_down():
    pixels = film((20, 40))
    moved = apply_changes(pixels, Changes(shift_x=0.1, shift_y=0.05), fill="constant")
    np.testing.assert_allclose(moved[1:, 4:], pixels[:-1, :-4], atol=1e-6)
    assert not moved[0].any()
    assert not moved[:, :4].any()


def test_a_quarter_turn_turns_a_square_film_clockwise():
    pixels = film((21, 21))
    turned = apply_changes(pixels, Changes(rotation_degrees=90), fill="constant")
    np.testing.assert_allclose(turned, np.rot90(pixels, -1), atol=1e-4)


def test_shear_leans_upright_lines_and_keeps_the_middle_row():
    pixels = film((21, 41))
    leaning = apply_changes(pixels, Changes(shear_degrees=45), fill="constant")
    np.testing.assert_allclose(leaning[10], pixels[10], atol=1e-4)
    np.testing.assert_allclose(leaning[15, 10:31], pixels[15, 5:26], atol=1e-4)


@pytest.mark.parametrize("fill", FILLS)
def test_what_lies_outside_the_film_is_filled_as_asked(fill):
    row = np.linspace(0.1, 1, 20, dtype=np.float32)
    pixels = np.tile(row, (20, 1))
    moved = apply_changes(pixels, Changes(shift_x=0.1), fill=fill)
    wanted = {"nearest": [row[0], row[0]], "constant": [0, 0], "reflect": [row[1], row[0]]}
    np.testing.assert_allclose(moved[5, :2], wanted[fill], atol=1e-6)


def test_contrast_turns_about_the_mean_and_brightness_adds():
    pixels = np.array([[0.4, 0.6]] * 8, dtype=np.float32)
    changed = apply_changes(pixels, Changes(contrast=1.5, brightness=0.1), fill="nearest")
    np.testing.assert_allclose(changed[0], [0.45, 0.75], atol=1e-6)


def test_blur_spreads_and_noise_scatters_by_what_was_asked():
    point = np.zeros((41, 41), dtype=np.float32)
    point[20, 20] = 1
    blurred = apply_changes(point, Changes(blur_sigma_px=2), fill="nearest")
    offsets = np.arange(41) - 20
    assert (blurred.sum(axis=0) * offsets**2).sum() == pytest.approx(4, rel=0.05)
    grey = np.full((200, 200), 0.5, dtype=np.float32)
    noisy = apply_changes(grey, Changes(noise_std=0.05, noise_seed=1), fill="nearest")
    assert noisy.std() == pytest.approx(0.05, rel=0.02)


def test_half_of_many_films_are_mirrored():
    section = AugmentSection(horizontal_flip=True)
    mirrored = [draw_changes(section, derived_rng(0, i)).mirror for i in range(2000)]
    assert np.mean(mirrored) == pytest.approx(0.5, abs=0.05)


def test_opencvs_threads_are_given_back():
    import cv2

    before = cv2.getNumThreads()
    with one_opencv_thread():
        assert cv2.getNumThreads() == 1
    assert cv2.getNumThreads() == before
