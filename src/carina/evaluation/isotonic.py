"""Isotonic regression of many draws at once."""

from __future__ import annotations

import numpy as np

from carina.evaluation.resamples import Floats


def rising_shares(shares: Floats, weights: Floats) -> Floats:
    """Return, for every draw, the rising shares that are nearest to those found.

    Near means in weighted squares: runs of shares that fall are pooled to their mean.

    Args:
        shares: float64 `[draws, scores]` in `[0, 1]`, by rising score.
        weights: float64 `[draws, scores]`, 0 or more; a share of weight 0 does not count.

    Returns:
        float64 `[draws, scores]`; 0 where the weight is 0.

    References:
        de Leeuw, Hornik & Mair, J Stat Softw 32 (2009) issue 5, on the algorithm of pooled
        adjacent violators, which SciPy has.

    >>> rising_shares(np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]), np.ones((2, 3))).tolist()
    [[0.0, 0.5, 0.5], [0.0, 0.0, 1.0]]
    """
    from scipy.optimize import isotonic_regression

    # one call for all draws: each stands higher than the one before it by more than any share,
    # so that none is pooled with another
    steps = np.repeat(2.0 * np.arange(len(shares))[:, None], shares.shape[1], axis=1)
    there = weights > 0
    fitted = isotonic_regression((shares + steps)[there], weights=weights[there]).x
    risen = np.zeros_like(shares)
    risen[there] = fitted - steps[there]
    return risen
