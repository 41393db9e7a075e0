"""Audit, split, train, evaluate and report: DATA becomes a run."""

import json
import shlex
from collections.abc import Sequence
from pathlib import Path

from carina.domain.progress import Progress
from carina.domain.recipe import Recipe
from carina.errors import RecipeError, UsageError
from carina.files.recipes import (
    SettingWords,
    read_recipe,
    setting_list,
    with_settings,
)
from carina.runs import Run
from carina.settings import Settings
from carina.workflows.audit import data_list
from carina.workflows.extras import require_extra
from carina.workflows.films import open_films
from carina.workflows.places import claimed
from carina.workflows.progress_bar import default_progress

_SPLIT_MODES = ("respect", "as-described", "cut")
_ROOM = 300_000_000
_MOST_SEEDS = 100


def train(
    data: str | Path | Sequence[str | Path],
    *,
    recipe: str | Recipe = "two-conv",
    set: SettingWords = (),  # noqa: A002  the name of the command's option
    split: str | None = None,
    seeds: int = 1,
    folds: int | str | None = None,
    init: str | Path | None = None,
    abstain: float | None = None,
    out: str | Path | None = None,
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
        settings: caches, keys and where runs go; from the environment if None.
        progress: called as the work goes on.

    Raises:
        MissingExtraError: if the extra `train` is not installed.
        RecipeError: if the recipe cannot be used.
        DatasetError: if the data cannot be opened or trained on.
        UsageError: if `out` is not empty.
        StorageError: if there is no room or no permission.
        TrainingError: if the training diverges.
        ParityError: if the exported network does not answer like the trained one.
    """
    require_extra("train", needed_for="carina train")
    from carina.workflows.folds import folds_asked, make_folds, open_folds, require_unseen
    from carina.workflows.making import Order, make_run
    from carina.workflows.members import make_members
    from carina.workflows.ruling import require_rules
    from carina.workflows.start import require_architectures, start_networks

    progress = progress or default_progress()
    settings = settings or Settings.from_environment()
    sources = data_list(data)
    chosen = _resolved(recipe, set, split=split, init=init, abstain=abstain)
    _require_seeds(seeds)
    by = None if folds is None else folds_asked(folds, chosen, seeds=seeds, split=split)
    require_architectures(chosen)
    with claimed(out, settings=settings, name=chosen.name, n_bytes=_ROOM) as folder:
        run = Run(folder)
        if by is not None:
            cut = open_folds(sources, chosen, by, settings=settings, progress=progress)
        else:
            cut = (open_films(sources, chosen, settings, progress),)
        for films in cut:
            require_rules(films, chosen)
        starts = start_networks(cut[0], chosen, settings, progress)
        if by is not None:
            require_unseen(starts)
    again = ["carina", "train", *map(str, sources), "--recipe", str(run.recipe_file)]
    if seeds > 1:
        again += ["--seeds", str(seeds)]
    if by is not None:
        again += ["--folds", str(by)]
    order = Order(cut[0], chosen, shlex.join(again), settings, progress)
    if by is not None:
        make_folds(run, order, cut, starts)
    elif seeds > 1:
        make_members(run, order, starts, seeds=seeds)
    else:
        make_run(run, order, starts)
    return run


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
