"""Which films two classifiers both answered."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from carina.data.labels import spelling_key
from carina.domain.prediction import Prediction
from carina.evaluation.scored_films import ScoredFilms, scored_films

FilmId = tuple[str, int]


@dataclass(frozen=True, slots=True, eq=False)
class AnsweredFilms:
    """One classifier's answers, with what the films are.

    Attributes:
        labels: the classes in order.
        predictions: one a film, each with probabilities and a label of `labels`.
        digests: sha256 of each film's bytes.
    """

    labels: tuple[str, ...]
    predictions: tuple[Prediction, ...]
    digests: tuple[str, ...]

    def by_film(self) -> dict[FilmId, Prediction]:
        """Return the predictions by content; copies of one film are numbered."""
        rows = sorted(
            zip(self.digests, self.predictions, strict=True),
            key=lambda row: (row[0], row[1].source, row[1].path),
        )
        seen: Counter[str] = Counter()
        films: dict[FilmId, Prediction] = {}
        for digest, prediction in rows:
            films[digest, seen[digest]] = prediction
            seen[digest] += 1
        return films


@dataclass(frozen=True, slots=True, eq=False)
class SharedFilms:
    """What two classifiers both answered, and what kept the rest apart.

    Attributes:
        first, second: the same films in the same order with the first's classes; None if
            there is no such film.
        n_relabelled: films of both that have another class in the other.
        n_replaced: films of the same name in both that hold other bytes.
    """

    first: ScoredFilms | None
    second: ScoredFilms | None
    n_relabelled: int
    n_replaced: int

    @property
    def n_shared(self) -> int:
        """How many films both answered and call alike."""
        return 0 if self.first is None else len(self.first)


def same_classes(first: Sequence[str], second: Sequence[str]) -> bool:
    """Return whether both have the same classes, in any order and spelling.

    >>> same_classes(["COVID", "Normal"], ["normal", "Covid"])
    True
    """
    return sorted(map(spelling_key, first)) == sorted(map(spelling_key, second))


def count_shared(first: AnsweredFilms, second: AnsweredFilms) -> int:
    """Return how many films both answered, whatever they call them."""
    return len(first.by_film().keys() & second.by_film().keys())


def share_films(first: AnsweredFilms, second: AnsweredFilms) -> SharedFilms:
    """Return the films that both answered and call alike, matched by their bytes.

    Patients are those of the one that knows more of them, the first's if both know as many.

    Args:
        first, second: answers with the same classes.

    Raises:
        ValueError: if the classes are not the same (`same_classes`).
    """
    if not same_classes(first.labels, second.labels):
        raise ValueError(f"classes {first.labels} and {second.labels} differ")
    name_of = {spelling_key(name): name for name in first.labels}
    ours = first.by_film()
    theirs = {film: _renamed(own, name_of) for film, own in second.by_film().items()}
    both = [film for film in ours if film in theirs]
    kept = [film for film in both if ours[film].label == theirs[film].label]
    a, b = _aligned(first.labels, [ours[film] for film in kept], [theirs[film] for film in kept])
    return SharedFilms(
        first=a,
        second=b,
        n_relabelled=len(both) - len(kept),
        n_replaced=_n_replaced(first, second),
    )


def _renamed(film: Prediction, name_of: dict[str, str]) -> Prediction:
    """Return an answer with the other's spelling of the classes."""
    return replace(
        film,
        label=name_of[spelling_key(film.label)] if film.label else None,
        predicted=name_of[spelling_key(film.predicted)],
        probabilities={name_of[spelling_key(k)]: p for k, p in film.probabilities.items()},
    )


def _aligned(
    labels: tuple[str, ...], ours: list[Prediction], theirs: list[Prediction]
) -> tuple[ScoredFilms | None, ScoredFilms | None]:
    if not ours:
        return None, None
    a, b = scored_films(labels, ours), scored_films(labels, theirs)
    patients = b.patients if a.patients.count(None) > b.patients.count(None) else a.patients
    return replace(a, patients=patients), replace(b, patients=patients)


def _n_replaced(first: AnsweredFilms, second: AnsweredFilms) -> int:
    """Return how many names stand for other bytes in the other, none of which it has."""
    names = {
        (film.source, film.path): digest
        for film, digest in zip(second.predictions, second.digests, strict=True)
    }
    known = set(second.digests)
    return sum(
        names.get((film.source, film.path), digest) != digest and digest not in known
        for film, digest in zip(first.predictions, first.digests, strict=True)
    )
