"""A training that goes on where it was interrupted: what must be the same, and how it stops."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from carina.data.manifest import ManifestRow, manifest_rows
from carina.domain.recipe import Recipe
from carina.domain.sentences import counted
from carina.errors import RunError, StoppedBySignal
from carina.files.digests import sha256_bytes
from carina.runs import Run
from carina.workflows.films import Films

if TYPE_CHECKING:
    from types import FrameType

    from carina.training.checkpoints import Checkpoints
    from carina.training.films import TrainingFilms

_FEW = 5


def require_same_films(run: Run, films: Films) -> None:
    """Refuse to go on with other films than those that the run began with.

    Args:
        run: with the manifest that it began with, or without one yet.
        films: as they are now.

    Raises:
        RunError: naming the films.
    """
    if not run.manifest_file.is_file():
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


def _changed(before: Mapping[str, ManifestRow], now: Mapping[str, ManifestRow]) -> set[str]:
    return {key for key in before.keys() & now.keys() if before[key].sha256 != now[key].sha256}


def _named(keys: set[str], one: str, several: str) -> str:
    if not keys:
        return ""
    named = ", ".join(sorted(keys)[:_FEW])
    more = f" and {len(keys) - _FEW:,} more" if len(keys) > _FEW else ""
    return f"{counted(len(keys), 'film')} {one if len(keys) == 1 else several}: {named}{more}"


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
    """Let Ctrl-C and SIGTERM end the training in the block after a checkpoint; a second one
    ends it at once.

    Only the main thread hears signals; in another one the block changes nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def hear(number: int, _frame: FrameType | None) -> None:
        if checkpoints.stop_signal is not None:
            raise StoppedBySignal(number)
        checkpoints.stop_signal = number

    heard = [signal.SIGINT, signal.SIGTERM]
    # A shell lets what it starts in the background ignore Ctrl-C; that stays so.
    heard = [number for number in heard if signal.getsignal(number) != signal.SIG_IGN]
    before = {number: signal.signal(number, hear) for number in heard}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
