"""A training that goes on where it was interrupted: what must be the same, and how it stops."""

from __future__ import annotations

import _thread
import signal
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from carina.data.manifest import ManifestRow, manifest_rows
from carina.domain.recipe import Recipe
from carina.domain.sentences import counted
from carina.errors import RunError, StoppedBySignal
from carina.files.digests import file_digest, sha256_bytes
from carina.runs import MEMBERS, Run
from carina.workflows.films import Films

if TYPE_CHECKING:
    from types import FrameType

    from carina.training.checkpoints import Checkpoints
    from carina.training.films import TrainingFilms

_FEW = 5
# From the signal on; then there are some seconds left for the way out.
_STEP_MAY_TAKE_S = 4.0


def require_same_films(run: Run, films: Films) -> None:
    """Refuse to go on with other films than those that the run began with.

    Args:
        run: with the manifest that it began with, or without one yet.
        films: as they are now.

    Raises:
        RunError: naming the films.
    """
    if not run.manifest_file.is_file():
        if run.members:
            raise RunError(
                f"{run.folder} cannot go on: {run.manifest_file.name}, which names the films that "
                "it began with, is gone; put it back, or train anew with another --out"
            )
        return
    before = {row.key: row for row in run.manifest}
    now = {row.key: row for row in manifest_rows(films.dataset, films.split, films.scan)}
    if before == now:
        return
    said = [
        _named(before.keys() - now.keys(), "is gone", "are gone"),
        _named(now.keys() - before.keys(), "is new", "are new"),
        _named(_changed(before, now), "has changed", "have changed"),
    ]
    told = "; ".join(one for one in said if one) or "they fall into other parts"
    raise RunError(
        f"{run.folder} cannot go on: the films are not those that it began with ({told}); put "
        "them back as they were, or train anew with another --out"
    )


def require_same_recipe(run: Run) -> bool:
    """Refuse to go on by another recipe than the one that a run began with.

    Trainings of the run that are done went by that one, and what is reported would be of both.

    Args:
        run: with a record.

    Returns:
        Whether the record names the recipe; that of an earlier version does not.

    Raises:
        RunError: if the recipe's file is another one.
    """
    recorded = run.environment.recipe_sha256
    if recorded and recorded != file_digest(run.recipe_file):
        raise RunError(
            f"{run.folder} cannot go on: {run.recipe_file} was changed since the run began; put it "
            "back as it was, to the last byte, or train anew by it with another --out"
        )
    return bool(recorded)


def _changed(before: Mapping[str, ManifestRow], now: Mapping[str, ManifestRow]) -> set[str]:
    return {key for key in before.keys() & now.keys() if before[key].sha256 != now[key].sha256}


def _named(keys: set[str], one: str, several: str) -> str:
    if not keys:
        return ""
    named = ", ".join(sorted(keys)[:_FEW])
    more = f" and {len(keys) - _FEW:,} more" if len(keys) > _FEW else ""
    return f"{counted(len(keys), 'film')} {one if len(keys) == 1 else several}: {named}{more}"


def was_interrupted(run: Run) -> bool:
    """Return whether a run goes on; a training without a record does not."""
    return run.environment_file.is_file() and run.environment.resumed > 0


def threads_of_others(run: Run, recipe: Recipe) -> int:
    """Return the threads that other trainings of the same run were recorded with, or 0.

    A member that begins only after an interruption gets those that it would have got before.
    A recipe that names its threads needs no record.
    """
    if recipe.train.threads:
        return 0
    whole = run.folder
    while whole.parent.name == MEMBERS:
        whole = whole.parent.parent
    if whole == run.folder:
        return 0
    for file in sorted(whole.rglob(run.environment_file.name)):
        other = Run(file.parent)
        threads = other.environment.circumstances.get("threads", 0)
        if threads and not other.recipe.train.threads:
            return int(threads)
    return 0


def identity_of(recipe: Recipe, films: TrainingFilms) -> dict[str, Any]:
    """Return what tells a training from any other, as plain values: a checkpoint of another
    one is never taken up."""
    sections = recipe.model_dump(mode="json", include={"input", "network", "augment", "train"})
    parts = {
        name: sha256_bytes("\n".join([*part.keys, *map(str, part.labels.tolist())]).encode())
        for name, part in (("training films", films.train), ("validation films", films.validation))
    }
    return {**sections, **parts}


@contextmanager
def stopping_at_signals(checkpoints: Checkpoints) -> Iterator[None]:
    """Let Ctrl-C and SIGTERM end the training in the block after a checkpoint.

    It ends at the next step; at once where none is being taken; and without another
    checkpoint where a step takes longer than some seconds, or at a second signal. Only the
    main thread hears signals; in another one the block changes nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    hearing = _Hearing(checkpoints)
    heard = [signal.SIGINT, signal.SIGTERM]
    # A shell lets what it starts in the background ignore Ctrl-C; that stays so.
    heard = [number for number in heard if signal.getsignal(number) != signal.SIG_IGN]
    before = {number: signal.signal(number, hearing) for number in heard}
    try:
        yield
    finally:
        hearing.end()
        for number, handler in before.items():
            signal.signal(number, handler)


class _Hearing:
    """What a training does at a signal."""

    def __init__(self, checkpoints: Checkpoints) -> None:
        self._checkpoints = checkpoints
        self._timer: threading.Timer | None = None
        self._is_late = False

    def __call__(self, number: int, _frame: FrameType | None) -> None:
        """Ask for the end of the training, or end it."""
        checkpoints = self._checkpoints
        if self._is_late and checkpoints.is_writing:
            return
        is_first, checkpoints.stop_signal = checkpoints.stop_signal is None, number
        if checkpoints.is_stoppable or not is_first:
            raise StoppedBySignal(number)
        self._timer = threading.Timer(_STEP_MAY_TAKE_S, self._insist, (number,))
        self._timer.daemon = True
        self._timer.start()

    def end(self) -> None:
        """Hear nothing more."""
        if self._timer is not None:
            self._timer.cancel()

    def _insist(self, number: int) -> None:
        self._is_late = True
        # Runs this object in the main thread, as the signal itself did.
        _thread.interrupt_main(signal.Signals(number))
