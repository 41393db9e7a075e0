"""The same recipe over folds: every film answered by a training that had not seen it."""

from __future__ import annotations

from carina.domain.evaluation import ConfusionMatrix, Evaluation
from carina.domain.folds import Fold, FoldFigures
from carina.domain.probes import MASKED_BALANCED_ACCURACY
from carina.domain.report import Block, Figure, Notice, Paragraph, Section, Table
from carina.domain.sentences import capitalised, counted, listed, sentence
from carina.evaluation.external import fair_figures
from carina.reporting.figures import SIZES, confusion_drawing, svg
from carina.reporting.sections import section
from carina.reporting.wording import (
    interval_of,
    name_then_numbers,
    over_interval,
    reasons,
    title_of,
    value_of,
)
from carina.runs import Run

_SHOWN = ("accuracy", "balanced_accuracy", "roc_auc_macro", "f1_macro", "log_loss")
_PER_FOLD = ("accuracy", "balanced_accuracy", "roc_auc_macro", "f1_macro")
_RATES = ("recall", "specificity", "precision", "f1", "roc_auc")


@section("folds", order=56)
def folds(run: Run) -> Section | None:
    """Return the section on the folds, or None where there are none."""
    evaluation = run.evaluation
    figures = evaluation.folds
    if figures is None:
        return None
    by_source = figures.by == "source"
    return Section(
        anchor="folds",
        title="Leaving one source out" if by_source else f"Over {len(figures.folds)} folds",
        blocks=(
            Paragraph(_what_was_done(figures)),
            Paragraph(sentence(capitalised(figures.sentence))),
            _pooled(figures),
            *_undefined(figures),
            _each(figures),
            _per_class(figures),
            *_one_sided_sources(figures, evaluation.labels),
            _confusion(figures, evaluation.labels),
            Paragraph(_how_to_read()),
            Paragraph(_what_the_rest_is(figures, evaluation)),
        ),
    )


def _what_was_done(figures: FoldFigures) -> str:
    n = len(figures.folds)
    films = counted(figures.n_images, "film")
    kind = "patient" if figures.unit == "patients" else "known patient"
    of = f" of {counted(figures.n_patients, kind)}" if figures.n_patients else ""
    if figures.by == "source":
        return (
            f"The recipe was trained {n} times, each time without one of the {n} sources, and "
            f"tested on that source: {films}{of}, each answered once. The validation part was "
            "cut from the films trained on."
        )
    return (
        f"The {films}{of} were cut into {n} folds by patient and duplicate group, with each "
        f"class's share in each. The recipe was trained {n} times, each time without one fold, and "
        "tested on that fold. The validation part was cut from the other folds."
    )


def _pooled(figures: FoldFigures) -> Table:
    shown = [name for name in _SHOWN if name in figures.pooled]
    return Table(
        columns=(
            "Over all folds",
            "Pooled",
            "95 % interval",
            "Mean of the folds",
            "95 % interval",
            f"Lowest to highest of {len(figures.folds)}",
        ),
        rows=tuple(
            (
                title_of(name),
                value_of(name, figures.pooled[name]),
                interval_of(name, figures.pooled[name]),
                value_of(name, figures.mean_of_folds[name]),
                interval_of(name, figures.mean_of_folds[name]),
                interval_of(name, figures.over_folds[name]),
            )
            for name in shown
        ),
        caption="All held-out films together, and the mean over the folds",
        align=name_then_numbers(5),
    )


def _undefined(figures: FoldFigures) -> list[Block]:
    """Say why a mean over the folds is not defined."""
    means = {name: figures.mean_of_folds[name] for name in _SHOWN if name in figures.mean_of_folds}
    return (
        [Paragraph(f"Mean of the folds: {' '.join(why)}")] if (why := reasons({"": means})) else []
    )


def _each(figures: FoldFigures) -> Table:
    shown = [name for name in _PER_FOLD if name in figures.pooled]
    return Table(
        columns=(
            "Held out",
            "Films",
            "Validation loss",
            *(title_of(name) for name in shown),
        ),
        rows=tuple(_row(fold, shown) for fold in figures.folds),
        caption="Each training on what was held out, with 95 % intervals",
        align=name_then_numbers(len(shown) + 2),
    )


def _row(fold: Fold, shown: list[str]) -> tuple[str, ...]:
    loss = fold.validation.get("loss")
    return (
        f"{fold.tested_on} (chosen)" if fold.chosen else fold.tested_on,
        f"{fold.n_images:,}",
        "" if loss is None else value_of("loss", loss),
        *(_number(fold, name) for name in shown),
    )


def _number(fold: Fold, name: str) -> str:
    """Return a number of a fold, with what it is where the fold lacks a class."""
    cell = over_interval(name, fold.metrics[name])
    own = [label for label, figures in fold.per_class.items() if figures["support"].value]
    if name != "balanced_accuracy" or len(own) == len(fold.per_class):
        return cell
    mean = "mean sensitivity" if len(own) > 1 else "sensitivity"
    return f"{cell}\n{mean} for {listed(own)}"


def _per_class(figures: FoldFigures) -> Table:
    classes = figures.pooled_per_class
    shown = [name for name in _RATES if all(name in own for own in classes.values())]
    return Table(
        columns=("Class, pooled", "Films", *(title_of(name) for name in shown)),
        rows=tuple(
            (
                label,
                value_of("support", own["support"]),
                *(over_interval(name, own[name]) for name in shown),
            )
            for label, own in classes.items()
        ),
        caption="Each class against the rest, all held-out films together",
        align=name_then_numbers(len(shown) + 1),
    )


def _one_sided_sources(figures: FoldFigures, labels: tuple[str, ...]) -> list[Block]:
    """Say which held-out sources lack a class: what they pool is sources as well as classes."""
    if figures.by != "source":
        return []
    lacking = []
    for fold in figures.folds:
        absent = [
            label
            for label in labels
            if label in fold.per_class and not fold.per_class[label]["support"].value
        ]
        if absent:
            lacking.append(f"{fold.tested_on} has no film of {listed(absent)}")
    if not lacking:
        return []
    return [
        Notice(
            "warning",
            f"Of the held-out sources {listed(lacking)}. Numbers over all sources together then "
            "mix what differs between sources with what differs between classes: read each "
            "source's sensitivity.",
        )
    ]


def _confusion(figures: FoldFigures, labels: tuple[str, ...]) -> Figure:
    matrix = ConfusionMatrix(labels=labels, counts=figures.pooled_confusion)
    return Figure(
        svg=svg(
            confusion_drawing(matrix), name="confusion-of-folds", size=SIZES["confusion_matrix"]
        ),
        alt=f"Confusion matrix of {counted(figures.n_images, 'held-out film')}, as counted in "
        "evaluation.json",
        caption="Truth and answer, all held-out films together",
    )


def _how_to_read() -> str:
    return (
        "Counts may be pooled: accuracy, sensitivity, specificity and F1 of all held-out films "
        "together are the figures to quote, since a mean of F1 over folds is biased (Forman and "
        "Scholz 2010). ROC AUC and average precision compare scores, and pooled they compare those "
        "of several networks: there the mean of the folds is the figure to quote (Airola and "
        "others 2011). Its interval is made of those of the folds (Zou, Huang and Zhang 2009). "
        "The intervals count the luck of the films, not that of the trainings, whose films "
        "overlap: no unbiased estimate of that exists (Bengio and Grandvalet 2004)."
    )


def _what_the_rest_is(figures: FoldFigures, evaluation: Evaluation) -> str:
    chosen = figures.chosen
    fair = fair_figures(evaluation)
    own = fair.n if fair is not None else evaluation.data.n_images
    probed = ""
    if MASKED_BALANCED_ACCURACY in evaluation.probes:
        held_out = figures.folds[0].tested_on
        probed = f" The masked probe is that of the first training alone ({held_out} held out)."
    return (
        f"These figures judge the recipe. The classifier of this run is one of the "
        f"{len(figures.folds)} trainings, that without {chosen.tested_on}, which has the least "
        f"loss on its validation part; the sections below are of that training and its "
        f"{counted(own, 'test film')}.{probed}"
    )
