"""Whether a network gets the pixels that it was trained on, tried on labelled films."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from carina.domain.pixel_scaling import PixelRule
from carina.domain.progress import Progress, Step
from carina.domain.sentences import counted, listed

Probabilities = NDArray[np.float64]

LEVEL = 0.05
"""The p-value, corrected for the number of scalings tried, below which one is better."""
MOST_CLASSES_TO_REORDER = 5
"""Orders of classes are tried up to this number: 120 of them."""
SAME_ANSWER = 1e-3
"""Where no probability of any film differs by more, the network does not look at the films."""
# Of scalings that films tell no difference between, the first in the list is named.
_AS_GOOD = 0.01


@dataclass(frozen=True, slots=True, eq=False)
class CheckFilms:
    """Labelled films to check on.

    Attributes:
        y_true: intp `[n]`; number of each film's class.
        units: intp `[n]`; number of each film's patient.
        answers: returns probabilities `[n, classes]` for a scaling of the pixels.
    """

    y_true: NDArray[np.intp]
    units: NDArray[np.intp]
    answers: Callable[[PixelRule], Probabilities]


@dataclass(frozen=True, slots=True)
class TriedScaling:
    """What a scaling of the pixels comes to on the films.

    Attributes:
        name: of the scaling.
        in_words: what it is.
        n_right: films that are answered rightly.
        accuracy: `(low, high)`, Wilson's 95 % interval of the share of these.
        roc_auc: mean over the classes, or None where a class has no film.
        p_value: two-sided, of "it is right as often as the one that is used", corrected for
            their number; None for that one itself.
        always: the class that every film gets, or "".
        is_constant: whether every film gets the same probabilities.
    """

    name: str
    in_words: str
    n_right: int
    accuracy: tuple[float, float]
    roc_auc: float | None
    p_value: float | None
    always: str
    is_constant: bool


@dataclass(frozen=True, slots=True)
class ScalingCheck:
    """What labelled films say of the pixel scaling and the order of the labels.

    Attributes:
        n_films: films that were answered.
        used: the scaling that was declared or guessed.
        tried: every scaling, most right answers first.
        better: the scaling that is shown to be better than `used`, or "".
        perhaps: the one that seems to be, but could be so by chance among so many, or "".
        order: the labels in an order that is shown to be better, or empty.
        findings: sentences on what is wrong, and what to do.
    """

    n_films: int
    used: str
    tried: tuple[TriedScaling, ...]
    better: str
    perhaps: str
    order: tuple[str, ...]
    findings: tuple[str, ...]

    def of(self, name: str) -> TriedScaling:
        """Return what one scaling came to."""
        return next(one for one in self.tried if one.name == name)

    def as_values(self) -> dict[str, Any]:
        """Return plain values, as `--json` prints them."""
        return {
            "n_films": self.n_films,
            "used": self.used,
            "better": self.better,
            "perhaps": self.perhaps,
            "order": list(self.order),
            "findings": list(self.findings),
            "tried": [
                {
                    "scaling": one.name,
                    "in_words": one.in_words,
                    "n_right": one.n_right,
                    "accuracy": one.n_right / self.n_films,
                    "low": one.accuracy[0],
                    "high": one.accuracy[1],
                    "roc_auc": one.roc_auc,
                    "p_value": one.p_value,
                    "always": one.always,
                    "is_constant": one.is_constant,
                }
                for one in self.tried
            ],
        }


def check_scaling(
    films: CheckFilms,
    scalings: Mapping[str, PixelRule],
    *,
    used: str,
    labels: Sequence[str],
    progress: Progress,
) -> ScalingCheck:
    """Return what every scaling of the pixels comes to on labelled films.

    Two scalings are compared on the same films by the exact test over patients
    (`evaluation.paired_tests.exact_over_patients`), corrected by Holm for their number.

    Args:
        films: one of each class at least, better thirty.
        scalings: by name, in the order of preference; `used` among them.
        used: the one that was declared or guessed.
        labels: the classes, in the order of the network's outputs.
        progress: told as the scalings are tried.
    """
    answers: dict[str, Probabilities] = {}
    for place, (name, rule) in enumerate(scalings.items()):
        progress(Step("trying pixel scalings", place, len(scalings)))
        answers[name] = films.answers(rule)
    progress(Step("trying pixel scalings", len(scalings), len(scalings)))
    raw, p_values = _p_values(films, answers, used=used)
    tried = [
        _tried(name, rule.in_words, films.y_true, answers[name], labels, p_values.get(name))
        for name, rule in scalings.items()
    ]
    best = _best(tried)
    right = {one.name: one.n_right for one in tried}
    p_value = p_values.get(best, 1.0)
    better = best if right[best] > right[used] and p_value < LEVEL else ""
    perhaps = best if right[best] > right[used] and raw.get(best, 1.0) < LEVEL else ""
    # Films with black and white exchanged are rarer than labels in another order.
    than = right[best] - best.startswith("inverted")
    order = _better_order(films, answers, labels, among=(used, best), than=than)
    ranked = tuple(sorted(tried, key=lambda one: -one.n_right))
    check = ScalingCheck(len(films.y_true), used, ranked, better, perhaps, order, ())
    return replace(check, findings=tuple(_findings(check, answers, films, labels)))


def _p_values(
    films: CheckFilms, answers: Mapping[str, Probabilities], *, used: str
) -> tuple[dict[str, float], dict[str, float]]:
    """Return the p-value of each other scaling against the one used, alone and corrected."""
    from carina.evaluation.paired_tests import exact_over_patients, holm

    hits = {name: _hits(given, films.y_true) for name, given in answers.items()}
    others = [name for name in answers if name != used]
    raw = [exact_over_patients(_leads(films, hits[name], hits[used])) for name in others]
    return dict(zip(others, raw, strict=True)), dict(zip(others, holm(raw), strict=True))


def _leads(
    films: CheckFilms, first: NDArray[np.bool_], second: NDArray[np.bool_]
) -> NDArray[np.intp]:
    """Return of each patient the films that the first gets right, less those of the second."""
    leads = np.zeros(int(films.units.max()) + 1, dtype=np.intp)
    np.add.at(leads, films.units, first.astype(np.intp) - second)
    return leads


def _hits(answers: Probabilities, y_true: NDArray[np.intp]) -> NDArray[np.bool_]:
    found: NDArray[np.bool_] = answers.argmax(axis=1) == y_true
    return found


def _tried(
    name: str,
    in_words: str,
    y_true: NDArray[np.intp],
    answers: Probabilities,
    labels: Sequence[str],
    p_value: float | None,
) -> TriedScaling:
    from carina.evaluation.intervals import wilson

    n_right = int(_hits(answers, y_true).sum())
    given = np.unique(answers.argmax(axis=1))
    return TriedScaling(
        name=name,
        in_words=in_words,
        n_right=n_right,
        accuracy=wilson(n_right, len(y_true)),
        roc_auc=_mean_area(answers, y_true),
        p_value=p_value,
        always=labels[given[0]] if given.size == 1 else "",
        is_constant=bool(np.ptp(answers, axis=0).max() < SAME_ANSWER),
    )


def _mean_area(answers: Probabilities, y_true: NDArray[np.intp]) -> float | None:
    """Return the mean over the classes of the area under the ROC curve, or None."""
    from carina.evaluation.metrics.auroc import auroc

    truths = [y_true == index for index in range(answers.shape[1])]
    if any(truth.all() or not truth.any() for truth in truths):
        return None
    return float(np.mean([auroc(truth, answers[:, index]) for index, truth in enumerate(truths)]))


def _best(tried: Sequence[TriedScaling]) -> str:
    """Return the first scaling that is as good as the best, but for one film in a hundred."""
    most = max(one.n_right for one in tried)
    margin = _AS_GOOD * most
    as_good = [one for one in tried if one.n_right >= most - margin and not one.is_constant]
    return (as_good or list(tried))[0].name


def _better_order(
    films: CheckFilms,
    answers: Mapping[str, Probabilities],
    labels: Sequence[str],
    *,
    among: Sequence[str],
    than: int,
) -> tuple[str, ...]:
    """Return the labels in an order that makes more answers right than any scaling does.

    Empty where no order is shown to be better; each order that is tried counts as a test.
    """
    from carina.evaluation.paired_tests import exact_over_patients

    n_classes = len(labels)
    if n_classes > MOST_CLASSES_TO_REORDER:
        return ()
    n_tests = (math.factorial(n_classes) - 1) * len(set(among))
    best: tuple[int, tuple[str, ...]] = (than, ())
    for name in dict.fromkeys(among):
        own = _hits(answers[name], films.y_true)
        for order in itertools.permutations(range(n_classes)):
            moved = np.array(order)[answers[name].argmax(axis=1)] == films.y_true
            if moved.sum() <= best[0]:
                continue
            if exact_over_patients(_leads(films, moved, own)) * n_tests < LEVEL:
                best = (int(moved.sum()), tuple(labels[place] for place in order))
    return best[1]


def _findings(
    check: ScalingCheck,
    answers: Mapping[str, Probabilities],
    films: CheckFilms,
    labels: Sequence[str],
) -> list[str]:
    """Return what is wrong, in sentences."""
    used, n = check.of(check.used), check.n_films
    found = []
    if used.is_constant:
        found.append(
            f"with the pixel scaling {check.used} the network gives the same answer to every film "
            f"({counted(n, 'film')}, probabilities within {SAME_ANSWER:g}): it gets pixels that it "
            "was not trained on, or it learned nothing"
        )
    elif used.always and len(set(films.y_true.tolist())) > 1:
        found.append(
            f"with the pixel scaling {check.used} the network answers '{used.always}' for every "
            f"one of {counted(n, 'film')}"
        )
    if check.order:
        n_right = _right_in_order(check, answers, films, labels)
        found.append(
            f"with the labels in the order {', '.join(check.order)} it answers {n_right} of "
            f"{counted(n, 'film')} rightly instead of {used.n_right}: use --labels "
            f"{','.join(check.order)}"
        )
    elif check.better:
        better = check.of(check.better)
        found.append(
            f"with the pixel scaling {check.better} ({better.in_words}) it answers "
            f"{better.n_right} of {counted(n, 'film')} rightly, and with {check.used} "
            f"{used.n_right}{_as_good_too(check)}: use --scaling {check.better}"
        )
    elif check.perhaps:
        other = check.of(check.perhaps)
        found.append(
            f"with the pixel scaling {other.name} ({other.in_words}) it answers {other.n_right} of "
            f"{counted(n, 'film')} rightly, and with {check.used} {used.n_right}; among "
            f"{len(check.tried)} scalings that may be chance (p = {other.p_value:.2g} corrected): "
            f"check on more films, or use --scaling {other.name} if it was trained so"
        )
    return found or _told_apart(check, labels)


def _as_good_too(check: ScalingCheck) -> str:
    """Return which scalings the films cannot tell from the better one, in words."""
    least = (1 - _AS_GOOD) * check.of(check.better).n_right
    names = [
        one.name
        for one in check.tried
        if one.n_right >= least and one.name != check.better and not one.is_constant
    ]
    return f" ({listed(names)} would do as well on these)" if names else ""


def _right_in_order(
    check: ScalingCheck,
    answers: Mapping[str, Probabilities],
    films: CheckFilms,
    labels: Sequence[str],
) -> int:
    moved = np.array([labels.index(label) for label in check.order])
    tried = {check.used, check.tried[0].name}
    return max(int((moved[answers[name].argmax(axis=1)] == films.y_true).sum()) for name in tried)


def _told_apart(check: ScalingCheck, labels: Sequence[str]) -> list[str]:
    """Return a sentence if no scaling is shown to be better than chance."""
    best = check.tried[0]
    if best.accuracy[0] > 1 / len(labels):
        return []
    return [
        f"with no pixel scaling is the network shown to tell {listed(list(labels))} apart on these "
        f"films (at best {best.n_right} of {check.n_films} rightly, {best.name}; guessing gives "
        f"{check.n_films / len(labels):.0f}): the labels may be others, the films unlike those it "
        "was trained on, or too few"
    ]
