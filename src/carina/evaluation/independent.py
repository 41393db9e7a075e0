"""Estimates of samples that share no patient: their difference, and their mean."""

from __future__ import annotations

from collections.abc import Sequence

from carina.domain.estimate import Estimate
from carina.evaluation.combined_intervals import mover

METHOD = "mover"


def difference(first: Estimate, second: Estimate) -> Estimate:
    """Return the first less the second, of two samples that share no patient.

    The interval is made of the two intervals alone (`mover`): it has a width where one sample
    is all right, and is not symmetric near 0 and 1. `benchmarks/drops.py` holds it against the
    bootstrap of both samples.

    Args:
        first, second: independent estimates of one metric.

    References:
        Zou & Donner, Stat Med 27 (2008) 1693-1702; Newcombe, Stat Med 17 (1998) 873-890.

    >>> one = Estimate(value=0.8, low=0.7, high=0.86, n=50, method="wilson")
    >>> apart = difference(one, one)
    >>> round(apart.value, 3), round(apart.low, 3), round(apart.high, 3), apart.n
    (0.0, -0.117, 0.117, 100)
    """
    n = first.n + second.n
    if first.value is None or second.value is None:
        missing = first if first.value is None else second
        return Estimate.undefined(missing.undefined_because, n=n)
    return _summed((first, second), (1.0, -1.0), n=n)


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
    n_missing = sum(estimate.value is None for estimate in estimates)
    if n_missing:
        return Estimate.undefined(f"{n_missing} of {len(estimates)} have no such number", n=n)
    return _summed(estimates, [1 / len(estimates)] * len(estimates), n=n)


def _summed(estimates: Sequence[Estimate], weights: Sequence[float], *, n: int) -> Estimate:
    """Return the weighted sum of defined estimates; without an interval where one has none."""
    values = [one.value for one in estimates if one.value is not None]
    intervals = [
        (one.low, one.high) for one in estimates if one.low is not None and one.high is not None
    ]
    if len(intervals) < len(values):
        value = sum(weight * own for weight, own in zip(weights, values, strict=True))
        return Estimate(value=value, n=n, method="no-interval")
    value, (low, high) = mover(values, intervals, weights=weights)
    return Estimate(value=value, low=low, high=high, n=n, method=METHOD)
