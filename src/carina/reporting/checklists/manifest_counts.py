"""What the rows of a manifest come to: films, patients and what is known of them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from carina.data.manifest import ManifestRow
from carina.domain.record import PARTS
from carina.domain.sentences import counted, listed

PART_WORDS = {"train": "training", "validation": "validation", "test": "test"}


@dataclass(frozen=True, slots=True)
class ManifestCounts:
    """A manifest's rows, counted.

    Attributes:
        rows: one for each film of a part.
        labels: the classes in their order.
    """

    rows: tuple[ManifestRow, ...]
    labels: tuple[str, ...]

    @property
    def by_part(self) -> str:
        """Films of each part by class: "training 30 (A 20, B 10), test 6 (A 3, B 3)"."""
        return ", ".join(
            f"{PART_WORDS[part]} {len(rows):,} ({self.by_class(rows)})"
            for part in PARTS
            if (rows := self.of(part))
        )

    @property
    def sources(self) -> tuple[str, ...]:
        """The sources' names, sorted."""
        return tuple(sorted({row.source for row in self.rows}))

    @property
    def n_patients(self) -> int:
        """Different known patients."""
        return len({row.patient for row in self.rows if row.patient})

    @property
    def n_without_patient(self) -> int:
        """Films whose patient is unknown."""
        return sum(not row.patient for row in self.rows)

    def of(self, part: str) -> list[ManifestRow]:
        """Return the films of one part."""
        return [row for row in self.rows if row.split == part]

    def by_class(self, rows: Iterable[ManifestRow] | None = None) -> str:
        """Return films by class in words: "A 20, B 10"."""
        counts = Counter(row.label for row in (self.rows if rows is None else rows))
        return ", ".join(f"{label} {counts[label]:,}" for label in self.labels)

    def shared(self, field: str) -> int:
        """Return how many values of `field` ("patient", "duplicate_group") stand in more than
        one part."""
        parts: dict[object, set[str]] = defaultdict(set)
        for row in self.rows:
            value = getattr(row, field)
            if value is not None:
                parts[value].add(row.split)
        return sum(len(found) > 1 for found in parts.values())

    def characteristics(self) -> str:
        """Return what is known of sex, age and view in each part, or "" if nothing is.

        Ages stand as the lowest and the highest, which are rows of the manifest.
        """
        return "; ".join(
            f"{PART_WORDS[part]}: {words}"
            for part in PARTS
            if (words := _characteristics(self.of(part)))
        )

    def unknown(self) -> str:
        """Return of how many films sex, age and view are not known, in words."""
        n = len(self.rows)
        left = {
            "the sex": sum(row.sex is None for row in self.rows),
            "the age": sum(row.age_years is None for row in self.rows),
            "the view": sum(row.view is None for row in self.rows),
        }
        every = [name for name, count in left.items() if count == n]
        some = [
            f"{name} of {counted(count, 'film')}" for name, count in left.items() if 0 < count < n
        ]
        parts = [f"{listed(every)} of all films"] if every else []
        return listed([*parts, *some])


def _characteristics(rows: Sequence[ManifestRow]) -> str:
    found = [_values(row.sex for row in rows), _ages(rows), _values(row.view for row in rows)]
    return ", ".join(words for words in found if words)


def _values(values: Iterable[str | None]) -> str:
    counts = Counter(value for value in values if value is not None)
    return ", ".join(f"{value} {count:,}" for value, count in sorted(counts.items()))


def _ages(rows: Sequence[ManifestRow]) -> str:
    ages = [row.age_years for row in rows if row.age_years is not None]
    if not ages:
        return ""
    return f"age {min(ages):g} to {max(ages):g} years (known of {counted(len(ages), 'film')})"
