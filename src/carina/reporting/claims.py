"""Three sentences on what may and what may not be claimed of a classifier's numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from carina.domain.estimate import Estimate
from carina.domain.evaluation import Estimates, Evaluation
from carina.domain.folds import Fold
from carina.domain.percentages import percent
from carina.domain.probes import (
    COARSE_CONFOUNDER_BALANCED_ACCURACY,
    CONFOUNDER_BALANCED_ACCURACY,
    MASKED_BALANCED_ACCURACY,
    signal_of_method,
)
from carina.domain.sentences import capitalised, counted, listed
from carina.evaluation.external import fair_figures
from carina.reporting.audit_wording import signal_title
from carina.reporting.probe_wording import guessing
from carina.reporting.wording import interval_of, with_interval

_NAME, _AREA = "balanced_accuracy", "roc_auc_macro"
_CHANCE = 0.5
# Below it a table claims nothing of a group (evaluation.subgroups); no more does a page.
_FEWEST_FILMS = 30
# Shares of the way from guessing to what the classifier reaches; only words depend on them.
_ALL, _MUCH = 0.9, 0.5


@dataclass(frozen=True, slots=True)
class Claims:
    """What may and what may not be claimed, a sentence or two each.

    Attributes:
        may: what the test supports.
        may_not: what stands against reading it as the recognition of a disease.
        elsewhere: what is known of other sources.
    """

    may: str
    may_not: str
    elsewhere: str

    @property
    def titled(self) -> tuple[tuple[str, str], ...]:
        """Each with its title."""
        return (
            ("May be claimed", self.may),
            ("May not be claimed", self.may_not),
            ("Elsewhere", self.elsewhere),
        )


def claims_of(evaluation: Evaluation, *, external: Sequence[Evaluation] = ()) -> Claims:
    """Return what may and may not be claimed.

    Args:
        evaluation: the test; where films had been known from training, the claims rest on
            the others.
        external: tests of the same classifier on other data.
    """
    own = fair_metrics(evaluation).get(_NAME)
    return Claims(
        may=_may(evaluation, own),
        may_not=_may_not(evaluation, own),
        elsewhere=_elsewhere(evaluation, external),
    )


def fair_metrics(evaluation: Evaluation) -> Estimates:
    """Return the metrics without the films that were known from training, or as they are if
    none was; the pooled ones of folds."""
    if evaluation.folds is not None:
        return evaluation.folds.pooled
    fair = fair_figures(evaluation)
    return {} if fair is None else fair.metrics


def is_no_guess(evaluation: Evaluation, estimate: Estimate) -> bool:
    """Return whether the interval of a balanced accuracy lies above guessing."""
    return estimate.low is not None and estimate.low > guessing(evaluation)


def _may(evaluation: Evaluation, own: Estimate | None) -> str:
    if own is None:
        return (
            "Nothing. Without the test films that were known from training, nothing is "
            "left of some class."
        )
    if own.value is None:
        return f"Nothing. The balanced accuracy is not defined: {own.undefined_because}."
    guess = percent(guessing(evaluation))
    reached = with_interval(_NAME, own)
    films = counted(own.n, "film")
    if evaluation.data.chose_the_network:
        return (
            f"No figure. The network was chosen on the very films that it was tested on, so that "
            f"a balanced accuracy of {reached} flatters."
        )
    if not is_no_guess(evaluation, own):
        return _of_guesses(evaluation, own)
    if own.n < _FEWEST_FILMS:
        return (
            f"No figure, only that it does better than guessing ({guess}). {films} leave "
            f"room for a balanced accuracy anywhere from {interval_of(_NAME, own)}."
        )
    return (
        f"On films like {_which(evaluation, films)}, a balanced accuracy of {reached}, "
        f"where guessing reaches {guess}."
    )


def _of_guesses(evaluation: Evaluation, own: Estimate) -> str:
    """Return what may be claimed where the answers cannot be told from guessing."""
    found = (
        f"A balanced accuracy of {with_interval(_NAME, own)} on {counted(own.n, 'film')} cannot be "
        f"told from guessing ({percent(guessing(evaluation))})."
    )
    area = _area(evaluation)
    if area is None:
        return f"Nothing. {found}"
    return (
        "Only that it ranks films better than chance does (ROC AUC "
        f"{with_interval(_AREA, area)}, chance: 0.5). {found}"
    )


def _area(evaluation: Evaluation) -> Estimate | None:
    """Return the area under the ROC curve if its interval lies above chance."""
    folds = evaluation.folds  # pooled areas would compare the scores of several networks
    metrics = fair_metrics(evaluation) if folds is None else folds.mean_of_folds
    area = metrics.get(_AREA)
    return area if area is not None and area.low is not None and area.low > _CHANCE else None


def _which(evaluation: Evaluation, films: str) -> str:
    """Return in words which films a claim rests on."""
    name = evaluation.data.name
    if evaluation.folds is not None:
        name = evaluation.folds.name
        return f"the {films} of {name}, each answered by a training that had not seen it"
    if evaluation.without_leaks is not None and evaluation.without_leaks.n_removed:
        return f"the {films} of {name} that were not known from training"
    if evaluation.data.part == "all":
        return f"the {films} of {name}"
    return f"the {films} of the test part of {name}"


def _may_not(evaluation: Evaluation, own: Estimate | None) -> str:
    if not evaluation.probes:
        return (
            "That it recognises a disease. Whether frames, markers, copies or sources "
            "give the class away was not looked for in this test."
        )
    if own is None or own.value is None or not is_no_guess(evaluation, own):
        return "That it recognises a disease. Its answers cannot be told from guessing."
    found = {
        words: estimate
        for words, estimate in _without_the_lungs(evaluation).items()
        if is_no_guess(evaluation, estimate)
    }
    guess = guessing(evaluation)
    reached = listed([f"{words} {with_interval(_NAME, one)}" for words, one in found.items()])
    way = max(
        (_way(one, own.value, guess) for one in found.values()),
        default=0.0,
    )
    if way >= _MUCH:
        return (
            f"That it recognises a disease. Without the lungs {_share(way)} of the figure is left: "
            f"{reached}."
        )
    coarse = evaluation.probes.get(COARSE_CONFOUNDER_BALANCED_ACCURACY)
    if coarse is not None and is_no_guess(evaluation, coarse):
        way = _way(coarse, own.value, guess)
        if way >= _MUCH:
            signal = signal_title(signal_of_method(coarse.method)).lower()
            return (
                f"That it recognises a disease. The {signal} alone, too coarse for most findings, "
                f"gives {with_interval(_NAME, coarse)}: {_share(way)} of the figure needs no "
                "detail."
            )
    if found:
        return f"That all of it is disease. Without the lungs there is left: {reached}."
    return (
        "That the disease is seen. No shortcut that was looked for explains the "
        "figure, but there are others."
    )


def _way(one: Estimate, own: float, guess: float) -> float:
    """Return the share of the way from guessing to the classifier that a shortcut reaches."""
    return ((guess if one.value is None else one.value) - guess) / (own - guess)


def _share(way: float) -> str:
    return "nearly all" if way >= _ALL else "much"


def _without_the_lungs(evaluation: Evaluation) -> dict[str, Estimate]:
    """Return what was reached without the lungs, by what it was had from."""
    found = {}
    masked = evaluation.probes.get(MASKED_BALANCED_ACCURACY)
    if masked is not None:
        found["the same recipe with their place blacked out reaches"] = masked
    best = evaluation.probes.get(CONFOUNDER_BALANCED_ACCURACY)
    if best is not None:
        signal = signal_title(signal_of_method(best.method)).lower()
        found[f"the {signal} alone gives"] = best
    return found


def _elsewhere(evaluation: Evaluation, external: Sequence[Evaluation]) -> str:
    tests = [test for test in external if test.data.external]
    if tests:
        return f"{capitalised('; '.join(_external(test) for test in tests))}."
    folds = evaluation.folds
    if folds is not None and folds.by == "source":
        reached = listed([_held_out(fold) for fold in folds.folds])
        return f"With one source held out at a time, the balanced accuracy is {reached}."
    if evaluation.data.part == "all" or evaluation.data.external is None:
        return "Nothing is known of films of other sources than these."
    return (
        "It was not tested on another source. On films of another hospital, machine or age "
        "group the accuracy is usually lower, and often much lower."
    )


def _external(test: Evaluation) -> str:
    """Return one external test in words, with its drop where it is known."""
    fair = fair_figures(test)
    own = (test.metrics if fair is None else fair.metrics)[_NAME]
    films = f"on {counted(own.n, 'film')} of {test.data.name}"
    label = only_class(test.per_class if fair is None else fair.per_class)
    if label is not None:
        return f"{films}, all {label}, a sensitivity of {with_interval('recall', own)}"
    words = f"{films} a balanced accuracy of {with_interval(_NAME, own)}"
    beside = test.against_internal
    drop = beside.drops.get(_NAME) if beside is not None else None
    if beside is None or drop is None or drop.value is None:
        return words
    if drop.low is None or drop.high is None:
        return words
    low, high = sorted((abs(100 * drop.low), abs(100 * drop.high)))
    if drop.low <= 0 <= drop.high:
        return f"{words}, which cannot be told from the internal test's"
    direction = "lower" if drop.value < 0 else "higher"
    return (
        f"{words}, {abs(100 * drop.value):.1f} ({low:.1f} to {high:.1f}) percentage points "
        f"{direction} than on {beside.name}"
    )


def _held_out(fold: Fold) -> str:
    """Return what a held-out source gave; of one class it is a sensitivity."""
    reached = with_interval(_NAME, fold.metrics[_NAME])
    label = only_class(fold.per_class)
    return f"{fold.tested_on} {reached}" + (f" (all {label}: a sensitivity)" if label else "")


def only_class(per_class: Mapping[str, Estimates]) -> str | None:
    """Return the class that alone has films in a test, or None if several have."""
    present = [label for label, own in per_class.items() if own["support"].value]
    return present[0] if len(present) == 1 else None
