"""What a search for copies keeps in memory of every film: hashes and a very small picture."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from carina.auditing.aligned_likeness import Reliefs, reliefs
from carina.auditing.hash_index import FramedHashes
from carina.data.cache import Sketches
from carina.domain.progress import Progress, Step, silent
from carina.imaging.film_hash import (
    WHOLE,
    Hashes,
    equalised,
    frame_hashes,
    halved,
    halved_levels,
    own_frame_hashes,
    uniform_frames,
)

# A crop of up to a tenth at each side lies within 6 % of one of these.
_CUTS = ((0.0, 0.0), (0.06, 0.0), (0.0, 0.06), (0.06, 0.06))
_UNCUT = ((0.0, 0.0),)
# A film read from right to left: its frame's left end lies at the right.
_MIRRORED = (1.0, 0.0, 0.0, 1.0)
_COARSE_SIDE = 24
_LEVELS = 255
_FILMS_AT_ONCE = 256


@dataclass(frozen=True, slots=True, eq=False)
class Outlines:
    """What is kept in memory of the films, about 1.2 KB each.

    Attributes:
        asked: hashes under frames that a copy of the film may show; one is the whole film
            mirrored.
        kept: hashes of the film as it is, and without its border.
        coarse: uint8 `[n, 24, 24]`, equalised.
        frames: float32 `[n, 4]`, the films without their borders.
    """

    asked: FramedHashes
    kept: FramedHashes
    coarse: NDArray[np.uint8]
    frames: NDArray[np.float32]

    def reliefs_of(self, films: NDArray[np.int32], *, window: float) -> Reliefs:
        """Return the coarse reliefs of some films, in their order."""
        thumbnails = np.divide(self.coarse[films], _LEVELS, dtype=np.float32)
        return reliefs(thumbnails, self.frames[films], window=window)


def outlines(sketches: Sketches, keys: Sequence[str], *, progress: Progress = silent) -> Outlines:
    """Return the outlines of films, numbered as their keys are.

    Args:
        sketches: of these films and maybe others.
        keys: record keys.
        progress: told after every few hundred films ("hashing films").

    Raises:
        KeyError: for a key without a sketch.
    """
    n_films, n_frames = len(keys), len(_CUTS) ** 2
    coarse = np.empty((n_films, _COARSE_SIDE, _COARSE_SIDE), dtype=np.uint8)
    grid = np.empty((n_films, n_frames, 2), dtype=np.uint64)
    own, mirrored = np.empty((2, n_films, 2), dtype=np.uint64)
    frames = np.empty((n_films, 4), dtype=np.float32)
    for part in parts(n_films, _FILMS_AT_ONCE):
        pictures = halved_levels(sketches.of(keys[part])["small"])
        frames[part] = uniform_frames(pictures)
        thumbnails = equalised(pictures, frames[part])
        grid[part] = frame_hashes(thumbnails, cuts=_CUTS)
        own[part] = own_frame_hashes(thumbnails, frames[part])
        mirrored[part] = frame_hashes(thumbnails[:, :, ::-1], cuts=_UNCUT)[:, 0]
        coarse[part] = np.rint(halved(thumbnails) * _LEVELS)
        progress(Step("hashing films", part.stop, n_films))
    asked, kept = _framed(frames, grid=grid, own=own, mirrored=mirrored)
    return Outlines(asked, kept, coarse, frames)


def parts(n: int, size: int) -> Iterator[slice]:
    """Yield the parts of `size` and less that `n` things are worked through in.

    >>> list(parts(5, 3))
    [slice(0, 3, None), slice(3, 5, None)]
    """
    for start in range(0, n, size):
        yield slice(start, min(start + size, n))


def _framed(
    frames: NDArray[np.float32], *, grid: Hashes, own: Hashes, mirrored: Hashes
) -> tuple[FramedHashes, FramedHashes]:
    """Return the hashes that films are asked for under, and those that they are kept under.

    Args:
        frames: float32 `[n, 4]`, the films without their borders.
        grid: uint64 `[n, cuts * cuts, 2]`, under the grid of cuts.
        own, mirrored: uint64 `[n, 2]`, without their borders and from right to left.
    """
    n_films, n_frames, _ = grid.shape
    film = np.arange(n_films, dtype=np.int32)
    bordered = np.flatnonzero((frames != np.array(WHOLE, dtype=np.float32)).any(axis=1))
    unbordered = FramedHashes(film[bordered], frames[bordered], own[bordered])
    cut = FramedHashes(
        np.repeat(film, n_frames), np.tile(_frames(), (n_films, 1)), grid.reshape(-1, 2)
    )
    asked = cut.with_others(unbordered).with_others(_under(_MIRRORED, film, mirrored))
    return asked, _under(WHOLE, film, grid[:, 0]).with_others(unbordered)


def _frames() -> NDArray[np.float32]:
    """Return the frames that the grid of cuts stands for, in the order of `frame_hashes`."""
    return np.array(
        [(left, top, 1 - right, 1 - low) for top, low in _CUTS for left, right in _CUTS],
        dtype=np.float32,
    )


def _under(
    frame: tuple[float, float, float, float], film: NDArray[np.int32], bits: Hashes
) -> FramedHashes:
    """Return hashes of films that are all under one frame."""
    return FramedHashes(film, np.tile(np.array(frame, dtype=np.float32), (len(film), 1)), bits)
