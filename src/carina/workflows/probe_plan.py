"""How much of a training its masked probe repeats, so that it is a quarter of the work.

Work is counted and not timed, so that the same training always gets the same probe.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

# Of the training's work: a quarter, less what starts and reads beside it.
_SHARE = 0.24
# What is left where even these would be more: a probe of fewer films tells nothing. So many
# films take seconds, whatever the network.
_LEAST_TRAINED = 64
_LEAST_ANSWERED = 100
# Coarse steps, so that trainings that hardly differ mostly get the same probe.
_FILM_SHARES = tuple(part / 2**halvings for halvings in range(20) for part in (1.0, 0.75))


@dataclass(frozen=True, slots=True)
class Sizes:
    """Films of each part."""

    train: int
    validation: int
    test: int


@dataclass(frozen=True, slots=True)
class Work:
    """What a training takes, and what a film takes that is only answered, in any one unit.

    Attributes:
        epochs: of each epoch in order, validation included.
        answer: of a film that is answered for the first time.
    """

    epochs: tuple[float, ...]
    answer: float


@dataclass(frozen=True, slots=True)
class ProbePlan:
    """What a masked probe does.

    Attributes:
        epochs: passes over its training films.
        films: how many of each part it has.
    """

    epochs: int
    films: Sizes


def plan_probe(work: Work, films: Sizes) -> ProbePlan:
    """Return the largest probe that takes at most a quarter of its training's work.

    It trains on all films, in as many epochs as that allows; or on three quarters of them
    where only this gives it a second epoch; or else on the most that leave enough for one
    epoch (all, 3/4, 1/2, 3/8, 1/4, ...). Validation films are cut as training films are. Test
    films are cut where answering them would take more than half of it.

    Args:
        work: of the training, which had as many epochs as the probe may have.
        films: there are.

    >>> plan = plan_probe(Work((10.0,) * 8, 0.01), Sizes(1000, 200, 100))
    >>> plan.epochs, plan.films
    (2, Sizes(train=750, validation=150, test=100))
    """
    budget = _SHARE * sum(work.epochs)
    n_test = films.test
    if n_test * work.answer > budget / 2:
        affordable = int(budget / 2 / work.answer)
        n_test = min(films.test, max(_LEAST_ANSWERED, affordable))
    left = budget - n_test * work.answer
    share, epochs = _share_and_epochs(work.epochs, left)
    return ProbePlan(
        epochs,
        Sizes(
            train=_cut(films.train, share, least=_LEAST_TRAINED),
            validation=_cut(films.validation, share, least=_LEAST_TRAINED),
            test=n_test,
        ),
    )


def _share_and_epochs(epochs: Sequence[float], allowance: float) -> tuple[float, int]:
    """Return the share of the films, and how many epochs of them are within the allowance."""
    took = list(accumulate(epochs))
    for fewest, allowed in ((min(2, len(took)), _FILM_SHARES[:2]), (1, _FILM_SHARES)):
        for share in allowed:
            n_epochs = sum(share * total <= allowance for total in took)
            if n_epochs >= fewest:
                return share, n_epochs
    return 0.0, 1


def _cut(n: int, share: float, *, least: int) -> int:
    return min(n, max(least, round(share * n)))


def evenly_chosen(labels: NDArray[np.int64], n: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """Return `n` films, of every class the same share, but one at least where `n` allows.

    Args:
        labels: int64 `[films]`; index of the class.
        n: at most as many as there are films; fewer are among more, for the same `rng`.
        rng: decides which.

    Returns:
        intp `[n]`; indices into `labels`, rising.

    >>> evenly_chosen(np.array([0] * 6 + [1] * 3), 3, np.random.default_rng(0)).size
    3
    """
    place = np.zeros(labels.size)
    for label in np.unique(labels):
        own = np.flatnonzero(labels == label)
        place[rng.permutation(own)] = np.arange(own.size) / own.size
    return np.sort(np.argsort(place, kind="stable")[:n])
