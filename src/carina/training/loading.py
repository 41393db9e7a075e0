"""Batches of augmented films, made in a thread while the network computes."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from carina.domain.recipe import AugmentSection
from carina.imaging.prepare import from_levels
from carina.training.augment import apply_changes, draw_changes
from carina.training.chance import derived_rng
from carina.training.films import FilmPart

AHEAD = 3


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Films for one step.

    Attributes:
        images: float32 `[n, 1, height, width]` in `[0, 1]`.
        labels: int64 `[n]`.
    """

    images: Tensor
    labels: Tensor


@contextmanager
def epoch_batches(
    part: FilmPart,
    order: NDArray[np.int64],
    *,
    batch_size: int,
    augment: AugmentSection,
    seed: int,
    epoch: int,
) -> Iterator[Iterator[Batch]]:
    """Yield an epoch's batches in order, a few of them made ahead in one thread.

    OpenCV and numpy let go of the interpreter, so the thread costs the network little.
    However the block ends, the thread has ended after it.

    Args:
        part: the films.
        order: int64 `[m]`; indices into `part`, as they are shown.
        batch_size: films in a batch; the last one holds what is left.
        augment: the changes.
        seed: the recipe's.
        epoch: from 1.
    """

    def make(at: int) -> Batch:
        films = slice(at, at + batch_size)
        return _batch(part, order[films], shown[films], changed_film)

    def changed_film(pixels: NDArray[np.float32], key: str, shown: int) -> NDArray[np.float32]:
        rng = derived_rng(seed, "augment", epoch, key, shown)
        return apply_changes(pixels, draw_changes(augment, rng), fill=augment.fill)

    shown = times_shown(order)
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="carina-loader") as pool:
        try:
            yield _ahead(pool, make, range(0, order.size, batch_size))
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def times_shown(order: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return of each place in `order` how often its film stands before it.

    >>> times_shown(np.array([3, 1, 3, 3])).tolist()
    [0, 0, 1, 2]
    """
    counts: Counter[int] = Counter()
    times = []
    for film in order.tolist():
        times.append(counts[film])
        counts[film] += 1
    return np.array(times, dtype=np.int64)


def _ahead(
    pool: ThreadPoolExecutor, make: Callable[[int], Batch], places: Sequence[int]
) -> Iterator[Batch]:
    waiting: deque[Future[Batch]] = deque()
    for place in places:
        waiting.append(pool.submit(make, place))
        if len(waiting) > AHEAD:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def _batch(
    part: FilmPart,
    films: NDArray[np.int64],
    shown: NDArray[np.int64],
    changed_film: Callable[[NDArray[np.float32], str, int], NDArray[np.float32]],
) -> Batch:
    keys = [part.keys[film] for film in films]
    pixels = from_levels(part.read_levels(keys))
    images = np.stack(
        [
            changed_film(film, key, int(times))
            for film, key, times in zip(pixels, keys, shown, strict=True)
        ]
    )
    return Batch(
        images=torch.from_numpy(images).unsqueeze(1), labels=torch.from_numpy(part.labels[films])
    )
