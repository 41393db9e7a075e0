"""A comparison -> its page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain

from carina.domain.comparison import ComparedPair, ComparedPart, ComparedRun, Comparison
from carina.domain.evaluation import Estimates
from carina.domain.report import (
    Block,
    Figure,
    KeyFigure,
    KeyFigures,
    Notice,
    Paragraph,
    Report,
    Section,
    Table,
)
from carina.domain.sentences import listed
from carina.reporting.comparison_figures import runs_curves_drawing
from carina.reporting.comparison_runs import runs_table
from carina.reporting.comparison_tests import MOST_SENTENCES, luck_blocks
from carina.reporting.figures import SIZES, History, confusion_drawing, svg
from carina.reporting.sections.results import confusion_in_words
from carina.reporting.wording import (
    counted,
    interval_of,
    name_then_numbers,
    over_interval,
    percent,
    reasons,
    sentence,
    title_of,
    value_of,
)

_OVERALL = (
    "accuracy",
    "balanced_accuracy",
    "roc_auc_macro",
    "f1_macro",
    "average_precision_macro",
    "log_loss",
)
_RATES = ("recall", "specificity", "precision", "f1", "roc_auc")
_MOST_KEY_FIGURES = 6


def build_comparison_report(comparison: Comparison, histories: Sequence[History]) -> Report:
    """Return the page of a comparison.

    Args:
        comparison: the runs and their tests.
        histories: each run's rows of `history.csv`, in the order of the runs; a run
            without any has no curve.

    Raises:
        MissingExtraError: if matplotlib is not installed.
    """
    names = [run.name for run in comparison.runs]
    sections = (
        _glance(comparison),
        Section("runs", "What was compared", (runs_table(comparison.runs),)),
        *_curves(comparison, histories),
        _part("validation", "On validation", comparison),
        _part("test", "On test", comparison),
        Section("luck", "More than luck?", luck_blocks(comparison)),
        _cautions(comparison.runs),
    )
    return Report(
        title=" / ".join(names) if len(names) <= 3 else f"{len(names)} runs compared",
        subtitle=f"Runs side by side, by Carina {comparison.carina_version}",
        sections=sections,
    )


def _glance(comparison: Comparison) -> Section:
    tests = [pair for pair in comparison.pairs if pair.part == "test"]
    shown = comparison.runs[:_MOST_KEY_FIGURES]
    return Section(
        anchor="glance",
        title="At a glance",
        blocks=(
            Paragraph(
                f"{counted(len(comparison.runs), 'run')} side by side: "
                f"{listed([run.name for run in comparison.runs])}. The numbers in large type are "
                "those of each run's own test part, with 95 % intervals."
            ),
            *_verdicts(tests),
            KeyFigures(tuple(_key_figure(run) for run in shown)),
        ),
    )


def _verdicts(pairs: Sequence[ComparedPair]) -> list[Block]:
    """Return what the pairs say; of many pairs how many say what."""
    if len(pairs) <= MOST_SENTENCES:
        return [_notice(pair) for pair in pairs]
    apart = [pair for pair in pairs if pair.test is None]
    blocks: list[Block] = []
    if apart:
        blocks.append(
            Notice(
                "critical",
                f"{len(apart)} of {len(pairs)} pairs of runs must not be ranked: they have other "
                "classes or other test films. See “More than luck?”.",
            )
        )
    tested = [pair for pair in pairs if pair.test is not None]
    found = [f"{pair.first} and {pair.second}" for pair in tested if pair.more_than_luck]
    if tested:
        which = f": {'; '.join(found)}" if found else ""
        blocks.append(
            Notice(
                "note",
                f"{len(found)} of {counted(len(tested), 'pair')} on the same films differ in "
                f"accuracy by more than luck{which}.",
            )
        )
    return blocks


def _notice(pair: ComparedPair) -> Notice:
    """Return a pair's sentence, marked by how far it can be built on."""
    if pair.test is None:
        return Notice("critical", pair.sentence)
    return Notice("note" if pair.more_than_luck else "warning", pair.sentence)


def _key_figure(run: ComparedRun) -> KeyFigure:
    figures = run.parts["test"]
    estimate = figures.metrics["accuracy"]
    films = counted(figures.data.n_images, "test film")
    return KeyFigure(
        name=f"Accuracy of {run.name}",
        value=value_of("accuracy", estimate),
        interval=interval_of("accuracy", estimate),
        note=f"{films}; {' / '.join(run.labels)}",
    )


def _curves(comparison: Comparison, histories: Sequence[History]) -> list[Section]:
    with_history = {
        run.name: (run, history)
        for run, history in zip(comparison.runs, histories, strict=True)
        if history
    }
    if not with_history:
        return []
    drawing = runs_curves_drawing(
        {name: history for name, (_, history) in with_history.items()},
        {name: run.chosen_epoch for name, (run, _) in with_history.items()},
    )
    ends = "; ".join(
        f"{name}: {counted(len(history), 'epoch')}, epoch {run.chosen_epoch} chosen"
        for name, (run, history) in with_history.items()
    )
    figure = Figure(
        svg=svg(drawing, name="curves", size=SIZES["curves"]),
        alt=f"Validation loss, accuracy and ROC AUC over the epochs. {ends}.",
        caption=(
            f"Validation loss, accuracy and ROC AUC (mean over the classes) over the epochs; the "
            f"large mark is the epoch that was chosen. {ends}."
        ),
    )
    questions = {tuple(sorted(run.labels)) for run in comparison.runs}
    warning = (
        [Notice("warning", "The runs tell different classes apart: their losses have no common "
                "scale, and the curves show how each learns, not which is better.")]
        if len(questions) > 1
        else []
    )  # fmt: skip
    return [Section("curves", "How they learned", (figure, *warning))]


def _part(part: ComparedPart, title: str, comparison: Comparison) -> Section:
    about = {
        "validation": "The films that chose each run's epoch: these numbers flatter a little.",
        "test": "The films that neither training nor the choice of the epoch was to see.",
    }
    runs = comparison.runs
    of_class = {
        f"{run.name}, {label}": {name: estimates[name] for name in _RATES}
        for run in runs
        for label, estimates in run.parts[part].per_class.items()
    }
    overall = {run.name: {name: run.parts[part].metrics[name] for name in _OVERALL} for run in runs}
    return Section(
        anchor=part,
        title=title,
        blocks=(
            Paragraph(f"{about[part]} Below each number is its 95 % interval."),
            _overall(part, runs),
            *_without_leaks(part, runs),
            _per_class(part, runs),
            *_undefined({**overall, **of_class}),
            *(_confusion(part, index, run) for index, run in enumerate(runs)),
        ),
    )


def _undefined(estimates: Mapping[str, Estimates]) -> list[Block]:
    """Return why numbers of the tables are not defined, in one paragraph."""
    told = " ".join(reasons(estimates))
    return [Paragraph(told)] if told else []


def _overall(part: ComparedPart, runs: Sequence[ComparedRun]) -> Table:
    figures = [run.parts[part] for run in runs]
    return Table(
        columns=("Over all films", *(run.name for run in runs)),
        rows=(
            ("Classes", *("\n".join(run.labels) for run in runs)),
            ("Films", *(f"{one.data.n_images:,}" for one in figures)),
            (
                "Always answering the largest class",
                *(f"{percent(one.largest_class_share)}\n{one.largest_class}" for one in figures),
            ),
            *(
                (title_of(name), *(over_interval(name, one.metrics[name]) for one in figures))
                for name in _OVERALL
            ),
        ),
        caption=f"Metrics on {part}, side by side",
        align=name_then_numbers(len(runs)),
    )


def _without_leaks(part: ComparedPart, runs: Sequence[ComparedRun]) -> list[Block]:
    """Return a notice for every run whose films on the part were known from training."""
    told = ((run.name, run.parts[part].without_leaks) for run in runs)
    return [Notice("critical", f"{name}: {sentence(one.sentence)}") for name, one in told if one]


def _per_class(part: ComparedPart, runs: Sequence[ComparedRun]) -> Table:
    """Return the metrics of every class, runs with the same class below each other."""
    classes = dict.fromkeys(chain.from_iterable(run.labels for run in runs))
    rows = []
    for label in classes:
        for run in runs:
            estimates = run.parts[part].per_class.get(label)
            if estimates is not None:
                cells = (over_interval(name, estimates[name]) for name in _RATES)
                support = value_of("support", estimates["support"])
                rows.append((f"{label}\n{run.name}", support, *cells))
    return Table(
        columns=(
            "Class against the rest",
            "Films",
            "Sensitivity (recall)",
            "Specificity",
            "Precision (PPV)",
            "F1",
            "ROC AUC",
        ),
        rows=tuple(rows),
        caption=f"Metrics on {part} by class and run",
        align=name_then_numbers(1 + len(_RATES)),
    )


def _confusion(part: ComparedPart, index: int, run: ComparedRun) -> Figure:
    matrix = run.parts[part].confusion_matrix
    return Figure(
        svg=svg(confusion_drawing(matrix), name=f"{part}-{index}", size=SIZES["confusion_matrix"]),
        alt=f"{run.name}. {confusion_in_words(matrix)}",
        caption=f"{run.name}: films by truth (rows) and answer (columns).",
    )


def _cautions(runs: Sequence[ComparedRun]) -> Section:
    """Return what belongs beside each run's numbers."""
    rows = tuple(
        (run.name, listed(run.external_tests) or "none", " ".join(map(sentence, run.cautions)))
        for run in runs
    )
    return Section(
        anchor="cautions",
        title="What stands against these numbers",
        blocks=(
            Table(columns=("Run", "Tests on other data", "Cautions"), rows=rows,
                  caption="Cautions of each run"),
        ),
    )  # fmt: skip
