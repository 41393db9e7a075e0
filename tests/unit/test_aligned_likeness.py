"""How alike two films are when one is laid over the other."""

import numpy as np
import pytest
from PIL import Image

from carina.auditing.aligned_likeness import (
    correlation_under,
    likeness_under,
    maps_between,
    refined_maps,
    reliefs,
)
from carina.imaging.film_hash import equalised, uniform_frames
from carina.imaging.phantom import make_phantom

WHOLE = np.array([[0, 0, 1, 1]], dtype=np.float32)
SIDE = 96


def film(seed, *, box=(0.0, 0.0, 1.0, 1.0)):
    """Return a phantom film or a part of it, uint8 [96, 96]."""
    rng = np.random.default_rng([11, seed])
    pixels = make_phantom("normal", rng=rng, height=288, width=288).pixels
    image = Image.fromarray((pixels * 255).astype(np.uint8))
    cut = tuple(288 * share for share in box)
    return np.asarray(image.resize((SIDE, SIDE), Image.Resampling.BILINEAR, box=cut))


def relief(picture, *, window=0.07):
    pictures = picture[np.newaxis]
    frames = uniform_frames(pictures)
    return reliefs(equalised(pictures, frames), frames, window=window)


def compared(a, b, *, start=WHOLE, n_steps=10):
    """Return the map of film b onto film a and the likeness under it."""
    moving, fixed = relief(a, window=0.14), relief(b, window=0.14)
    maps = refined_maps(maps_between(start, WHOLE), moving, fixed, n_steps=n_steps)
    return maps[0], float(likeness_under(maps, relief(a), relief(b))[0])


def test_a_film_is_wholly_like_itself():
    assert compared(film(1), film(1))[1] == pytest.approx(1.0, abs=1e-3)


def test_the_map_of_a_crop_is_found_from_a_rough_one():
    box = (0.07, 0.02, 0.96, 0.99)
    start = np.array([[0.06, 0.0, 0.94, 1.0]], dtype=np.float32)
    found, likeness = compared(film(2), film(2, box=box), start=start)
    exact = maps_between(np.array([box], dtype=np.float32), WHOLE)[0]
    assert np.abs(found - exact).max() < 0.008
    assert likeness > 0.95


def test_a_turned_film_is_laid_over_its_original():
    turned = np.asarray(Image.fromarray(film(3)).rotate(3, Image.Resampling.BILINEAR))
    found, likeness = compared(film(3), turned)
    # y points down: the copy turned counter-clockwise is read clockwise.
    turn = np.sin(np.radians(3))
    assert found[:, :2] == pytest.approx(np.array([[1, -turn], [turn, 1]]), abs=0.01)
    assert likeness > 0.9


def test_new_letters_spoil_few_blocks_and_leave_the_likeness():
    marked = film(4).copy()
    for x in (4, 40, 78):
        marked[6:20, x : x + 12] = 255
    assert compared(film(4), marked)[1] > 0.95


def test_another_film_is_not_alike():
    values = [compared(film(seed), film(seed + 1))[1] for seed in range(20, 26)]
    assert max(values) < 0.8


def test_a_plain_film_is_like_nothing():
    plain = np.full((SIDE, SIDE), 90, dtype=np.uint8)
    assert compared(plain, plain)[1] == 0.0
    assert compared(film(5), plain)[1] < 0.1


def test_what_lies_outside_the_frame_of_the_moving_film_has_no_part_in_the_likeness():
    own = film(6)
    padded = np.full((SIDE, SIDE), 255, dtype=np.uint8)
    padded[12:84, 12:84] = np.asarray(Image.fromarray(own).resize((72, 72), 2))
    frame = np.array([[12, 12, 84, 84]], dtype=np.float32) / SIDE
    assert compared(padded, own, start=frame)[1] > 0.8


def test_what_lies_outside_the_frame_of_the_fixed_film_has_no_part_in_the_likeness():
    covered = film(6).copy()
    covered[:, :28] = covered[:, 68:] = 255
    assert compared(film(6), covered)[1] > 0.9


def test_the_correlation_of_a_negative_is_negative():
    a, b = relief(film(7)), relief(255 - film(7))
    maps = maps_between(WHOLE, WHOLE)
    assert correlation_under(maps, a, a)[0] == pytest.approx(1.0, abs=1e-3)
    assert correlation_under(maps, a, b)[0] < -0.95


def test_pairs_are_compared_each_for_itself():
    films = [film(seed) for seed in (8, 9, 10)]
    together = np.stack(films)
    frames = uniform_frames(together)
    every = reliefs(equalised(together, frames), frames, window=0.07)
    maps = np.repeat(maps_between(WHOLE, WHOLE), 3, axis=0)
    order = np.array([0, 2, 1])
    values = likeness_under(maps, every, every.of(order))
    alone = [
        likeness_under(maps[:1], relief(films[k]), relief(films[order[k]]))[0] for k in range(3)
    ]
    assert values.tolist() == pytest.approx(alone, abs=1e-5)
