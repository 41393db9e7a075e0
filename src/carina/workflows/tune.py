"""Look for better settings of a recipe, and say how much of what was found is luck."""

from __future__ import annotations

import os
import shlex
import signal
import time as clock
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from carina.domain.audit import Unreadable
from carina.domain.progress import Progress, Step
from carina.domain.recipe import Recipe, recipe_from_values
from carina.domain.search_range import TUNABLE_SECTIONS, Choice, SearchRange
from carina.domain.tune_study import TuneStudy
from carina.errors import RecipeError, RunError, StoppedBySignal, UsageError
from carina.files.recipes import SettingWords, read_recipe, setting_list, with_settings
from carina.settings import Settings
from carina.workflows.audit import data_list
from carina.workflows.extras import require_extra
from carina.workflows.places import claimed
from carina.workflows.progress_bar import default_progress

if TYPE_CHECKING:
    from carina.workflows.tuning.films import SearchFilms
    from carina.workflows.tuning.ledger import Ledger

_ROOM = 100_000_000
_MOST_TRIALS, _MOST_FOLDS, _MOST_REPEATS = 100_000, 20, 100
_RECIPE, _TRIALS, _FOLDS, _REPEATS = "two-conv", 20, 3, 3
_OWN_FILES = ("study.journal", "locks")
_SECTIONS = ("labels", "split", *TUNABLE_SECTIONS, "tune")


@dataclass(frozen=True, slots=True)
class TuneResult:
    """A finished search, and where it was written.

    Attributes:
        study: what was found.
        folder: holds `recipe.toml`, `tune.json`, `tune.html`, `trials.csv` and the journal.
        unreadable: files that are no films; they took no part.
    """

    study: TuneStudy
    folder: Path
    unreadable: tuple[Unreadable, ...]

    @property
    def recipe_file(self) -> Path:
        """The recipe with the settings that were found, for `carina train --recipe`."""
        return self.folder / "recipe.toml"


def tune(
    data: str | Path | Sequence[str | Path] = (),
    *,
    recipe: str | Recipe | None = None,
    set: SettingWords = (),  # noqa: A002  the name of the command's option
    trials: int | None = None,
    folds: int | None = None,
    confirm: int | None = None,
    time: float | None = None,
    out: str | Path | None = None,
    resume: str | Path | None = None,
    settings: Settings | None = None,
    progress: Progress | None = None,
) -> TuneResult:
    """Search the ranges that a recipe declares in `[tune]`, on validation folds.

    Every trial is trained once for each fold of the train and validation films; the test part
    is put aside and never trained or validated on. In the end the recipe as it was and the
    best trial are trained again on other folds with other seeds, which tells how much of the
    best figure was luck.

    Args:
        data: folders, manifests or archives; several make one data set.
        recipe: a shipped recipe's name, a `.toml` file, or a recipe; "two-conv" if None.
        set: `section.key=value` settings that change the recipe, its ranges too.
        trials: how many settings are tried in all, the recipe's own included; 20 if None.
        folds: how many folds the films are cut into; 3 if None.
        confirm: how often the recipe and the best trial are trained again; 3 if None.
        time: hours after which this process begins no further trial; what was found by then
            is trained again and reported.
        out: a new or empty folder, or a search that was begun with the same recipe and data:
            it goes on, and other processes that work on it share its trials; `runs/<time>-tune`
            if None.
        resume: the folder of a search: it goes on, or is joined. It knows everything else
            itself; `trials`, `confirm` and `time` may be given anew.
        settings: caches, keys and where searches go; from the environment if None.
        progress: called as the work goes on.

    Raises:
        MissingExtraError: if the extra `tune` or `train` is not installed.
        RecipeError: if the recipe cannot be used, or declares no ranges.
        DatasetError: if the data cannot be opened, trained on or cut into folds.
        UsageError: if `out` is not empty, or numbers do not fit.
        RunError: if the search began with another recipe or other films, or is damaged.
        TrainingError: if no trial worked out.
        StoppedBySignal: after Ctrl-C or SIGTERM; the sentence says how to go on.
        StorageError: if there is no room or no permission.
    """
    require_extra("tune", needed_for="carina tune")
    require_extra("train", needed_for="carina tune")
    progress = progress or default_progress()
    settings = settings or Settings.from_environment()
    if resume is not None:
        is_told = data_list(data) or setting_list(set) or recipe is not None
        if is_told or out is not None or folds is not None:
            raise UsageError(
                "--resume takes no DATA, --recipe, --set, --folds or --out: the search knows "
                "them; leave them out, or begin another search"
            )
        asked = _asked_before(Path(resume), trials=trials, confirm=confirm)
        with _telling_how_to_go_on(Path(resume)):
            return _searched(Path(resume), asked, time, settings, progress)
    asked = _Asked(
        sources=_sources(data),
        recipe=_resolved(recipe, set),
        trials=_TRIALS if trials is None else trials,
        folds=_FOLDS if folds is None else folds,
        confirm=_REPEATS if confirm is None else confirm,
    )
    asked.require_possible()
    with _place(out, settings) as folder, _telling_how_to_go_on(folder):
        return _searched(folder, asked, time, settings, progress)


@dataclass(frozen=True, slots=True)
class _Asked:
    """What a search shall do.

    Attributes:
        sources: DATA.
        recipe: resolved.
        trials, folds, confirm: how many.
    """

    sources: tuple[str | Path, ...]
    recipe: Recipe
    trials: int
    folds: int
    confirm: int

    def require_possible(self) -> None:
        """Refuse numbers and ranges that no search can be made with.

        Raises:
            UsageError: naming the number, or the range.
        """
        for option, n, least, most in (
            ("--trials", self.trials, 1, _MOST_TRIALS),
            ("--folds", self.folds, 2, _MOST_FOLDS),
            ("--confirm", self.confirm, 0, _MOST_REPEATS),
        ):
            if not least <= n <= most:
                raise UsageError(f"{option} takes a number from {least} to {most:,}, and got {n}")
        if self.recipe.stages:
            raise RecipeError(
                f"the recipe {self.recipe.name} is a cascade, and carina tune searches one "
                "network; make a recipe of the stage that you mean, with its labels"
            )
        if self.recipe.network.init:
            raise RecipeError(
                f"network.init = {self.recipe.network.init}: that run may have seen the films that "
                'the search validates on; search without it (--set network.init="")'
            )
        own_values(self.recipe)

    def words(self) -> dict[str, Any]:
        """Return it as plain values, for the journal."""
        return {
            "data": [os.path.abspath(source) for source in self.sources],  # noqa: PTH100  links stay
            "recipe": self.recipe.model_dump(mode="json"),
            "trials": self.trials,
            "folds": self.folds,
            "confirm": self.confirm,
        }


def own_values(recipe: Recipe) -> dict[str, tuple[SearchRange, Choice]]:
    """Return every searched setting's range and the recipe's own value, by its full name.

    Raises:
        RecipeError: if the recipe declares no ranges, or its own value lies outside of one.
    """
    if not recipe.tune:
        raise RecipeError(
            f"the recipe {recipe.name} declares no ranges to search; write them into it, as\n"
            "[tune.train]\nlearning_rate = { low = 1e-5, high = 1e-2, log = true }\n"
            "batch_size = { choices = [8, 16, 32] }\n"
            "or give them with --set tune.train.learning_rate='{low=1e-5, high=1e-2, log=true}'"
        )
    values = recipe.model_dump()
    found = {}
    for name, span in recipe.tune.items():
        own: Any = values
        for part in name.split("."):
            if part not in own:
                raise RecipeError(
                    f"tune.{name}: the recipe {recipe.name} does not set {name}, so that there is "
                    f"nothing to compare with; give it a value with --set {name}=VALUE"
                )
            own = own[part]
        if not span.holds(own):
            raise RecipeError(
                f"tune.{name}: the recipe's own value {own} is not in its range ({span}), so that "
                "there is nothing to compare with; widen the range or change the value"
            )
        found[name] = (span, tuple(own) if isinstance(own, list) else own)
    return found


def _searched(
    folder: Path, asked: _Asked, hours: float | None, settings: Settings, progress: Progress
) -> TuneResult:
    """Open the films, work off what is left of the search, and write what was found."""
    from carina.workflows.tuning.films import open_search_films
    from carina.workflows.tuning.journal import opened_journal
    from carina.workflows.tuning.ledger import Ledger
    from carina.workflows.tuning.results import studied, write_results
    from carina.workflows.tuning.search import Search
    from carina.workflows.tuning.training import Trainings, chosen_circumstances

    ends = None if hours is None else clock.monotonic() + 3600 * hours
    recipe = asked.recipe
    films = open_search_films(asked.sources, recipe, settings, progress)
    films.folds(asked.folds, recipe.split.seed)  # too few films are refused before a journal
    with opened_journal(folder) as place:
        about = Ledger(place, "search")
        _require_same(about, asked, films, folder)
        about.note("asked", asked.words())
        circumstances = about.first_note(
            "circumstances", lambda: chosen_circumstances(films, recipe, asked.folds, settings)
        )
        _note_changes(about, circumstances, progress)
        trials = Ledger(
            place,
            "trials",
            seed=recipe.train.seed,
            higher_is_better=recipe.train.choose_by != "val_loss",
            ranges=own_values(recipe),
        )
        search = Search(
            trials=trials,
            repeats=Ledger(place, "repeats"),
            trainings=Trainings(films, recipe, circumstances, folder / "training", settings),
            n_folds=asked.folds,
            n_trials=asked.trials,
            n_repeats=asked.confirm,
            ends=ends,
            progress=progress,
        )
        progress(Step("", message=films.test))
        study = studied(search, notes=about.facts.get("changes", ()))
        with place.turn:
            write_results(folder, study)
    return TuneResult(study, folder, films.scan.unreadable)


def _require_same(about: Ledger, asked: _Asked, films: SearchFilms, folder: Path) -> None:
    """Refuse to go on with another recipe or other films than the search began with.

    Raises:
        RunError: naming what differs.
    """
    sections = asked.recipe.model_dump(mode="json", include={*_SECTIONS})
    now = {**_flat(sections), "folds": asked.folds, **films.identity()}
    began = about.first_note("identity", lambda: now)
    differing = [
        f"{name}: {began.get(name)} there, {now.get(name)} here"
        for name in sorted({*began, *now})
        if began.get(name) != now.get(name)
    ]
    if differing:
        raise RunError(
            f"{folder} cannot go on: it searches something else ({'; '.join(differing)}); take "
            "the recipe and the data that it began with, or begin another search with --out"
        )


def _note_changes(about: Ledger, began: Mapping[str, Any], progress: Progress) -> None:
    """Note, and tell, what has changed since the search began: its last digits depend on it."""
    from carina.workflows.tuning.training import circumstances_here

    now = circumstances_here(began)
    changed = "; ".join(
        f"{name}: {began.get(name)} then, {now.get(name)} now"
        for name in sorted({*began, *now})
        if began.get(name) != now.get(name)
    )
    if changed:
        note = (
            f"a part of the trials was trained under other circumstances ({changed}), so that "
            "their last digits may differ from those of a search that was made in one piece"
        )
        progress(Step("", message=note))
        about.note("changes", sorted({note, *about.facts.get("changes", ())}))


def _flat(values: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    """Return nested values under their full names."""
    flat: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{before}{name}.")
        else:
            flat[f"{before}{name}"] = value
    return flat


def _asked_before(folder: Path, *, trials: int | None, confirm: int | None) -> _Asked:
    """Return what a search was begun for, with the numbers that are given anew.

    Raises:
        RunError: if the folder holds no search.
    """
    from carina.workflows.tuning.journal import opened_journal
    from carina.workflows.tuning.ledger import Ledger

    words: Mapping[str, Any] = {}
    if _is_search(folder):
        with opened_journal(folder) as place:
            words = Ledger(place, "search").facts.get("asked", {})
    if not words:
        raise RunError(
            f"{folder} holds no search that could go on (no {_OWN_FILES[0]} with its beginning); "
            "name the folder of one, or begin one with carina tune DATA"
        )
    asked = _Asked(
        sources=tuple(words["data"]),
        recipe=recipe_from_values(words["recipe"], origin=f"of {folder}"),
        trials=words["trials"] if trials is None else trials,
        folds=words["folds"],
        confirm=words["confirm"] if confirm is None else confirm,
    )
    asked.require_possible()
    return asked


def _sources(data: str | Path | Sequence[str | Path]) -> tuple[str | Path, ...]:
    sources = tuple(data_list(data))
    if not sources:
        raise UsageError(
            "carina tune needs DATA: a folder of films in folders by class, a manifest, or "
            "--resume DIR to go on with a search"
        )
    return sources


def _resolved(recipe: str | Recipe | None, settings: SettingWords) -> Recipe:
    words = setting_list(settings)
    chosen = (
        recipe if isinstance(recipe, Recipe) else read_recipe(_RECIPE if recipe is None else recipe)
    )
    return with_settings(chosen, words) if words else chosen


def _is_search(folder: Path) -> bool:
    return (folder / _OWN_FILES[0]).is_file()


@contextmanager
def _place(out: str | Path | None, settings: Settings) -> Iterator[Path]:
    """Yield the folder of a search: a new one, or one that holds it already."""
    if out is not None and Path(out).is_dir() and _is_begun(Path(out)):
        yield Path(out)
        return
    with claimed(out, settings=settings, name="tune", n_bytes=_ROOM) as folder:
        yield folder


def _is_begun(folder: Path) -> bool:
    """Return whether a folder holds a search, or nothing but what another process that begins
    the same search at this moment has put there."""
    names = {file.name for file in folder.iterdir()}
    return _is_search(folder) or (bool(names) and names <= {*_OWN_FILES})


@contextmanager
def _telling_how_to_go_on(folder: Path) -> Iterator[None]:
    """Say how a search goes on where it is stopped by a signal in the block."""
    try:
        yield
    except (KeyboardInterrupt, StoppedBySignal) as stopped:
        number = stopped.signal_number if isinstance(stopped, StoppedBySignal) else signal.SIGINT
        advice = ""
        if _is_search(folder):
            advice = f"go on with: {shlex.join(['carina', 'tune', '--resume', str(folder)])}"
        raise StoppedBySignal(number, advice=advice) from None
