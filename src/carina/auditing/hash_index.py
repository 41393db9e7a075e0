"""Which films' hashes are near each other, found without comparing all with all.

Locality-sensitive hashing: each of many tables draws a few of the 128 bits; films that have
equal drawn bits meet in a cell of that table, and only films that meet are compared in all
bits. More films draw more bits, so that a cell stays small: the work for one film does not
grow with their number.

References:
    Indyk & Motwani, STOC 30 (1998) 604-613.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from carina.imaging.film_hash import HASH_BITS, Hashes, hamming_distances

Indices = NDArray[np.intp]

_TABLES = 48
_FEWEST_BITS = 8
_BITS_LESS = 2
_SEED = 4
_MOST_IN_CELL = 32
_AT_ONCE = 1 << 17


@dataclass(frozen=True, slots=True, eq=False)
class FramedHashes:
    """Hashes of films under frames; a film may stand there under several.

    Attributes:
        film: int32 `[n]`, the film's number.
        frame: float32 `[n, 4]`, as `imaging.film_hash` has frames.
        bits: uint64 `[n, 2]`.
    """

    film: NDArray[np.int32]
    frame: NDArray[np.float32]
    bits: Hashes

    def with_others(self, others: FramedHashes) -> FramedHashes:
        """Return these hashes and others behind them."""
        return FramedHashes(
            film=np.concatenate([self.film, others.film]),
            frame=np.concatenate([self.frame, others.frame]),
            bits=np.concatenate([self.bits, others.bits]),
        )


def near_hashes(
    asked: FramedHashes, kept: FramedHashes, *, n_films: int, most_bits: int, most_per_film: int
) -> tuple[Indices, Indices]:
    """Return which hashes asked for are near which kept ones.

    Two films are named once, under their two nearest hashes.

    Args:
        asked, kept: hashes of films 0 to `n_films - 1`.
        n_films: how many films there are.
        most_bits: how many of 128 bits may differ.
        most_per_film: how many of its nearest films are named for a film; two films are
            named if either is among the other's.

    Returns:
        places in `asked` and places in `kept`, each `[m]`, sorted by the numbers of the films.
    """
    rng = np.random.default_rng(_SEED)
    n_bits = max(_FEWEST_BITS, int(np.ceil(np.log2(max(n_films, 2)))) - _BITS_LESS)
    found = _Found(asked, kept, most_per_film=most_per_film)
    for _ in range(_TABLES):
        drawn = np.sort(rng.choice(HASH_BITS, size=n_bits, replace=False))
        for places, others in _meetings(asked, kept, drawn):
            distances = hamming_distances(asked.bits[places], kept.bits[others])
            near = distances <= most_bits
            found.add(places[near], others[near], distances[near])
    return found.pairs()


def _meetings(
    asked: FramedHashes, kept: FramedHashes, drawn: NDArray[np.int64]
) -> Iterator[tuple[Indices, Indices]]:
    """Yield places in `asked` and in `kept` that meet in a table's cells, of different films.

    Of a cell with more than 32 films each hash asked for meets 32, others for each film: a
    thousand copies of one picture are joined all the same, by what they have in common.
    """
    cell_of_kept = _cells(kept.bits, drawn)
    order = np.argsort(cell_of_kept, kind="stable")
    ends = np.bincount(cell_of_kept, minlength=1 << len(drawn)).cumsum()
    cell = _cells(asked.bits, drawn)
    end = ends[cell]
    size = end - np.where(cell > 0, ends[cell - 1], 0)
    met = np.minimum(size, _MOST_IN_CELL)
    for part in _parts(met):
        n_met = met[part]
        places = np.repeat(np.arange(part.start, part.stop), n_met)
        turn = np.arange(len(places)) - np.repeat(n_met.cumsum() - n_met, n_met)
        turn += asked.film[places]
        others = order[end[places] - 1 - turn % size[places]]
        apart = asked.film[places] != kept.film[others]
        yield places[apart], others[apart]


def _cells(bits: Hashes, drawn: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the drawn bits of each hash as a number, int64 `[n]`."""
    cells = np.zeros(len(bits), dtype=np.uint64)
    for place, bit in enumerate(drawn.tolist()):
        own = (bits[:, bit // 64] >> np.uint64(bit % 64)) & np.uint64(1)
        cells |= own << np.uint64(place)
    return cells.astype(np.int64)


def _parts(met: Indices) -> Iterator[slice]:
    """Yield parts of the hashes that meet about 130,000 others each."""
    before = met.cumsum()
    bounds = np.searchsorted(before, np.arange(0, before[-1] if len(met) else 0, _AT_ONCE))
    edges = np.unique([0, *bounds.tolist(), len(met)])
    for start, stop in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        yield slice(start, stop)


class _Found:
    """Pairs of films that are among the nearest of either, under their nearest hashes."""

    def __init__(self, asked: FramedHashes, kept: FramedHashes, *, most_per_film: int) -> None:
        self._asked = asked
        self._kept = kept
        self._most_per_film = most_per_film
        self._places = np.empty(0, dtype=np.int32)
        self._others = np.empty(0, dtype=np.int32)
        self._distances = np.empty(0, dtype=np.uint8)
        self._new: list[tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.uint8]]] = []
        self._n_new = 0

    def add(self, places: Indices, others: Indices, distances: NDArray[np.uint8]) -> None:
        """Take pairs in."""
        self._new.append((places.astype(np.int32), others.astype(np.int32), distances))
        self._n_new += len(places)
        if self._n_new > max(2 * _AT_ONCE, len(self._places)):
            self._thin()

    def pairs(self) -> tuple[Indices, Indices]:
        """Return the places of the pairs in what was asked for and in what was kept."""
        self._thin()
        return self._places.astype(np.intp), self._others.astype(np.intp)

    def _thin(self) -> None:
        """Keep of each two films the nearest hashes, and of all pairs those of near films."""
        known = (self._places, self._others, self._distances)
        places, others, distances = map(np.concatenate, zip(known, *self._new, strict=True))
        self._new.clear()
        self._n_new = 0
        a, b = self._asked.film[places], self._kept.film[others]
        pair = np.minimum(a, b).astype(np.int64) << 32 | np.maximum(a, b)
        order = np.lexsort((others, places, distances, pair))
        first = order[np.flatnonzero(np.diff(pair[order], prepend=-1))]
        near = first[_among_nearest(a[first], b[first], distances[first], self._most_per_film)]
        self._places, self._others, self._distances = places[near], others[near], distances[near]


def _among_nearest(
    a: NDArray[np.int32], b: NDArray[np.int32], distances: NDArray[np.uint8], most_per_film: int
) -> Indices:
    """Return which pairs of films are among the nearest pairs of either, in their order."""
    films, pairs = np.concatenate([a, b]), np.tile(np.arange(len(a)), 2)
    order = np.lexsort((pairs, distances[pairs], films))
    ordered = films[order]
    rank = np.arange(len(ordered)) - np.searchsorted(ordered, ordered)
    return np.unique(pairs[order[rank < most_per_film]])
