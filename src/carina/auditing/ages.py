"""Children against adults: films of one class may show other patients than those of the next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from carina.auditing.film_pose import pose_measures, poses_of
from carina.auditing.film_reference import film_reference
from carina.data.cache import Sketches
from carina.data.scan import FilmScan
from carina.domain.audit import Ages
from carina.domain.dataset import Dataset
from carina.domain.record import Record
from carina.imaging.thumbnails import equalised_thumbnails

CHILD_YEARS = 15
"""Who is younger is a child: the bound of the United Nations' age groups (Provisional Guidelines
on Standard International Age Classifications, 1982: 0-14), and about where a chest has taken an
adult's proportions."""
_FILMS_AT_ONCE = 256
# Stated ages speak for a class where at least this share of its films has one.
_STATED_SHARE = 0.5
# An estimate is worth a word only where it tells classes apart: of adults' films of two sets 4 %
# and 6 % were taken for a child's by a reference without that set (`benchmarks/film_reference.py`).
_FEWEST_FILMS = 20
_LEAST_DIFFERENCE = 0.3
_LEAST_DEVIATIONS = 3.0


def judge_ages(dataset: Dataset, scan: FilmScan) -> Ages | None:
    """Return the share of children's films in each class, stated or estimated.

    Stated, where at least half of the films of every class have an age. Otherwise a film
    without one is estimated from its sketch: the lungs of small children are short, wide at
    their base and fill the film's width, adults' are long and stand between the shoulders.
    That judgement was fitted to one set of children (Kermany's, one to five years old)
    against two of adults, so it also knows how that one hospital takes and crops its films: it
    is never more than possible, says nothing of schoolchildren, and is given only where the
    classes differ clearly.

    Args:
        dataset: the films; those without a class, or unreadable, are passed over.
        scan: what they told.

    Returns:
        None where nothing can be said: no class, or ages of too few films and estimates that
        do not differ between classes, or no sketches to estimate from.
    """
    by_class: dict[str, list[Record]] = {
        label: [r for r in dataset.records if r.label == label and r.key in scan.facts]
        for label in dataset.labels.names
    }
    by_class = {label: records for label, records in by_class.items() if records}
    stated = {label: _stated(records) for label, records in by_class.items()}
    if by_class and all(
        len(stated[label]) >= _STATED_SHARE * len(records) for label, records in by_class.items()
    ):
        is_complete = all(len(stated[label]) == len(own) for label, own in by_class.items())
        return Ages(
            basis="stated",
            sureness="certain" if is_complete else "likely",
            children={label: float(np.mean(own)) for label, own in stated.items()},
            n={label: len(own) for label, own in stated.items()},
        )
    return _estimated(by_class, scan.sketches, stated) if scan.sketches is not None else None


def _stated(records: Sequence[Record]) -> list[bool]:
    """Return whether each film of a stated age is a child's."""
    return [r.age_years < CHILD_YEARS for r in records if r.age_years is not None]


def _estimated(
    by_class: Mapping[str, Sequence[Record]],
    sketches: Sketches,
    stated: Mapping[str, Sequence[bool]],
) -> Ages | None:
    """Return the shares with estimates where no age is stated, or None if they tell nothing."""
    shares, n_films = {}, {}
    for label, records in by_class.items():
        unstated = [record.key for record in records if record.age_years is None]
        is_child = np.concatenate([stated[label], _look_like_children(unstated, sketches)])
        if len(is_child) >= _FEWEST_FILMS:
            shares[label], n_films[label] = float(is_child.mean()), len(is_child)
    if not _differ(shares, n_films):
        return None
    return Ages(basis="estimated", sureness="possible", children=shares, n=n_films)


def _look_like_children(keys: Sequence[str], sketches: Sketches) -> NDArray[np.bool_]:
    """Return the judgement on the films among `keys` that are upright chest films, bool `[m]`."""
    reference = film_reference()
    weights = reference.child_weights
    judged = [np.empty(0, dtype=np.bool_)]
    for start in range(0, len(keys), _FILMS_AT_ONCE):
        small = sketches.of(keys[start : start + _FILMS_AT_ONCE])["small"]
        fit = reference.fit(equalised_thumbnails(small))
        poses = poses_of(pose_measures(small, fit))
        is_upright_film = (poses.turn == 0) & ~poses.inverted & (poses.odds > 0)
        judged.append((fit.coordinates @ weights[1:] + weights[0] > 0)[is_upright_film])
    return np.concatenate(judged)


def _differ(shares: Mapping[str, float], n_films: Mapping[str, int]) -> bool:
    """Return whether the largest and the smallest share differ by much, and not by chance.

    The difference is held against its standard deviation with one film of each kind added to
    each class (Agresti & Caffo, Am Stat 54 (2000) 280-288).
    """
    if len(shares) < 2:
        return False
    most, least = max(shares, key=shares.__getitem__), min(shares, key=shares.__getitem__)
    variance = 0.0
    for label in (most, least):
        n = n_films[label] + 2
        share = (shares[label] * n_films[label] + 1) / n
        variance += share * (1 - share) / n
    difference = shares[most] - shares[least]
    return difference >= _LEAST_DIFFERENCE and difference >= _LEAST_DEVIATIONS * sqrt(variance)
