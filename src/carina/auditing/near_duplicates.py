"""Films that show nearly the same picture: copies that were saved, cut or marked again.

A hash finds for each film those that may be copies of it (`hash_index`); the pixels of the
two, one laid over the other, decide (`aligned_likeness`), at 24 and 48 pixels a side for most
and at 96 for those that are left. Time grows with the number of films, not with its square;
memory is about 3 KB for each film and 60 MB for the work (`benchmarks/audit_growth.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from carina.auditing.aligned_likeness import (
    Maps,
    Reliefs,
    correlation_under,
    likeness_under,
    maps_between,
    refined_maps,
    reliefs,
)
from carina.auditing.film_outlines import Outlines, outlines, parts
from carina.auditing.hash_index import near_hashes
from carina.data.cache import Sketches
from carina.domain.progress import Progress, Step, silent
from carina.imaging.film_hash import Pictures, equalised, halved_levels, uniform_frames

# benchmarks/copies.py on covid-dataset and ieee8023: 99.8 % of the medium copies are more alike
# than this. Films of one patient on different days are at most 0.70 alike (0.73 in nih), films
# of different people 0.6: their pairs from 0.55 on were looked at by eye.
LIKENESS_OF_COPIES = 0.74
# Drawings of one hand are all somewhat alike: of 690 synthetic chests no two are more alike than
# 0.79. A film is in such a crowd where most of those it is compared with are alike at 48 pixels a
# side: 9 of 10 among the drawings, at most 3 of 10 among real films. A picture with many copies
# is in a crowd too, and more alike than this to all but the worst of them.
LIKENESS_IN_CROWDS = 0.82
_CROWD_SHARE = 0.5
_CROWD_FILMS = 3
# The same benchmark: what was a copy in the end had at 24 pixels a side a correlation above 0.55
# in all but one case of 1,000, and at 48 a likeness above 0.69. Of films that are no copies two
# thirds fall at the first, and nine tenths of the others at the second.
_COARSE_CORRELATION = 0.56
_MIDDLE_LIKENESS = 0.6
_MOST_BITS = 34
_MOST_PER_FILM = 8
_COARSE_STEPS, _MIDDLE_STEPS, _FINE_STEPS = 4, 3, 2
_COARSE_WINDOWS = (0.14, 0.1)
_MIDDLE_WINDOW, _FINE_WINDOW = 0.14, 0.05
_COARSE_PAIRS_AT_ONCE = 1024
_PAIRS_AT_ONCE = 128


@dataclass(frozen=True, slots=True)
class NearPair:
    """Two films and how alike they are.

    Attributes:
        a, b: record keys, `a` before `b`.
        likeness: of the aligned pixels, in `[0, 1]`.
    """

    a: str
    b: str
    likeness: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two films that were compared pixel by pixel.

    Attributes:
        pair: the films, and how alike they are.
        least: how alike they must be to be copies.
    """

    pair: NearPair
    least: float

    @property
    def is_copy(self) -> bool:
        """Whether they show nearly the same picture."""
        return self.pair.likeness >= self.least


@dataclass(frozen=True, slots=True, eq=False)
class _Pairs:
    """Pairs of films: one is moved by its map to lie over the other.

    Attributes:
        moving, fixed: int32 `[n]`, numbers of films.
        maps: float32 `[n, 2, 3]`.
        likeness: float32 `[n]` in `[0, 1]`, as it was found last.
    """

    moving: NDArray[np.int32]
    fixed: NDArray[np.int32]
    maps: Maps
    likeness: NDArray[np.float32]

    def of(self, chosen: slice | NDArray[np.bool_]) -> _Pairs:
        """Return some of the pairs."""
        return _Pairs(
            self.moving[chosen], self.fixed[chosen], self.maps[chosen], self.likeness[chosen]
        )

    @staticmethod
    def joined(several: Sequence[_Pairs]) -> _Pairs:
        """Return the pairs of several, one behind the other."""
        return _Pairs(
            moving=np.concatenate([some.moving for some in several]),
            fixed=np.concatenate([some.fixed for some in several]),
            maps=np.concatenate([some.maps for some in several]),
            likeness=np.concatenate([some.likeness for some in several]),
        )


def find_near_duplicates(
    sketches: Sketches, keys: Sequence[str], *, progress: Progress = silent
) -> tuple[NearPair, ...]:
    """Return the pairs of films that show nearly the same picture.

    Found are copies that were compressed again, resized, cropped by up to a tenth at each
    side, padded with a border of one grey, turned by a few degrees, mirrored, equalised or changed
    in contrast, blurred, or got noise, letters and arrows; not inverted ones.
    Two films of one patient on different days are no copies. A film without structure (a
    blank one) is like nothing. Of a picture with more than eight copies not every two need be
    named, but each with some of the others.

    Args:
        sketches: of these films and maybe others.
        keys: record keys of films with different pixels, each once; their order means nothing.
        progress: told after every few hundred films ("hashing films") and pairs ("comparing
            films").

    Returns:
        the pairs, sorted by keys.

    Raises:
        KeyError: for a key without a sketch.
    """
    compared = compare_nearest(sketches, keys, progress=progress)
    return tuple(one.pair for one in compared if one.is_copy)


def compare_nearest(
    sketches: Sketches, keys: Sequence[str], *, progress: Progress = silent
) -> tuple[Comparison, ...]:
    """Return how alike films are that small pictures do not tell apart, copies or not.

    Args:
        sketches, keys, progress: as for `find_near_duplicates`.
    """
    keys = sorted(keys)
    films = outlines(sketches, keys, progress=progress)
    candidates = _candidates(films)
    likely = _alike_in_outline(candidates, films)
    alike = [likely.of(slice(0))]
    for part in parts(len(likely.maps), _PAIRS_AT_ONCE):
        alike.append(_alike_in_pixels(likely.of(part), sketches, keys))
        progress(Step("comparing films", part.stop, len(likely.maps)))
    pairs = _Pairs.joined(alike)
    in_crowds = _in_crowds(pairs, candidates, n_films=len(keys))
    least = np.where(in_crowds, LIKENESS_IN_CROWDS, LIKENESS_OF_COPIES)
    columns = pairs.moving.tolist(), pairs.fixed.tolist(), pairs.likeness.tolist(), least.tolist()
    compared = [
        Comparison(NearPair(keys[min(a, b)], keys[max(a, b)], likeness), enough)
        for a, b, likeness, enough in zip(*columns, strict=True)
    ]
    return tuple(sorted(compared, key=lambda one: (one.pair.a, one.pair.b)))


def _in_crowds(pairs: _Pairs, candidates: _Pairs, *, n_films: int) -> NDArray[np.bool_]:
    """Return for each pair whether either film is like most that it was compared with."""
    n_alike, n_compared = (
        np.bincount(np.concatenate([some.moving, some.fixed]), minlength=n_films) - 1
        for some in (pairs, candidates)
    )
    crowded = (n_alike >= _CROWD_FILMS) & (n_alike >= _CROWD_SHARE * n_compared)
    return np.asarray(crowded[pairs.moving] | crowded[pairs.fixed])


def _candidates(films: Outlines) -> _Pairs:
    """Return the pairs whose hashes are near, laid over each other by their frames."""
    places, others = near_hashes(
        films.asked,
        films.kept,
        n_films=len(films.frames),
        most_bits=_MOST_BITS,
        most_per_film=_MOST_PER_FILM,
    )
    return _Pairs(
        moving=films.asked.film[places],
        fixed=films.kept.film[others],
        maps=maps_between(films.asked.frame[places], films.kept.frame[others]),
        likeness=np.zeros(len(places), dtype=np.float32),
    )


def _alike_in_outline(pairs: _Pairs, films: Outlines) -> _Pairs:
    """Return the pairs that are alike at 24 x 24 pixels, laid over each other better."""
    alike = [pairs.of(slice(0))]
    for part in parts(len(pairs.maps), _COARSE_PAIRS_AT_ONCE):
        some = pairs.of(part)
        those, places = np.unique([some.moving, some.fixed], return_inverse=True)
        for window in _COARSE_WINDOWS:
            every = films.reliefs_of(those, window=window)
            a, b = (every.of(one) for one in places.reshape(2, -1))
            maps = refined_maps(some.maps, a, b, n_steps=_COARSE_STEPS)
            some = replace(some, maps=maps, likeness=correlation_under(maps, a, b))
        alike.append(some.of(some.likeness >= _COARSE_CORRELATION))
    return _Pairs.joined(alike)


def _alike_in_pixels(pairs: _Pairs, sketches: Sketches, keys: Sequence[str]) -> _Pairs:
    """Return the pairs that are alike at 48 x 48 pixels, with their likeness at 96 x 96."""
    for n_steps, least, fine in ((_MIDDLE_STEPS, _MIDDLE_LIKENESS, False), (_FINE_STEPS, 0, True)):
        if len(pairs.maps) == 0:
            return pairs
        films, places = np.unique([pairs.moving, pairs.fixed], return_inverse=True)
        pictures = sketches.of([keys[film] for film in films.tolist()])["small"]
        every = _reliefs_of(pictures, fine=fine)
        a, b = (every.of(one) for one in places.reshape(2, -1))
        maps = refined_maps(pairs.maps, a, b, n_steps=n_steps)
        pairs = replace(pairs, maps=maps, likeness=likeness_under(maps, a, b))
        pairs = pairs.of(pairs.likeness >= least)
    return pairs


def _reliefs_of(pictures: Pictures, *, fine: bool) -> Reliefs:
    if not fine:
        pictures = halved_levels(pictures)
    frames = uniform_frames(pictures)
    window = _FINE_WINDOW if fine else _MIDDLE_WINDOW
    return reliefs(equalised(pictures, frames), frames, window=window)
