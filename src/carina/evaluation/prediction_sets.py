"""What prediction sets hold on films with a known class."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from carina.domain.abstention import Abstention, ConformalRule
from carina.domain.abstention_figures import SetFigures
from carina.domain.estimate import Estimate
from carina.domain.percentages import percent, percent_ends
from carina.evaluation.coverage_band import coverage_band, covered_chances
from carina.evaluation.intervals import wilson
from carina.evaluation.metric import Metric
from carina.evaluation.resamples import Floats, Resamples, ratio
from carina.evaluation.scored_films import ScoredFilms
from carina.evaluation.shares import Share


def one_film_a_unit(units: NDArray[np.intp], *, seed: int) -> NDArray[np.intp]:
    """Return the places of one film of each unit, drawn at random, in rising order.

    Args:
        units: intp `[n]`; number of each film's unit (`ScoredFilms.units`).
        seed: decides the draw.
    """
    order = np.random.default_rng(seed).permutation(units.size)
    _, first = np.unique(units[order], return_index=True)
    return np.sort(order[first])


@dataclass(frozen=True, slots=True, eq=False)
class FilmSets:
    """The prediction sets of films by one rule.

    Attributes:
        films: the films, one or more.
        rule: how a set is made.
        name: unique among the rules that are measured together.
        holds: bool `[n, classes]`, which classes belong to each film's set.
    """

    films: ScoredFilms
    rule: ConformalRule
    name: str
    holds: NDArray[np.bool_]

    @classmethod
    def of(cls, films: ScoredFilms, rule: ConformalRule) -> FilmSets:
        """Return the sets of films by a rule."""
        name = f"{rule.kind} {rule.error:g}"
        return cls(films, rule, name, rule.sets(films.probabilities, films.labels))

    @property
    def covers(self) -> NDArray[np.bool_]:
        """Whether each film's set holds its true class, bool `[n]`."""
        held: NDArray[np.bool_] = self.holds[np.arange(len(self.films)), self.films.y_true]
        return held

    @property
    def n_held(self) -> NDArray[np.intp]:
        """Classes in each film's set, intp `[n]`."""
        counts: NDArray[np.intp] = self.holds.sum(axis=1)
        return counts

    @property
    def answered(self) -> NDArray[np.bool_]:
        """Whether the rule, deployed, would let each film's answer stand, bool `[n]`."""
        films, labels = self.films, self.films.labels
        deployed = Abstention(rule="conformal", labels=labels, conformal=self.rule)
        reasons = deployed.apply(films.probabilities, films.predicted)
        return np.array([reason == "" for reason in reasons], dtype=np.bool_)

    def shares(self) -> dict[str, Share]:
        """Return what is counted of the sets, by name."""
        films = self.films
        every = np.ones(len(films), dtype=np.bool_)
        answered = self.answered
        share = partial(Share, undefined_because="there is no film")
        found = {
            f"{self.name} coverage": share("Coverage", self.covers, every),
            f"{self.name} answered": share("Answered", answered, every),
            f"{self.name} right": Share(
                "Right answers",
                films.predicted == films.y_true,
                answered,
                "no film would be answered",
            ),
        }
        for index, label in enumerate(films.labels):
            found[f"{self.name} coverage of {label}"] = Share(
                "Coverage", self.covers, films.y_true == index, f"there is no film of {label}"
            )
        for size in range(len(films.labels) + 1):
            found[f"{self.name} size {size}"] = share("Sets", self.n_held == size, every)
        return found

    def mean_size(self) -> Metric:
        """Return the metric that is the mean number of classes in a set."""
        sizes = self.n_held.astype(np.float64)

        def measure(drawn: Resamples) -> Floats:
            return ratio(drawn.weights @ sizes, drawn.n_films)

        return Metric(
            title="Mean size of the sets",
            measure=measure,
            undefined_because="there is no film",
            highest=float(len(self.films.labels)),
        )


def set_figures(sets: FilmSets, estimates: Mapping[str, Estimate], *, seed: int) -> SetFigures:
    """Return what a rule's sets do.

    Args:
        sets: the films' sets.
        estimates: of `sets.shares()`, and of `sets.mean_size()` under "NAME mean size".
        seed: decides which film of a patient with several is drawn for `independent`.
    """
    films, name = sets.films, sets.name
    drawn = _drawn_by_limit(sets, seed=seed)
    clustered = films.n_units < len(films)
    independent = None
    if clustered:
        covered = np.concatenate([sets.covers[places] for places in drawn.values()])
        independent = _share_of_independent(covered)
    chances = {
        label: covered_chances(sets.rule.n_fitted[label], sets.rule.error, places.size)
        for label, places in drawn.items()
        if places.size
    }
    per_class = sets.rule.kind == "per-class"
    figures = SetFigures(
        rule=sets.rule,
        coverage=estimates[f"{name} coverage"],
        coverage_per_class={
            label: estimates[f"{name} coverage of {label}"] for label in films.labels
        },
        sizes={
            str(size): estimates[f"{name} size {size}"] for size in range(len(films.labels) + 1)
        },
        mean_size=estimates[f"{name} mean size"],
        answered=estimates[f"{name} answered"],
        accuracy_answered=estimates[f"{name} right"],
        independent=independent,
        expected=coverage_band(list(chances.values())),
        expected_per_class={
            label: coverage_band([own]) for label, own in chances.items() if per_class
        },
    )
    return figures.model_copy(update={"sentence": _sentence(figures)})


def _drawn_by_limit(sets: FilmSets, *, seed: int) -> dict[str, NDArray[np.intp]]:
    """Return, for each limit of its own, the places of one film of each unit that it judges.

    A limit for all classes stands under the name of the first one.
    """
    films = sets.films
    if sets.rule.kind == "marginal":
        return {films.labels[0]: one_film_a_unit(films.units, seed=seed)}
    drawn = {}
    for index, label in enumerate(films.labels):
        own = np.flatnonzero(films.y_true == index)
        drawn[label] = own[one_film_a_unit(films.units[own], seed=seed)]
    return drawn


def _share_of_independent(covered: NDArray[np.bool_]) -> Estimate:
    hits, n = int(covered.sum()), covered.size
    low, high = wilson(hits, n)
    return Estimate(value=hits / n, low=low, high=high, n=n, method="wilson")


def _sentence(figures: SetFigures) -> str:
    """Return what the sets do, in words."""
    rule, judged = figures.rule, figures.independent or figures.coverage
    assert judged.value is not None  # there is a film
    assert figures.coverage.value is not None
    kind = "a limit for each class" if rule.kind == "per-class" else "one limit for all classes"
    found = (
        f"Sets that may miss the true class in {100 * rule.error:g} of 100 films ({kind}) hold it "
        f"in {percent(figures.coverage.value)} of {figures.coverage.n:,}"
    )
    if figures.independent is not None:
        found += f", and in {percent(judged.value)} of one film drawn from each patient"
    if all(limit >= 1 for limit in rule.limits.values()):
        return f"{found}, because every class belongs to every set: validation has too few films."
    assert figures.expected is not None  # set_figures gives it
    low, high = figures.expected
    band = percent_ends(low, high)
    if judged.value < low:
        return (
            f"{found}: less than luck explains ({band}). The films of this test are unlike those "
            "of validation, or the choice of the epoch on validation made the limits too narrow."
        )
    if judged.value > high:
        return (
            f"{found}: more than was asked for and than luck explains ({band}), as where many "
            "films get the same probability."
        )
    return f"{found}, which is within what luck allows ({band})."
