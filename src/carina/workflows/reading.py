"""Films, read a few at a time, with the unreadable ones set aside."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TypeVar

from carina.domain.audit import Unreadable
from carina.domain.radiograph import Radiograph
from carina.errors import ImageError
from carina.imaging.read import read_radiograph

_BATCH = 16
Item = TypeVar("Item")


def read_batches(
    films: Iterable[tuple[Item, Path, str]], unreadable: list[Unreadable]
) -> Iterator[tuple[list[Item], list[Radiograph]]]:
    """Yield readable films in batches of 16, each with what it stands for.

    Args:
        films: what a film stands for, its file, and its name in messages.
        unreadable: gets the files that are no readable films, as they are met; the last
            batch may be empty where they come last.
    """
    items: list[Item] = []
    radiographs: list[Radiograph] = []
    for item, file, name in films:
        try:
            radiographs.append(read_radiograph(file))
            items.append(item)
        except ImageError as error:
            unreadable.append(Unreadable(path=name, code=error.image_code, message=str(error)))
        if len(items) == _BATCH:
            yield items, radiographs
            items, radiographs = [], []
    if items or unreadable:
        yield items, radiographs
