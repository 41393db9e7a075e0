"""Means of what was measured on each film, with intervals over patients or films."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from carina.domain.estimate import Estimate
from carina.domain.recipe import EvaluateSection
from carina.evaluation.bootstrap import draw_weights
from carina.evaluation.influence import sum_by_unit
from carina.evaluation.intervals import (
    SAME,
    Interval,
    accelerated,
    acceleration,
    expanded_quantile,
    skew_corrected,
)
from carina.evaluation.resamples import Floats
from carina.evaluation.scored_films import unit_of, units_of


def mean_over_films(values: Floats, *, patients: Sequence[str | None]) -> Estimate:
    """Return the mean of one number a film, with Hall's interval over patients.

    Where patients are unknown, films take their place. Where all films give the same, the
    interval is that value; one unit gives none.

    Args:
        values: float64 `[n]`; NaN where a film has none, which then does not count.
        patients: each film's patient, or None.
    """
    return _estimate(
        values[:, None], lambda means: means[:, 0], patients=patients, interval=_of_the_mean
    )


def of_means(
    values: Floats,
    statistic: Callable[[Floats], Floats],
    *,
    section: EvaluateSection,
    patients: Sequence[str | None],
) -> Estimate:
    """Return a number made of means over films, such as the ratio of two.

    The interval is the bias-corrected and accelerated bootstrap's over patients (films where
    patients are unknown), made wider for few of them. Where all films give the same, it is
    that value; one unit gives none.

    Args:
        values: float64 `[n, columns]`; a film with a NaN does not count.
        statistic: means float64 `[draws, columns]` -> numbers float64 `[draws]`.
        section: how many resamples, and their seed.
        patients: each film's patient, or None.
    """

    def drawn(kept: Floats, units: NDArray[np.intp], value: float) -> tuple[Interval, str]:
        means = np.concatenate(
            [
                weights @ kept / weights.sum(axis=1, keepdims=True, dtype=np.float64)
                for weights in draw_weights(units, resamples=section.resamples, seed=section.seed)
            ]
        )
        draws = statistic(means)
        added = _added(kept, units, value, statistic)
        interval = accelerated(
            value,
            draws[np.isfinite(draws)],
            skew=acceleration(added),
            quantile=expanded_quantile(added.size),
        )
        return interval, "bootstrap-bca"

    return _estimate(values, statistic, patients=patients, interval=drawn)


def _estimate(
    values: Floats,
    statistic: Callable[[Floats], Floats],
    *,
    patients: Sequence[str | None],
    interval: Callable[[Floats, NDArray[np.intp], float], tuple[Interval, str]],
) -> Estimate:
    """Return the number, with an interval where units differ."""
    counted = np.flatnonzero(~np.isnan(values).any(axis=1)).tolist()
    kept = values[counted]
    who = [patients[film] for film in counted]
    if not len(kept):
        return Estimate.undefined("it was measured on no film", n=0)
    value = float(statistic(kept.mean(axis=0, keepdims=True))[0])
    if not np.isfinite(value):
        return Estimate.undefined("nothing changes, so that it is infinite", n=len(kept))
    if float(np.ptp(kept, axis=0).max()) <= SAME:
        return Estimate(value=value, low=value, high=value, n=len(kept), method="all-alike")
    units = units_of(who)
    if units.max() == 0:
        return Estimate(value=value, n=len(kept), method="one-patient")
    (low, high), method = interval(kept, units, value)
    unit = unit_of(who).replace(" ", "-")
    return Estimate(
        value=value,
        low=min(low, value),
        high=max(high, value),
        n=len(kept),
        method=f"{method}-{unit}",
    )


def _of_the_mean(kept: Floats, units: NDArray[np.intp], value: float) -> tuple[Interval, str]:
    added = sum_by_unit((kept[:, 0] - value) / len(kept), units)
    if float(np.abs(added).max()) <= SAME * max(1.0, abs(value)):
        return (value, value), "all-alike"  # patients whose own means are all the same
    return skew_corrected(value, added), "hall"


def _added(
    kept: Floats,
    units: NDArray[np.intp],
    value: float,
    statistic: Callable[[Floats], Floats],
) -> Floats:
    """Return what each unit adds to the number, float64 `[units]`, by counting it twice."""
    sums = np.stack([sum_by_unit(column, units) for column in kept.T], axis=1)
    n_films = np.bincount(units)[:, None] + len(kept)
    numbers = statistic((kept.sum(axis=0) + sums) / n_films)
    added = np.where(np.isfinite(numbers), numbers - value, 0.0) * n_films[:, 0] / len(kept)
    centred: Floats = added - added.mean()
    return centred
