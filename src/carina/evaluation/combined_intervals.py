"""Intervals of what is made of numbers that each have one."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from carina.evaluation.intervals import Interval
from carina.evaluation.resamples import Floats


def ratio_interval(
    above: float, below: float, *, of_above: Interval, of_below: Interval
) -> Interval:
    """Return the MOVER-R interval of `above / below` for two independent estimates.

    It takes its coverage, and what it knows of clusters, from the two intervals, and stays
    useful where `below` is 0: then it has a lower end, and no upper one (infinity).

    Args:
        above, below: 0 or more, not both 0.
        of_above, of_below: their intervals at one level, with ends of 0 or more.

    References:
        Donner & Zou, Stat Methods Med Res 21 (2012) 347-359, equation 9; Newcombe, Stat
        Methods Med Res 25 (2016) 1774-1778. The lower end is written without the
        subtraction that fails where `below` is half of its upper end.

    >>> [round(end, 2) for end in ratio_interval(0.9, 0.1, of_above=(0.8, 0.95),
    ...                                          of_below=(0.05, 0.2))]
    [4.44, 18.03]
    """
    product = above * below
    (low_above, high_above), (low_below, high_below) = of_above, of_below
    reach_up = low_above * (2 * above - low_above)
    spread = product**2 - reach_up * high_below * (2 * below - high_below)
    low_divisor = product + math.sqrt(max(0.0, spread))
    low = reach_up / low_divisor if low_divisor > 0 else 0.0
    reach_down = low_below * (2 * below - low_below)
    if reach_down <= 0:
        return low, math.inf
    spread = product**2 - high_above * (2 * above - high_above) * reach_down
    return low, (product + math.sqrt(max(0.0, spread))) / reach_down


def mover(
    values: Sequence[float],
    intervals: Sequence[Interval],
    *,
    weights: Sequence[float],
    correlation: Floats | None = None,
) -> tuple[float, Interval]:
    """Return a weighted sum of numbers that have an interval each, and its own interval.

    It is made of the intervals alone (MOVER: the variances are recovered from the ends), so
    that it keeps what they were chosen for. Weights of 1 and -1 give the difference of two
    numbers, which for two proportions with Wilson's intervals is Newcombe's method 10; those
    of one over their number give a mean.

    Args:
        values: one or more.
        intervals: those of the values, at one level, around them.
        weights: of each value, of either sign.
        correlation: float64 `[values, values]`, of the estimates; None if they are independent.

    References:
        Zou, Huang & Zhang, Comput Stat Data Anal 53 (2009) 1080-1085; Zou, Psychol Methods 12
        (2007) 399-413, equation 15, for estimates that correlate; Newcombe, Stat Med 17 (1998)
        873-890, method 10.

    >>> ends = [(0.692, 0.877), (0.49, 0.7)]
    >>> apart, (low, high) = mover([0.8, 0.6], ends, weights=[1, -1])
    >>> round(apart, 3), round(low, 3), round(high, 3)
    (0.2, 0.053, 0.334)
    """
    found, factors = np.asarray(values, dtype=np.float64), np.asarray(weights, dtype=np.float64)
    ends = np.asarray(intervals, dtype=np.float64)
    below, above = found - ends[:, 0], ends[:, 1] - found
    total = float(factors @ found)
    # a number that is taken away moves the sum down by moving up itself
    down = factors * np.where(factors < 0, above, below)
    up = factors * np.where(factors < 0, below, above)
    return total, (total - _joint(down, correlation), total + _joint(up, correlation))


def _joint(reaches: Floats, correlation: Floats | None) -> float:
    """Return the reach of a sum from those of its parts, float64 `[values]`, with signs."""
    spread = reaches if correlation is None else correlation @ reaches
    return math.sqrt(max(0.0, float(reaches @ spread)))
