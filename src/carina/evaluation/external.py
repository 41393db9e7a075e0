"""How far a classifier falls from its own test to other films."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from carina.domain.estimate import Estimate
from carina.domain.evaluation import Estimates, Evaluation
from carina.domain.external import AgainstInternal
from carina.domain.sentences import listed
from carina.evaluation.independent import difference

INTERNAL_TEST = "the internal test part"
_COUNT = "count"
# of one class: a share of its own films, whatever other films there are
_OF_ITS_OWN_FILMS = ("recall",)
# of two classes, the same share of the other class
_OF_TWO = ("recall", "specificity")


def against_internal(
    external: Evaluation, internal: Evaluation, *, name: str
) -> AgainstInternal | None:
    """Return an external test beside the internal one, without its sentence.

    Films known from training are left out of both. Where nothing is left of some class of the
    internal test without them, no drop is defined: it would be taken from numbers that flatter.
    Where one test has no film of a class, those that other classes' films go into have none.

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
    comparing = _Comparing()
    if fair_figures(internal) is None:
        comparing = _Comparing(
            because=f"without the films that training knew nothing is left of some class of {name}"
        )
    elif absent:
        comparing = _Comparing(
            because=f"only one of the two tests has films of {listed(absent)}, so that "
            "only the sensitivity for a class that both have compares",
            still=_OF_TWO if len(internal.labels) == 2 else _OF_ITS_OWN_FILMS,
        )
    return AgainstInternal(
        name=name,
        n_internal=here.n,
        n_external=there.n,
        without_leaks=here.cut,
        without_known=there.cut,
        absent=tuple(absent),
        internal=here.metrics,
        internal_per_class=here.per_class,
        drops=replace(comparing, still=()).drops(there.metrics, here.metrics),
        drops_per_class={
            label: comparing.drops(figures, here.per_class[label])
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


@dataclass(frozen=True, slots=True)
class _Comparing:
    """Which numbers of two tests compare.

    Attributes:
        because: why not all do; "" where all do.
        still: those of one class that do all the same.
    """

    because: str = ""
    still: tuple[str, ...] = ()

    def drops(self, there: Estimates, here: Estimates) -> dict[str, Estimate]:
        """Return the first less the second; undefined where they do not compare."""
        drops = {
            name: difference(estimate, here[name])
            for name, estimate in there.items()
            if name in here and _COUNT not in (estimate.method, here[name].method)
        }
        if not self.because:
            return drops
        return {
            name: drop if name in self.still else Estimate.undefined(self.because, n=drop.n)
            for name, drop in drops.items()
        }
