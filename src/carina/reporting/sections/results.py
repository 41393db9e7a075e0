"""Every metric with its interval, the confusion matrix and the curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from carina.domain.evaluation import ConfusionMatrix, Estimates, EvaluatedData, Evaluation
from carina.domain.report import Block, Figure, Paragraph, Section, Table
from carina.domain.sentences import counted, sentence
from carina.reporting.figures import SIZES, evaluation_drawings, svg
from carina.reporting.sections import test_section
from carina.reporting.wording import (
    interval_of,
    method_in_words,
    name_then_numbers,
    over_interval,
    reasons,
    title_of,
    value_of,
)
from carina.runs import Run, TestFolder

_OVERALL = (
    "accuracy",
    "balanced_accuracy",
    "roc_auc_macro",
    "average_precision_macro",
    "f1_macro",
    "matthews_corrcoef",
    "log_loss",
    "brier_score",
)
# as the clinic reads them, with scikit-learn's name beside where it is another
_RATES = {
    "recall": "Sensitivity (recall)",
    "specificity": "Specificity",
    "precision": "PPV (precision)",
    "npv": "NPV",
    "f1": "F1",
    "roc_auc": "ROC AUC",
    "average_precision": "Average precision",
}
_BRIER = {
    "brier_score": "Brier score",
    "brier_miscalibration": "Miscalibration",
    "brier_miscalibration_if_calibrated": "the same if calibrated",
    "brier_discrimination": "Discrimination",
    "brier_uncertainty": "Uncertainty",
}
_COUNTS = ("support", "tp", "fp", "tn", "fn")


@test_section("results", order=40)
def results(test: Run | TestFolder) -> Section:
    """Return the section on the test's numbers."""
    return Section(
        anchor="results", title="The test results", blocks=evaluation_blocks(test.evaluation)
    )


def evaluation_blocks(evaluation: Evaluation) -> tuple[Block, ...]:
    """Return an evaluation as blocks."""
    return (
        Paragraph(_what_was_tested(evaluation)),
        _overall(evaluation),
        _per_class(evaluation.metrics, evaluation.per_class),
        _per_class_counts(evaluation.per_class),
        *_brier(evaluation.per_class),
        *(Paragraph(reason) for reason in _undefined(evaluation)),
        *_figures(evaluation),
        *_without_leaks(evaluation),
    )


def _what_was_tested(evaluation: Evaluation) -> str:
    data = evaluation.data
    kind = "patient" if data.unit == "patients" else "known patient"
    unit = counted(data.n_patients, kind) if data.n_patients else "unknown patients"
    left = [
        f"{counted(n, 'film')} {why}"
        for n, why in (
            (data.n_unreadable, _why_unanswered(data)),
            (data.n_unlabelled, "without a class of the classifier do not count"),
            (data.n_abstained, "would get no answer from the classifier, but count all the same"),
        )
        if n
    ]
    opened = (
        f" This is the {_ordinal(data.test_opened)} time that the test part was used; every look "
        "at it makes its numbers a little too good."
        if data.test_opened > 1
        else ""
    )
    return (
        f"{counted(data.n_images, 'film')} of {unit} were tested ({data.name}). Intervals are "
        f"95 %, made over {data.unit}." + (f" {'; '.join(left)}." if left else "") + opened
    )


def _why_unanswered(data: EvaluatedData) -> str:
    """Return why films have no answer: of a tool's own file nothing was read here."""
    if data.external is None:
        return "without an answer do not count"
    return "could not be read and do not count"


def _ordinal(n: int) -> str:
    """Return a small number as an ordinal.

    >>> _ordinal(2), _ordinal(11)
    ('2nd', '11th')
    """
    endings = {1: "st", 2: "nd", 3: "rd"}
    ending = "th" if n % 100 in (11, 12, 13) else endings.get(n % 10, "th")
    return f"{n}{ending}"


def _overall(evaluation: Evaluation) -> Table:
    named = [name for name in _OVERALL if name in evaluation.metrics]
    return Table(
        columns=("Over all films, and its name in the files", "Value", "95 % interval", "Made by"),
        rows=tuple(
            (
                f"{title_of(name)}\n{name}",
                value_of(name, evaluation.metrics[name]),
                interval_of(name, evaluation.metrics[name]),
                method_in_words(evaluation.metrics[name].method),
            )
            for name in named
        ),
        caption="Metrics over all films",
        align=("left", "right", "right", "left"),
    )


def _per_class(metrics: Estimates, per_class: Mapping[str, Estimates], *, films: str = "") -> Table:
    shown = _known(_RATES, per_class)
    rows = [
        (label, *(over_interval(name, estimates[name]) for name in shown))
        for label, estimates in per_class.items()
    ]
    for suffix, title in (("macro", "Mean of the classes"), ("weighted", "Weighted by films")):
        cells = []
        for name in shown:
            estimate = metrics.get(f"{name}_{suffix}")
            cells.append("" if estimate is None else over_interval(name, estimate))
        rows.append((title, *cells))
    return Table(
        columns=("Class against the rest", *shown.values()),
        rows=tuple(rows),
        caption=f"Metrics by class{films}, with 95 % intervals",
        align=name_then_numbers(len(shown)),
    )


def _known(titles: Mapping[str, str], per_class: Mapping[str, Estimates]) -> dict[str, str]:
    """Return the titles of what every class has: an older evaluation has fewer numbers."""
    return {
        name: title
        for name, title in titles.items()
        if all(name in estimates for estimates in per_class.values())
    }


def _brier(per_class: Mapping[str, Estimates]) -> list[Block]:
    """Return each class's Brier score and what it is made of, where it is known of any."""
    shown = _known(_BRIER, per_class)
    if not any(per_class[label][name].value is not None for label in per_class for name in shown):
        return []
    return [
        Table(
            columns=("Class against the rest", *shown.values()),
            rows=tuple(
                (label, *(over_interval(name, estimates[name]) for name in shown))
                for label, estimates in per_class.items()
            ),
            caption="The Brier score by class, and its parts, with 95 % intervals",
            align=name_then_numbers(len(shown)),
        ),
        Paragraph(
            "Brier score = miscalibration - discrimination + uncertainty (Dimitriadis, Gneiting & "
            "Jordan, PNAS 2021). Miscalibration is what the best rising recalibration of the "
            "probabilities would gain; some of it is chance, so that beside it stands what a "
            "classifier whose probabilities are right would show on as many films. Discrimination "
            "is what the recalibrated probabilities gain over always saying the class's share, and "
            "uncertainty the Brier score of always saying that."
        ),
    ]


def _per_class_counts(per_class: Mapping[str, Estimates], *, films: str = "") -> Table:
    return Table(
        columns=(
            "Class against the rest",
            "Films (support)",
            "True positive",
            "False positive",
            "True negative",
            "False negative",
        ),
        rows=tuple(
            (label, *(value_of(name, estimates[name]) for name in _COUNTS))
            for label, estimates in per_class.items()
        ),
        caption=f"Counts by class{films}",
        align=name_then_numbers(len(_COUNTS)),
    )


def _without_leaks(evaluation: Evaluation) -> list[Block]:
    """Return every number a second time, as described and without the films that leaked."""
    without = evaluation.without_leaks
    if without is None:
        return []
    if not without.metrics:
        return [Paragraph(sentence(without.sentence))]
    films = " without the films that leaked"
    named = [name for name in _OVERALL if name in without.metrics]
    blocks: list[Block] = [
        Paragraph(sentence(without.sentence)),
        Table(
            columns=("Over all films", "As described", "Without the films that leaked"),
            rows=tuple(
                (
                    title_of(name),
                    over_interval(name, evaluation.metrics[name]),
                    over_interval(name, without.metrics[name]),
                )
                for name in named
            ),
            caption="Metrics with and without the films that training had seen",
            align=name_then_numbers(2),
        ),
        _per_class(without.metrics, without.per_class, films=films),
        _per_class_counts(without.per_class, films=films),
    ]
    return blocks


def _undefined(evaluation: Evaluation) -> Sequence[str]:
    shown = {name: evaluation.metrics[name] for name in _OVERALL if name in evaluation.metrics}
    return reasons({"": shown, **evaluation.per_class})


def _figures(evaluation: Evaluation) -> list[Block]:
    """Return the drawings that stand side by side; figures/ has more of them."""
    drawings = evaluation_drawings(evaluation)
    figures: list[Block] = [
        Figure(
            svg=svg(
                drawings["confusion_matrix"],
                name="confusion_matrix",
                size=SIZES["confusion_matrix"],
            ),
            alt=confusion_in_words(evaluation.confusion_matrix),
            caption="Films by truth (rows) and answer (columns), with the share of the true class.",
        )
    ]
    if "roc" in drawings:
        areas = ", ".join(
            f"{label} {value_of('roc_auc', estimates['roc_auc'])}"
            for label, estimates in evaluation.per_class.items()
        )
        figures.append(
            Figure(
                svg=svg(drawings["roc"], name="roc", size=SIZES["roc"]),
                alt=f"ROC curves. The areas under them: {areas}.",
                caption="ROC curves, each class against the rest, with the area under each.",
            )
        )
    return figures


def confusion_in_words(matrix: ConfusionMatrix) -> str:
    """Return a confusion matrix for those who cannot see it."""
    sentences = [
        f"{truth}: "
        + ", ".join(
            f"{count} answered {answer}"
            for answer, count in zip(matrix.labels, counts, strict=True)
            if count
        )
        for truth, counts in zip(matrix.labels, matrix.counts, strict=True)
        if sum(counts)
    ]
    return f"Confusion matrix. {'. '.join(sentences)}."
