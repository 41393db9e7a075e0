"""Metrics -> estimates: a value, its interval, what it rests on, or why there is none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from carina.domain.estimate import Estimate
from carina.domain.recipe import EvaluateSection
from carina.evaluation.bootstrap import draw_metrics
from carina.evaluation.intervals import (
    Interval,
    bias_corrected,
    hull,
    newcombe,
    open_ended,
    wilson,
)
from carina.evaluation.metric import Metric
from carina.evaluation.resamples import Floats, Resamples, ratio
from carina.evaluation.scored_films import ScoredFilms

# an interval needs most draws to be defined; else it would describe the lucky ones
_LEAST_DEFINED = 0.9


@dataclass(frozen=True, slots=True, eq=False)
class _Found:
    """One number of one metric on the films, with what its interval can rest on.

    Attributes:
        value: the number; NaN if undefined.
        draws: float64 `[draws]`, with NaN.
        counts: hits and trials behind a proportion, else None.
        n_of: films the number rests on.
        sizes: films of the class and of the others, or None for a number of all classes.
        n_units: units in the smallest class it rests on.
        proportion_units: units behind the trials of a proportion.
    """

    value: float
    draws: Floats
    counts: tuple[float, float] | None
    n_of: int
    sizes: tuple[int, int] | None
    n_units: int
    proportion_units: int


def estimate_metrics(
    films: ScoredFilms, metrics: Mapping[str, Metric], section: EvaluateSection
) -> tuple[dict[str, Estimate], dict[str, dict[str, Estimate]]]:
    """Return the estimates over all films, and those of each class.

    How an interval is made (issue 5 chooses by coverage), and its name in `method`:

    - "wilson", "newcombe": proportions and areas of independent films, that is
      where every patient has one film, or patients are unknown.
    - "bootstrap-patients": draws of whole patients, bias-corrected; for proportions and
      areas never narrower than the closed form, which the bootstrap of few patients is.
    - "bootstrap-films": the same with films, where patients are unknown.
    - "wilson-patients": a proportion of 0 or 1, whose draws do not vary, as if each
      patient were one trial.
    - "open-ended": another number of 0 or 1 whose draws do not vary (`open_ended`).

    Args:
        films: one film or more.
        metrics: by name.
        section: how many resamples, and their seed.
    """
    draws = draw_metrics(films, metrics, resamples=section.resamples, seed=section.seed)
    overall: dict[str, Estimate] = {}
    per_class: dict[str, dict[str, Estimate]] = {label: {} for label in films.labels}
    for name, metric in metrics.items():
        values = metric.measure(films.once)
        if not metric.per_class:
            overall[name] = _estimate(films, metric, values[0], draws[name], label=None)
            continue
        for index, label in enumerate(films.labels):
            per_class[label][name] = _estimate(
                films, metric, values[0, index], draws[name][:, index], label=label
            )
    return overall, per_class


def _estimate(
    films: ScoredFilms, metric: Metric, value: float, draws: Floats, *, label: str | None
) -> Estimate:
    found = _describe(films, metric, value, draws, label=label)
    if np.isnan(value):
        reason = metric.undefined_because.format(label=label)
        return Estimate.undefined(reason, n=found.n_of)
    interval, method = _interval(metric, found, unit=films.unit, clustered=_clustered(films))
    low, high = interval or (None, None)
    return Estimate(value=float(value), low=low, high=high, n=found.n_of, method=method)


def _clustered(films: ScoredFilms) -> bool:
    """Return whether some unit brings several films."""
    return int(films.units.max()) + 1 < len(films)


def _interval(
    metric: Metric, found: _Found, *, unit: str, clustered: bool
) -> tuple[Interval | None, str]:
    """Return the interval and its method's name; None if nothing can be said."""
    closed = _closed_form(metric, found)
    if closed is not None and not clustered:
        return closed, metric.interval
    drawn = found.draws[~np.isnan(found.draws)]
    enough = drawn.size >= _LEAST_DEFINED * found.draws.size
    if drawn.size and np.ptp(drawn) > 1e-12 and enough:
        interval = bias_corrected(float(found.value), drawn)
        return (hull(interval, closed) if closed else interval), f"bootstrap-{unit}"
    if found.counts is not None:
        share = found.counts[0] / found.counts[1]
        return wilson(share * found.proportion_units, found.proportion_units), "wilson-patients"
    if metric.highest is not None and (rule := _open_ended(metric, found)) is not None:
        return rule, "open-ended"
    return closed, metric.interval


def _closed_form(metric: Metric, found: _Found) -> Interval | None:
    if metric.interval == "wilson" and found.counts is not None:
        return wilson(*found.counts)
    if metric.interval == "newcombe" and found.sizes is not None:
        return newcombe(float(found.value), n_positive=found.sizes[0], n_negative=found.sizes[1])
    return None


def _open_ended(metric: Metric, found: _Found) -> Interval | None:
    highest = metric.highest or 1.0
    for end in (0.0, highest):
        if abs(found.value - end) < 1e-12:
            return open_ended(end, n_units=found.n_units, highest=highest)
    return None


def _describe(
    films: ScoredFilms, metric: Metric, value: float, draws: Floats, *, label: str | None
) -> _Found:
    """Return what one number's interval can rest on."""
    index = None if label is None else films.labels.index(label)
    own = None if index is None else films.y_true == index
    counts = _counts(films.once, metric, index)
    n_of = len(films) if counts is None else int(counts[1])
    is_degenerate = counts is not None and counts[0] in (0.0, counts[1])
    return _Found(
        value=float(value),
        draws=draws,
        counts=counts if counts is not None and counts[1] > 0 else None,
        n_of=n_of,
        sizes=None if own is None else (int(own.sum()), int((~own).sum())),
        n_units=_units_of_smallest_class(films, own),
        proportion_units=_units_counted(films, metric, index) if is_degenerate else n_of,
    )


def _counts(drawn: Resamples, metric: Metric, index: int | None) -> tuple[float, float] | None:
    if metric.proportion is None:
        return None
    counts = metric.proportion(drawn)
    pick = (0,) if index is None else (0, index)
    return float(counts.hits[pick]), float(counts.of[pick])


def _units_of_smallest_class(films: ScoredFilms, own: NDArray[np.bool_] | None) -> int:
    if own is None:
        groups = [films.y_true == index for index in range(len(films.labels))]
        groups = [group for group in groups if group.any()]
    else:
        groups = [group for group in (own, ~own) if group.any()]
    return min((int(np.unique(films.units[group]).size) for group in groups), default=0)


def _units_counted(films: ScoredFilms, metric: Metric, index: int | None) -> int:
    """Return how many units have a film among a proportion's trials."""
    if metric.proportion is None:
        return 0
    counted = 0
    for unit_numbers in np.array_split(np.arange(films.units.max() + 1), 1 + len(films) // 256):
        weights = (unit_numbers[:, None] == films.units[None, :]).astype(np.float32)
        drawn = Resamples(films.y_true, films.predicted, films.probabilities, weights)
        of = metric.proportion(drawn).of
        counted += int(((of if index is None else of[:, index]) > 0).sum())
    return counted


def estimate_mean(films: ScoredFilms, values: Floats, section: EvaluateSection) -> Estimate:
    """Return the estimate of a mean over films, by bootstrap over their units.

    Args:
        films: one film or more.
        values: float64 `[n]`; one number a film.
        section: how many resamples, and their seed.
    """
    metric = Metric(
        title="Mean",
        measure=lambda drawn: ratio(drawn.weights @ values, drawn.n_films),
        undefined_because="there is no film",
        highest=None,
    )
    return estimate_metrics(films, {"mean": metric}, section)[0]["mean"]
