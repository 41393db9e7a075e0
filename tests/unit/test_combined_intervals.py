"""The interval of a sum of numbers that have one each: published values."""

import numpy as np
import pytest

from carina.evaluation.combined_intervals import mover
from carina.evaluation.intervals import wilson


@pytest.mark.parametrize(
    ("first", "second", "low", "high"),
    [
        ((56, 70), (48, 80), 0.0524, 0.3339),
        ((9, 10), (3, 10), 0.1705, 0.8090),
        ((10, 10), (0, 20), 0.6791, 1.0),
        ((10, 10), (0, 10), 0.6075, 1.0),
    ],
)
def test_the_interval_of_two_proportions_is_newcombes(first, second, low, high):
    # Newcombe, Stat Med 17 (1998) 873-890, table II, method 10: examples (a), (b), (g), (h)
    (hits_1, of_1), (hits_2, of_2) = first, second
    ends = [wilson(*first), wilson(*second)]
    apart, found = mover([hits_1 / of_1, hits_2 / of_2], ends, weights=[1, -1])
    assert apart == pytest.approx(hits_1 / of_1 - hits_2 / of_2)
    assert found == pytest.approx((low, high), abs=5e-5)


def test_numbers_that_go_together_have_a_wider_mean_than_those_that_do_not():
    values, ends = [0.8, 0.6], [(0.7, 0.85), (0.4, 0.7)]
    mean, apart = mover(values, ends, weights=[0.5, 0.5])
    same, together = mover(values, ends, weights=[0.5, 0.5], correlation=np.ones((2, 2)))
    assert mean == same == pytest.approx(0.7)
    assert together == pytest.approx((0.55, 0.775))
    assert together[0] < apart[0] < 0.7 < apart[1] < together[1]


def test_numbers_that_go_together_have_a_narrower_difference_and_opposite_ones_a_wider():
    values, ends = [0.8, 0.6], [(0.7, 0.85), (0.4, 0.7)]
    together, opposite = np.ones((2, 2)), np.array([[1, -1], [-1, 1]])
    _, narrow = mover(values, ends, weights=[1, -1], correlation=together)
    _, wide = mover(values, ends, weights=[1, -1], correlation=opposite)
    # down to 0.7 and up to 0.7, up to 0.85 and down to 0.4: the reaches cancel, or add up
    assert narrow == pytest.approx((0.2, 0.2 + 0.15))
    assert wide == pytest.approx((0.2 - 0.2, 0.2 + 0.25))


def test_a_negative_weight_turns_a_number_and_its_interval_round():
    turned = mover([0.8, -0.6], [(0.7, 0.85), (-0.7, -0.4)], weights=[2, 3])
    plain = mover([0.8, 0.6], [(0.7, 0.85), (0.4, 0.7)], weights=[2, -3])
    assert plain[0] == pytest.approx(turned[0])
    assert plain[1] == pytest.approx(turned[1])
