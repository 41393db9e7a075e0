"""Every registered noise filter keeps what `prepare` and the study rest on."""

from concurrent.futures import ThreadPoolExecutor
from typing import get_args

import numpy as np
import pytest

pytest.importorskip("skimage", reason="noise filters need the extra 'denoise'")
pytest.importorskip("pywt", reason="noise filters need the extra 'denoise'")

from carina.domain.input_spec import DenoiseName
from carina.imaging.denoise import FILTERS, denoised
from carina.imaging.noise import with_quantum_noise
from carina.imaging.phantom import make_phantom
from carina.imaging.picture_quality import squared_error

every_filter = pytest.mark.parametrize("name", FILTERS.names())


@pytest.fixture(scope="module")
def film():
    return make_phantom("covid", rng=np.random.default_rng(4), height=320, width=288).pixels


@pytest.fixture(scope="module")
def noisy(film):
    return with_quantum_noise(film, rng=np.random.default_rng(5))


def test_a_recipe_may_name_the_registered_filters_and_no_other():
    assert set(get_args(DenoiseName)) == {"none", *FILTERS.names()}


@every_filter
def test_the_film_keeps_shape_type_and_range_and_is_not_changed_in_place(name, noisy):
    before = noisy.copy()
    filtered = denoised(noisy, name)
    assert filtered.shape == noisy.shape
    assert filtered.dtype == np.float32
    assert filtered.min() >= 0
    assert filtered.max() <= 1
    np.testing.assert_array_equal(noisy, before)


@every_filter
def test_a_noisy_film_comes_nearer_to_the_film_before_the_noise(name, film, noisy):
    assert squared_error(denoised(noisy, name), film) < 0.8 * squared_error(noisy, film)
    assert abs(float(denoised(noisy, name).mean() - noisy.mean())) < 0.005


@every_filter
def test_a_film_of_one_grey_stays_as_it_is(name):
    for grey in (0.0, 0.3, 1.0):
        flat = np.full((40, 30), grey, dtype=np.float32)
        np.testing.assert_allclose(denoised(flat, name), flat, atol=1e-6)


@every_filter
@pytest.mark.parametrize("shape", [(1, 40), (40, 3), (16, 16), (17, 31), (2, 2)])
def test_films_of_any_size_are_filtered(name, shape):
    film = np.random.default_rng(1).random(shape, dtype=np.float32)
    filtered = denoised(film, name)
    assert filtered.shape == shape
    assert np.isfinite(filtered).all()


@every_filter
def test_the_same_film_gives_the_same_bits_in_any_thread(name, noisy):
    once = denoised(noisy, name)
    with ThreadPoolExecutor(4) as pool:
        for again in pool.map(lambda _: denoised(noisy, name), range(8)):
            np.testing.assert_array_equal(again, once)


@every_filter
def test_a_filter_says_its_name_and_settings(name):
    part = FILTERS.get(name)
    assert part.title
    assert part.parameters
