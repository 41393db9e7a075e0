"""Two classifiers on the same films: how far apart they are, and whether that is luck."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from carina.domain.comparison import AreaTest, PairedCounts, PairedTest
from carina.domain.estimate import Estimate
from carina.domain.recipe import EvaluateSection
from carina.errors import EvaluationError
from carina.evaluation.metrics import METRICS
from carina.evaluation.paired_areas import PairedAreas, films_to_show_areas, paired_areas
from carina.evaluation.paired_differences import PairedFilms, paired_differences
from carina.evaluation.paired_tests import exact_mcnemar, exact_over_patients, films_needed, holm
from carina.evaluation.scored_films import ScoredFilms, n_known_patients
from carina.evaluation.without_scores import estimate_what_is_known

COMPARED_METRICS = ("accuracy", "balanced_accuracy", "roc_auc_macro", "f1_macro")
COMPARED_OF_CLASS = ("recall", "specificity")
SIGNIFICANT = 0.05

_AREA = "roc_auc"
_TOO_FEW = "{label} and the rest need films of two patients each"


def compare_answers(
    first: ScoredFilms, second: ScoredFilms, section: EvaluateSection
) -> PairedTest:
    """Return the paired comparison of two classifiers' answers to the same films.

    Differences have intervals by the paired bootstrap (`paired_differences`), accuracies an
    exact test, and areas under the ROC curve DeLong's test. Where one of both gave decisions
    alone, what rests on probabilities is undefined and no area is tested.

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
    films = PairedFilms(first, second)
    overall = {name: METRICS.get(name) for name in COMPARED_METRICS}
    of_class = {name: METRICS.get(name) for name in (*COMPARED_OF_CLASS, _AREA)}
    differences, per_class = paired_differences(films, overall | of_class, section)
    counts = _counts(films)
    clustered = first.n_units < len(first)
    p_films = exact_mcnemar(counts.only_first_right, counts.only_second_right)
    p_value = exact_over_patients(_leads(films)) if clustered else p_films
    return PairedTest(
        n_images=len(first),
        n_patients=n_known_patients(first.patients),
        unit=first.unit,
        clustered=clustered,
        identical=films.identical,
        first=estimate_what_is_known(first, overall, section)[0],
        second=estimate_what_is_known(second, overall, section)[0],
        differences=differences,
        per_class={
            label: {name: own[name] for name in COMPARED_OF_CLASS}
            for label, own in per_class.items()
        },
        areas=_area_tests(films, per_class, section) if films.has_scores else (),
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

    The tests of accuracies are one family, those of all areas under the ROC curve another.

    Args:
        tests: every test that is made on one part.
    """
    level = SIGNIFICANT / max(1, len(tests))
    areas = iter(_corrected_areas([area for test in tests for area in test.areas]))
    return [
        test.model_copy(
            update={
                "p_value_holm": p_value,
                "n_tests": len(tests),
                "areas": tuple(next(areas) for _ in test.areas),
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


def _corrected_areas(areas: Sequence[AreaTest]) -> list[AreaTest]:
    """Return the tests of areas, corrected for how many of them have a p-value."""
    told = [area.p_value for area in areas if area.p_value is not None]
    after, level = iter(holm(told)), SIGNIFICANT / max(1, len(told))
    return [
        area
        if area.p_value is None
        else area.model_copy(
            update={
                "p_value_holm": next(after),
                "n_tests": len(told),
                "films_needed": _films_for(area, level),
            }
        )
        for area in areas
    ]


def _films_for(area: AreaTest, level: float) -> int | None:
    """Return how many films like these would show a difference in area as large."""
    apart, error = area.difference.value, area.standard_error
    if not apart or not error:
        return None
    return films_to_show_areas(apart, standard_error=error, n=area.difference.n, level=level)


def _counts(films: PairedFilms) -> PairedCounts:
    a, b = _right(films)
    return PairedCounts(
        both_right=int((a & b).sum()),
        only_first_right=int((a & ~b).sum()),
        only_second_right=int((~a & b).sum()),
        both_wrong=int((~a & ~b).sum()),
    )


def _leads(films: PairedFilms) -> NDArray[np.intp]:
    """Return by how many right films the first is ahead in each patient, intp `[units]`."""
    a, b = _right(films)
    leads = np.zeros(films.first.n_units, dtype=np.intp)
    np.add.at(leads, films.first.units, a.astype(np.intp) - b.astype(np.intp))
    return leads


def _right(films: PairedFilms) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return which films each answered rightly, both bool `[n]`."""
    first, second = (own.predicted == own.y_true for own in (films.first, films.second))
    return first, second


def _area_tests(
    films: PairedFilms, bootstrap: Mapping[str, Mapping[str, Estimate]], section: EvaluateSection
) -> tuple[AreaTest, ...]:
    """Return DeLong's test of each class against the rest; with two classes of one area."""
    metric = {_AREA: METRICS.get(_AREA)}
    ours, theirs = (
        estimate_what_is_known(own, metric, section)[1] for own in (films.first, films.second)
    )
    labels = films.first.labels
    tested = labels[:1] if len(labels) == 2 else labels
    tests = []
    for index, label in enumerate(tested):
        areas = paired_areas(
            films.first.y_true == index,
            films.first.probabilities[:, index],
            films.second.probabilities[:, index],
            units=films.first.units,
        )
        p_value = areas.p_value if areas else None
        test = AreaTest(
            label="" if len(labels) == 2 else label,
            first=ours[label][_AREA],
            second=theirs[label][_AREA],
            difference=_delong(films, areas, label),
            standard_error=areas.standard_error if areas else None,
            bootstrap=bootstrap[label][_AREA],
            p_value=p_value,
            p_value_holm=p_value,
        )
        tests.append(test.model_copy(update={"films_needed": _films_for(test, SIGNIFICANT)}))
    return tuple(tests)


def _delong(films: PairedFilms, areas: PairedAreas | None, label: str) -> Estimate:
    """Return the difference of two areas with DeLong's interval, which may be undefined."""
    n = len(films.first)
    if areas is None:
        return Estimate.undefined(_TOO_FEW.format(label=label), n=n)
    low, high = areas.interval or (None, None)
    clustered = films.first.n_units < n
    method = "delong-patients" if clustered else "delong"
    return Estimate(value=round(areas.difference, 12), low=low, high=high, n=n, method=method)
