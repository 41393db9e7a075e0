"""Films in two parts that should know nothing of each other."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import combinations

from carina.data.scan import FilmScan
from carina.domain.audit import Leak, LeakKind
from carina.domain.dataset import Dataset
from carina.domain.record import PARTS, Part, Record

# The earlier part of a pair is what the later one is supposed to check.
_ORDER = {part: number for number, part in enumerate(PARTS)}


def find_leaks(
    dataset: Dataset, scan: FilmScan, duplicates: Iterable[Sequence[Record]]
) -> tuple[Leak, ...]:
    """Return the leaks between the described parts, sorted.

    Every film of the later part is listed once per earlier part and kind, beside one film
    that it leaks from (identical bytes before identical pixels before a near-duplicate):
    the list grows with the films and not with the pairs. A film is listed under
    "same-patient" where the patient has a film in the earlier part that is no duplicate of
    it.

    Args:
        dataset: the films.
        scan: what they told.
        duplicates: groups of films that show one picture, identical or nearly.
    """
    group_of: dict[str, int] = {}
    leaks: list[Leak] = []
    for number, group in enumerate(duplicates):
        group_of |= {record.key: number for record in group}
        leaks += _duplicates(dataset, scan, group)
    by_patient: dict[str, list[Record]] = defaultdict(list)
    for record in dataset.records:
        if record.patient is not None and record.key in scan.facts:
            by_patient[record.patient].append(record)
            group_of.setdefault(record.key, -1 - len(group_of))
    leaks += [leak for group in by_patient.values() for leak in _patient(dataset, group_of, group)]
    return tuple(sorted(leaks, key=lambda leak: (leak.parts, leak.kind, leak.b, leak.a)))


def _duplicates(dataset: Dataset, scan: FilmScan, group: Sequence[Record]) -> list[Leak]:
    leaks = []
    for earlier, later, parts in _by_part(group):
        by_bytes = {scan.facts[record.key].sha256: record for record in reversed(earlier)}
        by_pixels = {scan.facts[record.key].pixel_digest: record for record in reversed(earlier)}
        for record in later:
            facts = scan.facts[record.key]
            kind: LeakKind = "near-duplicate"
            other = earlier[0]
            if facts.sha256 in by_bytes:
                kind, other = "identical-bytes", by_bytes[facts.sha256]
            elif facts.pixel_digest in by_pixels:
                kind, other = "identical-pixels", by_pixels[facts.pixel_digest]
            leaks.append(_leak(dataset, other, record, kind=kind, parts=parts))
    return leaks


def _patient(
    dataset: Dataset, group_of: dict[str, int], patients_films: Sequence[Record]
) -> list[Leak]:
    leaks = []
    for earlier, later, parts in _by_part(sorted(patients_films, key=lambda record: record.key)):
        by_group = {group_of[record.key]: record for record in reversed(earlier)}
        for record in later:
            own = group_of[record.key]
            other = next((one for group, one in by_group.items() if group != own), None)
            if other is not None:
                leaks.append(_leak(dataset, other, record, kind="same-patient", parts=parts))
    return leaks


def _by_part(
    group: Iterable[Record],
) -> list[tuple[list[Record], list[Record], tuple[Part, Part]]]:
    parts: dict[Part, list[Record]] = defaultdict(list)
    for record in group:
        if record.part is not None:
            parts[record.part].append(record)
    present = sorted(parts, key=_ORDER.__getitem__)
    return [(parts[a], parts[b], (a, b)) for a, b in combinations(present, 2)]


def _leak(
    dataset: Dataset, a: Record, b: Record, *, kind: LeakKind, parts: tuple[Part, Part]
) -> Leak:
    return Leak(a=dataset.name_of(a), b=dataset.name_of(b), kind=kind, parts=parts)
