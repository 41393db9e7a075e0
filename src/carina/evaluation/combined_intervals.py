"""Intervals of what is made of two numbers that each have one."""

from __future__ import annotations

import math

from carina.evaluation.intervals import Interval


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


def difference_interval(
    first: float,
    second: float,
    *,
    of_first: Interval,
    of_second: Interval,
    correlation: float = 0.0,
) -> Interval:
    """Return the MOVER interval of `first - second`.

    Args:
        first, second: two estimates.
        of_first, of_second: their intervals at one level.
        correlation: of the two estimates, in `[-1, 1]`; 0 if they rest on different films.

    References:
        Zou, Psychol Methods 12 (2007) 399-413, equation 15; Zou & Donner, Stat Med 27 (2008)
        1693-1702.

    >>> [round(end, 3) for end in difference_interval(0.8, 0.6, of_first=(0.692, 0.877),
    ...                                               of_second=(0.49, 0.7))]
    [0.053, 0.334]
    """
    down = _joint(first - of_first[0], of_second[1] - second, correlation)
    up = _joint(of_first[1] - first, second - of_second[0], correlation)
    return first - second - down, first - second + up


def _joint(of_first: float, of_second: float, correlation: float) -> float:
    """Return the reach of a difference from those of its two parts."""
    squared = of_first**2 + of_second**2 - 2 * correlation * of_first * of_second
    return math.sqrt(max(0.0, squared))
