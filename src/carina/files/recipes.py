"""Recipes as TOML: the shipped ones and the user's."""

import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import tomli_w

from carina.domain.recipe import AugmentSection, NetworkSection, Recipe, recipe_from_values
from carina.domain.search_range import nested_ranges
from carina.errors import InputError, RecipeError, UnknownNameError
from carina.files.atomic import write_text
from carina.files.whole_files import read_whole
from carina.registry import unknown_name_sentence

_MOST_BYTES = 262_144
"""Of a recipe's file; a resolved recipe has 3,000."""
_MOST_PARTS = 40
_COMMENTS = re.compile(r"^[ \t]*#.*$", re.MULTILINE)
_BETWEEN_KEYS = re.compile(r"[,=\[\]{}\n]+")

SettingWords = Sequence[str] | Mapping[str, object] | str


def shipped_recipes() -> tuple[str, ...]:
    """Return the names of the recipes that come with Carina, sorted.

    >>> "two-conv" in shipped_recipes()
    True
    """
    folder = resources.files("carina") / "recipes"
    return tuple(sorted(f.name[:-5] for f in folder.iterdir() if f.name.endswith(".toml")))


def read_recipe(name_or_path: str) -> Recipe:
    """Return the recipe that ships under a name, or that a TOML file holds.

    Raises:
        UnknownNameError: if it is neither a shipped name nor a `.toml` file.
        RecipeError: if the file is not a valid recipe.
    """
    if name_or_path in shipped_recipes():
        text = (resources.files("carina") / "recipes" / f"{name_or_path}.toml").read_text("utf-8")
    elif name_or_path.endswith(".toml"):
        text = _recipe_file(Path(name_or_path))
    else:
        raise UnknownNameError(
            unknown_name_sentence("recipe", name_or_path, shipped_recipes())
            + "; a recipe of your own is a file that ends in .toml"
        )
    return recipe_from_values(_toml(text, name_or_path), origin=name_or_path)


def _recipe_file(path: Path) -> str:
    """Return the text of a recipe's file.

    Raises:
        RecipeError: if it cannot be read, is too large or no text.
    """
    try:
        return read_whole(path, most_bytes=_MOST_BYTES, error=_FileError).decode("utf-8")
    except (_FileError, UnicodeDecodeError) as error:
        raise RecipeError(f"the recipe file cannot be read: {error}") from error


class _FileError(InputError):
    """What is wrong with a file; never leaves this module."""


def _toml(text: str, name: str) -> dict[str, Any]:
    """Return what a recipe's text holds.

    Raises:
        RecipeError: if it is no TOML, or TOML that takes its reader too long or too deep.
    """
    # The reader looks at a key of n parts n * n times.
    for key in _BETWEEN_KEYS.split(_COMMENTS.sub("", text)):
        if key.count(".") > _MOST_PARTS:
            raise RecipeError(
                f"the recipe {name} has a key or value with {key.count('.'):,} dots "
                f"('{key.strip()[:40]}...'), and {_MOST_PARTS} are the most that is read"
            )
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise RecipeError(f"the recipe {name} is not valid TOML: {error}") from error


def setting_list(settings: SettingWords) -> list[str]:
    """Return settings as `section.key=value` texts, however a caller of Python gave them.

    >>> setting_list({"train.epochs": 2, "labels.drop": ["todo"]})
    ['train.epochs=2', 'labels.drop=["todo"]']
    """
    if isinstance(settings, str):
        return [settings]
    if not isinstance(settings, Mapping):
        return list(settings)
    return [f"{key}={_toml_value(value)}" for key, value in settings.items()]


def with_settings(recipe: Recipe, settings: SettingWords) -> Recipe:
    """Return the recipe with `section.key=value` settings in place of its own.

    Args:
        recipe: where the other values come from.
        settings: values as TOML writes them; a bare word is taken as a string. From Python
            also one text, or `{"section.key": value}`.

    Raises:
        RecipeError: on a setting without `=`, an unknown key or a bad value.

    >>> with_settings(Recipe(), ["train.epochs=2", "name=mine"]).train.epochs
    2
    """
    values = _plain(recipe)
    texts = setting_list(settings)
    for setting in texts:
        key, equals, text = setting.partition("=")
        if not equals:
            raise RecipeError(f"--set takes SECTION.KEY=VALUE, and got '{setting}'")
        *sections, last = key.strip().split(".")
        _section(values, sections, setting)[last] = _value(text.strip())
    return recipe_from_values(values, origin="with --set " + " ".join(texts))


def write_recipe(path: Path, recipe: Recipe) -> None:
    """Write a recipe as TOML with every value, defaults too.

    Raises:
        StorageError: if there is no room or no permission.
    """
    write_text(path, recipe_text(recipe))


def recipe_text(recipe: Recipe) -> str:
    """Return a recipe as TOML with every value, defaults too; of a cascade without the
    network and the augmentation that its stages have instead."""
    values = _plain(recipe)
    if not recipe.stages:
        del values["stages"]
        return tomli_w.dumps(values)
    for name, unused in (("network", NetworkSection()), ("augment", AugmentSection())):
        if getattr(recipe, name) == unused:
            del values[name]
    return tomli_w.dumps(values)


def _plain(recipe: Recipe) -> dict[str, Any]:
    """Return a recipe as nested plain values; its ranges as a recipe's file writes them."""
    values = recipe.model_dump(mode="json", exclude={"tune"})
    return {**values, "tune": nested_ranges(recipe.tune)} if recipe.tune else values


def _toml_value(value: object) -> str:
    """Return a value as TOML writes it on one line."""
    if isinstance(value, Mapping):
        pairs = (f"{json.dumps(str(k))} = {_toml_value(v)}" for k, v in value.items())
        return "{" + ", ".join(pairs) + "}"
    return json.dumps(value)


def _section(values: dict[str, Any], names: Sequence[str], setting: str) -> dict[str, Any]:
    """Return a recipe's section, or that of a stage: `stages.0.train` is the first one's."""
    place: Any = values
    for name in names:
        if isinstance(place, list):
            if not (name.isdecimal() and int(name) < len(place)):
                raise RecipeError(
                    f"--set {setting}: there is no stage '{name}'; the recipe has "
                    f"{len(place)}, counted from 0"
                )
            place = place[int(name)]
        else:
            place = place.setdefault(name, {})
        if not isinstance(place, dict | list):
            raise RecipeError(f"--set {setting}: '{name}' is a value, not a section")
    if not isinstance(place, dict):
        raise RecipeError(f"--set {setting}: name a stage by its number, as stages.0.train.epochs")
    return place


def _value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text
