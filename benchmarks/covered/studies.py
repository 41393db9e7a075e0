"""Simulated studies whose true values are known."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Floats = NDArray[np.float64]

# Correlation between the scores of two films of one patient (and one class).
INTRACLASS = 0.5
_POPULATION = 400_000
_TRIED = 40_000


@dataclass(frozen=True, slots=True)
class Setting:
    """What is alike in a row of studies.

    Attributes:
        n: films.
        films_a_patient: 1: independent films; else all films of a patient are of one class
            and their scores correlate by `intraclass`.
        area: ROC AUC of each class against the rest.
        share: of the first class; the others share the rest evenly.
        n_classes: 2 or more.
        intraclass: correlation of the scores of two films of a patient.
    """

    n: int
    films_a_patient: int
    area: float
    share: float
    n_classes: int
    intraclass: float = INTRACLASS

    @property
    def name(self) -> str:
        """What tells this setting apart."""
        name = (
            f"n{self.n} {self.films_a_patient}/patient auc{self.area:g} "
            f"{100 * self.share:g}% {self.n_classes}cl"
        )
        clustered = self.films_a_patient > 1 and self.intraclass != INTRACLASS
        return f"{name} icc{self.intraclass:g}" if clustered else name

    @property
    def shares(self) -> Floats:
        """Share of each class, float64 `[classes]`."""
        rest = (1 - self.share) / (self.n_classes - 1)
        return np.array([self.share] + [rest] * (self.n_classes - 1))

    @property
    def units(self) -> NDArray[np.intp]:
        """Each film's patient, intp `[n]`."""
        return np.arange(self.n) // self.films_a_patient


@dataclass(frozen=True, eq=False)
class Studies:
    """Several studies of one setting.

    Attributes:
        setting: what is alike.
        y_true: int `[studies, n]`.
        probabilities: float64 `[studies, n, classes]`.
    """

    setting: Setting
    y_true: NDArray[np.integer]
    probabilities: Floats

    @cached_property
    def predicted(self) -> NDArray[np.integer]:
        """The most probable class, int `[studies, n]`."""
        return self.probabilities.argmax(axis=2)

    @property
    def starts(self) -> NDArray[np.intp]:
        """First film of each patient, intp `[patients]`."""
        return np.arange(0, self.setting.n, self.setting.films_a_patient)

    def per_patient(self, of_films: Floats) -> Floats:
        """Return sums `[studies, patients, ...]` over the films of each patient."""
        if self.setting.films_a_patient == 1:
            return of_films
        return np.add.reduceat(of_films, self.starts, axis=1)


def draw_studies(setting: Setting, n_studies: int, rng: np.random.Generator) -> Studies:
    """Return studies drawn at random.

    A film of class c has the scores `s ~ N(d e_c, I)`, a patient's films share a part of the
    noise, and the classifier answers with `softmax(d s)`: what a network knows that was
    trained on classes of equal size, whatever their shares in the study.
    """
    units, k = setting.units, setting.n_classes
    n_units = int(units[-1]) + 1
    classes = np.searchsorted(np.cumsum(setting.shares)[:-1], rng.random((n_studies, n_units)))
    y_true = classes[:, units]
    scores = rng.standard_normal((n_studies, setting.n, k))
    if setting.films_a_patient > 1:
        own = rng.standard_normal((n_studies, n_units, k))[:, units]
        scores = np.sqrt(1 - setting.intraclass) * scores + np.sqrt(setting.intraclass) * own
    apart = separation(setting.area, k)
    scores += apart * np.eye(k)[y_true]
    return Studies(setting, y_true, _softmax(apart * scores))


def _softmax(logits: Floats) -> Floats:
    shares = np.exp(logits - logits.max(axis=-1, keepdims=True))
    shares /= shares.sum(axis=-1, keepdims=True)
    return shares


@lru_cache
def separation(area: float, n_classes: int) -> float:
    """Return the distance d of a class's mean score that gives this area."""
    if n_classes == 2:
        # p rises with s0 - s1 ~ N(+-d, 2), so that the area is P(N(2d, 4) > 0)
        return float(stats.norm.ppf(area))
    noise = np.random.default_rng(1).standard_normal((2, _TRIED, n_classes))
    low, high = 0.0, 6.0
    for _ in range(30):
        middle = (low + high) / 2
        of_class, of_other = (
            _softmax(middle * (noise[i] + middle * np.eye(n_classes)[i]))[:, 0] for i in (0, 1)
        )
        ranks = stats.rankdata(np.concatenate([of_class, of_other]))
        found = (ranks[:_TRIED].sum() - _TRIED * (_TRIED + 1) / 2) / _TRIED**2
        low, high = (middle, high) if found < area else (low, middle)
    return (low + high) / 2


@dataclass(frozen=True, eq=False)
class Population:
    """Very many films of each class: what a study is drawn from.

    Attributes:
        y_true: int `[films]`.
        probabilities: float64 `[films, classes]`.
        weights: float64 `[films]`; by class, so that the sum of each is its share.
    """

    y_true: NDArray[np.integer]
    probabilities: Floats
    weights: Floats


@lru_cache(maxsize=1)
def population(area: float, share: float, n_classes: int) -> Population:
    """Return films whose numbers are the true ones; the correlation changes none of them."""
    rng = np.random.default_rng(2)
    y_true = np.repeat(np.arange(n_classes), _POPULATION)
    apart = separation(area, n_classes)
    scores = rng.standard_normal((y_true.size, n_classes))
    scores += apart * np.eye(n_classes)[y_true]
    shares = Setting(1, 1, area, share, n_classes).shares
    return Population(y_true, _softmax(apart * scores), shares[y_true] / _POPULATION)
