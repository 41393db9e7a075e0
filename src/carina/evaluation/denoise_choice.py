"""The rule that takes a noise filter, or none."""

from __future__ import annotations

from collections.abc import Mapping

from carina.domain.denoise_study import (
    FilterFigures,
    FilterTrainings,
    Recommendation,
    TrainedFigures,
    Verdict,
)
from carina.domain.estimate import Estimate
from carina.domain.input_spec import DenoiseName

LEAST_EDGES_KEPT = 0.90
LEAST_CONTRAST_KEPT = 0.95

RULE = (
    "No filter, unless one raises the test AUC by a difference whose whole 95 % interval lies "
    "above 0 and which is larger than what another seed alone changes, and keeps "
    f"at least {100 * LEAST_EDGES_KEPT:.0f} % of the fine edges and "
    f"{100 * LEAST_CONTRAST_KEPT:.0f} % of the "
    "contrast of known lesions (lower ends of their intervals). Of several, the one with the "
    "largest difference."
)


def recommend(
    figures: Mapping[DenoiseName, FilterFigures], trainings: FilterTrainings | None
) -> Recommendation:
    """Return the filter that the rule takes, with what speaks against every other.

    Args:
        figures: what each filter does; "none" is among them.
        trainings: what classifiers trained with each one reach, or None if there are none.
    """
    verdicts: dict[DenoiseName, Verdict] = {
        name: _verdict(own, _change(name, trainings), _reseeded(trainings))
        for name, own in figures.items()
        if name != "none"
    }
    met: list[DenoiseName] = [name for name, one in verdicts.items() if one.recommended]
    met.sort(key=lambda name: _value(_change(name, trainings)))
    taken: DenoiseName = met[-1] if met else "none"
    return Recommendation(
        filter=taken,
        rule=RULE,
        reasons=_reasons(taken, figures, trainings),
        verdicts=verdicts,
    )


def _verdict(own: FilterFigures, change: Estimate | None, reseeded: Estimate | None) -> Verdict:
    against = []
    if change is None or change.value is None:
        against.append("no test AUC shows a gain")
    elif _low(change) <= 0:
        against.append("the AUC's change is not above 0 with its whole interval")
    elif reseeded is None or reseeded.value is None:
        against.append("it is not known what another seed alone changes")
    elif change.value <= abs(reseeded.value):
        against.append("another seed alone changes the AUC as much")
    for share, least, what in (
        (own.fine_edges_kept, LEAST_EDGES_KEPT, "the fine edges"),
        (own.contrast_kept, LEAST_CONTRAST_KEPT, "the lesions' contrast"),
    ):
        if _low(share) < least:
            against.append(f"it is not sure to keep {100 * least:.0f} % of {what}")
    return Verdict(recommended=not against, against=tuple(against))


def _reasons(
    taken: DenoiseName,
    figures: Mapping[DenoiseName, FilterFigures],
    trainings: FilterTrainings | None,
) -> tuple[str, ...]:
    if taken != "none":
        change = _change(taken, trainings)
        assert change is not None  # a filter without a change is never taken
        return (
            f"{figures[taken].title} raises the test AUC by {_signed(change)}, more than another "
            "seed does, and keeps the fine edges and the lesions.",
            "One training is one draw: train it with several seeds, and test it on another "
            "source, before you rely on it.",
        )
    if trainings is None:
        return (
            "No classifier was trained, so nothing shows that a filter helps; and one that is "
            "not shown to help is not worth what it takes from the film.",
        )
    reasons = ["No filter meets the rule."]
    changes = {name: _change(name, trainings) for name in figures if name != "none"}
    known = {
        name: change for name, change in changes.items() if change and change.value is not None
    }
    if known:
        best = max(known, key=lambda name: _value(known[name]))
        gain = f"{_signed(known[best])} in {known[best].n} test films"
        reasons.append(
            f"The test AUC rises most with {figures[best].title.lower()}: the change is {gain}."
            if _value(known[best]) > 0
            else f"None raises the test AUC: the change is at best {gain}."
        )
    reseeded = _reseeded(trainings)
    if reseeded is not None and reseeded.value is not None:
        reasons.append(f"Another seed without any filter changes it by {_signed(reseeded)}.")
    return tuple(reasons)


def _change(name: DenoiseName, trainings: FilterTrainings | None) -> Estimate | None:
    trained: TrainedFigures | None = trainings.filters.get(name) if trainings else None
    return trained.change if trained else None


def _reseeded(trainings: FilterTrainings | None) -> Estimate | None:
    return trainings.reseeded.change if trainings and trainings.reseeded else None


def _low(estimate: Estimate) -> float:
    """Return an interval's lower end; where there is none, nothing is sure."""
    return float("-inf") if estimate.low is None else estimate.low


def _value(estimate: Estimate | None) -> float:
    return float("-inf") if estimate is None or estimate.value is None else estimate.value


def _signed(estimate: Estimate) -> str:
    """Return a change with its interval.

    >>> _signed(Estimate(value=0.012, low=-0.01, high=0.034, n=66, method="bootstrap"))
    '+0.012 (-0.010 to +0.034)'
    """
    text = f"{estimate.value:+.3f}"
    if estimate.low is None or estimate.high is None:
        return text
    return f"{text} ({estimate.low:+.3f} to {estimate.high:+.3f})"
