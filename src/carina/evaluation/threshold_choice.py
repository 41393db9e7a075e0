"""Thresholds chosen on the validation part, and nowhere else."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from carina.domain.estimate import Estimate
from carina.domain.recipe import EvaluateSection
from carina.domain.thresholds import ChosenThreshold, Thresholds
from carina.errors import RecipeError
from carina.evaluation.positives import positive_classes, require_known_positive
from carina.evaluation.rates_at_thresholds import Cut, rates_at
from carina.evaluation.resamples import Floats
from carina.evaluation.scored_films import ScoredFilms

# with 10 films of each class 0.04 to 0.05 of the index is lost, with 3 of each 0.06 to 0.08
# (benchmarks/threshold_choice.py)
FEWEST_FOR_YOUDEN = 10


def choose_thresholds(
    validation: ScoredFilms, section: EvaluateSection
) -> tuple[ChosenThreshold, ...]:
    """Return the thresholds that validation chooses, three for each class that counts as positive.

    - "sensitivity": the highest threshold from which `section.sensitivity` can be expected of
      new films: n films of the class, m of them at or above it, with m / (n + 1) at least
      that. Of n + 1 films of one kind each is as likely as any other to be the new one, so
      that m of n promise m / (n + 1). Choosing by the sensitivity on validation, m / n, keeps
      92.7 % of 95 % with 20 films, and 94.5 % with 100 (benchmarks/threshold_choice.py).
    - "youden": the threshold with the largest sensitivity + specificity; of equal ones the
      lowest, which misses least.
    - "cost": 1 / (1 + `section.miss_cost`), from which acting on an honest probability costs
      less than not acting. It needs calibration, but no film; the cheapest threshold on
      validation, which rests on the few films missed there, costs three to nine times as
      much more than the best one (benchmarks/threshold_choice.py).

    The first two lie halfway between two probabilities that were observed.

    Args:
        validation: with calibrated probabilities, one film or more.
        section: what the rules are asked for.

    References:
        Wilks, Ann Math Stat 12 (1941) 91-96, on m / (n + 1); Youden, Cancer 3 (1950) 32-35;
        Pauker & Kassirer, N Engl J Med 302 (1980) 1109-1117, and Elkan, IJCAI (2001) 973-978,
        on the cost.
    """
    chosen: list[ChosenThreshold] = []
    for label in positive_classes(validation.labels, section):
        steps = _Steps.of(validation, label)
        chosen += [
            _for_sensitivity(steps, section.sensitivity),
            _for_youden(steps),
            _for_cost(steps, section.miss_cost),
        ]
    cuts = [Cut(one.label, one.threshold) for one in chosen if one.threshold is not None]
    rates = iter(rates_at(validation, cuts, section))
    return tuple(one if one.threshold is None else _with_rates(one, next(rates)) for one in chosen)


def deployed_thresholds(
    chosen: Sequence[ChosenThreshold], labels: Sequence[str], section: EvaluateSection
) -> Thresholds:
    """Return the rule that `section.decide_by` asks for.

    It is "highest", with the reason, where the threshold that is asked for could not be chosen.

    Args:
        chosen: as `choose_thresholds` returns them.
        labels: the classes in order.
        section: says by what two classes are told apart.

    Raises:
        RecipeError: if a threshold is asked for and there are not two classes.
    """
    if section.decide_by == "highest":
        return Thresholds()
    _require_two_classes(labels, section)
    own = next((one for one in chosen if one.rule == section.decide_by), None)
    if own is None or own.threshold is None:
        return Thresholds(
            unfitted_because=own.undefined_because if own else "no threshold was chosen"
        )
    positive: Literal[0, 1] = 0 if labels[0] == own.label else 1
    return Thresholds(rule="at-least", positive=positive, threshold=own.threshold)


def require_decidable(
    labels: Sequence[str], section: EvaluateSection, *, n_validation: Mapping[str, int]
) -> None:
    """Refuse, before a training, what its validation part will not be able to choose.

    Args:
        labels: the classes in order.
        section: what is asked for.
        n_validation: films of each class on which thresholds may be chosen.

    Raises:
        RecipeError: if `positive` is no class, or `decide_by` asks for a threshold where there
            are not two classes, or too few validation films of the positive one.
    """
    require_known_positive(labels, section)
    if section.decide_by == "highest":
        return
    _require_two_classes(labels, section)
    (label,) = positive_classes(labels, section)
    n_positive = n_validation.get(label, 0)
    n_negative = sum(n_validation.values()) - n_positive
    because = ""
    if section.decide_by == "sensitivity":
        because = _too_few_for_sensitivity(label, n_positive, section.sensitivity)
    elif section.decide_by == "youden":
        because = _too_few_for_youden(label, n_positive, n_negative)
    if because:
        raise RecipeError(
            f"evaluate.decide_by = '{section.decide_by}' cannot be followed: {because}. A larger "
            "validation part (split.validation) or decide_by = 'highest' would do"
        )


def _require_two_classes(labels: Sequence[str], section: EvaluateSection) -> None:
    if len(labels) != 2:
        raise RecipeError(
            f"evaluate.decide_by = '{section.decide_by}' tells two classes apart by one threshold, "
            f"and there are {len(labels)} ({', '.join(labels)}); leave it at 'highest', or join "
            "classes with labels.merge or labels.rest"
        )


@dataclass(frozen=True, slots=True, eq=False)
class _Steps:
    """What each place for a threshold between observed probabilities finds on validation.

    Attributes:
        label: the class.
        thresholds: float64 `[places]`, falling; halfway to the next lower probability that
            was observed, the last one halfway to 0.
        found: films of the class at or above each.
        falsely: films of other classes at or above each.
        n_positive, n_negative: films in all.
    """

    label: str
    thresholds: Floats
    found: NDArray[np.intp]
    falsely: NDArray[np.intp]
    n_positive: int
    n_negative: int

    @classmethod
    def of(cls, films: ScoredFilms, label: str) -> _Steps:
        index = films.labels.index(label)
        scores, own = films.probabilities[:, index], films.y_true == index
        observed, place = np.unique(-scores, return_inverse=True)
        above, below = -observed, np.append(-observed[1:], 0.0)
        halfway = below + (above - below) / 2
        return cls(
            label=label,
            # two neighbouring floats have nothing between them
            thresholds=np.where(halfway > below, halfway, above),
            found=np.bincount(place[own], minlength=observed.size).cumsum(),
            falsely=np.bincount(place[~own], minlength=observed.size).cumsum(),
            n_positive=int(own.sum()),
            n_negative=int((~own).sum()),
        )

    @property
    def n_films(self) -> int:
        return self.n_positive + self.n_negative


def _for_sensitivity(steps: _Steps, target: float) -> ChosenThreshold:
    because = _too_few_for_sensitivity(steps.label, steps.n_positive, target)
    threshold = None
    if not because:
        enough = steps.found >= _films_to_find(steps.n_positive, target)
        threshold = float(steps.thresholds[np.argmax(enough)])
    return ChosenThreshold(
        label=steps.label,
        rule="sensitivity",
        target=target,
        threshold=threshold,
        undefined_because=because,
        n_validation=steps.n_films,
    )


def _films_to_find(n_positive: int, target: float) -> int:
    """Return how many of n films must be found so that `target` can be expected of a new one."""
    # rounded, since 0.9 * 10 is not 9 in every order of multiplying
    return math.ceil(round(target * (n_positive + 1), 9))


def _too_few_for_sensitivity(label: str, n_positive: int, target: float) -> str:
    """Return why a sensitivity cannot be chosen on so few films, or ""."""
    if n_positive == 0:
        return f"validation holds no film of {label}"
    if _films_to_find(n_positive, target) <= n_positive:
        return ""
    needed = math.ceil(round(target / (1 - target), 9))
    best = math.floor(100 * n_positive / (n_positive + 1)) / 100
    return (
        f"{n_positive} validation {'film' if n_positive == 1 else 'films'} of {label} cannot "
        f"promise a sensitivity of {100 * target:g} %, which takes {needed}; they can promise "
        f"{100 * best:g} % (evaluate.sensitivity={best:g})"
    )


def _for_youden(steps: _Steps) -> ChosenThreshold:
    because = _too_few_for_youden(steps.label, steps.n_positive, steps.n_negative)
    threshold = None
    if not because:
        # in whole numbers, so that equal ones are equal; at a tie the last place is the lowest
        index = steps.found * steps.n_negative - steps.falsely * steps.n_positive
        best = index.size - 1 - int(np.argmax(index[::-1]))
        if index[best] > 0:
            threshold = float(steps.thresholds[best])
        else:
            because = f"on validation no threshold tells {steps.label} from the rest"
    return ChosenThreshold(
        label=steps.label,
        rule="youden",
        threshold=threshold,
        undefined_because=because,
        n_validation=steps.n_films,
    )


def _too_few_for_youden(label: str, n_positive: int, n_negative: int) -> str:
    """Return why Youden's threshold cannot be chosen on so few films, or ""."""
    if min(n_positive, n_negative) >= FEWEST_FOR_YOUDEN:
        return ""
    return (
        f"Youden's threshold takes {FEWEST_FOR_YOUDEN} validation films of {label} and of the "
        f"rest, and there are {n_positive} and {n_negative}"
    )


def _for_cost(steps: _Steps, miss_cost: float) -> ChosenThreshold:
    return ChosenThreshold(
        label=steps.label,
        rule="cost",
        target=miss_cost,
        threshold=1 / (1 + miss_cost),
        n_validation=steps.n_films,
    )


def _with_rates(choice: ChosenThreshold, rates: Mapping[str, Estimate]) -> ChosenThreshold:
    """Return the choice with what it achieves on the films it was chosen on."""
    shown = {name: rates[name] for name in ("sensitivity", "specificity")}
    return choice.model_copy(update={"on_validation": shown})
