"""The hash of a film under a frame."""

import numpy as np
import pytest
from PIL import Image

from carina.imaging.film_hash import (
    WHOLE,
    equalised,
    frame_hashes,
    halved,
    halved_levels,
    hamming_distances,
    own_frame_hashes,
    uniform_frames,
)
from carina.imaging.phantom import make_phantom

CUTS = ((0.0, 0.0), (0.06, 0.0), (0.0, 0.06), (0.06, 0.06))


def picture(seed, *, box=None, side=48):
    """Return a phantom film, or a part of it in shares of its sides, uint8 [side, side]."""
    film = make_phantom("normal", rng=np.random.default_rng([3, seed]), height=192, width=192)
    image = Image.fromarray((film.pixels * 255).astype(np.uint8))
    cut = tuple(192 * share for share in box or WHOLE)
    return np.asarray(image.resize((side, side), Image.Resampling.BOX, box=cut))


def thumbnails_of(pictures):
    return equalised(pictures, uniform_frames(pictures))


def hash_of(one):
    return frame_hashes(thumbnails_of(one[np.newaxis]), cuts=((0.0, 0.0),))[:, 0]


@pytest.mark.parametrize("grey", [0, 128, 255])
def test_a_border_of_one_grey_and_the_middle_of_the_pixel_beside_it_are_not_in_the_frame(grey):
    film = np.full((1, 48, 48), grey, dtype=np.uint8)
    film[0, 6:40, 12:44] = picture(1)[6:40, 12:44]
    assert uniform_frames(film).tolist() == [
        pytest.approx([12.6 / 48, 6.6 / 48, 43.4 / 48, 39.4 / 48], abs=1e-6)
    ]


def test_a_blank_film_and_one_that_is_nearly_all_border_are_their_own_frames():
    films = np.zeros((2, 48, 48), dtype=np.uint8)
    films[1, 20:28, 20:28] = picture(1)[:8, :8]
    assert uniform_frames(films).tolist() == [list(WHOLE), list(WHOLE)]


def test_equalised_pictures_do_not_depend_on_the_contrast():
    levels = np.arange(256)
    darker = np.rint(255 * (levels / 255) ** 1.5).astype(np.uint8)
    film = picture(2)
    frames = np.array([WHOLE], dtype=np.float32)
    plain, other = equalised(film[np.newaxis], frames), equalised(darker[film][np.newaxis], frames)
    # Dark greys fall together in the darker film, and then have the middle of their ranks.
    assert np.abs(plain - other).mean() < 0.01
    assert plain.min() >= 0
    assert plain.max() <= 1


def test_a_blank_film_is_equalised_to_one_grey():
    film = np.full((1, 48, 48), 200, dtype=np.uint8)
    assert np.unique(thumbnails_of(film)).tolist() == [0.5]


def test_halved_pictures_are_means_of_four():
    film = np.array([[[1, 3], [5, 8]]], dtype=np.uint8)
    assert halved_levels(film).tolist() == [[[4]]]
    assert halved(film.astype(np.float32)).tolist() == [[[4.25]]]


def test_a_crop_has_the_hash_that_the_film_has_under_its_frame():
    film, crop = picture(3), picture(3, box=(0.06, 0.0, 0.94, 0.94))
    under = frame_hashes(thumbnails_of(film[np.newaxis]), cuts=CUTS)[0]
    distances = hamming_distances(under, np.repeat(hash_of(crop), len(under), axis=0))
    # Rows are cut by (0, 0.06), the third cut; columns by (0.06, 0.06), the fourth.
    assert int(distances.argmin()) == 2 * len(CUTS) + 3
    assert distances.min() <= 8
    assert distances[0] > 16


def test_a_frame_of_its_own_is_hashed_as_a_frame_of_the_grid():
    thumbnails = thumbnails_of(np.stack([picture(4), picture(5)]))
    grid = frame_hashes(thumbnails, cuts=CUTS)
    own = np.array([WHOLE, (0.06, 0.0, 1.0, 0.94)], dtype=np.float32)
    assert own_frame_hashes(thumbnails, own).tolist() == [
        grid[0, 0].tolist(),
        grid[1, 2 * len(CUTS) + 1].tolist(),
    ]


def test_a_padded_film_has_its_own_hash_within_its_frame():
    film = picture(6)
    padded = np.zeros((64, 64), dtype=np.uint8)
    padded[8:56, 4:52] = film
    pictures = padded[np.newaxis]
    own = own_frame_hashes(thumbnails_of(pictures), uniform_frames(pictures))
    assert hamming_distances(own, hash_of(film))[0] <= 12


def test_hashes_of_different_films_lie_far_apart():
    hashes = np.concatenate([hash_of(np.roll(picture(7), 16 * k, axis=1)) for k in range(3)])
    assert hamming_distances(hashes[:2], hashes[1:]).min() > 30


def test_the_distance_is_the_number_of_different_bits():
    rng = np.random.default_rng(1)
    a, b = rng.integers(0, 2**63, (2, 50, 2)).astype(np.uint64) * np.uint64(2)
    expected = [
        sum(int(x ^ y).bit_count() for x, y in zip(*two, strict=True))
        for two in zip(a.tolist(), b.tolist(), strict=True)
    ]
    assert hamming_distances(a, b).tolist() == expected
    assert hamming_distances(a, ~a).tolist() == [128] * 50
