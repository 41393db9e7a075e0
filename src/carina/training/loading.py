"""Batches of augmented films, made in a thread while the network computes."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from carina.domain.recipe import AugmentSection
from carina.imaging.prepare import from_levels
from carina.training.augment import apply_changes, draw_changes
from carina.training.chance import derived_rng
from carina.training.films import FilmPart
from carina.training.share import WHOLE, Share

AHEAD = 3
Made = TypeVar("Made")


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Films for one step.

    Attributes:
        images: float32 `[n, 1, height, width]` in `[0, 1]`; or what the fixed layers of the
            network made of them.
        labels: int64 `[n]`.
    """

    images: Tensor
    labels: Tensor


@contextmanager
def epoch_batches(  # noqa: PLR0913  the films, and all that their changes are drawn from
    part: FilmPart,
    order: NDArray[np.int64],
    *,
    batch_size: int,
    augment: AugmentSection,
    seed: int,
    epoch: int,
    begin: int = 0,
    share: Share = WHOLE,
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
        begin: the first batch that is wanted; those before it were shown already.
        share: which films of each batch are wanted.
    """
    shown = times_shown(order)
    view = view_shown(augment, epoch)

    def make(films: slice) -> Batch:
        images = changed_images(
            part, order[films], shown=shown[films], view=view, augment=augment, seed=seed
        )
        return Batch(images=images, labels=torch.from_numpy(part.labels[order[films]]))

    batches = share.of_batches(order.size, batch_size, begin)
    with made_ahead(make, batches) as coming:
        yield coming


def view_shown(augment: AugmentSection, epoch: int) -> int:
    """Return which view of the films an epoch shows, from 1: its own, or one of a few in turn.

    >>> [view_shown(AugmentSection(views=2), epoch) for epoch in (1, 2, 3)]
    [1, 2, 1]
    >>> [view_shown(AugmentSection(), epoch) for epoch in (1, 2, 3)]
    [1, 2, 3]
    """
    return (epoch - 1) % augment.views + 1 if augment.views else epoch


def changed_images(
    part: FilmPart,
    films: NDArray[np.int64],
    *,
    shown: NDArray[np.int64],
    view: int,
    augment: AugmentSection,
    seed: int,
) -> Tensor:
    """Return films as one view shows them.

    Args:
        part: holds the films.
        films: int64 `[n]`; indices into `part`.
        shown: int64 `[n]`; how often each was shown before in the epoch (`times_shown`).
        view: from 1 (`view_shown`).
        augment: the changes.
        seed: the recipe's.

    Returns:
        float32 `[n, 1, height, width]` in `[0, 1]`; what a film becomes depends on its key,
        the seed, the view and how often it was shown, and on nothing else.
    """
    keys = [part.keys[film] for film in films]
    pixels = from_levels(part.read_levels(keys))
    changed = []
    for film, key, times in zip(pixels, keys, shown.tolist(), strict=True):
        rng = derived_rng(seed, "augment", view, key, times)
        changed.append(apply_changes(film, draw_changes(augment, rng), fill=augment.fill))
    return torch.from_numpy(np.stack(changed)).unsqueeze(1)


@contextmanager
def made_ahead(make: Callable[[slice], Made], batches: Sequence[slice]) -> Iterator[Iterator[Made]]:
    """Yield what `make` gives for each batch of things, a few made ahead in one thread.

    However the block ends, the thread has ended after it.

    Args:
        make: a batch -> what is wanted of it. Called in the thread.
        batches: the things of each, as a slice of all (`Share.of_batches`).
    """
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="carina-loader") as pool:
        try:
            yield _ahead(pool, make, batches)
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
    pool: ThreadPoolExecutor, make: Callable[[slice], Made], batches: Sequence[slice]
) -> Iterator[Made]:
    waiting: deque[Future[Made]] = deque()
    for batch in batches:
        waiting.append(pool.submit(make, batch))
        if len(waiting) > AHEAD:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()
