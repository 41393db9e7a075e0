"""The classifier on other films, beside its own test."""

from __future__ import annotations

from collections.abc import Mapping

from carina.domain.evaluation import Estimates, Evaluation
from carina.domain.external import AgainstInternal
from carina.domain.report import Block, Notice, Paragraph, Section, Table
from carina.domain.sentences import counted, sentence
from carina.evaluation.external import INTERNAL_TEST, fair_figures
from carina.reporting.sections import test_section
from carina.reporting.wording import (
    difference_over_interval,
    name_then_numbers,
    over_interval,
    title_of,
)
from carina.runs import Run, TestFolder

_OVERALL = (
    "accuracy",
    "balanced_accuracy",
    "roc_auc_macro",
    "average_precision_macro",
    "f1_macro",
    "log_loss",
)
_RATES = ("recall", "specificity", "precision", "f1", "roc_auc", "average_precision")
_HOW_TO_READ = (
    "Differences are external less internal, with 95 % intervals made of the intervals of both, "
    "which share no film (Zou and Donner 2008). Accuracy, precision and average precision also "
    "move with how many films each class has; with two classes, sensitivity, specificity, "
    "balanced accuracy and ROC AUC do not."
)


@test_section("external", order=49)
def external(run: Run | TestFolder) -> Section | None:
    """Return the section on tests on other films, or None where there is none."""
    if isinstance(run, TestFolder):
        own, tests = None, [run.evaluation]
    else:
        own, tests = run.evaluation, [run.external_evaluation(n) for n in run.external_names()]
    blocks = [block for test in tests for block in _test(test, own=own)]
    if any(test.against_internal is not None for test in tests):
        blocks.append(Paragraph(_HOW_TO_READ))
    return Section("external", "On other films", tuple(blocks)) if blocks else None


def _test(test: Evaluation, *, own: Evaluation | None) -> list[Block]:
    """Return one test, beside the internal one where both say something.

    Args:
        test: on other films.
        own: the internal one as it stands, leaks and all; None if it is not known.
    """
    beside, fair = test.against_internal, fair_figures(test)
    if beside is None or fair is None:
        if own is None:
            return []
        why = "none of these films is new to the classifier"
        if test.without_leaks is not None:
            why = test.without_leaks.sentence
        return [Paragraph(f"{test.data.name}, no external test: {sentence(why)}")]
    blocks: list[Block] = [Paragraph(sentence(beside.sentence))]
    if beside.without_known and test.without_leaks is not None:
        blocks.append(Notice("warning", sentence(test.without_leaks.sentence)))
    blocks.append(_overall(test, beside, fair.metrics, own=own))
    blocks.append(_per_class(test, beside, fair.per_class))
    return blocks


def _overall(
    test: Evaluation, beside: AgainstInternal, metrics: Estimates, *, own: Evaluation | None
) -> Table:
    """Return internal, leak-corrected and external numbers side by side, with the drops."""
    as_it_stands = own.metrics if own is not None and beside.without_leaks else None
    columns, own_name = ["Over all films"], _own_name(beside)
    if as_it_stands is not None:
        columns.append(f"{own_name}, as it stands")
    columns += [
        f"{own_name}, without leaks" if beside.without_leaks else own_name,
        test.data.name,
        "Difference",
    ]
    rows = []
    for name in _OVERALL:
        if name not in beside.internal or name not in metrics:
            continue
        row = [title_of(name)]
        if as_it_stands is not None:
            row.append(over_interval(name, as_it_stands[name]))
        row += [over_interval(name, beside.internal[name]), over_interval(name, metrics[name])]
        row.append(difference_over_interval(name, beside.drops[name]))
        rows.append(tuple(row))
    return Table(
        columns=tuple(columns),
        rows=tuple(rows),
        caption=f"{test.data.name} beside {beside.name}: {counted(beside.n_external, 'film')} "
        f"against {beside.n_internal:,}",
        align=name_then_numbers(len(columns) - 1),
    )


def _own_name(beside: AgainstInternal) -> str:
    return "Internal" if beside.name == INTERNAL_TEST else "Held out"


def _per_class(
    test: Evaluation, beside: AgainstInternal, per_class: Mapping[str, Estimates]
) -> Table:
    rows = [
        (
            label,
            title_of(name),
            over_interval(name, beside.internal_per_class[label][name]),
            over_interval(name, figures[name]),
            difference_over_interval(name, beside.drops_per_class[label][name]),
        )
        for label, figures in per_class.items()
        if label in beside.drops_per_class
        for name in _RATES
        if name in figures and name in beside.drops_per_class[label]
    ]
    return Table(
        columns=("Class", "Against the rest", _own_name(beside), test.data.name, "Difference"),
        rows=tuple(rows),
        caption=f"{test.data.name} beside {beside.name}, each class against the rest",
        align=("left", "left", "right", "right", "right"),
    )
