"""Grad-CAM's finite differences: heads with a kink nearby, and heads that round."""

import numpy as np
import pytest

from carina.inference.explain import EXPLAINERS, FilmInNetwork

MAPS = np.random.default_rng(4).random((2, 6, 6), dtype=np.float32)
MAPS[0, 0, 0] = 1  # the largest value, so that a step of 1 % is 0.01
MEANS = MAPS.astype(np.float64).mean(axis=(1, 2))


def heat_of(head):
    film = FilmInNetwork(image=MAPS, network=head, maps=MAPS, head=head)
    return EXPLAINERS.get("grad-cam").explain(film, class_index=1)


def two_classes(logit):
    return np.stack([-logit, logit], axis=1)


def straight(maps):
    """Return the first map's mean less the second's."""
    first, second = maps.astype(np.float64).mean(axis=(2, 3)).T
    return first - second


def wanted():
    """The slopes are 1 and -1."""
    return np.maximum(MAPS[0] - MAPS[1], 0) / MAPS[0].size


@pytest.mark.parametrize("distance", [0.001, 0.004, -0.001, -0.004])
def test_a_kink_within_one_hundredth_of_the_largest_value_does_no_harm(distance):
    def head(maps):
        first = maps.astype(np.float64).mean(axis=(2, 3))[:, 0]
        beyond = (first - MEANS[0] - distance) * np.sign(distance)
        return two_classes(straight(maps) + 50 * np.maximum(beyond, 0))

    heat = heat_of(head)
    np.testing.assert_allclose(heat, wanted(), atol=1e-3 * wanted().max())


def test_rounding_does_not_drown_the_derivative():
    """At 1000, float32 steps by 6e-5: 0.3 % of what a step of 1 % moves, 60 % of the smallest."""

    def head(maps):
        rounded = (1000 + straight(maps)).astype(np.float32)
        return two_classes(rounded.astype(np.float64))

    heat = heat_of(head)
    np.testing.assert_allclose(heat, wanted(), atol=0.02 * wanted().max())


def test_a_straight_head_needs_one_step():
    seen = []

    def head(maps):
        seen.append(len(maps))
        return two_classes(straight(maps))

    heat_of(head)
    assert seen == [1, 4]


def test_maps_in_many_chunks_give_the_heat_of_one(monkeypatch):
    def head(maps):
        assert len(maps) <= 2
        return two_classes(straight(maps))

    monkeypatch.setattr("carina.inference.explain.grad_cam.CHUNK_BYTES", 1)
    heat = heat_of(head)
    np.testing.assert_allclose(heat, wanted(), atol=1e-3 * wanted().max())
