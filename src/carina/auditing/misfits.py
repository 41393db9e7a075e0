"""Films that do not belong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import get_args

import numpy as np

from carina.auditing.misfit_check import (
    MeasuredFilms,
    MisfitCheck,
    SketchedFilms,
    Suspect,
)
from carina.auditing.misfit_checks import CHECKS
from carina.data.cache import Sketches
from carina.data.scan import FilmScan
from carina.domain.audit import Misfit, Sureness
from carina.domain.dataset import Dataset
from carina.domain.record import Record
from carina.imaging.thumbnails import Floats

_FILMS_AT_ONCE = 256
_SURENESSES: tuple[Sureness, ...] = get_args(Sureness)


def find_misfits(dataset: Dataset, scan: FilmScan) -> tuple[Misfit, ...]:
    """Return the films that may not belong, the surest first.

    Every registered check of `auditing.misfit_checks` looks at every film that could be read;
    a check is silent on a film that another one explains better (`MisfitCheck.yields_to`).
    Without sketches only the checks of facts are made. Memory grows by a few hundred bytes per
    film; sketches are read 256 at a time.

    Args:
        dataset: the films; those that could not be read are passed over.
        scan: what they told.
    """
    records = [record for record in dataset.records if record.key in scan.facts]
    checks = {name: CHECKS.get(name) for name in CHECKS.names()}
    if scan.sketches is None:
        checks = {name: check for name, check in checks.items() if check.measure is None}
    if not records:
        return ()
    values = _measured(records, scan, checks)
    facts = [scan.facts[record.key] for record in records]
    suspects = {
        name: {s.place: s for s in check.judge(MeasuredFilms(records, facts, values[name]))}
        for name, check in checks.items()
    }
    left = [
        (name, suspect)
        for name, check in checks.items()
        for suspect in suspects[name].values()
        if not any(suspect.place in suspects.get(other, ()) for other in check.yields_to)
    ]
    left.sort(key=lambda one: (*_order(*one), records[one[1].place].key))
    return tuple(
        Misfit(
            path=dataset.name_of(records[suspect.place]),
            code=name,
            sureness=suspect.sureness,
            sentence=suspect.sentence,
        )
        for name, suspect in left
    )


def _order(name: str, suspect: Suspect) -> tuple[int, str, float]:
    return _SURENESSES.index(suspect.sureness), name, -suspect.strength


def _measured(
    records: Sequence[Record], scan: FilmScan, checks: Mapping[str, MisfitCheck]
) -> dict[str, Floats]:
    """Return every check's measures, float32 `[n, columns]`."""
    measures = {name: check.measure for name, check in checks.items()}
    parts: dict[str, list[Floats]] = {name: [] for name in checks}
    for start in range(0, len(records), _FILMS_AT_ONCE):
        run = records[start : start + _FILMS_AT_ONCE]
        films = _sketched(run, scan, scan.sketches) if scan.sketches is not None else None
        for name, measure in measures.items():
            nothing = np.empty((len(run), 0), dtype=np.float32)
            parts[name].append(measure(films) if measure is not None and films else nothing)
    return {name: np.concatenate(own) for name, own in parts.items()}


def _sketched(records: Sequence[Record], scan: FilmScan, sketches: Sketches) -> SketchedFilms:
    stored = sketches.of([record.key for record in records])
    counts = stored["histogram"].astype(np.float32)
    return SketchedFilms(
        small=stored["small"],
        histogram=counts / np.maximum(counts.sum(axis=1, keepdims=True), 1),
        facts=[scan.facts[record.key] for record in records],
    )
