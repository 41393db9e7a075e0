"""What a filter does to a picture, on pictures whose truth is known."""

import numpy as np
import pytest

pytest.importorskip("skimage", reason="needs the extra 'denoise'")

from scipy.ndimage import gaussian_filter

from carina.imaging.noise import noise_level, with_quantum_noise
from carina.imaging.phantom import make_phantom
from carina.imaging.picture_quality import (
    contrast_to_noise,
    fine_edges_kept,
    grain,
    lesion_contrast,
    psnr_db,
    squared_error,
    ssim,
)


@pytest.fixture(scope="module")
def film():
    return make_phantom("covid", rng=np.random.default_rng(7), height=160, width=150).pixels


def grains(deviation, shape=(128, 128), seed=0):
    return np.random.default_rng(seed).normal(0, deviation, shape).astype(np.float32)


def test_a_tenth_of_the_difference_is_twenty_decibels_more():
    reference = np.full((8, 8), 0.5, dtype=np.float32)
    errors = [squared_error(reference + d, reference) for d in (0.1, 0.01)]
    assert psnr_db(np.array(errors)) == pytest.approx([20, 40], abs=1e-4)


def test_structure_is_the_same_in_the_same_picture_and_less_in_a_blurred_one(film):
    assert ssim(film, film) == pytest.approx(1)
    scores = [ssim(gaussian_filter(film, sigma), film) for sigma in (0.5, 1, 2)]
    assert scores == sorted(scores, reverse=True)
    assert scores[-1] < 0.97


def test_structure_is_measured_in_a_strip_too():
    strip = np.random.default_rng(0).random((4, 50), dtype=np.float32)
    assert ssim(strip, strip) == pytest.approx(1)


def test_half_the_contrast_has_a_quarter_of_the_edge_energy(film):
    assert fine_edges_kept(film, film) == 1
    assert fine_edges_kept(0.5 * film, film) == pytest.approx(0.25, rel=1e-5)


def test_blur_takes_fine_edges_and_a_shift_of_grey_does_not(film):
    kept = [fine_edges_kept(gaussian_filter(film, sigma), film) for sigma in (0.4, 0.7, 1)]
    assert kept == sorted(kept, reverse=True)
    assert kept[-1] < 0.3
    assert fine_edges_kept(film + np.float32(0.05), film) == pytest.approx(1, rel=1e-4)


def test_grain_away_from_edges_is_no_edge():
    ribs = np.zeros((100, 100), dtype=np.float32)
    ribs[:, 40::8] = ribs[:, 41::8] = 0.5
    noisy = ribs.copy()
    noisy[:, :30] += grains(0.02, (100, 30))
    assert fine_edges_kept(ribs, noisy) == 1


def test_a_picture_without_edges_keeps_none():
    assert fine_edges_kept(np.zeros((20, 20)), np.full((20, 20), 0.4, dtype=np.float32)) is None


def test_contrast_to_noise_is_the_lesion_over_the_grain():
    lesion = np.zeros((128, 128), dtype=bool)
    lesion[40:60, 40:60] = True
    without = np.float32(0.4) + grains(0.01)
    with_lesion = without + np.float32(0.05) * lesion
    assert lesion_contrast(with_lesion, without, lesion=lesion) == pytest.approx(0.05, rel=1e-4)
    # the local mean over 2 pixels takes 2 % of white noise's deviation with it
    noise = grain(without, healthy=~lesion)
    assert noise == pytest.approx(0.01, rel=0.05)
    measured = contrast_to_noise(with_lesion, without, lesion=lesion, healthy=~lesion)
    assert measured == pytest.approx(0.05 / noise, rel=1e-4)


def test_slow_changes_of_grey_are_no_grain():
    slope = np.tile(np.linspace(0, 1, 128, dtype=np.float32), (128, 1))
    inner = np.zeros((128, 128), dtype=bool)
    inner[20:-20, 20:-20] = True
    assert grain(slope, healthy=inner) < 1e-5
    assert contrast_to_noise(slope, slope, lesion=inner, healthy=inner) >= 0


@pytest.mark.parametrize("deviation", [0.002, 0.01, 0.05])
def test_the_noise_level_of_a_film_is_found(film, deviation):
    smooth = gaussian_filter(film, 3)
    found = noise_level(smooth + grains(deviation, film.shape))
    assert found == pytest.approx(deviation, rel=0.1)


def test_black_borders_do_not_hide_the_noise():
    film = np.float32(0.5) + grains(0.01)
    film[:, :80] = 0
    assert noise_level(film) == pytest.approx(0.01, rel=0.1)


def test_a_film_of_one_grey_has_no_noise():
    assert noise_level(np.zeros((32, 32), dtype=np.float32)) == 0


@pytest.mark.parametrize(("grey", "deviation"), [(0.1, 0.009), (0.5, 0.02), (0.8, 0.036)])
def test_quantum_noise_grows_towards_white(grey, deviation):
    flat = np.full((200, 200), grey, dtype=np.float32)
    noisy = with_quantum_noise(flat, rng=np.random.default_rng(1))
    assert noisy.dtype == np.float32
    assert noisy.std() == pytest.approx(deviation, rel=0.05)
    assert noisy.mean() == pytest.approx(grey, abs=0.004)


def test_quantum_noise_stays_in_range_and_repeats():
    white = np.ones((50, 50), dtype=np.float32)
    once, again = (with_quantum_noise(white, rng=np.random.default_rng(3)) for _ in range(2))
    assert once.max() <= 1
    assert once.min() >= 0
    np.testing.assert_array_equal(once, again)
