"""What a signal is: something about a film that can tell its class without the lungs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from carina.domain.film_facts import FilmFacts
from carina.domain.record import Record
from carina.imaging.sketch import SKETCH_SIDE

Columns = NDArray[np.float32]

# A value that fewer films have is no kind of film but an odd one; it counts as "another".
_FEWEST_FILMS = 5
_MOST_VALUES = 48
_STEPS = 8
_CHUNK_FILMS = 512


@dataclass(frozen=True, slots=True, eq=False)
class LabelledFilms:
    """The films whose classes are to be told.

    Attributes:
        records: the films, each with a class.
        facts: what each told when it was decoded.
        sketches: `[n]` of the type `imaging.sketch.SKETCH`, or None if there are none.
    """

    records: Sequence[Record]
    facts: Sequence[FilmFacts]
    sketches: NDArray[np.void] | None = None

    def __len__(self) -> int:
        return len(self.records)

    def pictures(self, measure: Callable[[Columns], Columns]) -> Columns | None:
        """Return what `measure` makes of the sketched films, a few hundred at a time.

        Args:
            measure: float32 `[k, 96, 96]` in `[0, 1]` -> float32 `[k, p]`.

        Returns:
            float32 `[n, p]`, or None if there are no sketches.
        """
        if self.sketches is None:
            return None
        small = self.sketches["small"]
        chunks = [
            measure(small[start : start + _CHUNK_FILMS].astype(np.float32) / np.float32(255))
            for start in range(0, len(self), _CHUNK_FILMS)
        ]
        return np.concatenate(chunks)


@dataclass(frozen=True, slots=True)
class Signal:
    """One thing that can tell the class without a look at the lungs.

    Attributes:
        title: what it is, as in "from ... alone".
        meaning: why it could tell the classes, as the end of a sentence.
        in_pixels: whether a network can see it in the pixels that it is given.
        measure: float32 `[n, p]` of the films, or None if nothing is known of it; columns
            that are the same for all films say nothing, and may be many.
        title_of: the title, where that depends on the films.
    """

    title: str
    meaning: str
    in_pixels: bool
    measure: Callable[[LabelledFilms], Columns | None]
    title_of: Callable[[LabelledFilms], str] | None = None

    def title_for(self, films: LabelledFilms) -> str:
        """Return the title for these films."""
        return self.title_of(films) if self.title_of is not None else self.title


def one_hot(values: Sequence[Hashable]) -> Columns:
    """Return a column per value that five films and more have, at most 48, the commonest.

    >>> one_hot(["L"] * 5 + ["RGB"] * 6 + ["CMYK"]).sum(axis=0).tolist()
    [6.0, 5.0]
    """
    return flags([(value,) for value in values])


def flags(marks: Sequence[Collection[Hashable]]) -> Columns:
    """Return a column per mark that five films and more bear, at most 48, the commonest.

    Args:
        marks: of every film.

    Returns:
        float32 `[n, p]` of 0 and 1.
    """
    counts = Counter(mark for own in marks for mark in set(own))
    common = sorted(counts, key=lambda mark: (-counts[mark], str(mark)))[:_MOST_VALUES]
    place = {mark: i for i, mark in enumerate(common) if counts[mark] >= _FEWEST_FILMS}
    columns = np.zeros((len(marks), len(place)), dtype=np.float32)
    for row, own in enumerate(marks):
        for mark in own:
            if mark in place:
                columns[row, place[mark]] = 1
    return columns


def steps(values: NDArray[np.floating]) -> Columns:
    """Return numbers as themselves and as eighths of the films by size.

    The eighths are there for relations that a straight line misses, as when one class is of
    middling size; what is NaN is in none of them, and counts as the median in the number.

    Args:
        values: float `[n]`.

    Returns:
        float32 `[n, 9]` at most.
    """
    known = np.isfinite(values)
    if not known.any():
        return np.zeros((len(values), 0), dtype=np.float32)
    edges = np.unique(np.quantile(values[known], np.arange(1, _STEPS) / _STEPS))
    eighth = np.where(known, np.searchsorted(edges, values, side="left"), -1)
    line = np.where(known, values, np.median(values[known]))
    within = eighth[:, None] == np.arange(len(edges) + 1)
    return np.column_stack([line, within]).astype(np.float32)


def cells(pictures: Columns, n_rows: int, n_columns: int) -> Columns:
    """Return pictures cut into equal cells.

    Args:
        pictures: float32 `[k, height, width]`; sides that the numbers of cells divide.

    Returns:
        float32 `[k, n_rows, n_columns, pixels]`.
    """
    k, height, width = pictures.shape
    cut = pictures.reshape(k, n_rows, height // n_rows, n_columns, width // n_columns)
    return cut.swapaxes(2, 3).reshape(k, n_rows, n_columns, -1)


def thumbnails(pictures: Columns) -> Columns:
    """Return the means of 8 x 8 cells, float32 `[k, 64]`.

    Args:
        pictures: float32 `[k, 96, 96]`.
    """
    side = SKETCH_SIDE // 8
    means = pictures.reshape(-1, 8, side, 8, side).mean(axis=(2, 4))
    return np.asarray(means.reshape(len(pictures), 64), dtype=np.float32)
