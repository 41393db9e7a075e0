"""The names that people give to train, validation and test."""

from carina.domain.record import Part

_STEMS: dict[str, Part] = {
    "train": "train",
    "training": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "dev": "validation",
    "devel": "validation",
    "development": "validation",
    "test": "test",
    "testing": "test",
    "holdout": "test",
}
_ENDINGS = ("", "set", "data", "images", "imgs", "dataset", "split")
_PARTS: dict[str, Part] = {
    stem + ending: part for stem, part in _STEMS.items() for ending in _ENDINGS
}


def part_of_name(name: str) -> Part | None:
    """Return the part that a folder's or a split column's name means, or None.

    >>> part_of_name("Training_Set"), part_of_name("Valid"), part_of_name("COVID")
    ('train', 'validation', None)
    """
    return _PARTS.get("".join(letter for letter in name.casefold() if letter.isalnum()))
