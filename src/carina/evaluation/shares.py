"""Shares of films of some kind among films of another, many of them at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from carina.domain.estimate import Estimate
from carina.evaluation.intervals import Interval
from carina.evaluation.metric import Metric, Proportion, proportion_metric
from carina.evaluation.resamples import Floats, Resamples


@dataclass(frozen=True, slots=True, eq=False)
class Share:
    """The share of films of a kind among some films.

    Attributes:
        title: what it is, in words.
        hits: bool `[n]`, the films of the kind.
        of: bool `[n]`, those among which they are counted.
        undefined_because: why there may be none to count among.
    """

    title: str
    hits: NDArray[np.bool_]
    of: NDArray[np.bool_]
    undefined_because: str


def share_metrics(shares: Mapping[str, Share]) -> dict[str, Metric]:
    """Return each share as a metric of the same films, for `estimate_metrics`.

    What a draw holds of all of them is counted in one matrix product, once a second one is asked
    for.

    Args:
        shares: by name; one or more, all over the same films.
    """
    kinds = np.column_stack(
        [column for share in shares.values() for column in (share.hits & share.of, share.of)]
    ).astype(np.float32)
    counted: WeakKeyDictionary[Resamples, Floats | None] = WeakKeyDictionary()

    def counts(drawn: Resamples, own: slice) -> Floats:
        # float32 counts whole numbers exactly up to 16.7 million films
        if drawn not in counted:  # it may be asked for one share alone
            counted[drawn] = None
            return (drawn.weights @ kinds[:, own]).astype(np.float64)
        known = counted[drawn]
        if known is None:
            counted[drawn] = known = (drawn.weights @ kinds).astype(np.float64)
        return known[:, own]

    def proportion(place: int) -> Callable[[Resamples], Proportion]:
        def of_drawn(drawn: Resamples) -> Proportion:
            found = counts(drawn, slice(2 * place, 2 * place + 2))
            return Proportion(hits=found[:, 0], of=found[:, 1])

        return of_drawn

    return {
        name: proportion_metric(
            share.title, proportion(place), undefined_because=share.undefined_because
        )
        for place, (name, share) in enumerate(shares.items())
    }


def share_and_interval(share: Estimate) -> tuple[float, Interval]:
    """Return a defined share with its interval; without one it could be anything."""
    assert share.value is not None  # the caller leaves out what is undefined
    low = 0.0 if share.low is None else share.low
    high = 1.0 if share.high is None else share.high
    return share.value, (low, high)
