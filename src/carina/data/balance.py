"""Parts with as many films of every class as of their rarest."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from carina.data.scan import FilmScan
from carina.domain.dataset import Dataset, LeftOut
from carina.domain.record import PARTS, Part, Record
from carina.domain.sentences import counted, listed
from carina.domain.split import Split


def films_to_leave_out(
    records: Sequence[Record], parts: Mapping[str, Part], *, seed: int, scan: FilmScan
) -> dict[str, Part]:
    """Return the films that must go so that every part has its classes in equal numbers.

    A part keeps as many films of each class as it has of its rarest; a class that it does not
    have at all is not counted, since nothing can balance it. Which films stay is drawn from the
    seed and the films' content, not their names; identical films are drawn together.

    Args:
        records: labelled films.
        parts: record key -> part; records that are not in it are passed over.
        seed: decides the draw.
        scan: the films' facts.

    Returns:
        Record key -> the part that it leaves.
    """
    by_part: dict[Part, dict[str, list[Record]]] = defaultdict(lambda: defaultdict(list))
    for record in records:
        if record.key in parts:
            by_part[parts[record.key]][record.label or ""].append(record)
    left_out: dict[str, Part] = {}
    for part, by_class in by_part.items():
        n_kept = min(map(len, by_class.values()))
        for films in by_class.values():
            drawn = sorted(films, key=lambda record: _rank(record, seed, scan))
            left_out |= {record.key: part for record in drawn[n_kept:]}
    return left_out


def count_left_out(dataset: Dataset, split: Split) -> tuple[LeftOut, ...]:
    """Return what balancing left out of a split, counted by part and class."""
    counts: Counter[tuple[Part, str]] = Counter()
    for record in dataset.records:
        if record.key in split.left_out:
            counts[split.left_out[record.key], record.label or ""] += 1
    return tuple(
        LeftOut(f"'{label}' of the {part} part", counts[part, label], "split.balanced")
        for part in PARTS
        for label in dataset.labels.names
        if counts[part, label]
    )


def cautions_on_balance(left_out: Mapping[str, Part], described: Sequence[Part]) -> list[str]:
    """Say that parts were thinned, and what their figures then mean."""
    if not left_out:
        return []
    counts = Counter(left_out.values())
    thinned = [part for part in PARTS if counts[part]]
    numbers = listed([f"{counts[part]} of {part}" for part in thinned])
    asked = (
        f"every part has its classes in equal numbers, as asked (split.balanced): "
        f"{counted(len(left_out), 'film')} were left out ({numbers})"
    )
    ours = [part for part in thinned if part in described]
    if ours:
        parts = "parts are" if len(ours) > 1 else "part is"
        asked += f", so that the described {listed(ours)} {parts} not whole"
    return [
        f"{asked}; accuracy and precision hold for classes that are equally frequent, not for the "
        "films as they came"
    ]


def _rank(record: Record, seed: int, scan: FilmScan) -> tuple[str, str, str]:
    facts = scan.facts[record.key]
    drawn = hashlib.sha256(f"balance\x1f{seed}\x1f{facts.pixel_digest}".encode()).hexdigest()
    # Only films with the same bytes are told apart by their names.
    return drawn, facts.sha256, record.key
