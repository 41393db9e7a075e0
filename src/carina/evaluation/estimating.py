"""Metrics -> estimates: a value, its interval, what it rests on, or why there is none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from carina.domain.estimate import Estimate
from carina.domain.recipe import EvaluateSection
from carina.evaluation.added_by_units import added_by_units, counts_by_unit
from carina.evaluation.bootstrap import draw_metrics
from carina.evaluation.intervals import Interval
from carina.evaluation.kinds import (
    Made,
    area_interval,
    as_share_interval,
    drawn_interval,
    f1_interval,
    mean_interval,
    mean_of_classes,
    precision_interval,
    share_interval,
)
from carina.evaluation.metric import Metric
from carina.evaluation.resamples import Floats, ratio
from carina.evaluation.scored_films import ScoredFilms

# of these kinds each unit is counted twice in turn; ranks have formulas for what it adds
_COUNTED_TWICE = ("share", "f1", "mean", "as-share", "correlation", "none")


def estimate_metrics(
    films: ScoredFilms, metrics: Mapping[str, Metric], section: EvaluateSection
) -> tuple[dict[str, Estimate], dict[str, dict[str, Estimate]]]:
    """Return the estimates over all films, and those of each class.

    Every value that is defined has an interval with a width. How it is made depends on the
    kind of number (`kinds.py`; chosen by coverage, ADR 5), and its name stands in `method`:

    - "wilson": shares of trials that are one a patient; "wilson-effective-n": of patients with
      several trials. "wilson-f1", "wilson-f1-effective-n": F1 scores.
    - "newcombe-delong-": areas under the ROC curve; "wilson-ranks-": average precisions.
    - "square-and-add-": means over the classes.
    - "wilson-scaled-": numbers over all films that move as a share of them does.
    - "hall-": means over films, such as losses.
    - "bootstrap-bca-": any other number, drawn over whole patients.
    - "open-ended": where nothing varies, so that nothing shows how much could.

    These end with the unit that counts as one draw: "patients", "films" where patients are
    unknown, or "patients-where-known".

    Args:
        films: one film or more.
        metrics: by name.
        section: how many resamples, and their seed.
    """
    evidence = _gather(films, metrics, section)
    overall: dict[str, Estimate] = {}
    per_class: dict[str, dict[str, Estimate]] = {label: {} for label in films.labels}
    for name, metric in metrics.items():
        values = metric.measure(films.once)[0]
        if not metric.per_class:
            number = _Number(films, metric, None, float(values), evidence[name])
            overall[name] = _estimate(number)
            continue
        for index, label in enumerate(films.labels):
            number = _Number(films, metric, index, float(values[index]), evidence[name])
            per_class[label][name] = _estimate(number)
    return overall, per_class


@dataclass(frozen=True, slots=True, eq=False)
class _Evidence:
    """What the intervals of a metric can rest on; each part empty where it is not needed.

    Attributes:
        added: float64 `[units]` or `[units, classes]`, what each unit adds.
        hits, trials: float64 `[units]` or `[units, classes]`, of a share.
        draws: float64 `[draws]` or `[draws, classes]`, with NaN.
        of_class: that of the metric of each class whose mean this is.
    """

    added: Floats = field(default_factory=lambda: np.zeros(0))
    hits: Floats = field(default_factory=lambda: np.zeros(0))
    trials: Floats = field(default_factory=lambda: np.zeros(0))
    draws: Floats = field(default_factory=lambda: np.zeros(0))
    of_class: _Evidence | None = None


def _gather(
    films: ScoredFilms, metrics: Mapping[str, Metric], section: EvaluateSection
) -> dict[str, _Evidence]:
    """Return what each metric's intervals rest on, all metrics in one go."""
    plain = {name: metric for name, metric in metrics.items() if metric.mean_of is None}
    means = {name: metric for name, metric in metrics.items() if metric.mean_of is not None}
    classes = {f"each class of {name}": metric.mean_of for name, metric in means.items()}
    wanted = plain | {name: metric for name, metric in classes.items() if metric is not None}
    # what units add to a share matters for the mean over the classes only
    twice = {
        name: metric
        for name, metric in wanted.items()
        if metric.interval in _COUNTED_TWICE and (name in classes or metric.proportion is None)
    }
    added = added_by_units(films, twice)
    counts = counts_by_unit(films, wanted)
    drawn = {name: metric for name, metric in wanted.items() if metric.interval == "none"}
    draws = draw_metrics(films, drawn, resamples=section.resamples, seed=section.seed)
    none = np.zeros(0)
    found = {
        name: _Evidence(
            added.get(name, none), *counts.get(name, (none, none)), draws.get(name, none)
        )
        for name in wanted
    }
    of_means = {name: _Evidence(of_class=found[f"each class of {name}"]) for name in means}
    return {name: found[name] for name in plain} | of_means


@dataclass(frozen=True, slots=True, eq=False)
class _Number:
    """One number of one metric on the films.

    Attributes:
        films: one film or more.
        metric: what was measured.
        index: of the class, or None for a number of all classes.
        value: the number; NaN if undefined.
        evidence: what its interval can rest on.
    """

    films: ScoredFilms
    metric: Metric
    index: int | None
    value: float
    evidence: _Evidence

    def own(self, table: Floats) -> Floats:
        """Return the column of the number's class."""
        return table if self.index is None or table.ndim == 1 else table[:, self.index]


def _estimate(number: _Number) -> Estimate:
    metric, films = number.metric, number.films
    n = int(number.own(number.evidence.trials).sum()) if metric.proportion else len(films)
    if np.isnan(number.value):
        label = None if number.index is None else films.labels[number.index]
        return Estimate.undefined(metric.undefined_because.format(label=label), n=n)
    made = _interval(number)
    low, high = _inside(made.interval, number)
    return Estimate(value=number.value, low=low, high=high, n=n, method=made.method)


def _inside(interval: Interval, number: _Number) -> Interval:
    """Return the interval without what no number can be; the value stays inside."""
    low, high = interval
    low = min(number.value, max(low, number.metric.lowest))
    return low, max(number.value, min(high, number.metric.highest))


def _interval(number: _Number) -> Made:
    """Return the interval, which has a width, and its method's name."""
    films, metric, value = number.films, number.metric, number.value
    sums = number.own(number.evidence.added)
    if metric.mean_of is not None:
        return _mean_of_classes(number, metric.mean_of)
    if metric.interval in ("share", "f1"):
        make = share_interval if metric.interval == "share" else f1_interval
        hits, trials = number.own(number.evidence.hits), number.own(number.evidence.trials)
        independent = films.n_units == len(films)
        return Made(*make(hits, trials, independent=independent), sums)
    if metric.interval in ("area", "average-precision"):
        assert number.index is not None  # both are numbers of a class
        of_ranks = area_interval if metric.interval == "area" else precision_interval
        return of_ranks(films, number.index)
    if metric.interval == "mean":
        return mean_interval(films, metric, value, sums)
    if metric.interval in ("as-share", "correlation"):
        return as_share_interval(films, metric, value, sums)
    draws, n_units = number.own(number.evidence.draws), _units_of_smallest_class(number)
    return drawn_interval(films, metric, value, draws=draws, sums=sums, n_units=n_units)


def _mean_of_classes(number: _Number, of_class: Metric) -> Made:
    """Return the interval of a plain mean over the classes.

    Classes without films are left out. One whose own number is undefined all the same (a
    precision without an answer, which the mean counts as 0) may have any.
    """
    films, evidence = number.films, number.evidence.of_class
    assert evidence is not None  # `_gather` makes it for every mean
    measured = of_class.measure(films.once)[0]
    values, intervals, sums = [], [], []
    for index in np.unique(films.y_true):
        one = _Number(films, of_class, int(index), float(measured[index]), evidence)
        if of_class.interval == "average-precision":
            made = precision_interval(films, int(index), alike=True)
        elif np.isnan(one.value):
            made = Made((of_class.lowest, of_class.highest), "", np.zeros(0))
        else:
            made = _interval(one)
        values.append(0.0 if np.isnan(one.value) else one.value)
        intervals.append(made.interval)
        sums.append(made.sums)
    longest = max(own.size for own in sums)
    padded = [own if own.size else np.zeros(longest) for own in sums]
    of_ranks = of_class.interval in ("area", "average-precision")
    interval = mean_of_classes(values, intervals, padded, of_ranks=of_ranks)
    return Made(interval, f"square-and-add-{films.unit.replace(' ', '-')}", np.zeros(0))


def _units_of_smallest_class(number: _Number) -> int:
    """Return the units of the smaller side of a class; of all films if it is no number of
    a class."""
    films = number.films
    if number.index is None:
        return films.n_units
    own = films.y_true == number.index
    return min(films.n_units_in(group) for group in (own, ~own) if group.any())


def estimate_mean(
    films: ScoredFilms, values: Floats, section: EvaluateSection, *, highest: float
) -> Estimate:
    """Return the estimate of a mean over films, with an interval over their units.

    Args:
        films: one film or more.
        values: float64 `[n]`; one number a film, 0 to `highest`.
        section: how many resamples, and their seed.
        highest: the most that a film is taken to have; it matters only where all films
            agree, and as the end of the interval.
    """
    metric = Metric(
        title="Mean",
        measure=lambda drawn: ratio(drawn.weights @ values, drawn.n_films),
        undefined_because="there is no film",
        interval="mean",
        highest=highest,
    )
    return estimate_metrics(films, {"mean": metric}, section)[0]["mean"]
