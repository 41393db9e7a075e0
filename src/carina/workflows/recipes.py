"""What a training can be told to do."""

from carina.domain.recipe import Recipe
from carina.files.recipes import read_recipe, shipped_recipes


def recipes(name: str | None = None) -> tuple[Recipe, ...]:
    """Return the recipes that ship, or the one called `name`.

    Raises:
        UnknownNameError: if none ships under that name; it lists the nearest.

    >>> recipes("two-conv")[0].train.epochs
    5
    """
    names = shipped_recipes() if name is None else (name,)
    return tuple(read_recipe(own) for own in names)
