"""Whether two classifiers are right equally often on the same films."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from carina.evaluation.intervals import LEVEL, Interval

# the chance that a planned study shows the difference
POWER = 0.8


def exact_mcnemar(only_first: int, only_second: int) -> float:
    """Return the two-sided p-value of "both are right equally often".

    Only films that one of both answers rightly tell anything; if both are as good, each of
    them falls to either side with chance one half.

    Args:
        only_first: films that only the first answered rightly.
        only_second: films that only the second answered rightly.

    References:
        McNemar, Psychometrika 12 (1947) 153-157, in exact (binomial) form.

    >>> round(exact_mcnemar(11, 1), 6)
    0.006348
    """
    from scipy.stats import binomtest

    n = only_first + only_second
    return 1.0 if n == 0 else float(binomtest(only_first, n).pvalue)


def exact_over_patients(leads: NDArray[np.integer]) -> float:
    """Return the two-sided p-value of "both are right equally often" for whole patients.

    If both are as good, a patient's answers could as well be exchanged between them: his
    lead changes its sign with chance one half. The p-value is the share of all such
    exchanges that give a sum as far from 0 as the one found. With one film a patient it is
    exact McNemar.

    Args:
        leads: int `[patients]`; films that only the first answered rightly, less those that
            only the second did.

    References:
        Fisher, The Design of Experiments (1935), section 21; Pitman, Suppl J R Stat Soc 4
        (1937) 119-130.

    >>> round(exact_over_patients(np.array([1] * 11 + [-1])), 6)
    0.006348
    """
    from scipy.stats import binom

    sizes = np.abs(leads[leads != 0])
    reach = int(sizes.sum())
    chances = np.ones(1)  # of every sum, from -reach to reach in steps of 1
    for size in np.unique(sizes):
        patients = int((sizes == size).sum())
        own = np.zeros(2 * patients * int(size) + 1)
        own[:: 2 * int(size)] = binom.pmf(np.arange(patients + 1), patients, 0.5)
        chances = np.convolve(chances, own)
    as_far = np.abs(np.arange(-reach, reach + 1)) >= abs(int(leads.sum()))
    return min(1.0, float(chances[as_far].sum()))


def exact_difference(only_first: int, only_second: int, *, n: int) -> Interval:
    """Return the 95 % interval of a difference in accuracy that exact McNemar implies.

    It leaves out 0 if and only if that p-value is below 0.05. It takes the number of films
    on which both differ as given: alone it is a little too narrow.

    Args:
        only_first, only_second: films that only one answered rightly, at least one in all.
        n: all films.

    References:
        Clopper & Pearson, Biometrika 26 (1934) 404-413, on the share of the films that
        differ.

    >>> [round(end, 3) for end in exact_difference(5, 0, n=66)]
    [-0.003, 0.076]
    """
    from scipy.stats import binomtest

    differ = only_first + only_second
    share = binomtest(only_first, differ).proportion_ci(LEVEL, method="exact")
    return (2 * float(share.low) - 1) * differ / n, (2 * float(share.high) - 1) * differ / n


def films_needed(only_first: int, only_second: int, *, n: int, level: float) -> int | None:
    """Return how many films would show a difference as large as the one found.

    That is with a chance of 80 %, if the shares found were the true ones and every film is
    of another patient. It is rough, as the shares found are.

    Args:
        only_first, only_second: films that only one answered rightly.
        n: all films.
        level: p-value below which a difference counts as shown.

    Returns:
        The number, or None if both were right equally often.

    References:
        Connor, Biometrics 43 (1987) 207-211.

    >>> films_needed(5, 45, n=100, level=0.05)
    23
    """
    if only_first == only_second:
        return None
    differ, lead = (only_first + only_second) / n, abs(only_first - only_second) / n
    return math.ceil(films_to_show(lead, differ=differ, level=level))


def films_to_show(lead: float, *, differ: float, level: float) -> float:
    """Return how many films show a difference in accuracy with a chance of 80 %.

    Args:
        lead: the difference, over 0.
        differ: the share of films that only one of both answers rightly; `lead` at least.
        level: p-value below which a difference counts as shown.

    References:
        Connor, Biometrics 43 (1987) 207-211.

    >>> round(films_to_show(0.1, differ=0.1, level=0.05), 1)
    76.1
    """
    z_level = NormalDist().inv_cdf(1 - level / 2)
    z_power = NormalDist().inv_cdf(POWER)
    root = z_level * math.sqrt(differ) + z_power * math.sqrt(differ - lead**2)
    return (root / lead) ** 2


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values corrected for being several, in the same order.

    References:
        Holm, Scand J Stat 6 (1979) 65-70.

    >>> [round(p, 2) for p in holm([0.01, 0.04, 0.03])]
    [0.03, 0.06, 0.06]
    """
    corrected = [0.0] * len(p_values)
    largest = 0.0
    for rank, place in enumerate(sorted(range(len(p_values)), key=lambda i: p_values[i])):
        largest = max(largest, (len(p_values) - rank) * p_values[place])
        corrected[place] = min(1.0, largest)
    return corrected
