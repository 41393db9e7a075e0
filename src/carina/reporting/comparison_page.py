"""A comparison -> its page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain

from carina.domain.comparison import (
    Compared,
    ComparedPair,
    ComparedPart,
    ComparedRun,
    Comparison,
)
from carina.domain.evaluation import Estimates
from carina.domain.percentages import percent
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
from carina.domain.sentences import counted, listed, sentence
from carina.reporting.comparison_figures import runs_curves_drawing
from carina.reporting.comparison_runs import others_tables, runs_table
from carina.reporting.comparison_tests import MOST_SENTENCES, luck_blocks
from carina.reporting.comparison_wording import deciders_of, with_scores
from carina.reporting.figures import SIZES, History, confusion_drawing, svg
from carina.reporting.sections.results import confusion_in_words
from carina.reporting.wording import (
    NOT_DEFINED,
    interval_of,
    name_then_numbers,
    over_interval,
    reasons,
    title_of,
    value_of,
)

_OVERALL = (
    "accuracy",
    "balanced_accuracy",
    "roc_auc_macro",
    "f1_macro",
    "average_precision_macro",
    "matthews_corrcoef",
    "log_loss",
    "brier_score",
)
_RATES = {
    "recall": "Sensitivity (recall)",
    "specificity": "Specificity",
    "precision": "PPV (precision)",
    "npv": "NPV",
    "f1": "F1",
    "roc_auc": "ROC AUC",
}
_MOST_KEY_FIGURES = 6


def build_comparison_report(comparison: Comparison, histories: Sequence[History]) -> Report:
    """Return the page of a comparison.

    Args:
        comparison: runs, readers and predictions, and their tests.
        histories: each run's rows of `history.csv`, in the order of the runs; a run
            without any has no curve.

    Raises:
        MissingExtraError: if matplotlib is not installed.
    """
    names = [one.name for one in comparison.compared]
    sections = (
        _glance(comparison),
        Section(
            "runs",
            "What was compared",
            (runs_table(comparison.runs), *others_tables(comparison.others)),
        ),
        *_curves(comparison, histories),
        _part("validation", "On validation", comparison),
        _part("test", "On test", comparison),
        Section("luck", "More than luck?", luck_blocks(comparison)),
        _cautions(comparison.compared),
    )
    return Report(
        title=" / ".join(names) if len(names) <= 3 else f"{_counts(comparison)} compared",
        subtitle=f"Side by side, by Carina {comparison.carina_version}",
        sections=sections,
    )


def _counts(comparison: Comparison) -> str:
    """Return how many of each kind are compared."""
    kinds = [one.kind for one in comparison.others]
    told = [counted(len(comparison.runs), "run")]
    if "predictions" in kinds:
        told.append(counted(kinds.count("predictions"), "file") + " of predictions")
    if "reader" in kinds:
        told.append(counted(kinds.count("reader"), "reader"))
    return listed(told)


def _glance(comparison: Comparison) -> Section:
    tests = [pair for pair in comparison.pairs if pair.part == "test"]
    shown = comparison.compared[:_MOST_KEY_FIGURES]
    return Section(
        anchor="glance",
        title="At a glance",
        blocks=(
            Paragraph(
                f"{_counts(comparison)} side by side: "
                f"{listed([one.name for one in comparison.compared])}. The numbers in large type "
                "are those of each on its own test films, with 95 % intervals."
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
                f"{len(apart)} of {len(pairs)} pairs must not be ranked: they have other "
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


def _key_figure(run: Compared) -> KeyFigure:
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
    runs = [one for one in comparison.compared if part in one.parts]
    of_class = {
        f"{run.name}, {label}": {name: estimates[name] for name in _RATES if name in estimates}
        for run in runs
        for label, estimates in run.parts[part].per_class.items()
    }
    overall = {
        run.name: {name: run.parts[part].metrics[name] for name in _shown(part, runs)}
        for run in runs
    }
    return Section(
        anchor=part,
        title=title,
        blocks=(
            Paragraph(f"{about[part]} Below each number is its 95 % interval."),
            _overall(part, runs),
            *_without_leaks(part, runs),
            _per_class(part, runs),
            *_undefined({**overall, **with_scores(of_class)}),
            *(_confusion(part, index, run) for index, run in enumerate(runs)),
        ),
    )


def _shown(part: ComparedPart, runs: Sequence[Compared]) -> list[str]:
    """Return the metrics that all have: an older evaluation has fewer of them."""
    return [name for name in _OVERALL if all(name in run.parts[part].metrics for run in runs)]


def _undefined(estimates: Mapping[str, Estimates]) -> list[Block]:
    """Return why numbers of the tables are not defined, in one paragraph."""
    told = list(reasons(with_scores(estimates)))
    deciders = deciders_of(estimates)
    if deciders:
        told.append(
            f"{listed(deciders)} gave decisions: a decision has no score, so that ROC AUC, average "
            f"precision, log loss and Brier score are {NOT_DEFINED}."
        )
    return [Paragraph(" ".join(told))] if told else []


def _overall(part: ComparedPart, runs: Sequence[Compared]) -> Table:
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
                for name in _shown(part, runs)
            ),
        ),
        caption=f"Metrics on {part}, side by side",
        align=name_then_numbers(len(runs)),
    )


def _without_leaks(part: ComparedPart, runs: Sequence[Compared]) -> list[Block]:
    """Return a notice for every run whose films on the part were known from training."""
    told = ((run.name, run.parts[part].without_leaks) for run in runs)
    return [Notice("critical", f"{name}: {sentence(one.sentence)}") for name, one in told if one]


def _per_class(part: ComparedPart, runs: Sequence[Compared]) -> Table:
    """Return the metrics of every class, runs with the same class below each other."""
    classes = dict.fromkeys(chain.from_iterable(run.labels for run in runs))
    every = [own for run in runs for own in run.parts[part].per_class.values()]
    shown = {name: title for name, title in _RATES.items() if all(name in own for own in every)}
    rows = []
    for label in classes:
        for run in runs:
            estimates = run.parts[part].per_class.get(label)
            if estimates is not None:
                cells = (over_interval(name, estimates[name]) for name in shown)
                support = value_of("support", estimates["support"])
                rows.append((f"{label}\n{run.name}", support, *cells))
    return Table(
        columns=("Class against the rest", "Films", *shown.values()),
        rows=tuple(rows),
        caption=f"Metrics on {part} by class",
        align=name_then_numbers(1 + len(shown)),
    )


def _confusion(part: ComparedPart, index: int, run: Compared) -> Figure:
    matrix = run.parts[part].confusion_matrix
    return Figure(
        svg=svg(confusion_drawing(matrix), name=f"{part}-{index}", size=SIZES["confusion_matrix"]),
        alt=f"{run.name}. {confusion_in_words(matrix)}",
        caption=f"{run.name}: films by truth (rows) and answer (columns).",
    )


def _cautions(runs: Sequence[Compared]) -> Section:
    """Return what belongs beside each run's numbers."""
    rows = tuple((run.name, _external(run), " ".join(map(sentence, run.cautions))) for run in runs)
    return Section(
        anchor="cautions",
        title="What stands against these numbers",
        blocks=(
            Table(columns=("Of", "Tests on other data", "Cautions"), rows=rows,
                  caption="Cautions of each"),
        ),
    )  # fmt: skip


def _external(run: Compared) -> str:
    """Return the tests on other data; answers without a run have none to speak of."""
    return listed(run.external_tests) or "none" if isinstance(run, ComparedRun) else "not known"
