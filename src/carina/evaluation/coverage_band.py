"""How much of a coverage is luck: its exact distribution over validation and test parts."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from carina.evaluation.intervals import TAIL
from carina.evaluation.resamples import Floats


def limit_rank(n_fitted: int, error: float) -> int:
    """Return the rank of the score that is the limit, `ceil((n + 1) (1 - error))`.

    Counted from 1 and the smallest; over `n_fitted` if so few films allow no limit.

    >>> limit_rank(19, 0.05), limit_rank(18, 0.05)
    (19, 19)
    """
    # 1 - 0.42 in floating point is a little more than 0.58
    return math.ceil(round((n_fitted + 1) * (1 - error), 9))


def fewest_films(error: float) -> int:
    """Return with how many films a limit first rules something out.

    >>> fewest_films(0.05), fewest_films(0.1)
    (19, 9)
    """
    return math.ceil(round(1 / error, 9)) - 1


def covered_chances(n_fitted: int, error: float, n_tested: int) -> Floats:
    """Return the chance of every number of covered test films, float64 `[n_tested + 1]`.

    If test films are drawn as the films were that the limit was fitted on, each independently,
    and scores have no ties, the share covered in the long run is Beta distributed over
    validation parts, and the number covered in a test part is Beta-binomial. With ties more
    is covered.

    Args:
        n_fitted: films that the limit rests on.
        error: what it was fitted for.
        n_tested: test films.

    References:
        Vovk, Proceedings of Machine Learning Research 25 (2012) 475-490; Angelopoulos & Bates,
        arXiv 2107.07511, section 3.2 and appendix C.

    >>> covered_chances(1, 0.5, 1).round(12).tolist()
    [0.5, 0.5]
    """
    from scipy.special import betaln

    rank = limit_rank(n_fitted, error)
    counts = np.arange(n_tested + 1)
    if rank > n_fitted:  # everything belongs to every set
        certain: Floats = (counts == n_tested).astype(np.float64)
        return certain
    a, b = rank, n_fitted + 1 - rank
    ways = -betaln(n_tested - counts + 1, counts + 1) - math.log(n_tested + 1)
    chances: Floats = np.exp(ways + betaln(counts + a, n_tested - counts + b) - betaln(a, b))
    return chances


def coverage_band(chances: Sequence[Floats]) -> tuple[float, float]:
    """Return the lowest and the highest coverage of the middle 95 % of chances.

    Args:
        chances: of the number covered, one for each group of films with a limit of its own.

    >>> coverage_band([covered_chances(99, 0.1, 100)])
    (0.81, 0.97)
    """
    joined = np.ones(1)
    for own in chances:
        joined = np.convolve(joined, own)
    n_tested = joined.size - 1
    reached = np.cumsum(joined)
    low = int(np.searchsorted(reached, TAIL))
    high = int(np.searchsorted(reached, 1 - TAIL))
    return low / n_tested, min(high, n_tested) / n_tested
