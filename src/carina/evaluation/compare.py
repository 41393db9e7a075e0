"""Two classifiers on the same films: how far apart they are, and whether that is luck."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from carina.domain.comparison import PairedCounts, PairedTest
from carina.domain.estimate import Estimate
from carina.domain.recipe import EvaluateSection
from carina.errors import EvaluationError
from carina.evaluation.bootstrap import draw_metrics
from carina.evaluation.estimating import estimate_metrics
from carina.evaluation.intervals import Interval, bias_corrected, hull
from carina.evaluation.metric import Metric
from carina.evaluation.metrics import METRICS
from carina.evaluation.paired_tests import (
    exact_difference,
    exact_mcnemar,
    exact_over_patients,
    films_needed,
    holm,
)
from carina.evaluation.resamples import Floats
from carina.evaluation.scored_films import ScoredFilms, n_known_patients

COMPARED_METRICS = ("accuracy", "balanced_accuracy", "roc_auc_macro", "f1_macro")
SIGNIFICANT = 0.05

_LEAST_DEFINED = 0.9
_SAME = 1e-12
_TAIL = 0.025


def compare_answers(
    first: ScoredFilms, second: ScoredFilms, section: EvaluateSection
) -> PairedTest:
    """Return the paired comparison of two classifiers' answers to the same films.

    The intervals of the differences are bias-corrected bootstraps over patients (films
    where patients are unknown), both classifiers in every draw on the same ones. That of
    the accuracy is never narrower than what the exact test allows. Where draws do not vary
    or too many are undefined, n units (of the smallest class, but for accuracy) that all
    agree leave room for a share of `1 - 0.025 ** (1 / n)` that would differ.

    Args:
        first: the films, one or more.
        second: the same films in the same order, with the same truths and patients.
        section: how many resamples, and their seed.

    Raises:
        EvaluationError: if there is no film.
        ValueError: if the films are not the same.
    """
    if len(first) == 0:
        raise EvaluationError("there is no film that both classifiers answered")
    _require_same(first, second)
    metrics = {name: METRICS.get(name) for name in COMPARED_METRICS}
    counts = _counts(first, second)
    clustered = _n_units(first) < len(first)
    p_films = exact_mcnemar(counts.only_first_right, counts.only_second_right)
    p_value = exact_over_patients(_leads(first, second)) if clustered else p_films
    return PairedTest(
        n_images=len(first),
        n_patients=n_known_patients(first.patients),
        unit=first.unit,
        clustered=clustered,
        identical=_identical(first, second),
        first=estimate_metrics(first, metrics, section)[0],
        second=estimate_metrics(second, metrics, section)[0],
        differences=_differences(first, second, metrics, section),
        counts=counts,
        p_value=p_value,
        p_value_films=p_films,
        p_value_holm=p_value,
        films_needed=films_needed(
            counts.only_first_right, counts.only_second_right, n=len(first), level=SIGNIFICANT
        ),
    )


def corrected(tests: Sequence[PairedTest]) -> list[PairedTest]:
    """Return several tests with p-values after Holm, and the films needed after Bonferroni.

    Args:
        tests: every test that is made on one part.
    """
    level = SIGNIFICANT / max(1, len(tests))
    return [
        test.model_copy(
            update={
                "p_value_holm": p_value,
                "n_tests": len(tests),
                "films_needed": films_needed(
                    test.counts.only_first_right,
                    test.counts.only_second_right,
                    n=test.n_images,
                    level=level,
                ),
            }
        )
        for test, p_value in zip(tests, holm([test.p_value for test in tests]), strict=True)
    ]


def _require_same(first: ScoredFilms, second: ScoredFilms) -> None:
    if (
        first.labels != second.labels
        or first.patients != second.patients
        or not np.array_equal(first.y_true, second.y_true)
    ):
        raise ValueError("a paired comparison needs the same films, truths and patients in order")


def _identical(first: ScoredFilms, second: ScoredFilms) -> bool:
    """Return whether both gave the same answers, to the last digit."""
    return np.array_equal(first.probabilities, second.probabilities) and np.array_equal(
        first.predicted, second.predicted
    )


def _counts(first: ScoredFilms, second: ScoredFilms) -> PairedCounts:
    a, b = first.predicted == first.y_true, second.predicted == second.y_true
    return PairedCounts(
        both_right=int((a & b).sum()),
        only_first_right=int((a & ~b).sum()),
        only_second_right=int((~a & b).sum()),
        both_wrong=int((~a & ~b).sum()),
    )


def _leads(first: ScoredFilms, second: ScoredFilms) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
    """Return by how many right films the first is ahead in each patient, intp `[units]`."""
    a, b = first.predicted == first.y_true, second.predicted == second.y_true
    leads = np.zeros(_n_units(first), dtype=np.intp)
    np.add.at(leads, first.units, a.astype(np.intp) - b.astype(np.intp))
    return leads


def _differences(
    first: ScoredFilms,
    second: ScoredFilms,
    metrics: Mapping[str, Metric],
    section: EvaluateSection,
) -> dict[str, Estimate]:
    """Return first minus second for every metric."""
    # the draws depend on units and seed alone: both are measured on the same ones
    ours, theirs = (
        draw_metrics(films, metrics, resamples=section.resamples, seed=section.seed)
        for films in (first, second)
    )
    differences = {}
    for name, metric in metrics.items():
        a, b = (float(metric.measure(films.once)[0]) for films in (first, second))
        if np.isnan(a) or np.isnan(b):
            differences[name] = Estimate.undefined(metric.undefined_because, n=len(first))
            continue
        draws = ours[name] - theirs[name]
        (low, high), method = _interval(name, a - b, draws, first, second)
        differences[name] = Estimate(
            value=round(a - b, 12), low=low, high=high, n=len(first), method=method
        )
    return differences


def _interval(
    name: str, value: float, draws: Floats, first: ScoredFilms, second: ScoredFilms
) -> tuple[Interval, str]:
    """Return the interval of a difference, and its method's name."""
    if _identical(first, second):
        return (0.0, 0.0), "identical-answers"
    # sums in another order must not break the ties of a draw with the value itself
    drawn, value = np.round(draws[~np.isnan(draws)], 12), round(value, 12)
    if not drawn.size or np.ptp(drawn) <= _SAME:
        return _open_ended(value, name, first), "open-ended"
    interval = bias_corrected(value, drawn)
    if drawn.size < _LEAST_DEFINED * draws.size:
        return hull(interval, _open_ended(value, name, first)), "open-ended"
    if name == "accuracy":
        counts = _counts(first, second)
        exact = exact_difference(counts.only_first_right, counts.only_second_right, n=len(first))
        interval = hull(interval, exact)
    return interval, f"paired-bootstrap-{first.unit.replace(' ', '-')}"


def _open_ended(value: float, name: str, films: ScoredFilms) -> Interval:
    """Return the interval of a difference that every draw gave alike."""
    classes = [films.y_true == index for index in np.unique(films.y_true)]
    units = films.units
    smallest = min(len(set(units[own].tolist())) for own in classes)
    n_units = _n_units(films) if name == "accuracy" else smallest
    differ = 1 - _TAIL ** (1 / n_units)
    return value - differ * (value + 1), value + differ * (1 - value)


def _n_units(films: ScoredFilms) -> int:
    return int(films.units.max()) + 1
