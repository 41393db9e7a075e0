"""One recipe trained with several seeds: a run whose members are runs."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from carina.domain.estimate import Estimate
from carina.domain.evaluation import Estimates, Evaluation, MemberFigures
from carina.domain.progress import Step
from carina.domain.recipe import Recipe
from carina.files.atomic import flush_folder, flush_tree, storage_errors
from carina.files.documents import write_document
from carina.runs import Run
from carina.workflows.environment import showing
from carina.workflows.making import (
    Order,
    begin_run,
    best_by_validation,
    complete_end,
    finish_run,
    make_run,
)
from carina.workflows.record import Moment
from carina.workflows.start import Start, reseeded, started_again

# What a run shows of the member that validation chose; the rest it has of its own.
_SHOWN = (
    "history.csv", "checkpoints", "classifier", "predictions", "explanations", "thumbnails",
)  # fmt: skip


def make_members(run: Run, order: Order, starts: Sequence[Start], *, seeds: int) -> None:
    """Train a recipe with several seeds, and make the member best on validation the run's own.

    All members share the films and the split; start weights, order, dropout and
    augmentation differ. The masked probe is that of the first member alone.

    Args:
        run: its folder exists and is empty.
        order: what is asked for; the first member's seed is the recipe's.
        starts: the first member's networks.
        seeds: how many.
    """
    log = begin_run(run, order)
    members = []
    for number in range(seeds):
        recipe = reseeded(order.recipe, number)
        log.progress(Step("", message=f"seed {recipe.train.seed}: {number + 1} of {seeds}"))
        own = starts
        if number:
            recipe = unprobed(recipe)
            again = started_again(starts, number, order.settings, order.progress)
            own = tuple(replace(start, recipe=unprobed(start.recipe)) for start in again)
        member = Run(run.members_dir / f"seed-{recipe.train.seed}")
        if member.is_finished:
            complete_end(member)
            members.append(member)
            continue
        member.folder.mkdir(parents=True, exist_ok=True)
        make_run(member, replace(order, recipe=recipe, began=Moment.now()), own)
        members.append(member)
    evaluations = [member.evaluation for member in members]
    chosen = best_by_validation(evaluations)
    show_member(run, members[chosen])
    figures = [
        MemberFigures(
            name=member.name,
            seed=member.recipe.train.seed,
            chosen=number == chosen,
            validation=evaluation.parts["validation"],
            metrics=evaluation.metrics,
        )
        for number, (member, evaluation) in enumerate(zip(members, evaluations, strict=True))
    ]
    evaluation = evaluations[chosen].model_copy(
        update={
            "members": tuple(figures),
            "over_members": mean_and_range(evaluations, "members"),
            "probes": evaluations[0].probes,
        }
    )
    write_document(run.evaluation_file, evaluation)
    write_document(run.environment_file, showing(run.environment, members[chosen].environment))
    log.say(f"seed {figures[chosen].seed} is the best of {seeds} on validation: the run's own")
    finish_run(run, log)


def unprobed(recipe: Recipe) -> Recipe:
    """Return the recipe without a masked probe, of which one of several trainings is enough."""
    section = recipe.evaluate.model_copy(update={"masked_probe": False})
    return recipe.model_copy(update={"evaluate": section})


def mean_and_range(evaluations: Sequence[Evaluation], of: str) -> Estimates:
    """Return, for every test metric, the mean over trainings with the lowest and highest.

    It is no confidence interval: the spread over seeds is that of the training's chance
    alone, on the same films, and that over folds is of films and training together.

    Args:
        evaluations: of each training.
        of: what the trainings are: "members" or "folds".
    """
    figures = {}
    for name in evaluations[0].metrics:
        values = [evaluation.metrics[name].value for evaluation in evaluations]
        defined = [value for value in values if value is not None]
        if len(defined) < len(values):
            why = f"{len(values) - len(defined)} of {len(values)} {of} have no such number"
            figures[name] = Estimate.undefined(why, n=len(values))
            continue
        figures[name] = Estimate(
            value=sum(defined) / len(defined),
            low=min(defined),
            high=max(defined),
            n=len(defined),
            method=f"mean-and-range-over-{of}",
        )
    return figures


def show_member(run: Run, member: Run, *, also: Sequence[str] = ()) -> None:
    """Put a member's files into the run, without using their room twice.

    Args:
        run: shows them from now on.
        member: the chosen one.
        also: files that the run has of its own until now, and that are replaced.
    """
    for name in (*_SHOWN, *also):
        source, target = member.folder / name, run.folder / name
        with storage_errors(target):
            if name in also:
                target.unlink(missing_ok=True)
            if source.is_dir():
                shutil.rmtree(target, ignore_errors=True)  # of a call that was interrupted
                shutil.copytree(source, target, copy_function=_linked)
                flush_tree(target)
            elif source.is_file():
                _linked(source, target)
                flush_folder(run.folder)


def _linked(source: str | Path, target: str | Path) -> None:
    """Give a file a second name, or copy it where the file system cannot.

    Files of a run are replaced, never changed, so neither name sees what happens to the
    other.
    """
    Path(target).unlink(missing_ok=True)
    try:
        Path(target).hardlink_to(source)
    except OSError:
        shutil.copy2(source, target)
