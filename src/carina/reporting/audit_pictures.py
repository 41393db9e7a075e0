"""Which films of an audit are worth a look."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from carina.domain.audit import Audit, LabelConflict, LeakKind, Misfit, SharedFilm
from carina.domain.dataset import Dataset
from carina.domain.record import Record

Item = TypeVar("Item")

_MOST_PAIRS = 12
_MOST_CONFLICTS = 6
_MOST_SHARED = 6
_MOST_MISFITS = 24

# what needs the eye comes first; that two files are the same file needs no look
_WORTH_A_LOOK: tuple[LeakKind, ...] = (
    "near-duplicate",
    "identical-pixels",
    "same-patient",
    "identical-bytes",
)


@dataclass(frozen=True, slots=True)
class Pair:
    """Two films to be looked at side by side; `parts` is None for copies without a leak."""

    a: str
    b: str
    kind: LeakKind
    parts: tuple[str, str] | None = None


def films_to_show(audit: Audit, dataset: Dataset | None = None) -> tuple[str, ...]:
    """Return the names of the films whose pictures the page shows, each once, 72 at most.

    Args:
        audit: what was found.
        dataset: its films; with it, a picture under two classes is shown by one film of each.
    """
    records = records_by_name(dataset)
    pairs = [
        *((pair.a, pair.b) for pair in pairs_to_show(audit)),
        *(two_of(conflict, records) for conflict in conflicts_to_show(audit)),
        *((film.a, film.b) for film in shared_to_show(audit)),
    ]
    names = [name for pair in pairs for name in pair]
    names += [misfit.path for misfit in misfits_to_show(audit)]
    return tuple(dict.fromkeys(names))


def records_by_name(dataset: Dataset | None) -> Mapping[str, Record]:
    """Return the films by the names that an audit gives them."""
    return {dataset.name_of(r): r for r in dataset.records} if dataset else {}


def pairs_to_show(audit: Audit) -> tuple[Pair, ...]:
    """Return up to 12 pairs of copies: what needs the eye first, every kind at least once."""
    conflicts = [set(conflict.paths) for conflict in conflicts_to_show(audit)]
    pairs: dict[frozenset[str], Pair] = {}
    for pair in (*_leaking_pairs(audit), *_pairs_of_groups(audit)):
        if not any({pair.a, pair.b} <= films for films in conflicts):
            pairs.setdefault(frozenset((pair.a, pair.b)), pair)
    # one film that leaks into ten others is one example, not ten
    shown: Counter[str] = Counter()
    ranked = []
    for pair in pairs.values():
        ranked.append(((_WORTH_A_LOOK.index(pair.kind), shown[pair.a]), pair))
        shown[pair.a] += 1
    ranked.sort(key=lambda one: one[0])
    return _spread([pair for _, pair in ranked], kind=lambda pair: pair.kind, most=_MOST_PAIRS)


def conflicts_to_show(audit: Audit) -> tuple[LabelConflict, ...]:
    """Return up to 6 pictures under several classes, every two classes at least once."""
    return _spread(
        audit.label_conflicts, kind=lambda conflict: conflict.labels, most=_MOST_CONFLICTS
    )


def shared_to_show(audit: Audit) -> tuple[SharedFilm, ...]:
    """Return up to 6 films that another data set has too, those under another class first."""
    ranked = sorted(
        audit.against,
        key=lambda film: (
            not (all(film.labels) and film.labels[0] != film.labels[1]),
            _WORTH_A_LOOK.index(film.kind),
        ),
    )
    return _spread(ranked, kind=lambda film: film.kind, most=_MOST_SHARED)


def misfits_to_show(audit: Audit) -> tuple[Misfit, ...]:
    """Return up to 24 films that may not belong, the surest first, four of every code."""
    return _spread(audit.misfits, kind=lambda misfit: misfit.code, most=_MOST_MISFITS, least=4)


def two_of(conflict: LabelConflict, records: Mapping[str, Record]) -> tuple[str, str]:
    """Return two films of a conflict, of two classes where the films' classes are known."""
    first = conflict.paths[0]
    label = records[first].label if first in records else None
    others = (
        name
        for name in conflict.paths[1:]
        if label is not None and name in records and records[name].label not in (None, label)
    )
    return first, next(others, conflict.paths[-1])


def _leaking_pairs(audit: Audit) -> list[Pair]:
    """Return the leaks as pairs, those into the test part first."""
    leaks = sorted(audit.leaks, key=lambda leak: leak.parts[1] != "test")
    return [Pair(leak.a, leak.b, leak.kind, leak.parts) for leak in leaks]


def _pairs_of_groups(audit: Audit) -> list[Pair]:
    """Return two films of every group of copies, but of those that a leak shows already."""
    near: set[str] = set()
    identical: set[str] = set()
    for leak in audit.leaks:
        if leak.kind != "same-patient":
            (near if leak.kind == "near-duplicate" else identical).update((leak.a, leak.b))
    picture = {name: group[0] for group in audit.exact_duplicates for name in group}
    pairs = []
    for group in audit.near_duplicates:
        own = picture.get(group[0], group[0])
        other = next((name for name in group if picture.get(name, name) != own), None)
        if other is not None and near.isdisjoint(group):
            pairs.append(Pair(group[0], other, "near-duplicate"))
    pairs += [
        Pair(group[0], group[1], "identical-pixels")
        for group in audit.exact_duplicates
        if identical.isdisjoint(group)
    ]
    return pairs


def _spread(
    items: Iterable[Item], *, kind: Callable[[Item], Hashable], most: int, least: int = 1
) -> tuple[Item, ...]:
    """Return the first items, but some of every kind as far as there is room, in their order.

    Args:
        items: the most important first.
        kind: what is to be shown of.
        most: how many in all.
        least: how many of a kind come before the many of another.

    >>> _spread("aaabac", kind=str, most=4)
    ('a', 'a', 'b', 'c')
    """
    every = list(items)
    seen: Counter[Hashable] = Counter()
    is_extra = []
    for item in every:
        is_extra.append(seen[kind(item)] >= least)
        seen[kind(item)] += 1
    chosen = sorted(range(len(every)), key=is_extra.__getitem__)[:most]
    return tuple(every[place] for place in sorted(chosen))
