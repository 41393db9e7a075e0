"""How wrong the answers are if only the most certain films are answered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from carina.domain.abstention_figures import RiskCoverage
from carina.domain.estimate import Estimate
from carina.domain.thresholds import Thresholds, threshold_in_percent
from carina.evaluation.metric import Metric
from carina.evaluation.resamples import Floats, Resamples, ratio
from carina.evaluation.scored_films import ScoredFilms
from carina.evaluation.shares import Share

# Steps of a twentieth, but no point of so few films that its interval says nothing.
_STEPS = np.arange(1, 21) / 20
_FEWEST_FILMS = 10
# stands for a probability of 0, whose logit is infinite
_LEAST = float(np.finfo(np.float64).tiny)


def certainties(films: ScoredFilms, thresholds: Thresholds) -> Floats:
    """Return how certain the answers are, float64 `[n]`; larger is more certain.

    Where the most probable class is the answer, that is the probability of the answer. Where a
    threshold decides, it is how far the logit of the positive class lies from that of the
    threshold: 40 % of Covid is an answer of Covid from 10 % on, and a more certain one than
    15 %, although the other class is the more probable of both. At a threshold of 50 % both
    orders are the same. Answers that are no rule's, as a tool's own, count by their probability.

    Args:
        films: one film or more.
        thresholds: what the answers were given by.
    """
    if thresholds.positive is None or thresholds.threshold is None:
        answered: Floats = films.probabilities[np.arange(len(films)), films.predicted]
        return answered
    chosen = thresholds.positive
    shares = np.maximum(films.probabilities, _LEAST)
    limits = np.maximum([thresholds.threshold, 1 - thresholds.threshold], _LEAST)
    logits = np.log(shares[:, chosen]) - np.log(shares[:, 1 - chosen])
    distances: Floats = np.abs(logits - (np.log(limits[0]) - np.log(limits[1])))
    return distances


def certainty_in_words(thresholds: Thresholds, labels: Sequence[str]) -> str:
    """Return what `certainties` are, in words.

    Args:
        thresholds: what the answers were given by.
        labels: the classes, in the order of the probabilities.
    """
    if thresholds.positive is None or thresholds.threshold is None:
        return "the probability of their answer"
    return (
        f"how far their probability of {labels[thresholds.positive]} lies from the threshold of "
        f"{threshold_in_percent(thresholds.threshold)}, in logits"
    )


def certainty_levels(certainty: Floats) -> Floats:
    """Return the certainties from which films are answered, one a point of the curve, falling.

    Films as certain as each other are answered together.

    Args:
        certainty: float64 `[n]`, of one film or more.
    """
    certainty = np.sort(certainty)[::-1]
    n = certainty.size
    # k / n may lie just above the share that it is
    counts = np.ceil(np.round(_STEPS * n, 9)).astype(int)
    enough = counts[(counts >= _FEWEST_FILMS) | (counts == n)]
    levels: Floats = np.unique(certainty[enough - 1])[::-1]
    return levels


def risk_shares(films: ScoredFilms, certainty: Floats) -> dict[str, Share]:
    """Return, for each point of the curve, the wrong answers among the films answered.

    Args:
        films: one film or more.
        certainty: float64 `[n]`, of their answers.
    """
    wrong = films.predicted != films.y_true
    return {
        f"risk {place}": Share(
            title="Wrong answers among the most certain films",
            hits=wrong,
            of=certainty >= level,
            undefined_because="no film is answered",
        )
        for place, level in enumerate(certainty_levels(certainty))
    }


def risk_coverage(
    shares: Mapping[str, Share], estimates: Mapping[str, Estimate], *, certain_by: str
) -> RiskCoverage:
    """Return the curve of the estimates of `risk_shares`.

    Args:
        shares: its points.
        estimates: of them, by the same names.
        certain_by: what the certainties were, in words.

    References:
        El-Yaniv & Wiener, J Mach Learn Res 11 (2010) 1605-1641; Geifman & El-Yaniv, Advances
        in Neural Information Processing Systems 30 (2017) 4878-4887.
    """
    points = [(float(share.of.mean()), estimates[name]) for name, share in shares.items()]
    return RiskCoverage(
        answered=tuple(answered for answered, _ in points),
        wrong=tuple(wrong for _, wrong in points),
        certain_by=certain_by,
    )


def area_metric(films: ScoredFilms, certainty: Floats) -> Metric:
    """Return the area under the risk-coverage curve: 0 is best.

    It is the mean over films of the share of wrong answers among the films at least as certain
    as that film. If certainty says nothing of being right, it is the share of wrong answers of
    all films.

    Args:
        films: one film or more.
        certainty: float64 `[n]`, of their answers.

    References:
        Geifman, Uziel & El-Yaniv, International Conference on Learning Representations (2019),
        "Bias-reduced uncertainty estimation for deep neural classifiers", section 2.
    """
    order = np.argsort(-certainty, kind="stable")
    starts = np.flatnonzero(np.diff(-certainty[order], prepend=-np.inf) > 0)
    wrong = (films.predicted != films.y_true)[order].astype(np.float32)

    def measure(drawn: Resamples) -> Floats:
        weights = drawn.weights[:, order]
        errors = weights * wrong
        if starts.size < order.size:  # films of equal certainty enter together
            weights = np.add.reduceat(weights, starts, axis=1)
            errors = np.add.reduceat(errors, starts, axis=1)
        return _area(weights, errors)

    return Metric(
        title="Area under the risk-coverage curve",
        measure=measure,
        undefined_because="there is no film",
        best=0.0,
    )


def _area(drawn: NDArray[np.float32], wrong: NDArray[np.float32]) -> Floats:
    """Return the mean risk over films that enter in groups of equal certainty.

    Args:
        drawn, wrong: float32 `[draws, groups]` of whole numbers, the surest group first.
    """
    # float32 sums whole numbers exactly up to 16.7 million films
    answered = drawn.cumsum(axis=1)
    risk = wrong.cumsum(axis=1) / np.maximum(answered, 1)
    total = np.einsum("dg,dg->d", drawn, risk, dtype=np.float64)
    return ratio(total, answered[:, -1].astype(np.float64))
