"""Whether a classifier errs where a confounder would."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from carina.domain.estimate import Estimate
from carina.domain.failures import ErrorAgreement
from carina.domain.percentages import percent, points_with_interval
from carina.domain.recipe import EvaluateSection
from carina.evaluation.combined_intervals import mover
from carina.evaluation.estimating import estimate_metrics
from carina.evaluation.scored_films import ScoredFilms
from carina.evaluation.shares import Share, share_and_interval, share_metrics
from carina.evaluation.subgroups import SMALLEST_SUBGROUP

METHOD = "square-and-add"
# What a class with 30 films on each side weighs.
_FEWEST_WEIGHT = SMALLEST_SUBGROUP / 2


@dataclass(frozen=True, slots=True, eq=False)
class Pointing:
    """The class that one confounder alone gives each film.

    Attributes:
        signal: its name ("frame", "source", ...).
        title: what it is, as in "from the frame alone".
        classes: intp `[n]`, index of the class; -1 where it gave none.
        in_pixels: whether a network can see it.
        has_lungs: whether the lungs are in it, if coarsely.
    """

    signal: str
    title: str
    classes: NDArray[np.intp]
    in_pixels: bool = True
    has_lungs: bool = False


def error_agreement(
    films: ScoredFilms, pointings: Sequence[Pointing], section: EvaluateSection
) -> tuple[ErrorAgreement, ...]:
    """Return how right a classifier is where confounders point to the true class, and elsewhere.

    A classifier that has learned a confounder is wrong where that misleads it. Two reasons
    beside it make the same difference: a class that is easier to both (`within_classes` leaves
    it out), and films that are hard to both for reasons of their own (no number here does).

    Nothing is claimed where one side has fewer than 30 films. Intervals of differences join
    those of the shares by Newcombe's square-and-add, which takes them for independent: patients
    with films on both sides make it a little too wide.

    Args:
        films: the test films, with the classifier's answers.
        pointings: one for each confounder.
        section: how many resamples, and their seed.

    References:
        Newcombe, Stat Med 17 (1998) 873-890, method 10; Zou & Donner, Stat Med 27 (2008)
        1693-1702, for sums; Greenland & Robins, Biometrics 41 (1985) 55-68, for the weights of
        the classes (Mantel-Haenszel's).
    """
    sides = [side for one in pointings for side in _sides(films, one)]
    if not any(side.films.any() for side in sides):
        return ()
    right = films.predicted == films.y_true
    shares = {
        side.name: Share("Accuracy", right, side.films, "there is no such film") for side in sides
    }
    estimates, _ = estimate_metrics(films, share_metrics(shares), section)
    return tuple(_agreement(films, one, estimates) for one in pointings)


@dataclass(frozen=True, slots=True, eq=False)
class _Side:
    """Films, of one class or of all, whose class a confounder tells rightly, or wrongly.

    Attributes:
        name: unique.
        films: bool `[n]`.
    """

    name: str
    films: NDArray[np.bool_]


def _name(signal: str, *, is_right: bool, label: str | None = None) -> str:
    side = "right" if is_right else "wrong"
    return f"{signal} {side}" if label is None else f"{signal} {side} {label}"


def _sides(films: ScoredFilms, one: Pointing) -> list[_Side]:
    """Return both sides of all films, then those of each class."""
    pointed, agrees = one.classes >= 0, one.classes == films.y_true
    sides = []
    for is_right in (True, False):
        own = pointed & (agrees == is_right)
        sides.append(_Side(_name(one.signal, is_right=is_right), own))
        sides += [
            _Side(_name(one.signal, is_right=is_right, label=label), own & (films.y_true == index))
            for index, label in enumerate(films.labels)
        ]
    return sides


def _agreement(
    films: ScoredFilms, one: Pointing, estimates: Mapping[str, Estimate]
) -> ErrorAgreement:
    pointed = one.classes >= 0
    n_right = int((one.classes == films.y_true).sum())
    n_wrong = int(pointed.sum()) - n_right
    errors = pointed & (films.predicted != films.y_true)
    where_right, where_wrong = (
        _claimed(estimates[_name(one.signal, is_right=is_right)]) for is_right in (True, False)
    )
    missing = where_right.undefined_because or where_wrong.undefined_because
    n = n_right + n_wrong
    if missing:
        difference = within = Estimate.undefined(missing, n=n)
    else:
        difference = _weighted_difference([(1.0, where_right, where_wrong)], n=n)
        within = _within_classes(films, one.signal, estimates)
    found = ErrorAgreement(
        signal=one.signal,
        n_right=n_right,
        n_wrong=n_wrong,
        accuracy_where_right=where_right,
        accuracy_where_wrong=where_wrong,
        difference=difference,
        within_classes=within,
        n_errors=int(errors.sum()),
        n_errors_alike=int((errors & (films.predicted == one.classes)).sum()),
    )
    return found.model_copy(update={"sentence": _sentence(found, one)})


def _claimed(estimate: Estimate) -> Estimate:
    """Return an estimate, or why nothing is claimed of so few films."""
    if estimate.n >= SMALLEST_SUBGROUP:
        return estimate
    because = f"only {estimate.n} films; nothing is claimed below {SMALLEST_SUBGROUP}"
    return Estimate.undefined(because, n=estimate.n)


def _within_classes(films: ScoredFilms, signal: str, estimates: Mapping[str, Estimate]) -> Estimate:
    parts, n = [], 0
    for label in films.labels:
        a, b = (
            estimates[_name(signal, is_right=is_right, label=label)] for is_right in (True, False)
        )
        if a.n and b.n:
            parts.append((a.n * b.n / (a.n + b.n), a, b))
            n += a.n + b.n
    if not parts:
        return Estimate.undefined("no class has films on both sides", n=0)
    if sum(weight for weight, _, _ in parts) < _FEWEST_WEIGHT:
        because = "the films of one class that lie on both sides are too few to claim anything"
        return Estimate.undefined(because, n=n)
    return _weighted_difference(parts, n=n)


def _weighted_difference(parts: Sequence[tuple[float, Estimate, Estimate]], *, n: int) -> Estimate:
    """Return the weighted mean of differences, with the interval that those of the shares make.

    Args:
        parts: weight, and the two shares; defined.
        n: films that it rests on.
    """
    total = sum(weight for weight, _, _ in parts)
    values, intervals, weights = [], [], []
    for weight, first, second in parts:
        for share, signed in ((first, weight), (second, -weight)):
            value, interval = share_and_interval(share)
            values.append(value)
            intervals.append(interval)
            weights.append(signed / total)
    value, (low, high) = mover(values, intervals, weights=weights)
    return Estimate(value=value, low=max(-1.0, low), high=min(1.0, high), n=n, method=METHOD)


def _sentence(found: ErrorAgreement, one: Pointing) -> str:
    """Return what the errors say of a confounder, in words."""
    if found.difference.value is None:
        few, how = min((found.n_right, "rightly"), (found.n_wrong, "wrongly"))
        return (
            f"By {one.title} alone, the class is told {how} for only {few} of "
            f"{found.n_right + found.n_wrong} test films: nothing is claimed below "
            f"{SMALLEST_SUBGROUP}."
        )
    assert found.accuracy_where_right.value is not None  # the difference has both
    assert found.accuracy_where_wrong.value is not None
    opening = (
        f"Where the class is told rightly by {one.title} alone ({found.n_right:,} films), "
        f"{percent(found.accuracy_where_right.value)} of the classifier's answers are right; "
        f"where it is told wrongly ({found.n_wrong:,}), "
        f"{percent(found.accuracy_where_wrong.value)}: a difference of "
        f"{points_with_interval(found.difference)}"
    )
    return f"{opening}. {_judgement(found, one)}"


def _judgement(found: ErrorAgreement, one: Pointing) -> str:
    within = found.within_classes
    assert within is not None  # error_agreement gives it
    if within.value is None or within.low is None or within.high is None:
        return (
            f"Whether that is a difference between the classes alone cannot be told: "
            f"{within.undefined_because}."
        )
    among = f"Between films of one class it is {points_with_interval(within)}"
    if within.low > 0:
        return f"{among}: this is how a classifier errs that has learned it. {_what_else(one)}"
    if within.high < 0:
        return f"{among}: the errors do not follow it."
    return f"{among}, which may be luck; that does not show that it plays no part."


def _what_else(one: Pointing) -> str:
    if one.has_lungs:
        return (
            "The lungs are in it as well, if coarsely, so that it may be a sign of the disease "
            "in part."
        )
    if not one.in_pixels:
        return (
            "A network does not see it in the pixels; what goes along with it there may be what "
            "was learned."
        )
    return "It is no proof: a film that is unusual in one way may be hard for other reasons too."
