"""What a test part could show at all."""

from __future__ import annotations

from carina.domain.audit import Power
from carina.domain.dataset import Dataset
from carina.evaluation.intervals import wilson
from carina.evaluation.paired_tests import films_to_show

_ACCURACY = 0.9
_LEVEL = 0.05


def power_of_test(dataset: Dataset) -> Power | None:
    """Return what the described test part could show, or None where none is described.

    Supposed are two classifiers that are right for 90 % and whose errors are half shared:
    a tenth of the films, less a little, tells them apart. A patient counts once.

    Args:
        dataset: readable films.

    References:
        Wilson, J Am Stat Assoc 22 (1927) 209-212; Connor, Biometrics 43 (1987) 207-211.
    """
    films = [r for r in dataset.records if r.part == "test" and r.label is not None]
    if not films:
        return None
    patients = {record.patient for record in films}
    n = len(films) if None in patients else len(patients)
    low, high = wilson(_ACCURACY * n, n)
    return Power(
        n=n,
        accuracy=_ACCURACY,
        half_width=(high - low) / 2,
        smallest_difference=_smallest_difference(n),
    )


def _smallest_difference(n: int) -> float:
    """Return the difference in accuracy that n films show with a chance of 80 %.

    >>> round(_smallest_difference(66), 3)
    0.115
    """
    half_shared = _ACCURACY * (1 - _ACCURACY)

    def needed(difference: float) -> float:
        return films_to_show(difference, differ=max(half_shared, difference), level=_LEVEL)

    low, high = 1e-6, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (low, middle) if needed(middle) <= n else (middle, high)
    return high
