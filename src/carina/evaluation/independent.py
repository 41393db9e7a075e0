"""Estimates of samples that share no patient: their difference, and their mean."""

from __future__ import annotations

import math
from collections.abc import Sequence

from carina.domain.estimate import Estimate

METHOD = "mover"


def difference(first: Estimate, second: Estimate) -> Estimate:
    """Return the first less the second, of two samples that share no patient.

    The interval is made of the two intervals alone (MOVER), so that it keeps what they
    were chosen for: it has a width where one sample is all right, and is not symmetric
    near 0 and 1. For two proportions with Wilson's intervals it is Newcombe's method 10.
    `benchmarks/drops.py` holds it against the bootstrap of both samples.

    Args:
        first, second: independent estimates of one metric.

    References:
        Zou & Donner, Stat Med 27 (2008) 1693-1702; Newcombe, Stat Med 17 (1998) 873-890.

    >>> def of(hits, n, low, high):
    ...     return Estimate(value=hits / n, low=low, high=high, n=n, method="wilson")
    >>> one = difference(of(56, 70, 0.6920, 0.8769), of(48, 80, 0.4904, 0.7003))
    >>> round(one.value, 4), round(one.low, 4), round(one.high, 4)  # Newcombe's example (a)
    (0.2, 0.0526, 0.3339)
    """
    n = first.n + second.n
    if first.value is None or second.value is None:
        missing = first if first.value is None else second
        return Estimate.undefined(missing.undefined_because, n=n)
    value = first.value - second.value
    if first.low is None or first.high is None or second.low is None or second.high is None:
        return Estimate(value=value, n=n, method="no-interval")
    return Estimate(
        value=value,
        low=value - math.hypot(first.value - first.low, second.high - second.value),
        high=value + math.hypot(first.high - first.value, second.value - second.low),
        n=n,
        method=METHOD,
    )


def mean_of(estimates: Sequence[Estimate]) -> Estimate:
    """Return the plain mean of one metric over samples that share no patient.

    The interval is made of the samples' own, as that of `difference` is.

    Args:
        estimates: one or more, independent of each other.

    References:
        Zou, Huang & Zhang, Comput Stat Data Anal 53 (2009) 1080-1085.

    >>> one = Estimate(value=0.8, low=0.7, high=0.86, n=50, method="wilson")
    >>> both = mean_of([one, one])
    >>> round(both.value, 3), round(both.low, 3), round(both.high, 3), both.n
    (0.8, 0.729, 0.842, 100)
    """
    n = sum(estimate.n for estimate in estimates)
    defined = [(one.value, one.low, one.high) for one in estimates if one.value is not None]
    if len(defined) < len(estimates):
        n_missing = len(estimates) - len(defined)
        return Estimate.undefined(f"{n_missing} of {len(estimates)} have no such number", n=n)
    share = 1 / len(defined)
    value = share * sum(own for own, _, _ in defined)
    below = [own - low for own, low, _ in defined if low is not None]
    above = [high - own for own, _, high in defined if high is not None]
    if len(below) < len(defined) or len(above) < len(defined):
        return Estimate(value=value, n=n, method="no-interval")
    low, high = value - share * math.hypot(*below), value + share * math.hypot(*above)
    return Estimate(value=value, low=low, high=high, n=n, method=METHOD)
