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
_SAME = 1e-12


@dataclass(frozen=True, slots=True, eq=False)
class _Number:
    """One number of one metric on the films, with what its interval can rest on.

    Attributes:
        films: one film or more.
        metric: what was measured.
        section: how many resamples, and their seed.
        index: of the class, or None for a number of all classes.
        value: the number; NaN if undefined.
        draws: float64 `[draws]`, with NaN.
    """

    films: ScoredFilms
    metric: Metric
    section: EvaluateSection
    index: int | None
    value: float
    draws: Floats

    @property
    def label(self) -> str | None:
        """The class."""
        return None if self.index is None else self.films.labels[self.index]

    @property
    def counts(self) -> tuple[float, float] | None:
        """Hits and trials behind a proportion, else None."""
        if self.metric.proportion is None:
            return None
        counts = self.metric.proportion(self.films.once)
        pick = (0,) if self.index is None else (0, self.index)
        return float(counts.hits[pick]), float(counts.of[pick])


def estimate_metrics(
    films: ScoredFilms, metrics: Mapping[str, Metric], section: EvaluateSection
) -> tuple[dict[str, Estimate], dict[str, dict[str, Estimate]]]:
    """Return the estimates over all films, and those of each class.

    Every value that is defined has an interval with a width. How it is made (issue 5
    chooses by coverage), and its name in `method`:

    - "wilson", "newcombe": proportions and areas of independent films, that is
      where every known patient has one film, or patients are unknown.
    - "bootstrap-patients": draws of whole patients, bias-corrected; for proportions and
      areas never narrower than the closed form, which the bootstrap of few patients is.
    - "bootstrap-films": the same with films, where patients are unknown;
      "bootstrap-patients-where-known": with both, where some patients are unknown.

    Where the draws do not vary, or too many are undefined:

    - "wilson-patients", "newcombe-patients": the closed form, as if each patient (film
      of an unknown patient) were one trial.
    - "mean-of-classes": for a mean over the classes, the means of the classes' lower and
      of their upper ends. It is cautious: it holds even if the classes are all off in the
      same direction, while classes of different films would partly cancel out.
    - "open-ended": for any other number, and for a mean of 0 or 1 (`open_ended`).

    Draws that vary, though too many others are undefined, may widen these.

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
            number = _Number(films, metric, section, None, float(values[0]), draws[name])
            overall[name] = _estimate(number)
            continue
        for index, label in enumerate(films.labels):
            value, own_draws = float(values[0, index]), draws[name][:, index]
            number = _Number(films, metric, section, index, value, own_draws)
            per_class[label][name] = _estimate(number)
    return overall, per_class


def _estimate(number: _Number) -> Estimate:
    n = len(number.films) if number.counts is None else int(number.counts[1])
    if np.isnan(number.value):
        reason = number.metric.undefined_because.format(label=number.label)
        return Estimate.undefined(reason, n=n)
    (low, high), method = _interval(number)
    return Estimate(value=number.value, low=low, high=high, n=n, method=method)


def _interval(number: _Number) -> tuple[Interval, str]:
    """Return the interval, which has a width, and its method's name."""
    closed = _closed_form(number)
    if closed is not None and not _clustered(number.films):
        return closed, number.metric.interval
    drawn = number.draws[~np.isnan(number.draws)]
    if not drawn.size or np.ptp(drawn) <= _SAME:
        return _without_draws(number)
    interval = bias_corrected(number.value, drawn)
    if drawn.size >= _LEAST_DEFINED * number.draws.size:
        interval = hull(interval, closed) if closed else interval
        if interval[1] - interval[0] > _SAME:
            return interval, f"bootstrap-{number.films.unit.replace(' ', '-')}"
    instead, method = _without_draws(number)
    return hull(interval, instead), method


def _clustered(films: ScoredFilms) -> bool:
    """Return whether some unit brings several films."""
    return _n_units(films) < len(films)


def _closed_form(number: _Number) -> Interval | None:
    """Return the interval that holds where every film is a unit of its own."""
    if number.metric.interval == "wilson" and number.counts is not None:
        return wilson(*number.counts)
    if number.metric.interval == "newcombe" and number.index is not None:
        own = number.films.y_true == number.index
        return newcombe(number.value, n_positive=int(own.sum()), n_negative=int((~own).sum()))
    return None


def _without_draws(number: _Number) -> tuple[Interval, str]:
    """Return an interval, and its method's name, where resamples tell nothing."""
    films, metric, value = number.films, number.metric, number.value
    if number.counts is not None:
        hits, of = number.counts
        n_units = _units_counted(films, metric, number.index)
        return wilson(hits / of * n_units, n_units), "wilson-patients"
    is_at_an_end = value <= _SAME or value >= metric.highest - _SAME
    if metric.mean_of is not None and not is_at_an_end:
        return _mean_of_classes(number, metric.mean_of), "mean-of-classes"
    if metric.interval == "newcombe" and number.index is not None and not is_at_an_end:
        own = films.y_true == number.index
        n_positive, n_negative = _n_units(films, own), _n_units(films, ~own)
        interval = newcombe(value, n_positive=n_positive, n_negative=n_negative)
        return interval, "newcombe-patients"
    n_units = _units_of_smallest_class(number)
    return open_ended(value, n_units=n_units, highest=metric.highest), "open-ended"


def _mean_of_classes(number: _Number, of_class: Metric) -> Interval:
    """Return the mean of the classes' lower ends, and that of their upper ends.

    Classes without films are left out. One whose own number is undefined all the same (a
    precision without an answer, which the mean counts as 0) may have any.
    """
    films = number.films
    estimates = estimate_metrics(films, {"of class": of_class}, number.section)[1]
    present = [films.labels[index] for index in np.unique(films.y_true)]
    ends = [(0.0, of_class.highest)] * len(present)
    for position, label in enumerate(present):
        estimate = estimates[label]["of class"]
        if estimate.low is not None and estimate.high is not None:
            ends[position] = (estimate.low, estimate.high)
    low, high = np.mean(ends, axis=0)
    return min(float(low), number.value), max(float(high), number.value)


def _n_units(films: ScoredFilms, mask: NDArray[np.bool_] | None = None) -> int:
    """Return how many units have a film, or one of a bool `[n]` mask."""
    units = films.units
    return int(np.unique(units if mask is None else units[mask]).size)


def _units_of_smallest_class(number: _Number) -> int:
    """Return the units of the smallest class a number rests on; of all films if it is
    no number of classes."""
    films = number.films
    if number.index is not None:
        own = films.y_true == number.index
        groups = [own, ~own]
    elif number.metric.mean_of is not None:
        groups = [films.y_true == index for index in range(len(films.labels))]
    else:
        return _n_units(films)
    return min(_n_units(films, group) for group in groups if group.any())


def _units_counted(films: ScoredFilms, metric: Metric, index: int | None) -> int:
    """Return how many units have a film among a proportion's trials."""
    if metric.proportion is None:
        return 0
    units = films.units
    counted = 0
    for unit_numbers in np.array_split(np.arange(units.max() + 1), 1 + len(films) // 256):
        weights = (unit_numbers[:, None] == units[None, :]).astype(np.float32)
        drawn = Resamples(films.y_true, films.predicted, films.probabilities, weights)
        of = metric.proportion(drawn).of
        counted += int(((of if index is None else of[:, index]) > 0).sum())
    return counted


def estimate_mean(
    films: ScoredFilms, values: Floats, section: EvaluateSection, *, highest: float
) -> Estimate:
    """Return the estimate of a mean over films, by bootstrap over their units.

    Args:
        films: one film or more.
        values: float64 `[n]`; one number a film, 0 to `highest`.
        section: how many resamples, and their seed.
        highest: the most that a film is taken to have; it matters only where all resamples
            agree.
    """
    metric = Metric(
        title="Mean",
        measure=lambda drawn: ratio(drawn.weights @ values, drawn.n_films),
        undefined_because="there is no film",
        highest=highest,
    )
    return estimate_metrics(films, {"mean": metric}, section)[0]["mean"]
