"""First minus second: two classifiers' metrics on the same films, with paired intervals."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from carina.domain.estimate import Estimate
from carina.domain.recipe import EvaluateSection
from carina.evaluation.bootstrap import draw_metrics
from carina.evaluation.intervals import (
    LEAST_DEFINED,
    SAME,
    TAIL,
    Interval,
    accelerated,
    expanded_quantile,
    hull,
)
from carina.evaluation.metric import Metric
from carina.evaluation.paired_tests import exact_difference
from carina.evaluation.resamples import Floats
from carina.evaluation.scored_films import ScoredFilms
from carina.evaluation.without_scores import NO_SCORES

Bools = NDArray[np.bool_]

# what counts as a hit in a film, for the metrics that are shares of films: which films
# count, and which of them are hits
_TRIALS: Mapping[str, Callable[[ScoredFilms, int | None], tuple[Bools, Bools]]] = {
    "accuracy": lambda films, _: (
        np.ones(len(films), dtype=np.bool_),
        films.predicted == films.y_true,
    ),
    "recall": lambda films, index: (films.y_true == index, films.predicted == index),
    "specificity": lambda films, index: (films.y_true != index, films.predicted != index),
}


@dataclass(frozen=True, slots=True, eq=False)
class PairedFilms:
    """The same films in the same order, with two classifiers' answers."""

    first: ScoredFilms
    second: ScoredFilms

    def __post_init__(self) -> None:
        a, b = self.first, self.second
        same = a.labels == b.labels and a.patients == b.patients
        if not same or not np.array_equal(a.y_true, b.y_true):
            raise ValueError(
                "a paired comparison needs the same films, truths and patients in order"
            )

    @property
    def has_scores(self) -> bool:
        """Whether both gave probabilities."""
        return self.first.has_scores and self.second.has_scores

    @property
    def identical(self) -> bool:
        """Whether both gave the same answers, and the same probabilities to the last digit
        where both gave any."""
        a, b = self.first, self.second
        alike = np.array_equal(a.predicted, b.predicted)
        return alike and (not self.has_scores or np.array_equal(a.probabilities, b.probabilities))


@dataclass(frozen=True, slots=True, eq=False)
class _Difference:
    """One difference: of a metric over all films, or of one class (`index`)."""

    films: PairedFilms
    name: str
    metric: Metric
    index: int | None
    value: float
    draws: Floats


def paired_differences(
    films: PairedFilms, metrics: Mapping[str, Metric], section: EvaluateSection
) -> tuple[dict[str, Estimate], dict[str, dict[str, Estimate]]]:
    """Return first minus second for every metric: over all films, and by class.

    The intervals are bias-corrected bootstraps over patients (films where patients are
    unknown), wider where these are few, both classifiers in every draw on the same ones. Those
    of accuracy, recall and specificity are never narrower than what the exact test of their
    films allows. Where draws do not vary or too many are undefined, n units that all agree
    leave room for a share of `1 - 0.025 ** (1 / n)` that would differ.

    Args:
        films: one film or more.
        metrics: by name.
        section: how many resamples, and their seed.
    """
    told = {name: metric for name, metric in metrics.items() if _is_told(metric, films)}
    # the draws depend on units and seed alone: both are measured on the same ones
    ours, theirs = (
        draw_metrics(own, told, resamples=section.resamples, seed=section.seed)
        for own in (films.first, films.second)
    )
    labels = films.first.labels
    overall: dict[str, Estimate] = {}
    per_class: dict[str, dict[str, Estimate]] = {label: {} for label in labels}
    for name, metric in metrics.items():
        if name not in told:
            unknown = Estimate.undefined(NO_SCORES, n=len(films.first))
            for into in per_class.values() if metric.per_class else (overall,):
                into[name] = unknown
            continue
        values = metric.measure(films.first.once)[0] - metric.measure(films.second.once)[0]
        draws = ours[name] - theirs[name]
        if not metric.per_class:
            overall[name] = _estimate(_Difference(films, name, metric, None, float(values), draws))
            continue
        for index, label in enumerate(labels):
            one = _Difference(films, name, metric, index, float(values[index]), draws[:, index])
            per_class[label][name] = _estimate(one)
    return overall, per_class


def _is_told(metric: Metric, films: PairedFilms) -> bool:
    return films.has_scores or not metric.needs_scores


def _estimate(one: _Difference) -> Estimate:
    n = _n_films(one)
    if np.isnan(one.value):
        label = "" if one.index is None else one.films.first.labels[one.index]
        return Estimate.undefined(one.metric.undefined_because.format(label=label), n=n)
    (low, high), method = _interval(one)
    return Estimate(value=round(one.value, 12), low=low, high=high, n=n, method=method)


def _interval(one: _Difference) -> tuple[Interval, str]:
    """Return the interval of a difference, and its method's name."""
    if one.films.identical:
        return (0.0, 0.0), "identical-answers"
    # sums in another order must not break the ties of a draw with the value itself
    drawn, value = np.round(one.draws[~np.isnan(one.draws)], 12), round(one.value, 12)
    if not drawn.size or np.ptp(drawn) <= SAME:
        return _open_ended(one), "open-ended"
    interval = accelerated(
        value, drawn, skew=0.0, quantile=expanded_quantile(one.films.first.n_units)
    )
    if drawn.size < LEAST_DEFINED * one.draws.size:
        return hull(interval, _open_ended(one)), "open-ended"
    exact = _exact(one)
    interval = hull(interval, exact) if exact else interval
    return interval, f"paired-bootstrap-{one.films.first.unit.replace(' ', '-')}"


def _exact(one: _Difference) -> Interval | None:
    """Return what the exact test says of a difference of two shares of films."""
    if one.name not in _TRIALS:
        return None
    counted, ours = _TRIALS[one.name](one.films.first, one.index)
    theirs = _TRIALS[one.name](one.films.second, one.index)[1]
    only_first, only_second = (int((counted & a & ~b).sum()) for a, b in
                               ((ours, theirs), (theirs, ours)))  # fmt: skip
    if only_first + only_second == 0:
        return None
    return exact_difference(only_first, only_second, n=int(counted.sum()))


def _n_films(one: _Difference) -> int:
    """Return how many films a difference rests on."""
    films = one.films.first
    if one.index is None or one.name not in _TRIALS:
        return len(films)
    return int(_TRIALS[one.name](films, one.index)[0].sum())


def _open_ended(one: _Difference) -> Interval:
    """Return the interval of a difference that every draw gave alike."""
    films = one.films.first
    if one.name in _TRIALS:
        groups = [_TRIALS[one.name](films, one.index)[0]]
    elif one.index is not None:
        groups = [films.y_true == one.index, films.y_true != one.index]
    else:
        groups = [films.y_true == index for index in np.unique(films.y_true)]
    differ = 1 - TAIL ** (1 / min(films.n_units_in(own) for own in groups))
    return one.value - differ * (one.value + 1), one.value + differ * (1 - one.value)
