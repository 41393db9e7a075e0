"""Films that must not be parted: one patient's, identical ones and near-duplicates."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence

from carina.data.scan import FilmScan
from carina.domain.record import Record

NearPairs = Collection[tuple[str, str]]
"""Pairs of record keys of films that show nearly the same picture."""


def identical_groups(records: Iterable[Record], scan: FilmScan) -> list[tuple[Record, ...]]:
    """Return the groups of two and more films with identical pixels, sorted by content.

    Identical bytes are identical pixels; films that could not be read are in no group.
    """
    by_pixels: dict[str, list[Record]] = defaultdict(list)
    for record in records:
        facts = scan.facts.get(record.key)
        if facts is not None:
            by_pixels[facts.pixel_digest].append(record)
    return [
        tuple(sorted(by_pixels[digest], key=lambda record: record.key))
        for digest in sorted(by_pixels)
        if len(by_pixels[digest]) > 1
    ]


def duplicate_groups(
    records: Iterable[Record], scan: FilmScan, near: NearPairs = ()
) -> list[tuple[Record, ...]]:
    """Return the groups of two and more films that show one picture, identical or nearly.

    The joining is transitive. Groups and their members do not depend on the order of
    `records`; films that could not be read are in no group.
    """
    readable = [record for record in records if record.key in scan.facts]
    return [group for group in _joined(readable, scan, near=near) if len(group) > 1]


def group_by_patient_and_pixels(
    records: Sequence[Record], scan: FilmScan, near: NearPairs = ()
) -> list[tuple[Record, ...]]:
    """Return every film in exactly one group, joined by patient and by (nearly) one picture.

    The joining is transitive: a film of patient A that is identical with one of patient B
    joins both patients. Groups and their members do not depend on the order of `records`.

    Args:
        records: films that could be read.
        scan: their facts.
        near: films that show nearly the same picture.
    """
    patients = {r.key: r.patient for r in records if r.patient is not None}
    return _joined(records, scan, near=near, patients=patients)


def duplicate_numbers(groups: Iterable[Sequence[Record]]) -> Mapping[str, int]:
    """Return record key -> number of its group of duplicates, counted from 1."""
    return {record.key: number for number, group in enumerate(groups, start=1) for record in group}


def _joined(
    records: Sequence[Record],
    scan: FilmScan,
    *,
    near: NearPairs,
    patients: Mapping[str, str] | None = None,
) -> list[tuple[Record, ...]]:
    root: dict[str, str] = {}

    def find(node: str) -> str:
        while root.setdefault(node, node) != node:
            root[node] = root[root[node]]
            node = root[node]
        return node

    known = {record.key for record in records}
    for record in records:
        own = find(f"film {record.key}")
        root[find(f"pixels {scan.facts[record.key].pixel_digest}")] = own
        if patients and record.key in patients:
            root[find(f"patient {patients[record.key]}")] = find(own)
    for a, b in near:
        if a in known and b in known:
            root[find(f"film {a}")] = find(f"film {b}")
    groups: dict[str, list[Record]] = defaultdict(list)
    for record in records:
        groups[find(f"film {record.key}")].append(record)
    ordered = [tuple(sorted(group, key=lambda record: record.key)) for group in groups.values()]
    return sorted(ordered, key=lambda group: group[0].key)
