"""What an evaluation rests on: truths and answers, as arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from carina.domain.calibration import Calibration
from carina.domain.evaluation import EvaluatedData
from carina.domain.prediction import Prediction
from carina.errors import EvaluationError
from carina.evaluation.resamples import Resamples, all_once

Subgroups = Mapping[str, tuple[str | None, ...]]


@dataclass(frozen=True, eq=False)
class ScoredFilms:
    """Labelled films with their answers.

    Attributes:
        labels: the classes in order.
        y_true: int `[n]`; index of the true class.
        probabilities: float64 `[n, classes]` in `[0, 1]`.
        predicted: int `[n]`; index of the answer, also where the classifier abstained.
        patients: keyed hash of each film's patient, or None.
        sources: name of each film's source.
        subgroups: property ("sex", "view", ...) -> each film's value, or None.
        abstained: bool `[n]`; True where the classifier would not answer.
        logits: float64 `[n, classes]`, uncalibrated, or None where they are not known.
        has_scores: False if answers are all that is known, as of a human reader: then each
            answer has the probability 1, and nothing that rests on probabilities may be told.
    """

    labels: tuple[str, ...]
    y_true: NDArray[np.integer]
    probabilities: NDArray[np.float64]
    predicted: NDArray[np.integer]
    patients: tuple[str | None, ...]
    sources: tuple[str, ...]
    subgroups: Subgroups = field(default_factory=dict)
    abstained: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, dtype=np.bool_))
    logits: NDArray[np.float64] | None = None
    has_scores: bool = True

    def __post_init__(self) -> None:
        n = self.y_true.size
        if self.abstained.size == 0:
            object.__setattr__(self, "abstained", np.zeros(n, dtype=np.bool_))
        lengths = {len(self.patients), len(self.sources), self.predicted.size, self.abstained.size}
        lengths |= {len(values) for values in self.subgroups.values()}
        if lengths != {n} or self.probabilities.shape != (n, len(self.labels)):
            raise ValueError(
                f"{n} films of {len(self.labels)} classes need {n} values everywhere; "
                f"got lengths {sorted(lengths)} and probabilities {self.probabilities.shape}"
            )

    def __len__(self) -> int:
        return int(self.y_true.size)

    @cached_property
    def once(self) -> Resamples:
        """The films as one draw that holds each once."""
        return all_once(self.y_true, self.predicted, self.probabilities)

    @property
    def unit(self) -> str:
        """What intervals resample: "patients", "films", or "patients where known"."""
        return unit_of(self.patients)

    @cached_property
    def units(self) -> NDArray[np.intp]:
        """Number of each film's unit of resampling, intp `[n]` (`units_of`)."""
        return units_of(self.patients)

    @cached_property
    def n_units(self) -> int:
        """How many units of resampling there are."""
        return int(self.units.max(initial=-1)) + 1

    def n_units_in(self, mask: NDArray[np.bool_]) -> int:
        """Return how many units have a film of a bool `[n]` mask."""
        return int(np.unique(self.units[mask]).size)

    def where(self, mask: NDArray[np.bool_]) -> ScoredFilms:
        """Return the films of a bool `[n]` mask."""
        kept = np.flatnonzero(mask)
        return ScoredFilms(
            labels=self.labels,
            y_true=self.y_true[kept],
            probabilities=self.probabilities[kept],
            predicted=self.predicted[kept],
            patients=tuple(self.patients[i] for i in kept),
            sources=tuple(self.sources[i] for i in kept),
            subgroups={k: tuple(v[i] for i in kept) for k, v in self.subgroups.items()},
            abstained=self.abstained[kept],
            logits=None if self.logits is None else self.logits[kept],
            has_scores=self.has_scores,
        )

    def calibrated(self, calibration: Calibration) -> ScoredFilms:
        """Return the films with calibrated probabilities, and the most probable class as the
        answer; without logits, the films as they are."""
        if self.logits is None:
            return self
        probabilities = calibration.apply(self.logits)
        return replace(self, probabilities=probabilities, predicted=probabilities.argmax(axis=1))


def units_of(patients: Sequence[str | None]) -> NDArray[np.intp]:
    """Return the number of each film's unit of resampling, intp `[n]`, from 0 on.

    Films of one known patient are one unit; each film of an unknown patient is its own.

    Args:
        patients: each film's patient, or None.

    >>> units_of(["a", None, "a", None]).tolist()
    [0, 1, 0, 2]
    """
    numbers: dict[str | int, int] = {}
    return np.array(
        [
            numbers.setdefault(film if patient is None else patient, len(numbers))
            for film, patient in enumerate(patients)
        ],
        dtype=np.intp,
    )


def unit_of(patients: Sequence[str | None]) -> str:
    """Return what intervals resample: "patients", "films", or "patients where known".

    Args:
        patients: each film's patient, or None.

    >>> unit_of(["a", "a"]), unit_of([None, None]), unit_of(["a", None])
    ('patients', 'films', 'patients where known')
    """
    if n_known_patients(patients) is None:
        return "films"
    return "patients where known" if None in patients else "patients"


def n_known_patients(patients: Sequence[str | None]) -> int | None:
    """Return how many different patients are known; None if none is.

    >>> n_known_patients(["a", "b", "a", None]), n_known_patients([None])
    (2, None)
    """
    return len(set(patients) - {None}) or None


def scored_films(
    labels: Sequence[str],
    predictions: Sequence[Prediction],
    *,
    subgroups: Mapping[str, Sequence[str | None]] | None = None,
) -> ScoredFilms:
    """Return the films that can be evaluated: readable, and labelled with one of `labels`.

    Args:
        labels: the classes in order.
        predictions: one per film; those without an answer (unreadable) or
            without a label of the classifier are left out (`evaluated_data` counts them).
            Answers without probabilities make films without scores.
        subgroups: property -> a value per prediction, or None where it is not known.

    Raises:
        EvaluationError: if no film is left, an answer is not one of `labels`, or some answers
            have probabilities and others have none.
    """
    kept = [i for i, film in enumerate(predictions) if _counts(film, labels)]
    if not kept:
        raise EvaluationError(
            f"none of {len(predictions)} films can be evaluated: a film needs a label "
            f"(one of {', '.join(labels)}) and an answer; name the labels with "
            "--set labels.column=NAME, or spell them with labels.aliases"
        )
    films = [predictions[i] for i in kept]
    position = {label: index for index, label in enumerate(labels)}
    foreign = sorted({film.predicted for film in films} - set(labels))
    if foreign:
        raise EvaluationError(
            f"answers that are not classes: {', '.join(foreign)} (classes: {', '.join(labels)})"
        )
    return ScoredFilms(
        labels=tuple(labels),
        y_true=np.array([position[film.label or ""] for film in films], dtype=np.intp),
        probabilities=_probabilities(labels, films),
        predicted=np.array([position[film.predicted] for film in films], dtype=np.intp),
        patients=tuple(film.patient for film in films),
        sources=tuple(film.source for film in films),
        subgroups={
            name: tuple(values[i] for i in kept) for name, values in (subgroups or {}).items()
        },
        abstained=np.array([film.abstained for film in films], dtype=np.bool_),
        logits=_logits(labels, films),
        has_scores=any(film.probabilities for film in films),
    )


def _counts(film: Prediction, labels: Sequence[str]) -> bool:
    return bool(film.predicted) and film.label in labels


def _probabilities(labels: Sequence[str], films: Sequence[Prediction]) -> NDArray[np.float64]:
    if not any(film.probabilities for film in films):
        answers = [[float(film.predicted == label) for label in labels] for film in films]
        return np.array(answers, dtype=np.float64)
    for film in films:
        missing = [label for label in labels if label not in film.probabilities]
        if missing:
            raise EvaluationError(
                f"{film.path} has no probability for {', '.join(missing)} "
                f"(found: {', '.join(film.probabilities)})"
            )
    rows = [[film.probabilities[label] for label in labels] for film in films]
    table = np.array(rows, dtype=np.float64).reshape(len(films), len(labels))
    if not np.isfinite(table).all():
        bad = films[int(np.flatnonzero(~np.isfinite(table).all(axis=1))[0])]
        raise EvaluationError(f"{bad.path} has a probability that is not a number")
    return table


def _logits(labels: Sequence[str], films: Sequence[Prediction]) -> NDArray[np.float64] | None:
    """Return the films' logits, or None if one has none."""
    if any(label not in film.logits for film in films for label in labels):
        return None
    return np.array([[film.logits[label] for label in labels] for film in films], dtype=np.float64)


def evaluated_data(
    labels: Sequence[str],
    predictions: Sequence[Prediction],
    *,
    name: str,
    part: str,
    external: bool | None = False,
    test_opened: int = 0,
) -> EvaluatedData:
    """Return what is evaluated, with the films that do not count counted.

    Args:
        labels: the classes in order.
        predictions: one per film, unreadable and unlabelled ones too.
        name: the data set, in words.
        part: "train", "validation", "test", or "all" for an external test.
        external: True if the classifier was trained on other data; None if that is not known.
        test_opened: how many commands computed metrics on this test part so far.
    """
    readable = [film for film in predictions if film.predicted]
    counted = [film for film in readable if film.label in labels]
    patients = [film.patient for film in counted]
    return EvaluatedData(
        name=name,
        part=part,
        external=external,
        n_images=len(counted),
        n_patients=n_known_patients(patients),
        unit=unit_of(patients),
        n_abstained=sum(film.abstained for film in counted),
        n_unreadable=len(predictions) - len(readable),
        n_unlabelled=len(readable) - len(counted),
        test_opened=test_opened,
    )
