"""The cut itself: groups of films into parts, stratified by class and repeatable."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

from carina.data.scan import FilmScan
from carina.domain.record import Part, Record
from carina.domain.sentences import counted
from carina.errors import DatasetError

Group = tuple[Record, ...]
# What films are cut into: parts, or folds by their names.
_Place = TypeVar("_Place", bound=str)


def cut_groups(
    groups: Sequence[Group],
    targets: Mapping[Part, Mapping[str, float]],
    *,
    seed: int,
    scan: FilmScan,
    held: Mapping[Part, frozenset[str]],
) -> dict[str, Part]:
    """Return the part of every film: the asked films of each class, the rest train.

    Groups are taken in an order drawn from the seed and the films' content, not their names,
    so that moved, renamed or differently sorted films fall into the same parts. Each goes
    to the part whose classes it brings nearer to their targets, or to train. Where a part
    then lacks a class, the smallest group that has it moves there.

    Args:
        groups: films that stay together; every film is labelled and in one group.
        targets: part -> class -> number of films, for the parts to cut.
        seed: decides the order.
        scan: the films' facts.
        held: part -> classes that it has from elsewhere and need not get from here.

    Raises:
        DatasetError: if a class has too few groups for a film in each part.

    References:
        The greedy choice follows Sechidis et al., On the stratification of multi-label data,
        ECML 2011, with a group in the place of an example.
    """
    ordered = sorted(groups, key=lambda group: _rank(group, seed, scan))
    counts: dict[Part, Counter[str]] = {part: Counter() for part in ("train", *targets)}
    chosen: list[Part] = []
    for group in ordered:
        labels = _count(group)
        part = _nearest_part(labels, counts, targets)
        counts[part].update(labels)
        chosen.append(part)
    _fill_gaps(ordered, chosen, counts, held)
    return {
        record.key: part for group, part in zip(ordered, chosen, strict=True) for record in group
    }


def cut_folds(groups: Sequence[Group], n_folds: int, *, seed: int, scan: FilmScan) -> list[int]:
    """Return the fold of every group, 0 to `n_folds - 1`: of each class an equal share in each.

    Large groups are placed first, those of one size in an order drawn from the seed and the
    films' content, and each goes to the fold whose classes it brings nearest to their
    share. Where a fold then lacks a class, the smallest group that has it moves there.

    Args:
        groups: films that stay together; every film is labelled and in one group.
        n_folds: two or more.
        seed: decides the order.
        scan: the films' facts.

    Raises:
        DatasetError: if a class has too few groups for a film in each fold.

    References:
        As `cut_groups`; largest first, so that what comes late is small, as in Graham, SIAM J
        Appl Math 17 (1969) 416-429.
    """
    ordered = sorted(groups, key=lambda group: (-len(group), _rank(group, seed, scan)))
    share = {label: n / n_folds for label, n in _count(r for g in groups for r in g).items()}
    names = [f"fold {number + 1}" for number in range(n_folds)]
    counts: dict[str, Counter[str]] = {name: Counter() for name in names}
    chosen: list[str] = []
    for group in ordered:
        labels = _count(group)
        # The first of the least filled at a tie.
        name = max(
            names, key=lambda name: (_gain(labels, counts[name], share), -counts[name].total())
        )
        counts[name].update(labels)
        chosen.append(name)
    _fill_gaps(ordered, chosen, counts, held={})
    number_of = {name: number for number, name in enumerate(names)}
    fold_of = {g[0].key: number_of[c] for g, c in zip(ordered, chosen, strict=True)}
    return [fold_of[group[0].key] for group in groups]


def _rank(group: Group, seed: int, scan: FilmScan) -> tuple[str, str]:
    content = min(scan.facts[record.key].pixel_digest for record in group)
    return hashlib.sha256(f"{seed}\x1f{content}".encode()).hexdigest(), content


def _count(records: Iterable[Record]) -> Counter[str]:
    return Counter(record.label or "" for record in records)


def _nearest_part(
    labels: Counter[str],
    counts: Mapping[Part, Counter[str]],
    targets: Mapping[Part, Mapping[str, float]],
) -> Part:
    """Return the part that most wants a group, or train if none does."""
    best: Part = "train"
    best_gain = 0.0
    for part, target in targets.items():
        gain = _gain(labels, counts[part], target)
        if gain > best_gain:
            best, best_gain = part, gain
    return best


def _gain(
    labels: Mapping[str, int], counts: Mapping[str, int], target: Mapping[str, float]
) -> float:
    """Return by how much films bring a part nearer to its targets, by class.

    The distance is squared, each class in units of its target.

    Args:
        labels: class -> number of films that would come.
        counts: class -> number of films that are there.
        target: class -> number of films that there should be.
    """
    gain = 0.0
    for label, n_films in labels.items():
        wanted = target.get(label, 0.0)
        missing = wanted - counts.get(label, 0)
        gain += (missing**2 - (missing - n_films) ** 2) / max(wanted, 1.0)
    return gain


def _fill_gaps(
    groups: Sequence[Group],
    chosen: list[_Place],
    counts: Mapping[_Place, Counter[str]],
    held: Mapping[_Place, frozenset[str]],
) -> None:
    """Move groups until every part has every class; rare classes first."""
    labels = sorted({record.label or "" for group in groups for record in group})
    n_groups = Counter(label for group in groups for label in {r.label or "" for r in group})
    for label in sorted(labels, key=lambda label: (n_groups[label], label)):
        for part in counts:
            if counts[part][label] or label in held.get(part, frozenset()):
                continue
            index = _movable(label, part, groups, chosen, counts)
            if index is None:
                raise DatasetError(
                    f"class '{label}' cannot be in every part: its films form "
                    f"{counted(n_groups[label], 'group')} (films of one patient, and identical "
                    "films, stay together), and "
                    f"{', '.join(counts)} need one each; add films of other patients, or leave "
                    "the class out with labels.drop"
                )
            moved = _count(groups[index])
            counts[chosen[index]].subtract(moved)
            counts[part].update(moved)
            chosen[index] = part


def _movable(
    label: str,
    to: _Place,
    groups: Sequence[Group],
    chosen: Sequence[_Place],
    counts: Mapping[_Place, Counter[str]],
) -> int | None:
    """Return the smallest group with `label` that another part can spare."""
    can_spare = []
    for index, group in enumerate(groups):
        labels = _count(group)
        own = counts[chosen[index]]
        leaves_no_gap = all(own[name] > n_films for name, n_films in labels.items())
        if label in labels and chosen[index] != to and leaves_no_gap:
            can_spare.append((chosen[index] != "train", len(group), index))
    return min(can_spare)[2] if can_spare else None
