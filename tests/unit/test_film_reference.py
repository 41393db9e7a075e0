import numpy as np
import pytest

from carina.auditing.film_likeness import film_likeness
from carina.auditing.film_reference import film_reference
from carina.imaging.film_gaussian import TURNS
from carina.imaging.sketch import sketch
from carina.imaging.thumbnails import equalised_thumbnails
from making.sketched import noise_pixels, phantom_pixels


def small_of(*films):
    return np.stack([sketch(np.ascontiguousarray(film))["small"] for film in films])


@pytest.fixture(scope="module")
def phantoms():
    return small_of(*(phantom_pixels(n) for n in range(12)))


def test_the_reference_is_a_gaussian_of_few_directions():
    reference = film_reference()
    k = len(reference.variances)
    assert reference.mean.shape == (576,)
    assert reference.directions.shape == (k, 576)
    # Kept at half precision: orthonormal to three decimals.
    np.testing.assert_allclose(reference.directions @ reference.directions.T, np.eye(k), atol=2e-3)
    assert (np.diff(reference.variances) <= 0).all()
    assert 0 < reference.rest < reference.variances[-1]
    assert reference.child_weights.shape == (k + 1,)


def test_thumbnails_are_even_ranks_whatever_the_exposure(phantoms):
    thumbnails = equalised_thumbnails(phantoms)
    np.testing.assert_allclose(thumbnails.mean(axis=1), 0, atol=1e-5)
    np.testing.assert_allclose((thumbnails**2).mean(axis=1), 1, atol=1e-4)
    darker = (phantoms // 2).astype(np.uint8)
    assert np.corrcoef(thumbnails[0], equalised_thumbnails(darker)[0])[0, 1] > 0.99


def test_one_grey_has_a_thumbnail_of_zeros():
    even = np.full((2, 96, 96), 90, np.uint8)
    assert (equalised_thumbnails(even) == 0).all()
    fit = film_reference().fit(equalised_thumbnails(even))
    assert np.isfinite(fit.distances).all()
    assert np.isfinite(film_likeness(even)).all()


def test_margins_do_not_count(phantoms):
    framed = np.zeros_like(phantoms)
    framed[:, 12:84, 12:84] = phantoms[:, ::4][:, np.arange(72) // 3][:, :, np.arange(72) * 4 // 3]
    plain = phantoms[:, ::4][:, np.arange(96) // 4]
    a, b = equalised_thumbnails(framed), equalised_thumbnails(plain)
    assert np.mean([np.corrcoef(x, y)[0, 1] for x, y in zip(a, b, strict=True)]) > 0.97


@pytest.mark.parametrize("turn", range(4))
@pytest.mark.parametrize("inverted", [False, True])
def test_the_pose_that_fits_best_is_the_one_that_was_made(phantoms, turn, inverted):
    turned = np.rot90(phantoms, turn, axes=(1, 2))
    made = np.ascontiguousarray(255 - turned if inverted else turned)
    best = film_reference().fit(equalised_thumbnails(made)).distances.reshape(len(made), -1)
    assert (best.argmin(axis=1) == turn + len(TURNS) * inverted).all()


def test_distances_follow_the_turn_of_the_picture(phantoms):
    reference = film_reference()
    upright = reference.fit(equalised_thumbnails(phantoms))
    turned = reference.fit(equalised_thumbnails(np.rot90(phantoms, axes=(1, 2)).copy()))
    np.testing.assert_allclose(np.roll(upright.distances, 1, axis=2), turned.distances, rtol=0.02)
    mirrored = reference.fit(equalised_thumbnails(phantoms[:, :, ::-1].copy()))
    np.testing.assert_allclose(
        upright.distances[:, :, ::2], mirrored.distances[:, :, ::2], rtol=0.02
    )


def test_phantoms_look_like_films_and_noise_does_not(phantoms):
    assert (film_likeness(phantoms) > 2).all()
    assert (film_likeness(small_of(*(noise_pixels(n) for n in range(5)))) < -3).all()
