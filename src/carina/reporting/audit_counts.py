"""What an audit's lists come to, in numbers; the page and the terminal count alike."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from carina.domain.audit import Audit, Confounder, Finding, Leak
from carina.domain.record import PARTS

_CHECKING_PARTS = ("test", "validation")


@dataclass(frozen=True, slots=True)
class LeakedFilms:
    """Films of a part that an earlier part knows.

    Attributes:
        part: "test", or "validation" where no test part is described.
        n_films: labelled films of the part.
        copies: how many are the same picture as a film of an earlier part, or nearly.
        of_known_patients: how many show a patient who has another film in an earlier part.
        all: how many an earlier part knows in either way, or in both.
    """

    part: str
    n_films: int
    copies: int
    of_known_patients: int
    all: int


def n_labelled(audit: Audit) -> int:
    """Return the number of readable films with a class."""
    return sum(sum(row.values()) for row in audit.images.values())


def films_by_part(audit: Audit) -> list[tuple[str, Mapping[str, int]]]:
    """Return part and its films by class: what is learned from first, what has no part last."""
    return sorted(
        audit.images.items(),
        key=lambda one: next((n for n, part in enumerate(PARTS) if part == one[0]), len(PARTS)),
    )


def part_name(audit: Audit, part: str) -> str:
    """Return a part's name; films without one stand under "all" beside described ones."""
    return "no part" if part == "all" and len(audit.images) > 1 else part


def leaked_films(audit: Audit) -> LeakedFilms | None:
    """Return what is known of the part that checks, or None where no such part is described."""
    part = next((name for name in _CHECKING_PARTS if name in audit.images), None)
    if part is None:
        return None
    into = [leak for leak in audit.leaks if leak.parts[1] == part]
    copies = {leak.b for leak in into if leak.kind != "same-patient"}
    patients = {leak.b for leak in into if leak.kind == "same-patient"}
    return LeakedFilms(
        part=part,
        n_films=sum(audit.images[part].values()),
        copies=len(copies),
        of_known_patients=len(patients),
        all=len(copies | patients),
    )


def leaks_by_kind(leaks: Iterable[Leak]) -> Counter[tuple[str, tuple[str, str]]]:
    """Return how many films of the later part leak, by kind and parts."""
    films = {(leak.kind, leak.parts, leak.b) for leak in leaks}
    return Counter((kind, parts) for kind, parts, _ in films)


def n_surplus_copies(audit: Audit) -> int:
    """Return how many films could go without losing a picture.

    A group of nearly the same picture may hold groups of identical ones: a film counts once.

    >>> groups = (("a", "b"), ("c", "d"))
    >>> n_surplus_copies(
    ...     Audit(images={}, exact_duplicates=groups, near_duplicates=(("a", "b", "x"),))
    ... )
    3
    """
    return sum(len(group) - 1 for group in _joined(audit))


def _joined(audit: Audit) -> list[set[str]]:
    """Return the groups of copies of either kind, with those that share a film made one."""
    joined: dict[str, set[str]] = {}
    for group in (*audit.exact_duplicates, *audit.near_duplicates):
        whole = set(group).union(*(joined.get(film, ()) for film in group))
        joined |= dict.fromkeys(whole, whole)
    return list({id(group): group for group in joined.values()}.values())


def best_confounder(
    confounders: Iterable[Confounder], *, in_pixels: bool | None = None
) -> Confounder | None:
    """Return what tells the class best without the lungs, or None where nothing was measured.

    What tells more than luck would comes before what may be luck, what a network can see
    before what it cannot, and what has no lungs in it at all before what has them coarsely;
    then the furthest on the way from guessing to certainty.

    Args:
        confounders: what was measured.
        in_pixels: only signals that a network can see, or only those it cannot; both if None.
    """
    asked = [c for c in confounders if in_pixels is None or c.in_pixels == in_pixels]
    return max(
        asked,
        key=lambda c: (c.tells, c.in_pixels, not c.has_lungs, c.share_of_the_way),
        default=None,
    )


def worst_findings(audit: Audit, *, most: int = 3) -> tuple[Finding, ...]:
    """Return the worst findings; what was left out is told elsewhere."""
    return tuple(f for f in audit.findings if f.about != "left-out")[:most]


def n_misfits(audit: Audit) -> int:
    """Return the number of films that may not belong, each once."""
    return len({misfit.path for misfit in audit.misfits})
