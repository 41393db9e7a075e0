"""How many independent trials the trials of patients are worth."""

from __future__ import annotations

import numpy as np

from carina.evaluation.resamples import Floats

# How many patients that are all hit, and as many that are all missed, are added when the design
# effect is estimated. Chosen by benchmarks/coverage.py: without them few patients look as if
# their films were independent.
ADDED_PATIENTS = 0.5


def effective_n(hits: Floats, trials: Floats) -> float:
    """Return the number of independent trials that would tell as much.

    It is the number of trials over the design effect: the variance of the share that patients
    show, over that of independent trials. A few patients who happen to agree show no
    correlation, and patients who all hit show nothing at all; so half a patient who is all hit
    and half a patient who is all missed are added before the design effect is taken, both
    with the size of the typical patient. With one trial a patient the effect is 1.

    Args:
        hits: float64 `[units]`, each 0 to its trials.
        trials: float64 `[units]`; those of some unit are more than 0.

    References:
        Kish, Survey Sampling (1965), section 5.4 (design effect); Rao & Scott, Biometrics 48
        (1992) 577-585 (effective counts); Agresti & Coull, Am Stat 52 (1998) 119-126, on
        added trials.

    >>> effective_n(np.array([1.0, 1, 0, 1]), np.ones(4))
    4.0
    >>> alike, mixed = np.array([4.0, 4, 0, 4]), np.array([3.0, 3, 3, 3])
    >>> [round(effective_n(hits, np.full(4, 4.0)), 1) for hits in (alike, mixed)]
    [4.0, 14.0]
    """
    n = float(trials.sum())
    size = float(trials @ trials) / n  # of the patient that the typical trial belongs to
    total = n + 2 * ADDED_PATIENTS * size
    share = (float(hits.sum()) + ADDED_PATIENTS * size) / total
    square = float(np.sum((hits - share * trials) ** 2))
    square += ADDED_PATIENTS * size**2 * (share**2 + (1 - share) ** 2)
    effect = square / (total * share * (1 - share))
    return n / max(1.0, effect)
