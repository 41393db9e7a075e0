"""A run of several trainings: whether it shows its members as they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from carina.data.predictions import prediction_row
from carina.domain.evaluation import Evaluation, MemberFigures
from carina.domain.record import Part
from carina.domain.verification import Difference
from carina.errors import RunError
from carina.files.tables import read_table
from carina.inference.bundle import README
from carina.runs import Run
from carina.workflows.fold_figures import FoldTraining, fold_figures
from carina.workflows.making import best_by_validation
from carina.workflows.members import mean_and_range
from carina.workflows.verifying.findings import Verified
from carina.workflows.verifying.numbers import Comparison
from carina.workflows.verifying.test import FROM_ANSWERS, RunRecord

_SHOWN = (
    *FROM_ANSWERS, "data", "gate", "error_agreement", "without_leaks", "last_epoch", "parts",
    "explanation_scores",
)  # fmt: skip


def check_members(record: RunRecord, members: Sequence[Run], into: Verified) -> None:
    """Check that a run shows the member that is best on validation, and the numbers of all.

    That the members' own numbers are right is checked for each of them.

    Args:
        record: of the run that has members.
        members: in their order.
        into: gets what is found.

    Raises:
        InputError: if a file of a member cannot be used.
    """
    by_name = {member.name: member for member in members}
    evaluation, where = record.evaluation, f"{record.at}evaluation.json"
    names = [one.name for one in evaluation.members]
    if evaluation.folds is not None:
        names = [one.name for one in evaluation.folds.folds]
    lacking = [name for name in names if name not in by_name] if names else ["every member"]
    if lacking:
        raise RunError(f"{where} and the folder members/ do not fit: {', '.join(lacking)}")
    ordered = [by_name[name] for name in names]
    evaluations = [member.evaluation for member in ordered]
    chosen = best_by_validation(evaluations)
    again = _shown_again(record, ordered, evaluations, chosen=chosen)
    compare = Comparison(evaluation, again, where, into)
    compare(_SHOWN, "held against those of the chosen member")
    probes = [f"probes.{name}" for name in evaluations[0].probes]
    compare(probes, "held against those of the first member")
    compare(["members", "over_members", "folds"], "computed again from the members")
    _check_answers(record, ordered[chosen], into)
    _check_network(record, ordered[chosen], into)
    if evaluation.folds is not None:
        _check_fold_answers(record, ordered, into)


def _shown_again(
    record: RunRecord, members: Sequence[Run], evaluations: Sequence[Evaluation], *, chosen: int
) -> Evaluation:
    """Return what the run's evaluation must be by its members."""
    recorded = record.evaluation
    own: dict[str, object] = {"probes": evaluations[0].probes}
    if recorded.folds is not None:
        trainings = [
            FoldTraining(member.name, fold.tested_on, evaluation, member.predictions("test")[1])
            for member, fold, evaluation in zip(
                members, recorded.folds.folds, evaluations, strict=True
            )
        ]
        own["folds"] = fold_figures(
            trainings,
            by=recorded.folds.by,
            name=recorded.folds.name,
            section=record.recipe.evaluate,
        )
    else:
        own["members"] = tuple(
            MemberFigures(
                name=member.name,
                seed=member.recipe.train.seed,
                chosen=number == chosen,
                validation=evaluation.parts["validation"],
                metrics=evaluation.metrics,
            )
            for number, (member, evaluation) in enumerate(zip(members, evaluations, strict=True))
        )
        own["over_members"] = mean_and_range(evaluations, "members")
    return evaluations[chosen].model_copy(update=own)


def _check_answers(record: RunRecord, member: Run, into: Verified) -> None:
    parts: tuple[Part, ...] = ("validation", "test")
    for part in parts:
        where = f"{record.at}predictions/{part}.csv"
        shown = list(map(prediction_row, record.recorded[part]))
        own = list(map(prediction_row, member.predictions(part)[1]))
        said = f"they are those of the member {member.name}"
        into.checked("answers", where, said, n=len(shown), differ=_differing(where, own, shown))


def _check_fold_answers(record: RunRecord, members: Sequence[Run], into: Verified) -> None:
    """Check `predictions/folds.csv`: every film's answer by the fold that had not seen it."""
    assert record.evaluation.folds is not None  # asked for where there are folds
    where = f"{record.at}predictions/{record.run.folds_file.name}"
    shown = read_table(record.run.folds_file, error=RunError)
    own = [
        {
            name: str(cell)
            for name, cell in {**prediction_row(answer), "fold": fold.tested_on}.items()
        }
        for member, fold in zip(members, record.evaluation.folds.folds, strict=True)
        for answer in member.predictions("test")[1]
    ]
    said = "each film has the answer of the member that had not seen it"
    into.checked("answers", where, said, n=len(shown), differ=_differing(where, own, shown))


def _differing(
    where: str, own: Sequence[Mapping[str, object]], shown: Sequence[Mapping[str, object]]
) -> list[Difference]:
    if len(own) != len(shown):
        told = Difference(
            what="answers", where=where, recorded=f"{len(own)} films", found=f"{len(shown)} films"
        )
        return [told]
    return [
        Difference(what="answers", where=f"{where}: {row['source']}/{row['path']}: {name}",
                   recorded=str(row[name]), found=str(now.get(name, "absent")))
        for row, now in zip(own, shown, strict=True)
        for name in row
        if row[name] != now.get(name)
    ]  # fmt: skip


def _check_network(record: RunRecord, member: Run, into: Verified) -> None:
    """Check that the run's network is the chosen member's; the words on its card may be others."""
    own, shown = member.card.files, record.classifier.card.files
    where = f"{record.at}classifier"
    differ = [
        Difference(what="classifier", where=f"{where}/{name}", recorded=own.get(name, "absent"),
                   found=shown.get(name, "absent"))
        for name in sorted(own.keys() | shown.keys())
        if name != README and own.get(name) != shown.get(name)
    ]  # fmt: skip
    said = f"its network and rules are those of the member {member.name}"
    into.checked("classifier", where, said, n=len(shown), differ=differ)
