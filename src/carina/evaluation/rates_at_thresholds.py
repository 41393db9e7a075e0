"""What a threshold on the probability of a class finds, misses and falsely calls."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from carina.domain.estimate import Estimate
from carina.domain.operating_points import AtPrevalence
from carina.domain.recipe import EvaluateSection
from carina.evaluation.combined_intervals import ratio_interval
from carina.evaluation.estimating import estimate_metrics
from carina.evaluation.scored_films import ScoredFilms
from carina.evaluation.shares import Share, share_metrics

# from screening to a ward where every second film shows it
PREVALENCES = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5)

_RATES = ("sensitivity", "specificity", "ppv", "npv")


@dataclass(frozen=True, slots=True)
class Cut:
    """A class, and the probability of it from which on a film is called so.

    Attributes:
        label: the class.
        threshold: in `[0, 1]`.
    """

    label: str
    threshold: float


def rates_at(
    films: ScoredFilms, cuts: Sequence[Cut], section: EvaluateSection
) -> list[dict[str, Estimate]]:
    """Return for each cut "sensitivity", "specificity", "ppv", "npv", the likelihood ratios
    "positive_likelihood_ratio" and "negative_likelihood_ratio", and "tp", "fp", "tn", "fn".

    The rates are proportions as any other (`estimate_metrics`). The ratios are made of
    sensitivity and specificity, which rest on different films (`ratio_interval`).

    Args:
        films: one film or more.
        cuts: on the films' own classes.
        section: how many resamples, and their seed.
    """
    shares: dict[str, Share] = {}
    for number, cut in enumerate(cuts):
        shares |= {f"{number} {name}": share for name, share in _shares(films, cut).items()}
    estimates, _ = estimate_metrics(films, share_metrics(shares), section) if cuts else ({}, {})
    every = []
    for number, cut in enumerate(cuts):
        found = {name: estimates[f"{number} {name}"] for name in _RATES}
        ratios = likelihood_ratios(found["sensitivity"], found["specificity"])
        every.append(found | ratios | _counts(films, cut))
    return every


def _own_and_called(films: ScoredFilms, cut: Cut) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return which films are of the cut's class, and which are called so; both bool `[n]`."""
    index = films.labels.index(cut.label)
    return films.y_true == index, films.probabilities[:, index] >= cut.threshold


def _shares(films: ScoredFilms, cut: Cut) -> dict[str, Share]:
    own, called = _own_and_called(films, cut)
    # a reason is filled in once more where it is used, and a class may be called "{x}"
    label = cut.label.replace("{", "{{").replace("}", "}}")
    return {
        "sensitivity": Share("Sensitivity", called, own, f"there is no film of {label}"),
        "specificity": Share(
            "Specificity", ~called, ~own, f"there is no film of another class than {label}"
        ),
        "ppv": Share("PPV", own, called, f"no film was called {label}"),
        "npv": Share("NPV", ~own, ~called, f"every film was called {label}"),
    }


def _counts(films: ScoredFilms, cut: Cut) -> dict[str, Estimate]:
    own, called = _own_and_called(films, cut)
    kinds = {"tp": called & own, "fp": called & ~own, "tn": ~called & ~own, "fn": ~called & own}
    n = len(films)
    return {name: Estimate.count(int(kind.sum()), n=n) for name, kind in kinds.items()}


def likelihood_ratios(sensitivity: Estimate, specificity: Estimate) -> dict[str, Estimate]:
    """Return "positive_likelihood_ratio" and "negative_likelihood_ratio".

    How much more often films of the class are called (or not called) than others are:
    sensitivity / (1 - specificity), and (1 - sensitivity) / specificity.

    Args:
        sensitivity, specificity: of the same films.
    """
    n = sensitivity.n + specificity.n
    names = ("positive_likelihood_ratio", "negative_likelihood_ratio")
    for rate in (sensitivity, specificity):
        if rate.value is None:
            return {name: Estimate.undefined(rate.undefined_because, n=n) for name in names}
    falsely, missed = _complement(specificity), _complement(sensitivity)
    return {
        names[0]: _ratio(sensitivity, falsely, "no film of the other classes was called so", n),
        names[1]: _ratio(missed, specificity, "every film of the other classes was called so", n),
    }


def _ratio(above: Estimate, below: Estimate, why_infinite: str, n: int) -> Estimate:
    if not below.value or above.value is None:
        return Estimate.undefined(why_infinite, n=n)
    low, high = _ratio_ends(above, below)
    # an end at infinity is no number of a file: the interval is then open above
    open_above = math.isinf(high)
    return Estimate(
        value=above.value / below.value,
        low=low,
        high=None if open_above else high,
        n=n,
        method="mover-r",
    )


def _ratio_ends(above: Estimate, below: Estimate) -> tuple[float, float]:
    """Return the interval of a ratio; 0 to infinity where one of the two has none."""
    ends = (above.low, above.high, below.low, below.high)
    low_above, high_above, low_below, high_below = ends
    if (
        above.value is None
        or below.value is None
        or low_above is None
        or high_above is None
        or low_below is None
        or high_below is None
    ):
        return 0.0, math.inf
    return ratio_interval(
        above.value,
        below.value,
        of_above=(low_above, high_above),
        of_below=(low_below, high_below),
    )


def _complement(share: Estimate) -> Estimate:
    """Return 1 - a share, with the interval turned round."""
    assert share.value is not None
    low = None if share.high is None else 1 - share.high
    high = None if share.low is None else 1 - share.low
    return Estimate(value=1 - share.value, low=low, high=high, n=share.n, method=share.method)


def by_prevalence(
    sensitivity: Estimate, specificity: Estimate, *, label: str
) -> tuple[AtPrevalence, ...]:
    """Return what positive and negative answers are worth at each of `PREVALENCES`.

    Bayes: the odds of the class after an answer are its odds before, times the answer's
    likelihood ratio. The prevalence is given and has no error of its own, so that the ends of
    a likelihood ratio's interval become the ends of the predictive value's, as in Mercaldo,
    Lau & Zhou, Stat Med 26 (2007) 2170-2183, whose logit interval is that of the log ratio;
    here it is the ratio's own (`ratio_interval`), which also holds where nothing was falsely
    called, or nothing missed (benchmarks/predictive_values.py).

    Args:
        sensitivity, specificity: of the same films.
        label: the class.
    """
    return tuple(
        AtPrevalence(
            prevalence=prevalence,
            ppv=_ppv(sensitivity, specificity, prevalence, label),
            npv=_npv(sensitivity, specificity, prevalence, label),
        )
        for prevalence in PREVALENCES
    )


def _ppv(sensitivity: Estimate, specificity: Estimate, prevalence: float, label: str) -> Estimate:
    n = sensitivity.n + specificity.n
    if sensitivity.value is None or specificity.value is None:
        because = sensitivity.undefined_because or specificity.undefined_because
        return Estimate.undefined(because, n=n)
    falsely = _complement(specificity)
    right = prevalence * sensitivity.value
    wrong = (1 - prevalence) * (1 - specificity.value)
    if right + wrong == 0:
        return Estimate.undefined(f"no film was called {label}", n=n)
    low, high = (_after(ratio, prevalence) for ratio in _ratio_ends(sensitivity, falsely))
    return Estimate(value=right / (right + wrong), low=low, high=high, n=n, method="mover-r")


def _npv(sensitivity: Estimate, specificity: Estimate, prevalence: float, label: str) -> Estimate:
    n = sensitivity.n + specificity.n
    if sensitivity.value is None or specificity.value is None:
        because = sensitivity.undefined_because or specificity.undefined_because
        return Estimate.undefined(because, n=n)
    missed = _complement(sensitivity)
    right = (1 - prevalence) * specificity.value
    wrong = prevalence * (1 - sensitivity.value)
    if right + wrong == 0:
        return Estimate.undefined(f"every film was called {label}", n=n)
    high, low = (1 - _after(ratio, prevalence) for ratio in _ratio_ends(missed, specificity))
    return Estimate(value=right / (right + wrong), low=low, high=high, n=n, method="mover-r")


def _after(likelihood_ratio: float, prevalence: float) -> float:
    """Return the probability of the class after an answer with this likelihood ratio."""
    if math.isinf(likelihood_ratio):
        return 1.0
    odds = prevalence * likelihood_ratio
    return odds / (odds + 1 - prevalence)
