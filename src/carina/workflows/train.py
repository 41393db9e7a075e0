"""Audit, split, train, evaluate and report: DATA becomes a run."""

from __future__ import annotations

import json
import os
import shlex
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from carina.domain.progress import Progress, Step
from carina.domain.recipe import Recipe
from carina.errors import RecipeError, RunError, StoppedBySignal, UsageError
from carina.files.owners import owned
from carina.files.recipes import (
    SettingWords,
    read_recipe,
    setting_list,
    with_settings,
)
from carina.runs import Run
from carina.settings import Settings
from carina.workflows.audit import data_list
from carina.workflows.environment import AskedWords
from carina.workflows.extras import require_extra
from carina.workflows.films import open_films
from carina.workflows.places import claimed
from carina.workflows.progress_bar import default_progress

if TYPE_CHECKING:
    from carina.workflows.folds import FoldsBy

_SPLIT_MODES = ("respect", "as-described", "cut")
_ROOM = 300_000_000
_MOST_SEEDS = 100


def train(
    data: str | Path | Sequence[str | Path] = (),
    *,
    recipe: str | Recipe = "two-conv",
    set: SettingWords = (),  # noqa: A002  the name of the command's option
    split: str | None = None,
    seeds: int = 1,
    folds: int | str | None = None,
    init: str | Path | None = None,
    abstain: float | None = None,
    out: str | Path | None = None,
    resume: str | Path | None = None,
    settings: Settings | None = None,
    progress: Progress | None = None,
) -> Run:
    """Train a classifier on films, test it, and write it all as a run.

    Args:
        data: folders, manifests or archives; several make one data set.
        recipe: a shipped recipe's name, a `.toml` file, or a recipe.
        set: `section.key=value` settings that change the recipe.
        split: "respect", "as-described" or "cut"; the recipe's own if None.
        seeds: how many trainings with seeds of their own; the report shows mean and range,
            and the classifier is the one best on validation.
        folds: how many folds, cut by patient and duplicate group, or "source": one training for
            each fold or source, tested on it; the report shows what all films got from the
            training that had not seen them, and the classifier is the one best on validation.
        init: an earlier run whose chosen epoch's weights are the start.
        abstain: the share of films whose prediction set may miss the true class, as 0.05: the
            classifier then gives no answer where its set has not exactly one class; the
            recipe's own (`evaluate.abstain`) if None.
        out: a new or empty folder; `runs/<time>-<recipe>` if None.
        resume: a run that was interrupted; it goes on and ends as it would have, on the same
            kind of processor to the last bit. It knows everything else itself.
        settings: caches, keys and where runs go; from the environment if None.
        progress: called as the work goes on.

    Raises:
        MissingExtraError: if the extra `train` is not installed.
        RecipeError: if the recipe cannot be used.
        DatasetError: if the data cannot be opened or trained on.
        UsageError: if `out` is not empty, or another process writes to it.
        RunError: if the run to resume is none, or its films are no longer what they were.
        StoppedBySignal: after Ctrl-C or SIGTERM; the sentence says how to go on.
        StorageError: if there is no room or no permission.
        TrainingError: if the training diverges.
        ParityError: if the exported network does not answer like the trained one.
    """
    require_extra("train", needed_for="carina train")
    progress = progress or default_progress()
    settings = settings or Settings.from_environment()
    if resume is not None:
        run = _to_resume(resume, data)
        if run.is_finished:
            progress(Step("", message=f"{run.folder} is finished; there is nothing to go on with"))
            return run
        with owned(run.folder), _telling_how_to_go_on(run):
            return _made(run, _asked_before(run), settings, progress)
    from carina.workflows.folds import folds_asked
    from carina.workflows.start import require_architectures

    chosen = _resolved(recipe, set, split=split, init=init, abstain=abstain)
    _require_seeds(seeds)
    by = None if folds is None else folds_asked(folds, chosen, seeds=seeds, split=split)
    require_architectures(chosen)
    asked = _Asked(_sources(data), chosen, seeds, by)
    with claimed(out, settings=settings, name=chosen.name, n_bytes=_ROOM) as folder:
        run = Run(folder)
        with owned(folder), _telling_how_to_go_on(run):
            return _made(run, asked, settings, progress)


@dataclass(frozen=True, slots=True)
class _Asked:
    """What a run is to become.

    Attributes:
        sources: DATA.
        recipe: resolved.
        seeds: how many trainings with seeds of their own.
        by: the folds, or None.
    """

    sources: tuple[str | Path, ...]
    recipe: Recipe
    seeds: int
    by: FoldsBy | None


def _made(run: Run, asked: _Asked, settings: Settings, progress: Progress) -> Run:
    """Open DATA, and train, test and report what is not yet."""
    from carina.workflows.folds import make_folds, open_folds, require_unseen
    from carina.workflows.making import Order, make_run
    from carina.workflows.members import make_members
    from carina.workflows.ruling import require_rules
    from carina.workflows.start import start_networks

    sources, recipe, by = asked.sources, asked.recipe, asked.by
    if by is not None:
        cut = open_folds(sources, recipe, by, settings=settings, progress=progress)
    else:
        cut = (open_films(sources, recipe, settings, progress),)
    for films in cut:
        require_rules(films, recipe)
    starts = start_networks(cut[0], recipe, settings, progress)
    if by is not None:
        require_unseen(starts)
    order = Order(cut[0], recipe, _words(run, asked), settings, progress)
    if by is not None:
        make_folds(run, order, cut, starts)
    elif asked.seeds > 1:
        make_members(run, order, starts, seeds=asked.seeds)
    else:
        make_run(run, order, starts)
    return run


def _words(run: Run, asked: _Asked) -> AskedWords:
    """Return what was asked for, as the run's record keeps it."""
    again = ["carina", "train", *map(str, asked.sources), "--recipe", str(run.recipe_file)]
    if asked.seeds > 1:
        again += ["--seeds", str(asked.seeds)]
    if asked.by is not None:
        again += ["--folds", str(asked.by)]
    return AskedWords(
        command=shlex.join(again),
        data=tuple(os.path.abspath(source) for source in asked.sources),  # noqa: PTH100  links stay
        seeds=asked.seeds,
        folds="" if asked.by is None else str(asked.by),
    )


def _sources(data: str | Path | Sequence[str | Path]) -> tuple[str | Path, ...]:
    sources = tuple(data_list(data))
    if not sources:
        raise UsageError(
            "carina train needs DATA: a folder of films in folders by class, a manifest, or "
            "--resume RUN to go on with a run that was interrupted"
        )
    return sources


def _to_resume(resume: str | Path, data: str | Path | Sequence[str | Path]) -> Run:
    if data_list(data):
        raise UsageError(
            "--resume takes no DATA: the run knows what it was made of; leave DATA out, or train "
            "anew without --resume"
        )
    run = Run.open(resume)
    if not run.environment_file.is_file() or not run.environment.data:
        raise RunError(
            f"{run.folder} cannot go on: it was stopped before anything was written, or made by a "
            "version that did not record its data; remove it and train anew"
        )
    return run


def _asked_before(run: Run) -> _Asked:
    """Return what an interrupted run was to become."""
    environment = run.environment
    by: FoldsBy | None = None
    if environment.folds:
        by = "source" if environment.folds == "source" else int(environment.folds)
    return _Asked(environment.data, run.recipe, environment.seeds, by)


@contextmanager
def _telling_how_to_go_on(run: Run) -> Iterator[None]:
    """Say how a run goes on where it is stopped by a signal in the block."""
    try:
        yield
    except (KeyboardInterrupt, StoppedBySignal) as stopped:
        number = stopped.signal_number if isinstance(stopped, StoppedBySignal) else signal.SIGINT
        advice = ""
        if run.environment_file.is_file():
            advice = f"go on with: {shlex.join(['carina', 'train', '--resume', str(run.folder)])}"
        raise StoppedBySignal(number, advice=advice) from None


def _require_seeds(seeds: int) -> None:
    if not 1 <= seeds <= _MOST_SEEDS:
        raise UsageError(f"--seeds takes a number from 1 to {_MOST_SEEDS}, and got {seeds}")


def _require_share(abstain: float) -> None:
    if not 0 <= abstain < 0.5:
        raise UsageError(
            f"--abstain takes a share from 0 to below 0.5, as 0.05 for 5 %, and got {abstain:g}"
        )


def _resolved(
    recipe: str | Recipe,
    settings: SettingWords,
    *,
    split: str | None,
    init: str | Path | None,
    abstain: float | None,
) -> Recipe:
    """Return the recipe with the settings that options stand for in it."""
    words = setting_list(settings)
    chosen = recipe if isinstance(recipe, Recipe) else read_recipe(recipe)
    if split is not None:
        if split not in _SPLIT_MODES:
            raise RecipeError(f"--split takes {', '.join(_SPLIT_MODES)}, and got '{split}'")
        words.append(f"split.mode={split}")
    if init is not None:
        words.append(f"network.init={json.dumps(str(init))}")
    if abstain is not None:
        _require_share(abstain)
        words.append(f"evaluate.abstain={abstain}")
    return with_settings(chosen, words) if words else chosen
