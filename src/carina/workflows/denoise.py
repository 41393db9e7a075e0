"""What noise reduction costs, and whether it helps: DATA becomes a study."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from carina.domain.audit import Unreadable
from carina.domain.denoise_study import DenoiseStudy, FilterTrainings
from carina.domain.progress import Progress
from carina.domain.recipe import Recipe
from carina.errors import RecipeError, UsageError
from carina.evaluation.denoise_choice import recommend
from carina.evaluation.film_means import mean_over_films
from carina.files.atomic import write_text
from carina.files.documents import write_document
from carina.files.recipes import SettingWords, read_recipe, setting_list, with_settings
from carina.imaging.noise import ADDED_NOISE
from carina.settings import Settings
from carina.workflows.audit import data_list
from carina.workflows.extras import extra_is_installed, require_extra
from carina.workflows.places import claimed
from carina.workflows.progress_bar import default_progress

if TYPE_CHECKING:
    from carina.workflows.denoise_measures import FilmStudy, PhantomStudy

_MOST_FILMS = 5000
_ROOM, _ROOM_TRAINING = 20_000_000, 400_000_000
_CAUTIONS = (
    "Films that were stored as JPEG and made smaller have lost most of their noise already; the "
    "study sees what a network would see, not the detector's own film.",
    "Against the film itself, its own noise counts as film: a filter that removes nothing but "
    "noise is charged for it.",
    "The added noise is independent from pixel to pixel and the phantoms are drawn: real noise "
    "and real lesions may behave otherwise.",
    "The interval of a change of AUC holds for these two trainings on films like these; what "
    "another seed alone changes stands beside it.",
)


@dataclass(frozen=True, slots=True)
class DenoiseResult:
    """A study of noise reduction, and where it was written.

    Attributes:
        study: what was found.
        folder: holds `denoise.json`, `denoise.html` and `predictions/`.
        unreadable: files of the sample that are no films.
    """

    study: DenoiseStudy
    folder: Path
    unreadable: tuple[Unreadable, ...]


def denoise(
    data: str | Path | Sequence[str | Path],
    *,
    recipe: str | Recipe = "two-conv",
    set: SettingWords = (),  # noqa: A002  the name of the command's option
    films: int = 48,
    phantoms: int = 16,
    training: bool = True,
    out: str | Path | None = None,
    settings: Settings | None = None,
    progress: Progress | None = None,
) -> DenoiseResult:
    """Compare noise filters by what they do to films, to lesions and to a classifier.

    Args:
        data: folders, manifests or archives; several make one data set.
        recipe: what is trained with each filter; its input is the grid of all measures.
        set: `section.key=value` settings that change the recipe.
        films: how many real films are measured, a sample drawn by the recipe's seed.
        phantoms: how many phantom films with lesions.
        training: whether classifiers are trained: one without a filter, one with each, and
            one without a filter and with another seed.
        out: a new or empty folder; `runs/<time>-denoise` if None.
        settings: caches, keys and where runs go; from the environment if None.
        progress: called as the work goes on.

    Raises:
        MissingExtraError: if the extra `denoise` or `study` is not installed.
        RecipeError: if the recipe cannot be used, or its settings name a filter.
        DatasetError: if the data cannot be opened, or no film of it can be read.
        UsageError: if `out` is not empty, or there are too few or too many films.
        StorageError: if there is no room or no permission.
    """
    require_extra("denoise", needed_for="carina denoise")
    require_extra("study", needed_for="carina denoise")
    from carina.reporting.denoise_page import build_denoise_report
    from carina.reporting.render import render_html
    from carina.workflows.denoise_measures import measure_films, measure_phantoms

    progress = progress or default_progress()
    settings = settings or Settings.from_environment()
    chosen = _resolved(recipe, set)
    _require_counts(films, phantoms)
    sources = data_list(data)
    room = _ROOM_TRAINING if training else _ROOM
    with claimed(out, settings=settings, name="denoise", n_bytes=room) as folder:
        trainings, left_out = None, "it was switched off"
        if training:  # first: a recipe that cannot be trained is refused at once
            trainings, left_out = _trainings(sources, chosen, folder, settings, progress)
        seen = measure_films(sources, chosen, n_films=films, settings=settings, progress=progress)
        drawn = measure_phantoms(phantoms, chosen, progress=progress)
        study = _study(seen, drawn, chosen, trainings=trainings, left_out=left_out)
        page = build_denoise_report(study, [*seen.pictures, *drawn.pictures])
        write_document(folder / "denoise.json", study)
        write_text(folder / "denoise.html", render_html(page))
    return DenoiseResult(study, folder, seen.unreadable)


def _resolved(recipe: str | Recipe, settings: SettingWords) -> Recipe:
    """Return the recipe with the settings in it, and without a noise filter of its own."""
    for setting in setting_list(settings):
        if setting.partition("=")[0].strip() == "input.denoise":
            raise RecipeError(
                f"--set {setting}: carina denoise compares every noise filter; leave this out"
            )
    chosen = recipe if isinstance(recipe, Recipe) else read_recipe(recipe)
    return with_settings(chosen, [*setting_list(settings), "input.denoise=none"])


def _require_counts(films: int, phantoms: int) -> None:
    for option, n in (("--films", films), ("--phantoms", phantoms)):
        if not 1 <= n <= _MOST_FILMS:
            raise UsageError(f"{option} takes a number from 1 to {_MOST_FILMS:,}, and got {n}")


def _trainings(
    sources: Sequence[str | Path],
    recipe: Recipe,
    folder: Path,
    settings: Settings,
    progress: Progress,
) -> tuple[FilterTrainings | None, str]:
    """Return the trainings, or why there are none."""
    if not extra_is_installed("train"):
        return None, "the extra 'train' is not installed (pip install 'carina[train]')"
    from carina.workflows.denoise_training import train_with_filters

    return train_with_filters(sources, recipe, folder=folder, settings=settings, progress=progress)


def _study(
    seen: FilmStudy,
    drawn: PhantomStudy,
    recipe: Recipe,
    *,
    trainings: FilterTrainings | None,
    left_out: str,
) -> DenoiseStudy:
    from carina.workflows.denoise_measures import filter_figures

    figures = filter_figures(seen, drawn, recipe.evaluate)
    return DenoiseStudy(
        data=seen.data,
        input=recipe.input,
        n_films=len(seen.rows),
        n_available=seen.n_available,
        n_phantoms=len(drawn.rows),
        seed=recipe.train.seed,
        film_noise=mean_over_films(seen.noise, patients=seen.patients),
        added_noise=ADDED_NOISE,
        filters=figures,
        trainings=trainings,
        trainings_left_out=left_out,
        recommendation=recommend(figures, trainings),
        cautions=_CAUTIONS,
        notes=seen.notes,
    )
