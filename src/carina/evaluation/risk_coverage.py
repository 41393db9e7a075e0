"""How wrong the answers are if only the most certain films are answered."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from carina.domain.abstention_figures import RiskCoverage
from carina.domain.estimate import Estimate
from carina.evaluation.metric import Metric
from carina.evaluation.resamples import Floats, Resamples, ratio
from carina.evaluation.scored_films import ScoredFilms
from carina.evaluation.shares import Share

# Steps of a twentieth, but no point of so few films that its interval says nothing.
_STEPS = np.arange(1, 21) / 20
_FEWEST_FILMS = 10


def certainty_levels(films: ScoredFilms) -> Floats:
    """Return the certainties from which films are answered, one a point of the curve, falling.

    The certainty of a film is its largest probability; films as certain as each other are
    answered together.

    Args:
        films: one film or more.
    """
    certainty = np.sort(films.probabilities.max(axis=1))[::-1]
    n = certainty.size
    # k / n may lie just above the share that it is
    counts = np.ceil(np.round(_STEPS * n, 9)).astype(int)
    enough = counts[(counts >= _FEWEST_FILMS) | (counts == n)]
    levels: Floats = np.unique(certainty[enough - 1])[::-1]
    return levels


def risk_shares(films: ScoredFilms) -> dict[str, Share]:
    """Return, for each point of the curve, the wrong answers among the films answered."""
    wrong = films.predicted != films.y_true
    certainty = films.probabilities.max(axis=1)
    return {
        f"risk {place}": Share(
            title="Wrong answers among the most certain films",
            hits=wrong,
            of=certainty >= level,
            undefined_because="no film is answered",
        )
        for place, level in enumerate(certainty_levels(films))
    }


def risk_coverage(shares: Mapping[str, Share], estimates: Mapping[str, Estimate]) -> RiskCoverage:
    """Return the curve of the estimates of `risk_shares`.

    References:
        El-Yaniv & Wiener, J Mach Learn Res 11 (2010) 1605-1641; Geifman & El-Yaniv, Advances
        in Neural Information Processing Systems 30 (2017) 4878-4887.
    """
    points = [(float(share.of.mean()), estimates[name]) for name, share in shares.items()]
    return RiskCoverage(
        answered=tuple(answered for answered, _ in points),
        wrong=tuple(wrong for _, wrong in points),
    )


def area_metric(films: ScoredFilms) -> Metric:
    """Return the area under the risk-coverage curve: 0 is best.

    It is the mean over films of the share of wrong answers among the films at least as certain
    as that film. If certainty says nothing of being right, it is the share of wrong answers of
    all films.

    References:
        Geifman, Uziel & El-Yaniv, International Conference on Learning Representations (2019),
        "Bias-reduced uncertainty estimation for deep neural classifiers", section 2.
    """
    certainty = films.probabilities.max(axis=1)
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
