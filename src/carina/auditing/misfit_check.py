"""What a check for films that do not belong is, so that one file adds one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from carina.auditing.film_pose import pose_measures
from carina.auditing.film_reference import film_reference
from carina.domain.audit import Sureness
from carina.domain.film_facts import FilmFacts
from carina.domain.record import Record
from carina.imaging.film_gaussian import Fit
from carina.imaging.thumbnails import Floats, equalised_thumbnails


@dataclass(frozen=True, eq=False)
class SketchedFilms:
    """A run of films as their sketches show them, a few hundred at a time.

    Attributes:
        small: uint8 `[n, 96, 96]`, as in `imaging.sketch.SKETCH`.
        histogram: float32 `[n, 32]`, shares of the films' own grey values.
        facts: what each told when it was decoded.
    """

    small: NDArray[np.uint8]
    histogram: Floats
    facts: Sequence[FilmFacts]

    @cached_property
    def fit(self) -> Fit:
        """How they fit the reference of upright frontal chest films."""
        return film_reference().fit(equalised_thumbnails(self.small))

    @cached_property
    def poses(self) -> Floats:
        """What `film_pose.poses_of` judges by, float32 `[n, 9]`."""
        return pose_measures(self.small, self.fit)


@dataclass(frozen=True, slots=True, eq=False)
class MeasuredFilms:
    """All films of a data set, and what one check measured of each.

    Attributes:
        records: the films that could be read.
        facts: what each told.
        values: float32 `[n, columns]`, the check's own; no columns for a check of facts.
    """

    records: Sequence[Record]
    facts: Sequence[FilmFacts]
    values: Floats


@dataclass(frozen=True, slots=True)
class Suspect:
    """A film that a check takes for one that does not belong.

    Attributes:
        place: its place in `MeasuredFilms`.
        sureness: "certain" only for what a tag says or a measure is.
        strength: orders the suspects of one check, the clearest highest; any scale.
        sentence: what it rests on, with its value, and how it could be wrong.
    """

    place: int
    sureness: Sureness
    strength: float
    sentence: str


@dataclass(frozen=True, slots=True)
class MisfitCheck:
    """One reason why a film may not belong.

    Attributes:
        title: the reason in words.
        judge: names the suspects among all films of a data set.
        measure: what it needs of the sketches, float32 `[n, columns]`, or None if the facts
            are enough. Kept for every film of the data set, so the columns must be few.
        yields_to: codes that explain a film better: no word of this one beside them.
    """

    title: str
    judge: Callable[[MeasuredFilms], Iterable[Suspect]]
    measure: Callable[[SketchedFilms], Floats] | None = None
    yields_to: tuple[str, ...] = ()


def measured_poses(films: SketchedFilms) -> Floats:
    """Return what `film_pose.poses_of` judges by; the `measure` of several checks."""
    return films.poses
