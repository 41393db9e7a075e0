"""Figures without the films that the classifier had seen."""

from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

from carina.domain.evaluation import WithoutLeaks
from carina.domain.prediction import Prediction
from carina.domain.recipe import EvaluateSection
from carina.domain.record import Part
from carina.evaluation.evaluate import all_metrics, scored_films
from carina.reporting.wording import with_interval


class PlacedFilm(NamedTuple):
    """What tells whether a film is known from another part.

    Attributes:
        key: `source/path`.
        part: its part.
        patient: keyed hash, or None.
        duplicate_group: number of its group of identical films, or None.
    """

    key: str
    part: Part
    patient: str | None
    duplicate_group: int | None


def seen_while_training(
    films: Iterable[PlacedFilm], known: Collection[str], *, chose_the_network: bool
) -> frozenset[str]:
    """Return the keys of test films that training or validation knows: the same film, or another
    film of the same patient.

    Args:
        films: of every part.
        known: keys of films that the start weights had seen in an earlier run.
        chose_the_network: whether the validation films are the test films; a caution of the split
            says so then.
    """
    films = tuple(films)
    before = ("train",) if chose_the_network else ("train", "validation")
    earlier = [film for film in films if film.part in before]
    groups = {film.duplicate_group for film in earlier} - {None}
    patients = {film.patient for film in earlier} - {None}
    return frozenset(
        film.key
        for film in films
        if film.part == "test"
        and (film.key in known or film.patient in patients or film.duplicate_group in groups)
    )


def without_known(
    names: Sequence[str],
    answers: Sequence[Prediction],
    known: Collection[str],
    section: EvaluateSection,
    *,
    known_how: str = "known from training",
) -> WithoutLeaks | None:
    """Return the metrics without known films, or None if none is known.

    Args:
        names: the classes in order.
        answers: the films of a test.
        known: `source/path` of those that the classifier knew.
        section: how many resamples, and their seed.
        known_how: how it knew them, in words: by default, training or the choice of the epoch
            saw them.
    """
    kept = [answer for answer in answers if f"{answer.source}/{answer.path}" not in known]
    n_removed = len(answers) - len(kept)
    if not n_removed:
        return None
    opening = (
        f"{n_removed} of {len(answers)} test films were {known_how} (the same film, a "
        "nearly identical one or the same patient)"
    )
    left = {answer.label for answer in kept}
    tested = [name for name in names if any(answer.label == name for answer in answers)]
    gone = [name for name in tested if name not in left]
    if gone:
        return WithoutLeaks(
            n_removed=n_removed,
            metrics={},
            sentence=f"{opening}, and without them nothing is left of {', '.join(gone)}: this "
            "test says nothing",
        )
    metrics, per_class, confusion = all_metrics(scored_films(names, kept), section)
    right = with_interval("accuracy", metrics["accuracy"])
    return WithoutLeaks(
        n_removed=n_removed,
        metrics=metrics,
        per_class=per_class,
        confusion_matrix=confusion,
        sentence=f"{opening}; without them {right} of {len(kept)} are right",
    )
