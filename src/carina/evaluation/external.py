"""How far a classifier falls from its own test to other films."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from carina.domain.estimate import Estimate
from carina.domain.evaluation import Estimates, Evaluation
from carina.domain.external import AgainstInternal
from carina.domain.sentences import listed
from carina.evaluation.independent import difference

_COUNT = "count"


def against_internal(
    external: Evaluation, internal: Evaluation, *, name: str
) -> AgainstInternal | None:
    """Return an external test beside the internal one, without its sentence.

    Films known from training are left out of both where something is left without them.

    Args:
        external: the test on other films.
        internal: the run's test part.
        name: what the internal test was, in words.

    Returns:
        None if all but nothing of the external test was known from training.
    """
    there = fair_figures(external)
    if there is None:
        return None
    here = fair_figures(internal) or FairFigures(internal.metrics, internal.per_class, cut=False)
    absent = sorted(there.absent ^ here.absent)
    drops = _drops(there.metrics, here.metrics)
    if absent:
        because = (
            f"only one of the two tests has films of {listed(absent)}, so that numbers over all "
            "classes do not compare"
        )
        drops = {name: Estimate.undefined(because, n=drop.n) for name, drop in drops.items()}
    return AgainstInternal(
        name=name,
        n_internal=here.n,
        n_external=there.n,
        without_leaks=here.cut,
        without_known=there.cut,
        absent=tuple(absent),
        internal=here.metrics,
        internal_per_class=here.per_class,
        drops=drops,
        drops_per_class={
            label: _drops(figures, here.per_class[label])
            for label, figures in there.per_class.items()
            if label in here.per_class
        },
    )


@dataclass(frozen=True, slots=True)
class FairFigures:
    """What a test says of films that training did not know.

    Attributes:
        metrics: over all films.
        per_class: class -> metrics.
        cut: whether films were left out for it.
    """

    metrics: Estimates
    per_class: Mapping[str, Estimates]
    cut: bool

    @property
    def n(self) -> int:
        """How many films count."""
        return self.metrics["accuracy"].n

    @property
    def absent(self) -> frozenset[str]:
        """Classes without a film."""
        return frozenset(
            label for label, figures in self.per_class.items() if not figures["support"].value
        )


def fair_figures(evaluation: Evaluation) -> FairFigures | None:
    """Return a test's figures without the films that training knew, as they are where it knew
    none; None if nothing is left of some class."""
    left = evaluation.without_leaks
    if left is None or left.n_removed == 0:
        return FairFigures(evaluation.metrics, evaluation.per_class, cut=False)
    return FairFigures(left.metrics, left.per_class, cut=True) if left.metrics else None


def _drops(there: Estimates, here: Estimates) -> dict[str, Estimate]:
    return {
        name: difference(estimate, here[name])
        for name, estimate in there.items()
        if name in here and _COUNT not in (estimate.method, here[name].method)
    }
