"""Logits -> the logarithms of probabilities."""

import numpy as np
from numpy.typing import NDArray


def log_softmax(logits: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return the logarithms of the probabilities of each row, at most 0.

    The largest logit of a row is taken off first, so that no logit overflows.

    Args:
        logits: float `[n, classes]`, finite.

    Returns:
        float64 `[n, classes]`; the exponentials of a row sum to 1.

    >>> np.exp(log_softmax(np.array([[0.0, 0.0], [1000.0, 0.0]]))).round(3).tolist()
    [[0.5, 0.5], [1.0, 0.0]]
    """
    wide = np.asarray(logits, dtype=np.float64)
    shifted = wide - wide.max(axis=1, keepdims=True)
    logs: NDArray[np.float64] = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return logs
