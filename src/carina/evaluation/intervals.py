"""95 % intervals: closed forms for independent films, and what to make of a bootstrap."""

from __future__ import annotations

import math
from collections.abc import Callable
from statistics import NormalDist

import numpy as np

from carina.evaluation.resamples import Floats

Interval = tuple[float, float]

LEVEL = 0.95
_TAIL = (1 - LEVEL) / 2
_Z = NormalDist().inv_cdf(1 - _TAIL)


def wilson(hits: float, of: float) -> Interval:
    """Return Wilson's interval for a proportion of independent trials.

    It stays inside [0, 1] and has a width also when all or none hit.

    Args:
        hits: how many hit, 0 to `of`.
        of: how many trials, more than 0.

    References:
        Wilson, J Am Stat Assoc 22 (1927) 209-212.

    >>> [round(end, 3) for end in wilson(64, 66)]
    [0.896, 0.992]
    """
    share = hits / of
    centre = (share + _Z**2 / (2 * of)) / (1 + _Z**2 / of)
    half = _Z / (1 + _Z**2 / of) * (share * (1 - share) / of + _Z**2 / (4 * of**2)) ** 0.5
    # at 0 and at 1 rounding would put the value itself just outside
    return max(0.0, min(share, centre - half)), min(1.0, max(share, centre + half))


def newcombe(area: float, *, n_positive: int, n_negative: int) -> Interval:
    """Return Newcombe's interval for an area under the ROC curve of independent films.

    The ends are the areas whose own standard error just reaches the one found: it
    has a width also at 0 and at 1, where the usual forms and the bootstrap give none.

    Args:
        area: the area found, in `[0, 1]`.
        n_positive: films of the class, 1 or more.
        n_negative: films of other classes, 1 or more.

    References:
        Newcombe, Stat Med 25 (2006) 559-573, method 5; the variance is Hanley and
        McNeil's, Radiology 143 (1982) 29-36, with both n - 1 as (m + n) / 2 - 1.

    >>> [round(end, 3) for end in newcombe(1.0, n_positive=26, n_negative=40)]
    [0.936, 1.0]
    """
    spread = (n_positive + n_negative) / 2 - 1

    def excess(true: float) -> float:
        """Return how far `area` lies outside of the reach of `true`; at most 0 inside."""
        shape = 1 + spread * (1 - true) / (2 - true) + spread * true / (1 + true)
        variance = true * (1 - true) * shape / (n_positive * n_negative)
        return abs(area - true) - _Z * math.sqrt(variance)

    return _outer_root(excess, outside=0.0, inside=area), _outer_root(
        excess, outside=1.0, inside=area
    )


def _outer_root(excess: Callable[[float], float], *, outside: float, inside: float) -> float:
    """Return the place between an end that is outside and one that is inside."""
    if outside == inside:
        return inside
    for _ in range(60):  # halving 60 times is exact to float64
        middle = (outside + inside) / 2
        if excess(middle) > 0:
            outside = middle
        else:
            inside = middle
    return inside


def bias_corrected(value: float, draws: Floats) -> Interval:
    """Return the bias-corrected percentile interval of bootstrap draws.

    Args:
        value: the number found on the films themselves.
        draws: float64 `[draws]`, without NaN, at least one.

    References:
        Efron & Tibshirani, An Introduction to the Bootstrap (1993), section 14.3.

    >>> bias_corrected(0.5, np.linspace(0, 1, 2001))
    (0.025, 0.975)
    """
    below = float(np.mean(draws < value) + np.mean(draws == value) / 2)
    normal = NormalDist()
    # all draws on one side say nothing of the bias
    bias = normal.inv_cdf(below) if 0 < below < 1 else 0.0
    levels = [normal.cdf(2 * bias - _Z), normal.cdf(2 * bias + _Z)]
    low, high = (round(float(end), 12) for end in np.quantile(draws, levels))
    return min(low, value), max(high, value)


def open_ended(value: float, *, n_units: int, highest: float = 1.0) -> Interval:
    """Return an interval for a number that every resample gave alike.

    If all of n units agree, then a share of units that would differ is ruled out once n
    units without one of them have a chance below 0.025: more than `1 - 0.025 ** (1 / n)`.
    Units that differ could have anything from 0 to `highest`, and that is the interval of a
    mean over units. It is the rule of three in exact form, and at 0 and at `highest` it has
    one end only. With an area of 1, n is the number of units in the smaller of both
    groups: every one of n pairs of a positive and a negative unit that share no unit is
    ordered rightly, which happens with chance `area ** n` at most. For other metrics it
    is a cautious convention.

    Args:
        value: 0 to `highest`.
        n_units: patients (films where patients are unknown), 1 or more.
        highest: the largest value the metric can take.

    References:
        Hanley & Lippman-Hand, JAMA 249 (1983) 1743-1745; Obuchowski & Lieber, Acad
        Radiol 9 (2002) 526-530, on an estimated area of 1.

    >>> [round(end, 2) for end in open_ended(1.0, n_units=20)]
    [0.83, 1.0]
    >>> [round(end, 2) for end in open_ended(0.5, n_units=20)]
    [0.42, 0.58]
    """
    differ = 1 - _TAIL ** (1 / n_units)
    # rounding may put a value just outside of 0 and `highest`
    return min(value, value * (1 - differ)), max(value, value + differ * (highest - value))


def hull(a: Interval, b: Interval) -> Interval:
    """Return the smallest interval that holds both.

    >>> hull((0.1, 0.5), (0.2, 0.7))
    (0.1, 0.7)
    """
    return min(a[0], b[0]), max(a[1], b[1])
