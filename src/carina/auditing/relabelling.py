"""Folds that part no group, and the same films under labels dealt anew."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Places = NDArray[np.intp]
N_FOLDS = 5


@dataclass(frozen=True, slots=True, eq=False)
class Relabelled:
    """Films in folds, under their own labels and under labels dealt anew.

    Films of one group and class are a unit: a unit has one label and lies in one fold. Labels
    are dealt among the units of a fold, so that every fold keeps its classes: given the folds,
    the own labels are then one deal among equals if the films say nothing of their classes.

    Attributes:
        labels: int8 `[1 + draws, units]`, classes from 0; the first row is the own labels.
        unit_of: `[n]`, each film's unit.
        fold_of_unit: `[units]`.
        n_classes: how many classes there are.
    """

    labels: NDArray[np.int8]
    unit_of: Places
    fold_of_unit: Places
    n_classes: int

    @property
    def fold_of(self) -> Places:
        """Each film's fold, `[n]`."""
        return np.asarray(self.fold_of_unit[self.unit_of])

    @property
    def unit_sizes(self) -> NDArray[np.float32]:
        """Films of each unit, float32 `[units]`."""
        return np.bincount(self.unit_of, minlength=self.fold_of_unit.size).astype(np.float32)


def relabelled(
    y_true: Places, groups: Sequence[str], *, draws: int, rng: np.random.Generator
) -> Relabelled:
    """Return films in folds, under their own labels and under `draws` deals of them.

    Args:
        y_true: `[n]`, classes from 0 without a gap; each in two groups at least.
        groups: `[n]`, what no fold may part.
        draws: how often the labels are dealt anew.
        rng: breaks ties between groups of one size, and deals.
    """
    units: dict[tuple[str, int], int] = {}
    unit_of = np.array(
        [units.setdefault((group, int(y)), len(units)) for group, y in zip(groups, y_true)],  # noqa: B905  both [n]
        dtype=np.intp,
    )
    fold_of_group = _folds(y_true, groups, rng)
    fold_of_unit = np.array([fold_of_group[group] for group, _ in units], dtype=np.intp)
    own = np.array([y for _, y in units], dtype=np.int8)
    labels = np.tile(own, (1 + draws, 1))
    for fold in range(N_FOLDS):
        inside = np.flatnonzero(fold_of_unit == fold)
        labels[1:, inside] = rng.permuted(labels[1:, inside], axis=1)
    return Relabelled(labels, unit_of, fold_of_unit, n_classes=int(y_true.max()) + 1)


def _folds(y_true: Places, groups: Sequence[str], rng: np.random.Generator) -> dict[str, int]:
    """Return group -> fold: each group to the fold with the fewest films of its class.

    The largest groups go first; a class with fewer groups than folds is absent from some.
    """
    classes: dict[str, Counter[int]] = {}
    for group, y in zip(groups, y_true.tolist(), strict=True):
        classes.setdefault(group, Counter())[y] += 1
    names = list(classes)
    films = np.zeros((int(y_true.max()) + 1, N_FOLDS))
    fold_of: dict[str, int] = {}
    shuffled = [names[place] for place in rng.permutation(len(names))]
    for name in sorted(shuffled, key=lambda name: -classes[name].total()):
        own = classes[name]
        rarest = min(own, key=lambda y: (-own[y], y))
        # Where the class is level, the fold with the fewest films of all.
        fold = int(np.lexsort((films.sum(axis=0), films[rarest]))[0])
        fold_of[name] = fold
        for y, count in own.items():
            films[y, fold] += count
    return fold_of
