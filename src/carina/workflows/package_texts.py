"""The files of a run that say where it was made, written without that."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from carina.domain.recipe import NetworkSection, Recipe
from carina.files.documents import document_text
from carina.files.recipes import recipe_text
from carina.runs import Environment, Run

# A shorter place would be found in words that mean none.
_SHORTEST = 4
# What tells how a run was made, or made again.
_TOLD = ("log.txt", "reproduction.json")


@dataclass(frozen=True, slots=True)
class _PackedRun(Run):
    """A run as its package shows it: its page is built of this."""

    packed_environment: Environment | None = None
    with_pictures: bool = False

    @property
    def environment(self) -> Environment:
        """The record without this machine's folders."""
        assert self.packed_environment is not None  # `replaced_files` gives one
        return self.packed_environment

    @property
    def thumbnails_dir(self) -> Path:
        """Where the page looks for small films."""
        return self.folder / ("thumbnails" if self.with_pictures else "absent")

    @property
    def explanations_dir(self) -> Path:
        """Where the page looks for heat maps."""
        return self.folder / ("explanations" if self.with_pictures else "absent")


def replaced_files(run: Run, *, with_pictures: bool) -> dict[str, bytes]:
    """Return the files of a run and of its members that name this machine's folders or show
    films, as a package holds them: name in the run -> bytes.

    Args:
        run: finished.
        with_pictures: whether the page shows films.

    Raises:
        InputError: if a file of the run cannot be used.
    """
    environment = run.environment
    places = _places([*environment.data, *environment.sources.values(), run.folder, Path.home()])
    return dict(_replaced(run, "", places, with_pictures=with_pictures))


def _replaced(
    run: Run, at: str, places: Mapping[str, str], *, with_pictures: bool
) -> Iterator[tuple[str, bytes]]:
    from carina.reporting.build import build_report
    from carina.reporting.render import render_html

    recipe = _without_folders(run.recipe)
    environment = _packed_environment(run.environment, places)
    packed = _PackedRun(run.folder, packed_environment=environment, with_pictures=with_pictures)
    yield f"{at}{run.recipe_file.name}", recipe_text(recipe).encode()
    yield f"{at}{run.environment_file.name}", document_text(environment).encode()
    yield f"{at}{run.report_file.name}", render_html(build_report(packed)).encode()
    for name in _TOLD:
        if (run.folder / name).is_file():
            told = (run.folder / name).read_text(encoding="utf-8", errors="replace")
            yield f"{at}{name}", _without(told, places).encode()
    for member in run.members:
        below = f"{at}{run.members_dir.name}/{member.name}/"
        yield from _replaced(member, below, places, with_pictures=with_pictures)


def _packed_environment(environment: Environment, places: Mapping[str, str]) -> Environment:
    """Return a run's record without this machine's folders."""
    words = ["carina train DATA --recipe recipe.toml"]
    if environment.seeds > 1:
        words.append(f"--seeds {environment.seeds}")
    if environment.workers > 1:
        words.append(f"--workers {environment.workers}")
    if environment.folds:
        words.append(f"--folds {environment.folds}")
    values = environment.model_dump()
    if environment.git is not None:
        values["git"]["branch"] = ""  # often somebody's name
    values |= {
        "command": " ".join(words),
        "data": (),
        "sources": dict.fromkeys(environment.sources, ""),
    }
    return Environment.model_validate(_scrubbed(values, places))


def _scrubbed(value: object, places: Mapping[str, str]) -> object:
    if isinstance(value, str):
        return _without(value, places)
    if isinstance(value, Mapping):
        return {name: _scrubbed(inner, places) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_scrubbed(inner, places) for inner in value)
    return value


def _without_folders(recipe: Recipe) -> Recipe:
    """Return a recipe whose start weights are named without the folder that they lie in."""
    stages = tuple(
        stage.model_copy(update={"network": _named(stage.network)}) for stage in recipe.stages
    )
    return recipe.model_copy(update={"network": _named(recipe.network), "stages": stages})


def _named(network: NetworkSection) -> NetworkSection:
    return network.model_copy(
        update={"init": _last(network.init), "weights": _last(network.weights)}
    )


def _last(place: str) -> str:
    """Return the last name of a path; a word that is none stays.

    >>> _last("/home/ann/runs/first/"), _last("imagenet")
    ('first', 'imagenet')
    """
    return re.split(r"[\\/]", place.rstrip("\\/"))[-1]


def _places(folders: Iterable[str | Path]) -> dict[str, str]:
    """Return this machine's folders as text -> what stands for each, the longest first."""
    found = {}
    for folder in folders:
        for form in (Path(folder).absolute(), Path(folder).resolve()):
            for text in (str(form), form.as_posix()):
                if len(text) >= _SHORTEST:
                    found[text] = form.name
    return dict(sorted(found.items(), key=lambda pair: -len(pair[0])))


def _without(text: str, places: Mapping[str, str]) -> str:
    for place, name in places.items():
        text = text.replace(place, name)
    return text
