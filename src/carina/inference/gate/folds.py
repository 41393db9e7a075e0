"""Films in parts, so that each can be measured by what was fitted without it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def fold_numbers(groups: Sequence[str], n_folds: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """Return the fold of each film, from 0 on; a group lies in one fold.

    Groups are dealt out in random order, each to the fold with the fewest films.

    Args:
        groups: each film's.
        n_folds: how many; fewer are made of fewer groups.
        rng: orders the groups.
    """
    names = np.asarray(groups)
    different, own, sizes = np.unique(names, return_inverse=True, return_counts=True)
    n_folds = min(n_folds, len(different))
    filled = np.zeros(n_folds, dtype=np.intp)
    fold_of = np.empty(len(different), dtype=np.intp)
    for group in rng.permutation(len(different)):
        fold_of[group] = filled.argmin()
        filled[fold_of[group]] += sizes[group]
    return np.asarray(fold_of[own])
