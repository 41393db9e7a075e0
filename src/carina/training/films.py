"""The films that a training is given."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from carina.domain.input_spec import InputSpec

ReadLevels = Callable[[Sequence[str]], NDArray[np.uint16]]


@dataclass(frozen=True, slots=True, eq=False)
class FilmPart:
    """One part of a split, ready to be read in any order.

    Attributes:
        keys: one name per film; `read_levels` finds the film by it, and the film's
            augmentation is drawn from it.
        labels: int64 `[n]`; index of the class.
        read_levels: keys -> prepared grey levels uint16 `[len(keys), height, width]`,
            65535 the whitest (`data.cache.PreparedPixels.levels`). Called from a thread.
    """

    keys: tuple[str, ...]
    labels: NDArray[np.int64]
    read_levels: ReadLevels

    def __post_init__(self) -> None:
        if len(self.keys) != len(self.labels):
            raise ValueError(f"{len(self.keys)} keys and {len(self.labels)} labels")

    def __len__(self) -> int:
        return len(self.keys)


@dataclass(frozen=True, slots=True, eq=False)
class TrainingFilms:
    """What a training learns from and is watched on.

    Attributes:
        train: the films whose gradients are taken; augmented.
        validation: the films that choose the best epoch; never augmented.
        spec: how both were prepared.
    """

    train: FilmPart
    validation: FilmPart
    spec: InputSpec
