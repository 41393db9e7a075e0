"""The first screen of a test without a run: what was tested, its number, what that is worth."""

from __future__ import annotations

from carina.domain.evaluation import Evaluation
from carina.domain.report import (
    Block,
    Bullets,
    Facts,
    KeyFigure,
    KeyFigures,
    Notice,
    Paragraph,
    Section,
)
from carina.domain.sentences import capitalised, counted, listed, sentence
from carina.reporting.claims import claims_of
from carina.reporting.sections import test_section
from carina.reporting.wording import interval_of, value_of
from carina.runs import Run, TestFolder

_DIGITS = 12


@test_section("headline-of-test", order=1)
def headline_of_test(test: Run | TestFolder) -> Section | None:
    """Return the first screen of a test; None for a run, which has its own."""
    if isinstance(test, Run):
        return None
    evaluation = test.evaluation
    claims = claims_of(evaluation)
    return Section(
        anchor="headline",
        title="At a glance",
        blocks=(
            Paragraph(_what_it_is(evaluation)),
            _key_figures(evaluation),
            *_beside_internal(evaluation),
            Facts(claims.titled),
            *_known_films(evaluation),
            *(Notice("warning", sentence(caution)) for caution in evaluation.cautions),
            *_how_it_was_read(evaluation),
        ),
    )


def _what_it_is(evaluation: Evaluation) -> str:
    data, classes = evaluation.data, listed(evaluation.labels)
    films = counted(data.n_images, "film")
    if data.external is None and evaluation.is_of_predictions:
        return (
            f"The answers of a tool that tells {classes} apart, on {films}, as they stand in "
            f"{evaluation.classifier}. What the tool is, and what it was trained on, is not known."
        )
    without = evaluation.without_leaks
    n_known = 0 if without is None else without.n_removed
    which = f"{n_known:,} of which it was made with" if n_known else "that it was not made with"
    if data.external is None:
        which = "and what it was trained on is not known"
    return (
        f"A classifier that tells {classes} apart (card {evaluation.classifier[:_DIGITS]}), on "
        f"{films} of {data.name}, {which}."
    )


def _key_figures(evaluation: Evaluation) -> KeyFigures:
    matrix = evaluation.confusion_matrix.counts
    n_right = sum(row[index] for index, row in enumerate(matrix))
    right = f"{n_right:,} of {counted(evaluation.data.n_images, 'film')} right"
    shown = [
        ("Accuracy", "accuracy", right),
        ("Balanced accuracy", "balanced_accuracy", "every class counts alike"),
        ("ROC AUC", "roc_auc_macro", "mean over the classes; 0.5 is guessing"),
    ]
    return KeyFigures(tuple(_key_figure(evaluation, *one) for one in shown))


def _key_figure(evaluation: Evaluation, title: str, name: str, note: str) -> KeyFigure:
    estimate = evaluation.metrics[name]
    return KeyFigure(
        name=title,
        value=value_of(name, estimate),
        interval=interval_of(name, estimate),
        note=estimate.undefined_because or note,
    )


def _beside_internal(evaluation: Evaluation) -> list[Block]:
    """Return what the internal test of the same classifier makes of these numbers."""
    beside = evaluation.against_internal
    return [Paragraph(sentence(beside.sentence))] if beside is not None else []


def _known_films(evaluation: Evaluation) -> list[Block]:
    """Return what films known from training mean for the numbers, in words."""
    without = evaluation.without_leaks
    if without is None or without.n_removed == 0:
        return []
    return [Notice("critical", sentence(without.sentence))]


def _how_it_was_read(evaluation: Evaluation) -> list[Block]:
    if not evaluation.notes:
        return []
    notes = (sentence(capitalised(note)) for note in evaluation.notes)
    return [Bullets(f"How {evaluation.data.name} was read:", tuple(notes))]
