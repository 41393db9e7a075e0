"""The same recipe with several seeds: how much is the training's own chance."""

from __future__ import annotations

from carina.domain.evaluation import Evaluation, MemberFigures
from carina.domain.report import Paragraph, Section, Table
from carina.reporting.sections import section
from carina.reporting.wording import (
    interval_of,
    name_then_numbers,
    over_interval,
    title_of,
    value_of,
)
from carina.runs import Run

_SHOWN = ("accuracy", "balanced_accuracy", "roc_auc_macro", "f1_macro")


@section("members", order=54)
def members(run: Run) -> Section | None:
    """Return the section on the seeds, or None where there was one."""
    evaluation = run.evaluation
    if not evaluation.members:
        return None
    chosen = next(member for member in evaluation.members if member.chosen)
    n = len(evaluation.members)
    shown = [name for name in _SHOWN if name in evaluation.over_members]
    return Section(
        anchor="members",
        title="Several seeds",
        blocks=(
            Paragraph(
                f"The recipe was trained {n} times on the same films and the same split; start "
                "weights, order, dropout and augmentation differed. The classifier, and every "
                f"other number of this page, is that of seed {chosen.seed}, which has the least "
                "loss on the validation part. The range is the training's chance alone: other "
                "films would move the numbers further, which the intervals tell."
            ),
            Table(
                columns=("Test metric", "Mean", f"Lowest to highest of {n}"),
                rows=tuple(
                    (
                        title_of(name),
                        value_of(name, evaluation.over_members[name]),
                        interval_of(name, evaluation.over_members[name]),
                    )
                    for name in shown
                ),
                caption=f"Over the {n} seeds",
                align=name_then_numbers(2),
            ),
            _each(evaluation, shown),
        ),
    )


def _each(evaluation: Evaluation, shown: list[str]) -> Table:
    return Table(
        columns=("Seed", "Validation loss", *(title_of(name) for name in shown)),
        rows=tuple(_row(member, shown) for member in evaluation.members),
        caption="Each seed on the test part, with 95 % intervals",
        align=name_then_numbers(len(shown) + 1),
    )


def _row(member: MemberFigures, shown: list[str]) -> tuple[str, ...]:
    name = f"{member.seed} (chosen)" if member.chosen else str(member.seed)
    return (
        name,
        value_of("loss", member.validation["loss"]),
        *(over_interval(metric, member.metrics[metric]) for metric in shown),
    )
