"""Films, read a few at a time or a few ahead."""

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import TypeVar

from carina.domain.audit import Unreadable
from carina.domain.radiograph import Radiograph
from carina.errors import ImageError
from carina.files.names import without_place
from carina.imaging.decoding import BATCH
from carina.imaging.read import read_radiographs

_BATCH = 16
Item = TypeVar("Item")
Made = TypeVar("Made")


def read_ahead(
    read: Callable[[Item], Made], items: Iterable[Item], *, n_threads: int, n_ahead: int
) -> Generator[Made, None, None]:
    """Yield what `read` returns for each item, in order, a few of them read ahead in threads.

    Args:
        read: called in the threads; what it raises is raised here.
        items: taken one after the other, as they are wanted.
        n_threads: how many are read at the same time.
        n_ahead: how many may be read, or being read, and not yet taken.
    """
    waiting: deque[Future[Made]] = deque()
    pool = ThreadPoolExecutor(n_threads, thread_name_prefix="carina-reader")
    try:
        for item in items:
            waiting.append(pool.submit(read, item))
            if len(waiting) >= n_ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


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
    for item, file, name, found in _each_read(films):
        if isinstance(found, ImageError):
            message = without_place(str(found), file=str(file), name=name)
            unreadable.append(Unreadable(path=name, code=found.image_code, message=message))
        else:
            radiographs.append(found)
            items.append(item)
        if len(items) == _BATCH:
            yield items, radiographs
            items, radiographs = [], []
    if items or unreadable:
        yield items, radiographs


def _each_read(
    films: Iterable[tuple[Item, Path, str]],
) -> Iterator[tuple[Item, Path, str, Radiograph | ImageError]]:
    """Yield films as they were read, each with what it stands for, its file and its name."""
    left = iter(films)
    while turn := list(islice(left, BATCH)):
        with closing(read_radiographs([file for _, file, _ in turn])) as found:
            for (item, file, name), film in zip(turn, found, strict=True):
                yield item, file, name, film
