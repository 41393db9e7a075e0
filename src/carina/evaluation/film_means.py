"""Means of what was measured on each film, with intervals over patients or films."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from carina.domain.estimate import Estimate
from carina.domain.recipe import EvaluateSection
from carina.evaluation.bootstrap import draw_weights
from carina.evaluation.intervals import bias_corrected
from carina.evaluation.resamples import Floats
from carina.evaluation.scored_films import unit_of, units_of

_SAME = 1e-12


def mean_over_films(
    values: Floats, section: EvaluateSection, *, patients: Sequence[str | None]
) -> Estimate:
    """Return the mean of one number a film.

    Args:
        values: float64 `[n]`; NaN where a film has none, which then does not count.
        section: how many resamples, and their seed.
        patients: each film's patient, or None.
    """
    return of_means(values[:, None], lambda means: means[:, 0], section=section, patients=patients)


def of_means(
    values: Floats,
    statistic: Callable[[Floats], Floats],
    *,
    section: EvaluateSection,
    patients: Sequence[str | None],
) -> Estimate:
    """Return a number made of means over films, such as the ratio of two.

    The interval is the bias-corrected percentile one over patients (films where patients are
    unknown). Where all films give the same, it is that value; one unit gives none.

    Args:
        values: float64 `[n, columns]`; a film with a NaN does not count.
        statistic: means float64 `[draws, columns]` -> numbers float64 `[draws]`.
        section: how many resamples, and their seed.
        patients: each film's patient, or None.
    """
    counted = np.flatnonzero(~np.isnan(values).any(axis=1)).tolist()
    kept = values[counted]
    who = [patients[film] for film in counted]
    if not len(kept):
        return Estimate.undefined("it was measured on no film", n=0)
    value = float(statistic(kept.mean(axis=0, keepdims=True))[0])
    if not np.isfinite(value):
        return Estimate.undefined("nothing changes, so that it is infinite", n=len(kept))
    if float(np.ptp(kept, axis=0).max()) <= _SAME:
        return Estimate(value=value, low=value, high=value, n=len(kept), method="all-alike")
    units = units_of(who)
    if units.max() == 0:
        return Estimate(value=value, n=len(kept), method="one-patient")
    means = np.concatenate(
        [
            weights @ kept / weights.sum(axis=1, keepdims=True, dtype=np.float64)
            for weights in draw_weights(units, resamples=section.resamples, seed=section.seed)
        ]
    )
    drawn = statistic(means)
    low, high = bias_corrected(value, drawn[np.isfinite(drawn)])
    method = f"bootstrap-{unit_of(who).replace(' ', '-')}"
    return Estimate(value=value, low=low, high=high, n=len(kept), method=method)
