"""Films that must not be parted: one patient's, and identical ones."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from carina.data.scan import FilmScan
from carina.domain.record import Record


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


def group_by_patient_and_pixels(
    records: Sequence[Record], scan: FilmScan
) -> list[tuple[Record, ...]]:
    """Return every film in exactly one group, joined by patient and by identical pixels.

    The joining is transitive: a film of patient A that is identical with one of patient B
    joins both patients. Groups and their members do not depend on the order of `records`.

    Args:
        records: films that could be read.
        scan: their facts.
    """
    root: dict[str, str] = {}

    def find(node: str) -> str:
        while root.setdefault(node, node) != node:
            root[node] = root[root[node]]
            node = root[node]
        return node

    for record in records:
        own = find(f"film {record.key}")
        root[find(f"pixels {scan.facts[record.key].pixel_digest}")] = own
        if record.patient is not None:
            root[find(f"patient {record.patient}")] = find(own)
    groups: dict[str, list[Record]] = defaultdict(list)
    for record in records:
        groups[find(f"film {record.key}")].append(record)
    ordered = [tuple(sorted(group, key=lambda record: record.key)) for group in groups.values()]
    return sorted(ordered, key=lambda group: group[0].key)


def duplicate_numbers(groups: Iterable[Sequence[Record]]) -> Mapping[str, int]:
    """Return record key -> number of its group of identical films, counted from 1."""
    return {record.key: number for number, group in enumerate(groups, start=1) for record in group}
