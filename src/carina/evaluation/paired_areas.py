"""Two areas under the ROC curve on the same films: DeLong's test, over patients."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from carina.evaluation.influence import area_influence, area_variance
from carina.evaluation.intervals import LEVEL, SAME, Interval
from carina.evaluation.paired_tests import POWER
from carina.evaluation.resamples import Floats


@dataclass(frozen=True, slots=True)
class PairedAreas:
    """Two areas under the ROC curve on the same films.

    Attributes:
        first, second: the areas, in `[0, 1]`.
        standard_error: of first minus second; 0 if both order the films alike.
    """

    first: float
    second: float
    standard_error: float

    @property
    def difference(self) -> float:
        """First minus second."""
        return self.first - self.second

    @property
    def p_value(self) -> float | None:
        """Two-sided p-value of "both areas are equal"; None where the variance is 0 and the
        areas are not alike, which happens with a handful of films only."""
        if self.standard_error <= SAME:
            return 1.0 if abs(self.difference) <= SAME else None
        return math.erfc(abs(self.difference) / self.standard_error / math.sqrt(2))

    @property
    def interval(self) -> Interval | None:
        """The 95 % interval of the difference; None where the variance is 0."""
        if self.standard_error <= SAME:
            return None
        reach = NormalDist().inv_cdf((1 + LEVEL) / 2) * self.standard_error
        return max(-1.0, self.difference - reach), min(1.0, self.difference + reach)


def films_to_show_areas(
    difference: float, *, standard_error: float, n: int, level: float
) -> int | None:
    """Return how many films like these would show a difference in area as large.

    That is with a chance of 80 %, with the same shares of the classes and as many films a
    patient; None if no difference was found, or its variance is 0.

    Args:
        difference: of two areas.
        standard_error: of the difference.
        n: the films that both rest on.
        level: p-value below which a difference counts as shown.

    References:
        Zhou, Obuchowski & McClish, Statistical Methods in Diagnostic Medicine (2nd ed. 2011),
        chapter 6: the variance of an area falls as one over the films.

    >>> films_to_show_areas(0.05, standard_error=0.025, n=100, level=0.05)
    197
    """
    if standard_error <= SAME or abs(difference) <= SAME:
        return None
    normal = NormalDist()
    needed = normal.inv_cdf(1 - level / 2) + normal.inv_cdf(POWER)
    return math.ceil(n * (needed * standard_error / difference) ** 2)


def paired_areas(
    is_class: NDArray[np.bool_], first: Floats, second: Floats, *, units: NDArray[np.intp]
) -> PairedAreas | None:
    """Return two scores' areas under the ROC curve, and the error of their difference.

    What a film adds to the difference is what it adds to the first area less what it adds to
    the second, and the variance is made of that as one area's is. Films of one patient count
    as one draw; with one film a patient this is DeLong's variance.

    Args:
        is_class: bool `[n]`; the films of the class.
        first, second: float64 `[n]`; two scores of each film, higher for the class.
        units: intp `[n]`; number of each film's patient (`units_of`).

    Returns:
        The areas, or None where the class or the rest has fewer than two patients.

    References:
        DeLong, DeLong & Clarke-Pearson, Biometrics 44 (1988) 837-845; Obuchowski, Biometrics
        53 (1997) 567-578, over patients.
    """
    if min(np.unique(units[is_class]).size, np.unique(units[~is_class]).size) < 2:
        return None
    (above, of_first), (below, of_second) = (
        area_influence(is_class, score) for score in (first, second)
    )
    variance = area_variance(of_first - of_second, is_class=is_class, units=units)
    return PairedAreas(above, below, math.sqrt(variance))
