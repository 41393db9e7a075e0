"""Which films show nearly the same picture: in one data set, and in two."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from carina.auditing.near_duplicates import find_near_duplicates
from carina.data.cache import read_sketches
from carina.data.scan import FilmScan
from carina.domain.audit import LeakKind, SharedFilm
from carina.domain.dataset import Dataset
from carina.domain.progress import Progress, silent
from carina.domain.record import Record


def near_pairs(
    records: Iterable[Record], scan: FilmScan, progress: Progress = silent
) -> tuple[tuple[str, str], ...]:
    """Return the pairs of films, by record key, that show nearly the same picture.

    Of films with identical pixels one stands for all. Without sketches nothing is found,
    and the audit says that it was not looked at.

    Args:
        records: films; those that could not be read are passed over.
        scan: what they told.
        progress: told as the search goes on.
    """
    if scan.sketches is None:
        return ()
    ones = _one_of_each(
        {r.key: scan.facts[r.key].pixel_digest for r in records if r.key in scan.facts}
    )
    return tuple(
        (pair.a, pair.b) for pair in find_near_duplicates(scan.sketches, ones, progress=progress)
    )


@dataclass(frozen=True, slots=True)
class Scanned:
    """A data set and what its films told."""

    dataset: Dataset
    scan: FilmScan

    def readable(self) -> list[Record]:
        """Return the films that could be read."""
        return [record for record in self.dataset.records if record.key in self.scan.facts]


def find_shared(
    ours: Scanned, other: Scanned, progress: Progress = silent
) -> tuple[SharedFilm, ...]:
    """Return the films that another data set has too, sorted.

    Each film of ours is listed once, beside one film of the other: of identical bytes, or
    else identical pixels, or else a near-duplicate, or else of the same patient.

    Args:
        ours: the data set that is audited.
        other: the one it is held against; its films are named with their source.
        progress: told as the search goes on.
    """
    near = _near_between(ours, other, progress)
    theirs = other.readable()[::-1]  # of several the first stays
    by_bytes = {other.scan.facts[r.key].sha256: r for r in theirs}
    by_pixels = {other.scan.facts[r.key].pixel_digest: r for r in theirs}
    by_patient = {r.patient: r for r in theirs if r.patient is not None}
    shared = []
    for record in ours.readable():
        facts = ours.scan.facts[record.key]
        partners: dict[LeakKind, Record | None] = {
            "identical-bytes": by_bytes.get(facts.sha256),
            "identical-pixels": by_pixels.get(facts.pixel_digest),
            "near-duplicate": near.get(facts.pixel_digest),
            "same-patient": by_patient.get(record.patient or ""),
        }
        for kind, partner in partners.items():
            if partner is not None:
                name, labels = (
                    ours.dataset.name_of(record),
                    (record.label or "", partner.label or ""),
                )
                shared.append(SharedFilm(a=name, b=partner.key, kind=kind, labels=labels))
                break
    return tuple(sorted(shared, key=lambda film: (film.kind, film.a, film.b)))


def _near_between(ours: Scanned, other: Scanned, progress: Progress) -> Mapping[str, Record]:
    """Return pixel digest of ours -> a near-duplicate in the other data set."""
    if ours.scan.sketches is None or other.scan.sketches is None:
        return {}
    sides = {"ours": ours, "other": other}
    film_of: dict[str, tuple[str, Record]] = {}
    digest_of: dict[str, bytes] = {}
    pictures: dict[str, str] = {}
    for side, one in sides.items():
        sketches = one.scan.sketches
        assert sketches is not None
        for record in one.readable():
            name = f"{side} {record.key}"
            film_of[name] = side, record
            digest_of[name] = sketches.digest_of[record.key]
            pictures[name] = one.scan.facts[record.key].pixel_digest
    combined = read_sketches(ours.scan.sketches.store, digest_of)
    found: dict[str, Record] = {}
    pairs = find_near_duplicates(combined, _one_of_each(pictures), progress=progress)
    for pair in pairs:
        (side_a, a), (side_b, b) = film_of[pair.a], film_of[pair.b]
        if side_a != side_b:
            mine, its = (a, b) if side_a == "ours" else (b, a)
            found.setdefault(ours.scan.facts[mine.key].pixel_digest, its)
    return found


def _one_of_each(pictures: Mapping[str, str]) -> list[str]:
    """Return one name of every picture, the first, sorted.

    >>> _one_of_each({"b": "x", "a": "x", "c": "y"})
    ['a', 'c']
    """
    names: dict[str, list[str]] = defaultdict(list)
    for name, picture in pictures.items():
        names[picture].append(name)
    return sorted(min(own) for own in names.values())
