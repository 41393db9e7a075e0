"""One classifier on one part of one data set: every number with its interval."""

from __future__ import annotations

from collections import Counter

import numpy as np
from numpy.typing import NDArray

from carina.domain.estimate import Estimate
from carina.domain.evaluation import ConfusionMatrix, EvaluatedData, Evaluation
from carina.domain.recipe import EvaluateSection
from carina.domain.rules import Rules
from carina.domain.sentences import listed
from carina.domain.softmax import log_softmax
from carina.errors import EvaluationError
from carina.evaluation.brier_parts import brier_parts
from carina.evaluation.calibration import calibration_figures
from carina.evaluation.conformal import abstention_figures
from carina.evaluation.curves import draw_curves
from carina.evaluation.decision_curve import decision_curves
from carina.evaluation.estimating import estimate_mean, estimate_metrics
from carina.evaluation.interval_cautions import interval_cautions
from carina.evaluation.metric import Metric
from carina.evaluation.metrics import METRICS
from carina.evaluation.metrics.log_loss import LARGEST_SURPRISE
from carina.evaluation.operating_points import operating_points
from carina.evaluation.scored_films import (
    ScoredFilms,
    evaluated_data,
    n_known_patients,
    scored_films,
)
from carina.evaluation.subgroups import SMALLEST_SUBGROUP, UNKNOWN
from carina.evaluation.without_scores import estimate_what_is_known

__all__ = [
    "ScoredFilms",
    "all_metrics",
    "evaluate",
    "evaluated_data",
    "loss_and_accuracy",
    "overall_metrics",
    "scored_films",
]

SMALL_TEST = 100
_SMALL_CLASS = 30


def evaluate(
    films: ScoredFilms,
    *,
    data: EvaluatedData,
    classifier: str,
    section: EvaluateSection,
    rules: Rules | None = None,
) -> Evaluation:
    """Return every estimate of a classifier's answers to labelled films.

    Args:
        films: the films; those the classifier abstained on count all the same.
        data: what they are; the numbers of films, patients and abstentions and the
            unit are taken from `films`.
        classifier: digest of the classifier's card, or the name of a predictions file.
        section: how many resamples, and their seed.
        rules: what was fitted on validation; None if nothing was.

    Raises:
        EvaluationError: if there is no film.
    """
    overall, per_class, confusion = all_metrics(films, section)
    evaluation = Evaluation(
        classifier=classifier,
        labels=films.labels,
        data=_counted(data, films, section),
        metrics=overall,
        per_class=per_class,
        per_source=_per_source(films, section),
        per_subgroup=_per_subgroup(films, section),
        confusion_matrix=confusion,
        cautions=_cautions(films),
    )
    if not films.has_scores:
        return evaluation
    return evaluation.model_copy(update=_what_scores_tell(films, section, rules or Rules()))


def _what_scores_tell(
    films: ScoredFilms, section: EvaluateSection, rules: Rules
) -> dict[str, object]:
    """Return the fields of an `Evaluation` that answers alone do not tell."""
    return {
        "curves": draw_curves(films.labels, films.y_true, films.probabilities),
        "calibration": calibration_figures(
            films, rules.calibration, section, thresholds=rules.thresholds
        ),
        "operating_points": operating_points(films, rules.fitted.thresholds, section),
        "decision_curves": decision_curves(films, section),
        "abstention": abstention_figures(films, rules, section),
    }


def all_metrics(
    films: ScoredFilms, section: EvaluateSection
) -> tuple[dict[str, Estimate], dict[str, dict[str, Estimate]], ConfusionMatrix]:
    """Return the estimates over all films, those of each class, and the confusion matrix.

    Raises:
        EvaluationError: if there is no film.
    """
    _refuse_empty(films)
    overall, per_class = estimate_what_is_known(films, _metrics(), section)
    for label, parts in brier_parts(films, section).items():
        per_class[label].update(parts)
    for label, counts in _counts_per_class(films).items():
        per_class[label].update(counts)
    return overall, per_class, ConfusionMatrix(labels=films.labels, counts=_confusion(films))


def overall_metrics(films: ScoredFilms, section: EvaluateSection) -> dict[str, Estimate]:
    """Return the estimates over all films, without those of each class.

    Raises:
        EvaluationError: if there is no film.
    """
    _refuse_empty(films)
    overall = {name: metric for name, metric in _metrics().items() if not metric.per_class}
    return estimate_what_is_known(films, overall, section)[0]


def loss_and_accuracy(
    films: ScoredFilms, logits: NDArray[np.floating], section: EvaluateSection | None = None
) -> dict[str, Estimate]:
    """Return "loss", the cross-entropy that training minimises, and "accuracy".

    Args:
        films: the films.
        logits: float `[n, classes]`, uncalibrated; the softmax is taken here.
        section: how many resamples for the interval of the loss; the default if None.

    Raises:
        EvaluationError: if there is no film.
    """
    _refuse_empty(films)
    wide = np.asarray(logits, dtype=np.float64)
    if wide.shape != films.probabilities.shape:
        raise ValueError(f"logits {wide.shape} for films {films.probabilities.shape}")
    loss = 0.0 - log_softmax(wide)[np.arange(len(films)), films.y_true]
    section = section or EvaluateSection()
    accuracy = {"accuracy": METRICS.get("accuracy")}
    return {
        "loss": estimate_mean(
            films, loss, section, highest=max(LARGEST_SURPRISE, float(loss.max()))
        ),
        "accuracy": estimate_metrics(films, accuracy, section)[0]["accuracy"],
    }


def _metrics() -> dict[str, Metric]:
    return {name: METRICS.get(name) for name in METRICS.names()}


def _refuse_empty(films: ScoredFilms) -> None:
    if len(films) == 0:
        raise EvaluationError("there is no film to evaluate: none is both labelled and readable")


def _counted(data: EvaluatedData, films: ScoredFilms, section: EvaluateSection) -> EvaluatedData:
    """Return `data` with the numbers that the films themselves tell, and how they are resampled."""
    return data.model_copy(
        update={
            "n_images": len(films),
            "n_patients": n_known_patients(films.patients),
            "unit": films.unit,
            "n_abstained": int(films.abstained.sum()),
            "resamples": section.resamples,
            "seed": section.seed,
        }
    )


def _confusion(films: ScoredFilms) -> tuple[tuple[int, ...], ...]:
    return tuple(tuple(int(count) for count in row) for row in films.once.confusion[0])


def _counts_per_class(films: ScoredFilms) -> dict[str, dict[str, Estimate]]:
    """Return support, TP, FP, TN and FN of each class against the rest."""
    matrix = films.once.confusion[0].astype(int)
    n = len(films)
    table: dict[str, dict[str, Estimate]] = {}
    for index, label in enumerate(films.labels):
        tp = int(matrix[index, index])
        fp = int(matrix[:, index].sum()) - tp
        fn = int(matrix[index].sum()) - tp
        counts = {"support": tp + fn, "tp": tp, "fp": fp, "tn": n - tp - fp - fn, "fn": fn}
        table[label] = {name: Estimate.count(count, n=n) for name, count in counts.items()}
    return table


def _per_source(films: ScoredFilms, section: EvaluateSection) -> dict[str, dict[str, Estimate]]:
    """Return the overall metrics for each source, where there are several."""
    if len(set(films.sources)) < 2:
        return {}
    return _by_group(films, films.sources, section)


def _per_subgroup(
    films: ScoredFilms, section: EvaluateSection
) -> dict[str, dict[str, dict[str, Estimate]]]:
    """Return the overall metrics for each value of each property that is known of some film."""
    return {
        name: _by_group(films, tuple(value or UNKNOWN for value in values), section)
        for name, values in films.subgroups.items()
        if any(value is not None for value in values)
    }


def _by_group(
    films: ScoredFilms, groups: tuple[str, ...], section: EvaluateSection
) -> dict[str, dict[str, Estimate]]:
    own = np.array(groups)
    return {name: _group(films.where(own == name), section) for name in sorted(set(groups))}


def _group(films: ScoredFilms, section: EvaluateSection) -> dict[str, Estimate]:
    """Return a group's size and metrics; of a small group nothing is claimed."""
    n = len(films)
    support = {"support": Estimate.count(n, n=n)}
    if n >= SMALLEST_SUBGROUP:
        return support | overall_metrics(films, section)
    reason = f"only {n} films; nothing is claimed below {SMALLEST_SUBGROUP}"
    names = (name for name, metric in _metrics().items() if not metric.per_class)
    return support | {name: Estimate.undefined(reason, n=n) for name in names}


def _cautions(films: ScoredFilms) -> tuple[str, ...]:
    """Return sentences on what makes these numbers weaker than they look."""
    sentences = []
    if len(films) < SMALL_TEST:
        sentences.append(f"The test is small: {len(films)} films. Read the intervals.")
    support = Counter(films.labels[index] for index in films.y_true)
    absent = [label for label in films.labels if not support[label]]
    few = [
        f"{label} ({support[label]})" for label in films.labels if 0 < support[label] < _SMALL_CLASS
    ]
    if absent:
        sentences.append(f"No film of {listed(absent)} was tested.")
    if few:
        sentences.append(f"Fewer than {_SMALL_CLASS} films were tested of {listed(few)}.")
    sentences += interval_cautions(films)
    if None in films.patients:
        sentences.append(_unknown_patients(films))
    return tuple(sentences)


def _unknown_patients(films: ScoredFilms) -> str:
    n_unknown = films.patients.count(None)
    if n_unknown == len(films):
        return (
            "Patients are not known, so that each film counts as independent: where a "
            "patient has several films, the intervals are too narrow."
        )
    each = "it" if n_unknown == 1 else "each of them"
    return (
        f"The patient of {n_unknown} of {len(films)} films is not known: {each} counts as "
        "independent, so that the intervals are too narrow where such a patient has several films."
    )
