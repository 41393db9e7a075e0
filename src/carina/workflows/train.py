"""Audit, split, train, evaluate and report: DATA becomes a run."""

from __future__ import annotations

import json
import os
import shlex
import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from carina.domain.environment import MOST_SEEDS
from carina.domain.progress import Progress, Step
from carina.domain.recipe import Recipe
from carina.errors import RecipeError, RunError, StoppedBySignal, UsageError
from carina.files.digest_list import DIGESTS
from carina.files.owners import added_to, owned, was_left_by_owner
from carina.files.recipes import (
    SettingWords,
    read_recipe,
    setting_list,
    with_settings,
)
from carina.files.stopping import advising
from carina.runs import Run, whole_run
from carina.settings import Settings
from carina.workflows.audit import data_list
from carina.workflows.diverged import naming_the_diverged, require_not_diverged
from carina.workflows.environment import AskedWords
from carina.workflows.extras import require_extra
from carina.workflows.films import open_films
from carina.workflows.git_state import git_state
from carina.workflows.places import claimed
from carina.workflows.progress_bar import default_progress
from carina.workflows.record import Moment, note_stopped
from carina.workflows.reproducing.recorded_data import RecordedData, with_recorded_parts
from carina.workflows.sharing import require_workers

if TYPE_CHECKING:
    from carina.workflows.folds import FoldsBy

_SPLIT_MODES = ("respect", "as-described", "cut")
_RECIPE = "two-conv"
_ROOM = 20_000_000
"""Bytes that any run takes; what this one needs is counted once its films are known."""


def train(
    data: str | Path | Sequence[str | Path] = (),
    *,
    recipe: str | Recipe | None = None,
    set: SettingWords = (),  # noqa: A002  the name of the command's option
    split: str | None = None,
    seeds: int = 1,
    workers: int = 1,
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
        recipe: a shipped recipe's name, a `.toml` file, or a recipe; "two-conv" if None.
        set: `section.key=value` settings that change the recipe.
        split: "respect", "as-described" or "cut"; the recipe's own if None.
        seeds: how many trainings with seeds of their own; the report shows mean and range,
            and the classifier is the one best on validation.
        workers: how many processes share each training (extra `cluster`), on this machine or in
            the Ray that `settings.cluster` names; the masked probe is trained by one.
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
        RunError: if the run to resume is none or diverged, or its films are no longer what
            they were.
        StoppedBySignal: after Ctrl-C or SIGTERM; the sentence says how to go on.
        StorageError: if there is no room or no permission.
        TrainingError: if the training diverges.
        ParityError: if the exported network does not answer like the trained one.
    """
    require_extra("train", needed_for="carina train")
    progress = progress or default_progress()
    settings = settings or Settings.from_environment()
    if resume is not None:
        _require_alone(
            {
                "DATA": data_list(data),
                "--recipe": recipe,
                "--set": setting_list(set),
                "--split": split,
                "--seeds": seeds != 1,
                "--workers": workers != 1,
                "--folds": folds,
                "--init": init,
                "--abstain": abstain is not None,
                "--out": out,
            }
        )
        run = _to_resume(resume)
        if run.is_finished and not was_left_by_owner(run.folder):
            progress(Step("", message=f"{run.folder} is finished; there is nothing to go on with"))
            return run
        with _held(run, progress):
            return _gone_on_with(run, settings, progress)
    from carina.workflows.folds import folds_asked
    from carina.workflows.start import require_architectures

    chosen = _resolved(recipe, set, split=split, init=init, abstain=abstain)
    _require_seeds(seeds)
    require_workers(workers, needed_for="carina train")
    by = None if folds is None else folds_asked(folds, chosen, seeds=seeds, split=split)
    require_architectures(chosen)
    asked = _Asked(_sources(data), chosen, seeds, by, workers)
    with claimed(out, settings=settings, name=chosen.name, n_bytes=_ROOM) as folder:
        run = Run(folder)
        with _held(run, progress):
            return _made(run, asked, settings, progress)


def _gone_on_with(run: Run, settings: Settings, progress: Progress) -> Run:
    """Make what an interrupted run still lacks."""
    from carina.workflows.making import complete_end

    if not run.is_finished:
        return _made(run, _asked_before(run), settings, progress)
    complete_end(run)
    progress(Step("", message=f"{run.folder} was all but finished, and now is"))
    return run


@dataclass(frozen=True, slots=True)
class _Asked:
    """What a run is to become.

    Attributes:
        sources: DATA.
        recipe: resolved.
        seeds: how many trainings with seeds of their own.
        by: the folds, or None.
        workers: how many processes share each training.
    """

    sources: tuple[str | Path, ...]
    recipe: Recipe
    seeds: int
    by: FoldsBy | None
    workers: int = 1


def _made(run: Run, asked: _Asked, settings: Settings, progress: Progress) -> Run:
    """Open DATA, and train, test and report what is not yet."""
    from carina.workflows.folds import make_folds, open_folds, require_unseen
    from carina.workflows.making import Order, make_run
    from carina.workflows.members import make_members
    from carina.workflows.room_needed import require_room_for, room_needed, telling_room_needed
    from carina.workflows.ruling import require_rules
    from carina.workflows.start import start_networks

    began = Moment.now()
    sources, recipe, by = asked.sources, asked.recipe, asked.by
    record = RecordedData.of(run)
    recorded = None if record is None else record.applied
    if by is not None:
        cut = open_folds(
            sources, recipe, by, settings=settings, progress=progress, recorded=recorded
        )
    else:
        films = open_films(
            sources, recipe, settings, progress, recorded=recorded, workers=asked.workers
        )
        cut = (films if recorded is None else with_recorded_parts(run, films),)
    for films in cut:
        require_rules(films, recipe)
    starts = start_networks(cut[0], recipe, settings, progress)
    if by is not None:
        require_unseen(starts)
    needed = room_needed(starts, n_members=asked.seeds if by is None else len(cut))
    require_room_for(run, needed, settings)
    order = Order(cut[0], recipe, _words(run, asked), settings, progress, began)
    with telling_room_needed(run, needed), naming_the_diverged(run):
        if by is not None:
            make_folds(run, order, cut, starts)
        elif asked.seeds > 1:
            make_members(run, order, starts, seeds=asked.seeds)
        else:
            make_run(run, order, starts)
    return run


def _words(run: Run, asked: _Asked) -> AskedWords:
    """Return what was asked for, as the run's record keeps it."""
    # What begins with a dash would be taken for an option.
    data = (f"./{one}" if str(one).startswith("-") else str(one) for one in asked.sources)
    again = ["carina", "train", *data, "--recipe", str(run.recipe_file)]
    if asked.seeds > 1:
        again += ["--seeds", str(asked.seeds)]
    if asked.workers > 1:
        again += ["--workers", str(asked.workers)]
    if asked.by is not None:
        again += ["--folds", str(asked.by)]
    return AskedWords(
        command=shlex.join(again),
        data=tuple(os.path.abspath(source) for source in asked.sources),  # noqa: PTH100  links stay
        seeds=asked.seeds,
        workers=asked.workers,
        folds="" if asked.by is None else str(asked.by),
        git=git_state(Path()),
    )


def _sources(data: str | Path | Sequence[str | Path]) -> tuple[str | Path, ...]:
    sources = tuple(data_list(data))
    if not sources:
        raise UsageError(
            "carina train needs DATA: a folder of films in folders by class, a manifest, or "
            "--resume RUN to go on with a run that was interrupted"
        )
    return sources


def _require_alone(given: Mapping[str, object]) -> None:
    """Refuse what is said beside `--resume`: it would be passed over."""
    if named := [name for name, value in given.items() if value]:
        raise UsageError(
            f"--resume takes no {' or '.join(named)}: the run knows what it was made of and how; "
            "leave that out, or train anew without --resume"
        )


def _to_resume(resume: str | Path) -> Run:
    run = Run.open(resume)
    is_known = run.environment_file.is_file() and (run.is_finished or run.environment.data)
    if not is_known:
        raise RunError(
            f"{run.folder} cannot go on: it was stopped before anything was written, or made by a "
            "version that did not record its data; begin again with the command that began it"
        )
    require_not_diverged(run)
    if not run.is_finished and (run.folder / DIGESTS).exists():
        raise RunError(
            f"{run.folder} cannot go on: it was finished, as its {DIGESTS} tells, and its record "
            f"says '{run.environment.status}', so that it was changed; see what else differs with "
            f"carina verify {run.folder}, or train anew with another --out"
        )
    return run


def _asked_before(run: Run) -> _Asked:
    """Return what an interrupted run was to become."""
    environment = run.environment
    by: FoldsBy | None = None
    if environment.folds:
        by = "source" if environment.folds == "source" else int(environment.folds)
    return _Asked(environment.data, run.recipe, environment.seeds, by, environment.workers)


@contextmanager
def _held(run: Run, progress: Progress) -> Iterator[None]:
    """Hold a run's folder, and the run that it is a member of, in the block, and say how the run
    goes on where a signal stops it."""
    whole = whole_run(run.folder)
    with (
        nullcontext() if whole == run.folder else added_to(whole),
        owned(run.folder) as remark,
        advising(lambda: _how_to_go_on(run)),
    ):
        if remark:
            progress(Step("", message=remark))
        with _telling_how_to_go_on(run):
            yield


def _how_to_go_on(run: Run) -> str:
    if run.environment_file.is_file():
        return f"go on with: {shlex.join(['carina', 'train', '--resume', str(run.folder)])}"
    return "nothing was trained yet: begin again with the same command"


@contextmanager
def _telling_how_to_go_on(run: Run) -> Iterator[None]:
    """Say how a run goes on where it is stopped by a signal in the block."""
    try:
        yield
    except (KeyboardInterrupt, StoppedBySignal) as stopped:
        number = stopped.signal_number if isinstance(stopped, StoppedBySignal) else signal.SIGINT
        note_stopped(run, str(StoppedBySignal(number)))
        raise StoppedBySignal(number, advice=_how_to_go_on(run)) from None


def _require_seeds(seeds: int) -> None:
    if not 1 <= seeds <= MOST_SEEDS:
        raise UsageError(f"--seeds takes a number from 1 to {MOST_SEEDS}, and got {seeds}")


def _require_share(abstain: float) -> None:
    if not 0 <= abstain < 0.5:
        raise UsageError(
            f"--abstain takes a share from 0 to below 0.5, as 0.05 for 5 %, and got {abstain:g}"
        )


def _resolved(
    recipe: str | Recipe | None,
    settings: SettingWords,
    *,
    split: str | None,
    init: str | Path | None,
    abstain: float | None,
) -> Recipe:
    """Return the recipe with the settings that options stand for in it."""
    words = setting_list(settings)
    chosen = (
        recipe if isinstance(recipe, Recipe) else read_recipe(_RECIPE if recipe is None else recipe)
    )
    if split is not None:
        if split not in _SPLIT_MODES:
            raise RecipeError(f"--split takes {', '.join(_SPLIT_MODES)}, and got '{split}'")
        words.append(f"split.mode={split}")
    if init is not None:
        whole = os.path.abspath(init)  # noqa: PTH100  links stay
        words.append(f"network.init={json.dumps(whole)}")
    if abstain is not None:
        _require_share(abstain)
        words.append(f"evaluate.abstain={abstain}")
    return with_settings(chosen, words) if words else chosen
