"""What a single heat map is worth: scores on arrays with known answers."""

import numpy as np
import pytest

from carina.evaluation.film_changes import changed, likeness_after
from carina.evaluation.heat_maps import (
    REMOVED_SHARES,
    blurred,
    deletion_and_insertion,
    hottest_first,
    hottest_inside,
    likeness,
    random_like,
    share_inside,
)

SIDE = 40


def smooth_heat(seed=0):
    """A made heat map: two warm places over nothing."""
    y, x = np.mgrid[0:SIDE, 0:SIDE]
    row, column = np.random.default_rng(seed).integers(8, SIDE - 8, 2)
    heat = np.exp(-((y - row) ** 2 + (x - column) ** 2) / 60)
    return (heat * (heat > 0.05)).astype(np.float32)


def film(seed=0):
    return np.random.default_rng(seed).random((1, SIDE, SIDE), dtype=np.float32)


def test_hottest_places_come_first_and_those_of_one_heat_together():
    heat = smooth_heat()
    regions, shares = hottest_first(heat)
    assert (np.diff(shares) > 0).all()
    assert 0 < shares[0] <= REMOVED_SHARES[0] + 8 / heat.size
    for region, share in zip(regions, shares, strict=True):
        assert region.mean() == pytest.approx(share)
        assert heat[region].min() > heat[~region].max()


def test_a_map_that_is_the_same_everywhere_names_no_hottest_place():
    regions, shares = hottest_first(np.ones((SIDE, SIDE), dtype=np.float32))
    assert len(regions) == len(shares) == 0


def test_deletion_and_insertion_of_a_probability_that_is_a_share_of_one_region():
    """The network counts how much of a square is still there; the map marks just that."""
    image, blank = np.ones((1, SIDE, SIDE), np.float32), np.zeros((1, SIDE, SIDE), np.float32)
    square = np.zeros((SIDE, SIDE), dtype=bool)
    square[:12, :20] = True  # 15 % of the film

    def probability(images):
        return images[:, 0, square].mean(axis=1).astype(np.float64)

    right = np.where(square, 1.0, 0.0).astype(np.float32)
    ends = probability(np.stack([image, blank]))
    deletion, insertion = deletion_and_insertion(
        right, image, blank, probability=probability, ends=ends
    )
    # one step: all of the square goes at once, and the line falls to 0 at its 15 %
    assert deletion == pytest.approx(0.15 / 2)
    assert insertion == pytest.approx(1 - 0.15 / 2)
    deletion, insertion = deletion_and_insertion(
        1 - right, image, blank, probability=probability, ends=ends
    )
    assert deletion > 0.5 > insertion


def test_a_map_that_is_the_same_everywhere_is_exactly_as_faithful_as_random_ones():
    image, flat = film(), np.ones((SIDE, SIDE), dtype=np.float32)
    blank = blurred(image)

    def probability(images):
        return images.mean(axis=(1, 2, 3)).astype(np.float64)

    known = {"probability": probability, "ends": probability(np.stack([image, blank]))}
    own = deletion_and_insertion(flat, image, blank, **known)
    drawn = random_like(flat, rng=np.random.default_rng(1))
    assert own == deletion_and_insertion(drawn, image, blank, **known)
    assert own[0] == pytest.approx(own[1])


def test_a_random_map_has_the_same_values_and_smoothness_and_another_place():
    heat = smooth_heat()
    drawn = [random_like(heat, rng=np.random.default_rng(seed)) for seed in range(12)]

    def roughness(one):
        return float(np.abs(np.diff(one, axis=0)).mean())

    for one in drawn:
        np.testing.assert_array_equal(np.sort(one, axis=None), np.sort(heat, axis=None))
    grain = random_like(np.random.default_rng(0).permuted(heat), rng=np.random.default_rng(3))
    assert np.mean([roughness(one) for one in drawn]) < 3 * roughness(heat) < roughness(grain)
    assert abs(np.mean([likeness(heat, one) for one in drawn])) < 0.3


def test_likeness_is_of_the_order_alone_and_never_undefined():
    heat, other, flat = smooth_heat(), smooth_heat(3), np.ones((SIDE, SIDE), np.float32)
    assert likeness(heat, heat**3) == pytest.approx(1)
    assert likeness(heat, -heat) == pytest.approx(-1)
    assert abs(likeness(heat, other)) < 0.6
    assert likeness(flat, 2 * flat) == 1
    assert likeness(heat, flat) == likeness(flat, heat) == likeness(heat, 0 * heat) == 0


def test_likeness_is_spearmans_rank_correlation():
    scipy_stats = pytest.importorskip("scipy.stats")
    heat, other = smooth_heat(), smooth_heat(3)
    expected = scipy_stats.spearmanr(heat.ravel(), other.ravel()).statistic
    assert likeness(heat, other) == pytest.approx(expected, abs=1e-12)


def test_a_map_that_moves_with_the_film_is_stable_under_the_shift():
    image = film()
    for name, moved in changed(image, rng=np.random.default_rng(0)).items():
        assert moved.shape == image.shape
        assert moved.dtype == np.float32
        assert np.abs(moved - image).mean() > 0
        assert moved.min() >= 0
        assert moved.max() <= 1
        if name == "stability_shift":
            assert likeness_after(name, image[0], moved[0]) == pytest.approx(1)
            assert likeness(image[0], moved[0]) < 0.2
        else:
            assert likeness_after(name, image[0], moved[0]) > 0.95


def test_shares_and_hottest_places_inside_a_region():
    heat = np.zeros((4, 4), dtype=np.float32)
    heat[0, 0], heat[3, 3] = 3, 1
    left = np.zeros((4, 4), dtype=bool)
    left[:, :2] = True
    assert share_inside(heat, left) == pytest.approx(0.75)
    assert hottest_inside(heat, left)
    assert not hottest_inside(heat, ~left)
    assert not hottest_inside(np.ones((4, 4), np.float32), left)  # half of the places is not most


def test_what_stands_for_a_removed_place_keeps_the_large_shapes_alone():
    image = film()
    image[:, :, : SIDE // 2] += 1
    blank = blurred(image)
    assert blank.shape == image.shape
    assert blank.dtype == np.float32
    assert blank[0, :, 2].mean() > blank[0, :, -3].mean() + 0.7
    assert np.abs(np.diff(blank[0], axis=0)).max() < 0.1
