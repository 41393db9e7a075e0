"""What a reader must know of intervals that hold the true value less often than they say."""

from __future__ import annotations

import numpy as np

from carina.domain.sentences import listed
from carina.evaluation.scored_films import ScoredFilms

# Below this many patients of a class the coverage falls below 92 % where areas are near 0.7:
# measured by benchmarks/coverage.py with 2, 5, 7 and 20 patients of a class.
FEW_UNITS = 10


def interval_cautions(films: ScoredFilms) -> tuple[str, ...]:
    """Return sentences on the settings that no interval was found to cover well.

    Args:
        films: with scores or without; numbers that need none are covered everywhere.
    """
    if not films.has_scores:
        return ()
    units = films.units
    n_units = [int(np.unique(units[films.y_true == i]).size) for i in range(len(films.labels))]
    few = [
        f"{label} ({n})"
        for label, n in zip(films.labels, n_units, strict=True)
        if 0 < n < FEW_UNITS
    ]
    if not few:
        return ()
    who = "films" if films.unit == "films" else "patients"
    of_whom = "" if who == "films" else " with films"
    return (
        f"Fewer than {FEW_UNITS} {who}{of_whom} of {listed(few)}: where a class is told apart "
        "badly (areas near 0.7), the interval of its average precision holds the true value in 86 "
        "to 92 of 100 such tests, that of its area in 91 to 92, not in 95.",
    )
