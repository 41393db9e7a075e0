"""Audit, split, train, evaluate and report: DATA becomes a run."""

import shlex
from collections.abc import Sequence
from pathlib import Path

from carina.data.manifest import write_manifest
from carina.domain.progress import Progress, Step
from carina.domain.recipe import Recipe
from carina.errors import RecipeError
from carina.files.documents import write_document
from carina.files.recipes import (
    SettingWords,
    read_recipe,
    setting_list,
    with_settings,
    write_recipe,
)
from carina.runs import Run
from carina.settings import Settings
from carina.workflows.audit import data_list
from carina.workflows.environment import starting_environment
from carina.workflows.extras import require_extra
from carina.workflows.films import Films, open_films
from carina.workflows.log import Log
from carina.workflows.places import claimed
from carina.workflows.progress_bar import default_progress
from carina.workflows.report import report

_SPLIT_MODES = ("respect", "as-described", "cut")
_ROOM = 300_000_000


def train(
    data: str | Path | Sequence[str | Path],
    *,
    recipe: str | Recipe = "two-conv",
    set: SettingWords = (),  # noqa: A002  the name of the command's option
    split: str | None = None,
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
    from carina.workflows.learning import learn, require_architecture, start_network
    from carina.workflows.testing import test

    progress = progress or default_progress()
    settings = settings or Settings.from_environment()
    sources = data_list(data)
    chosen = _resolved(recipe, set, split)
    require_architecture(chosen.network)
    with claimed(out, settings=settings, name=chosen.name, n_bytes=_ROOM) as folder:
        run = Run(folder)
        films = open_films(sources, chosen, settings, progress)
        network = start_network(films, chosen)
    log = Log(run.log_file, progress)
    again = ["carina", "train", *map(str, sources), "--recipe", str(run.recipe_file)]
    environment = starting_environment(films.dataset, command=shlex.join(again))
    write_recipe(run.recipe_file, chosen)
    write_document(run.environment_file, environment)
    write_document(run.audit_file, films.audit)
    write_manifest(run.manifest_file, films.dataset, films.split, films.scan)
    log.say(_opening_sentence(films))
    learned = learn(run, films, chosen, network=network, settings=settings, log=log)
    evaluation = test(run, films, chosen, learned, log=log)
    environment = environment.model_copy(
        update={
            "threads": learned.threads,
            "precision": learned.precision,
            "device": learned.device,
            "images_per_second": learned.images_per_second,
            "seconds": dict(log.seconds),
            "test_opened": evaluation.data.test_opened,
        }
    )
    write_document(run.environment_file, environment)
    progress(Step("report", message="writing the report"))
    report(run)
    write_document(run.environment_file, environment.model_copy(update={"status": "finished"}))
    log.say("finished")
    return run


def _resolved(recipe: str | Recipe, settings: SettingWords, split: str | None) -> Recipe:
    """Return the recipe with the settings and the split's mode in it."""
    chosen = recipe if isinstance(recipe, Recipe) else read_recipe(recipe)
    if split is not None:
        if split not in _SPLIT_MODES:
            raise RecipeError(f"--split takes {', '.join(_SPLIT_MODES)}, and got '{split}'")
        settings = [*setting_list(settings), f"split.mode={split}"]
    return with_settings(chosen, settings) if settings else chosen


def _opening_sentence(films: Films) -> str:
    sizes = films.split.sizes()
    parts = ", ".join(f"{part} {n}" for part, n in sizes.items())
    if films.split.validation_is_test:
        parts += ": the same films as validation"
    classes = ", ".join(films.dataset.labels.names)
    n_films = len(films.split.parts)
    return f"{n_films} films ({parts}) of {len(films.dataset.labels)} classes: {classes}"
