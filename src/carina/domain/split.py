"""Which film is trained on, which chooses, which tests."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from carina.domain.record import PARTS, Part, Record
from carina.domain.sentences import listed


@dataclass(frozen=True, slots=True)
class Split:
    """A part for every labelled record, but for those left out on purpose.

    Attributes:
        parts: record key -> part.
        duplicate_groups: record key -> number of its group of identical films;
            films in no group are absent.
        seed: the seed Carina cut with; None if the whole split was described.
        described: the parts that the data set itself describes.
        cautions: sentences on what is wrong with a described split.
        validation_is_test: True where a described mistake is repeated: the films of the
            test part also serve for validation (`parts` says "test").
        left_out: record key -> the part that lost the film, so that its classes are
            balanced or so that training knows nothing of a held-out source; these films are
            not in `parts`.
        tested_on: what the test part of a fold is, in words ("fold 1 of 5", a source's
            name); "" where there are no folds.
        by_source: whether the test part is all films of a source, and training has none.
    """

    parts: Mapping[str, Part]
    duplicate_groups: Mapping[str, int]
    seed: int | None
    described: tuple[Part, ...] = ()
    cautions: tuple[str, ...] = ()
    validation_is_test: bool = False
    left_out: Mapping[str, Part] = field(default_factory=lambda: MappingProxyType({}))
    tested_on: str = ""
    by_source: bool = False

    @property
    def in_words(self) -> str:
        """How the films became parts, as a sentence without its full stop.

        >>> Split({}, {}, seed=3, described=("train", "test")).in_words
        'the described parts train and test were kept; validation was cut from train, keeping \
patients and nearly identical films together (seed 3)'
        """
        together = f"keeping patients and nearly identical films together (seed {self.seed})"
        if self.tested_on:
            kind = "all films of the source" if self.by_source else "those of"
            return f"the test films are {kind} {self.tested_on}; the others were cut, {together}"
        if not self.described:
            return f"all films were cut, {together} and each class in proportion"
        kept = f"the described parts {listed(self.described)} were kept"
        if self.validation_is_test:
            return f"{kept}; as described, the test films serve for validation too"
        lacking = [part for part in PARTS if part not in self.described]
        if lacking:
            was = "was" if len(lacking) == 1 else "were"
            return f"{kept}; {listed(lacking)} {was} cut from train, {together}"
        return kept if self.seed is None else f"{kept}; films in no part were cut, {together}"

    def part_of(self, record: Record) -> Part:
        """Return the record's part."""
        return self.parts[record.key]

    def keys(self, part: Part) -> tuple[str, ...]:
        """Return the keys of one part, sorted."""
        wanted = "test" if part == "validation" and self.validation_is_test else part
        return tuple(sorted(key for key, own in self.parts.items() if own == wanted))

    def sizes(self) -> dict[Part, int]:
        """Return the number of films in every part."""
        return {part: len(self.keys(part)) for part in PARTS}

    @property
    def digest(self) -> str:
        """sha256 over the sorted (key, part) pairs."""
        rows = sorted(f"{key}\x1f{part}" for key, part in self.parts.items())
        return hashlib.sha256("\x1e".join(rows).encode()).hexdigest()
