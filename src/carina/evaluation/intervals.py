"""95 % intervals: closed forms for independent films, and what to make of a bootstrap."""

from __future__ import annotations

import math
from collections.abc import Callable
from statistics import NormalDist

import numpy as np

from carina.evaluation.resamples import Floats

Interval = tuple[float, float]

LEVEL = 0.95
# what lies beyond each end
TAIL = (1 - LEVEL) / 2
# numbers closer than this differ by rounding alone
SAME = 1e-12
# a bootstrap needs most draws to be defined; else its interval would describe the lucky ones
LEAST_DEFINED = 0.9

_Z = NormalDist().inv_cdf(1 - TAIL)


def t_quantile(freedom: float) -> float:
    """Return how many standard errors a 95 % interval reaches, after Student.

    Args:
        freedom: degrees of freedom, 1 or more.
    """
    from scipy.special import stdtrit

    return float(stdtrit(max(1.0, freedom), 1 - TAIL))


def wilson(hits: float, of: float, *, quantile: float = _Z) -> Interval:
    """Return Wilson's interval for a proportion of independent trials.

    It stays inside [0, 1] and has a width also when all or none hit.

    Args:
        hits: how many hit, 0 to `of`.
        of: how many trials, more than 0; effective ones need not be whole.
        quantile: how many standard errors it reaches.

    References:
        Wilson, J Am Stat Assoc 22 (1927) 209-212.

    >>> [round(end, 3) for end in wilson(64, 66)]
    [0.896, 0.992]
    """
    share = hits / of
    square = quantile**2
    centre = (share + square / (2 * of)) / (1 + square / of)
    spread = (share * (1 - share) / of + square / (4 * of**2)) ** 0.5
    half = quantile / (1 + square / of) * spread
    # at 0 and at 1 rounding would put the value itself just outside
    return max(0.0, min(share, centre - half)), min(1.0, max(share, centre + half))


def hanley_mcneil(area: float, *, n_positive: float, n_negative: float) -> float:
    """Return the variance of an area under the ROC curve of independent films.

    Args:
        area: in `[0, 1]`.
        n_positive: films of the class, 1 or more.
        n_negative: films of other classes, 1 or more.

    References:
        Hanley & McNeil, Radiology 143 (1982) 29-36, with both n - 1 as (m + n) / 2 - 1:
        Newcombe, Stat Med 25 (2006) 559-573, method 5.
    """
    spread = (n_positive + n_negative) / 2 - 1
    shape = 1 + spread * (1 - area) / (2 - area) + spread * area / (1 + area)
    return area * (1 - area) * shape / (n_positive * n_negative)


def newcombe(area: float, *, n_positive: float, n_negative: float, ratio: float = 1.0) -> Interval:
    """Return Newcombe's interval for an area under the ROC curve.

    Args:
        area: the area found, in `[0, 1]`.
        n_positive: films of the class, 1 or more.
        n_negative: films of other classes, 1 or more.
        ratio: how many times the variance is that of independent films.

    References:
        Newcombe, Stat Med 25 (2006) 559-573, method 5.

    >>> [round(end, 3) for end in newcombe(1.0, n_positive=26, n_negative=40)]
    [0.936, 1.0]
    """

    def variance(true: float) -> float:
        return ratio * hanley_mcneil(true, n_positive=n_positive, n_negative=n_negative)

    return score_interval(area, variance)


def score_interval(value: float, variance: Callable[[float], float]) -> Interval:
    """Return the values whose own standard error just reaches the one found.

    It has a width also at 0 and at 1, where the usual forms and the bootstrap give none.

    Args:
        value: the number found, in `[0, 1]`.
        variance: of a true value in `[0, 1]`, 0 at both ends.
    """

    def excess(true: float) -> float:
        """Return how far `value` lies outside of the reach of `true`; at most 0 inside."""
        return abs(value - true) - _Z * math.sqrt(variance(true))

    return _outer_root(excess, outside=0.0, inside=value), _outer_root(
        excess, outside=1.0, inside=value
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


def skew_corrected(value: float, added: Floats) -> Interval:
    """Return Hall's interval for a mean of skewed numbers, such as losses.

    Student's interval is symmetric, while a mean of losses is too low more often than too
    high: the rare large loss is missing. Hall's cubic takes the skewness out.

    Args:
        value: the mean.
        added: float64 `[units]`; what each unit adds to it, of sum 0 and not all 0, two
            units or more.

    References:
        Hall, J R Stat Soc B 54 (1992) 221-228.

    >>> low, high = skew_corrected(1.0, np.array([-0.1, -0.1, -0.1, -0.1, 0.4]))
    >>> low < 0.8 < 1.2 < 2 < high
    True
    """
    n = added.size
    squares = float(added @ added)
    skew = float(np.sum(added**3)) / squares**1.5 * math.sqrt(n)
    error, reach = math.sqrt(squares * n / (n - 1)), t_quantile(n - 1)

    def student(x: float) -> float:
        """Return the T whose transform x = T + a T^2 + a^2 T^3 / 3 + b takes the skew out."""
        a, b = skew / 3 / math.sqrt(n), skew / 6 / math.sqrt(n)
        cube = 1 + 3 * a * (x - b)
        # the cubic is ((1 + a T)^3 - 1) / 3 a + b
        return x if abs(a) < SAME else (math.copysign(abs(cube) ** (1 / 3), cube) - 1) / a

    return value - student(reach) * error, value - student(-reach) * error


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
    return accelerated(value, draws, skew=0.0, quantile=_Z)


def accelerated(value: float, draws: Floats, *, skew: float, quantile: float) -> Interval:
    """Return the bias-corrected and accelerated percentile interval of bootstrap draws.

    Args:
        value: the number found on the films themselves.
        draws: float64 `[draws]`, without NaN, at least one.
        skew: the acceleration: a sixth of the skewness of what units add (`acceleration`).
        quantile: how many standard errors it reaches: more than 1.96 with few units
            (`expanded_quantile`), whose draws vary too little.

    References:
        Efron, J Am Stat Assoc 82 (1987) 171-185.
    """
    below = float(np.mean(draws < value) + np.mean(draws == value) / 2)
    normal = NormalDist()
    # all draws on one side say nothing of the bias
    bias = normal.inv_cdf(below) if 0 < below < 1 else 0.0
    levels = []
    for moved in (bias - quantile, bias + quantile):
        levels.append(normal.cdf(bias + moved / max(1 - skew * moved, SAME)))
    low, high = (round(float(end), 12) for end in np.quantile(draws, levels))
    return min(low, value), max(high, value)


def expanded_quantile(n_units: int) -> float:
    """Return how many standard errors a bootstrap of so few units has to reach.

    Draws of n units vary by `(n - 1) / n` of what they should, and their variance is an
    estimate: Student's quantile takes the place of the normal one.

    Args:
        n_units: 2 or more.

    References:
        Hesterberg, Am Stat 69 (2015) 371-386, section 4.3 (expanded percentile interval).
    """
    return t_quantile(n_units - 1) * math.sqrt(n_units / (n_units - 1))


def acceleration(added: Floats) -> float:
    """Return a sixth of the skewness of what units add, float64 `[units]` of sum 0."""
    squares = float(added @ added)
    return float(np.sum(added**3)) / (6 * squares**1.5) if squares > 0 else 0.0


def open_ended(
    value: float, *, n_units: int, highest: float = 1.0, lowest: float = 0.0
) -> Interval:
    """Return an interval for a number that every resample gave alike.

    If all of n units agree, then a share of units that would differ is ruled out once n
    units without one of them have a chance below 0.025: more than `1 - 0.025 ** (1 / n)`.
    Units that differ could have anything from `lowest` to `highest`, and that is the interval of a
    mean over units. It is the rule of three in exact form, and at 0 and at `highest` it has
    one end only. With an area of 1, n is the number of units in the smaller of both
    groups: every one of n pairs of a positive and a negative unit that share no unit is
    ordered rightly, which happens with chance `area ** n` at most. For other metrics it
    is a cautious convention.

    Args:
        value: `lowest` to `highest`.
        n_units: patients (films where patients are unknown), 1 or more.
        highest, lowest: the largest and the smallest value the metric can take.

    References:
        Hanley & Lippman-Hand, JAMA 249 (1983) 1743-1745; Obuchowski & Lieber, Acad
        Radiol 9 (2002) 526-530, on an estimated area of 1.

    >>> [round(end, 2) for end in open_ended(1.0, n_units=20)]
    [0.83, 1.0]
    >>> [round(end, 2) for end in open_ended(0.5, n_units=20)]
    [0.42, 0.58]
    """
    differ = 1 - TAIL ** (1 / n_units)
    # rounding may put a value just outside of `lowest` and `highest`
    return (
        min(value, value - differ * (value - lowest)),
        max(value, value + differ * (highest - value)),
    )


def hull(a: Interval, b: Interval) -> Interval:
    """Return the smallest interval that holds both.

    >>> hull((0.1, 0.5), (0.2, 0.7))
    (0.1, 0.7)
    """
    return min(a[0], b[0]), max(a[1], b[1])
