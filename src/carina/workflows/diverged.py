"""Trainings that diverged: what is kept of them, what their record says, what can be done."""

from __future__ import annotations

import math
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from carina.domain.sentences import counted
from carina.errors import RunError, TrainingError
from carina.files.tables import write_table
from carina.runs import DIVERGED, HISTORY_COLUMNS, Run
from carina.workflows.record import local_time, note_facts

if TYPE_CHECKING:
    from carina.training.divergence import DivergedError


def keep_diverged(run: Run, error: DivergedError) -> TrainingError:
    """Keep what a training had before it diverged, note that it did, and return the error that
    says what is kept and what to try.

    Kept are the best epoch's weights and the rows of the epochs that were done. Nothing is left
    to go on from: the same steps would end in the same place.

    Args:
        run: the training's.
        error: what `fit` raised.

    Raises:
        StorageError: if there is no room or no permission.
    """
    from carina.training.checkpoints import remove_checkpoints
    from carina.workflows.learning import write_checkpoint

    said = f"{error}"
    if error.history:
        rows = [{n: None if math.isnan(v) else v for n, v in row.items()} for row in error.history]
        write_table(run.history_file, HISTORY_COLUMNS, rows)
    if error.best_epoch:
        write_checkpoint(run, "best", error.best_state, epoch=error.best_epoch)
        file = run.checkpoints_dir / "best.safetensors"
        said += f"; the weights of epoch {error.best_epoch}, the best before that, are in {file}"
    remove_checkpoints(run.checkpoints_dir)
    note_facts(run, status=DIVERGED, ended=local_time(), diverged=str(error))
    return TrainingError(said)


@contextmanager
def naming_the_diverged(run: Run) -> Iterator[None]:
    """Name the one of a run's trainings that diverged in the block, and note it in the record of
    the run too; those that were finished stay.

    Raises:
        TrainingError: as it was raised in the block, with the training's place in the run.
    """
    try:
        yield
    except TrainingError as error:
        place = _diverged_in(run)
        if place is None:
            raise
        finished = sum(member.is_finished for member in run.members)
        said = f"{place}: {error}"
        if finished:
            kept = f"{counted(finished, 'training')} of the run finished before"
            said += f"; {kept} and can be read below {run.members_dir}"
        raise TrainingError(said) from error


def require_not_diverged(run: Run, what: str = "cannot go on") -> None:
    """Refuse a run that diverged, and say what can be done instead.

    Args:
        run: any.
        what: what it can therefore not do.

    Raises:
        RunError: if it did.
    """
    if not run.environment_file.is_file() or run.environment.status != DIVERGED:
        return
    data = [shlex.quote(source) for source in run.environment.data]
    again = f"carina train {' '.join(data)} --recipe {shlex.quote(str(run.recipe_file))}"
    best = run.checkpoints_dir / "best.safetensors"
    kept = f"; the weights of its best epoch are kept in {best}" if best.is_file() else ""
    raise RunError(
        f"{run.folder} diverged and {what}: {run.environment.diverged}{kept}. Resumed, the same "
        f"steps would end in the same place; train anew with what is to try: {again} --set ..."
    )


def _diverged_in(run: Run) -> str | None:
    """Return the place of the member that diverged, below a run; None if none of them did.

    The records of the runs between are made to say so.
    """
    for member in run.members:
        if not member.environment_file.is_file():
            continue
        within = _diverged_in(member)
        if within is None and member.environment.status != DIVERGED:
            continue
        name = f"{run.members_dir.name}/{member.name}"
        place = name if within is None else f"{name}/{within}"
        why = f"{name}: {member.environment.diverged}"
        note_facts(run, status=DIVERGED, ended=local_time(), diverged=why)
        return place
    return None
