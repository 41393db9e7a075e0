"""What was measured on single heat maps -> estimates over films, and what they warn of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from carina.domain.estimate import Estimate
from carina.domain.explanation_scores import SCORE_NAMES, MethodScores
from carina.domain.percentages import percent_with_interval
from carina.domain.sentences import counted
from carina.evaluation.film_means import mean_over_films
from carina.evaluation.influence import sum_by_unit
from carina.evaluation.kinds import share_interval
from carina.evaluation.scored_films import units_of

# Shuffled weights may leave this much of the order of a map's places.
_MOST_LEFT = 0.5
_HALF = 0.5
_POINTING = "hottest_in_lungs"


@dataclass(frozen=True, slots=True)
class MapScores:
    """What one map of one film was worth.

    Attributes:
        patient: the film's patient, or None.
        scores: name of a score -> its number.
        missing: name of another score -> why it could not be taken, in words.
    """

    patient: str | None
    scores: Mapping[str, float]
    missing: Mapping[str, str] = field(default_factory=dict)


def method_scores(
    maps: Sequence[MapScores], *, title: str, n_without_heat: int = 0, n_not_explained: int = 0
) -> MethodScores:
    """Return a method's scores: means over its maps, with intervals over patients.

    Args:
        maps: of the films on which the method found anything.
        title: the method's name.
        n_without_heat: films on which its map was empty.
        n_not_explained: films whose class it cannot explain.
    """
    return MethodScores(
        title=title,
        n_films=len(maps) + n_without_heat,
        n_without_heat=n_without_heat,
        n_not_explained=n_not_explained,
        scores={name: _estimate(name, maps) for name in SCORE_NAMES},
    )


def _estimate(name: str, maps: Sequence[MapScores]) -> Estimate:
    scored = [one for one in maps if name in one.scores]
    if not scored:
        return Estimate.undefined(_why_missing(name, maps), n=0)
    values = np.array([one.scores[name] for one in scored])
    patients = [one.patient for one in scored]
    units = units_of(patients)
    if units.max() == 0:
        return Estimate(value=float(values.mean()), n=len(values), method="one-patient")
    if name != _POINTING:
        return _within(_range_of(name), mean_over_films(values, patients=patients))
    hits, trials = sum_by_unit(values, units), sum_by_unit(np.ones(len(values)), units)
    (low, high), method = share_interval(hits, trials)
    return Estimate(value=float(values.mean()), low=low, high=high, n=len(values), method=method)


def _range_of(name: str) -> tuple[float, float]:
    """Return the least and the most that a score can be."""
    if name == "gain_over_random":
        return -2, 2
    return (-1, 1) if name.startswith(("likeness", "stability", "heat_above")) else (0, 1)


def _within(ends: tuple[float, float], estimate: Estimate) -> Estimate:
    """Return an estimate whose interval holds nothing that no number can be."""
    if estimate.low is None or estimate.high is None:
        return estimate
    low, high = max(ends[0], estimate.low), min(ends[1], estimate.high)
    return estimate.model_copy(update={"low": low, "high": high})


def _why_missing(name: str, maps: Sequence[MapScores]) -> str:
    reasons = [one.missing[name] for one in maps if name in one.missing]
    return reasons[0] if reasons else "not scored: no film has a map"


def heat_map_cautions(method: MethodScores) -> tuple[str, ...]:
    """Return what a user of a method's maps must know, in sentences.

    - Most of the heat lies outside the lungs: the whole interval of the share inside lies
      below one half. Beside it stands whether heat spread evenly would do as well, and
      whether the maps can be believed at all.
    - The maps are not shown to be more faithful than random maps of the same smoothness: the
      interval of the gain reaches down to 0.
    - The maps do not change when the weights are shuffled: the whole interval of the rank
      correlation lies above one half.
    """
    found = (_outside_lungs(method), _no_better_than_random(method), _unmoved(method))
    return tuple(sentence for sentence in found if sentence)


def _outside_lungs(method: MethodScores) -> str:
    inside, even = method.scores["heat_in_lungs"], method.scores["lungs_of_picture"]
    above = method.scores["heat_above_even"]
    if inside.high is None or even.value is None or inside.high >= _HALF:
        return ""
    than_even = "more than colour spread evenly over the film would put there"
    if above.high is not None and above.high < 0:
        than_even = "less than colour spread evenly over the film would put there"
    elif above.low is None or above.low <= 0:
        than_even = "not shown to be more than colour spread evenly over the film would put there"
    doubt = ""
    if _no_better_than_random(method) or _unmoved(method):
        doubt = (
            " That may lie in the maps and not in the network, since they mark little that it uses."
        )
    return (
        f"Its heat maps ({method.title}) mark mostly what lies outside the lungs: inside lie "
        f"{percent_with_interval(inside)} of the heat, on {counted(inside.n, 'film')} whose lungs "
        f"cover {percent_with_interval(even)} of the picture; that is {than_even}.{doubt}"
    )


def _no_better_than_random(method: MethodScores) -> str:
    gain = method.scores["gain_over_random"]
    if gain.value is None or (gain.low is not None and gain.low > 0):
        return ""
    shown = "matter less" if _below_0(gain) else "are not shown to matter more"
    return (
        f"Do not take its heat maps ({method.title}) for the reason of an answer: the places that "
        f"they mark {shown} to the network than places drawn at random (gain over random maps "
        f"{_plain(gain)} on {counted(gain.n, 'film')}). Another method may do better: carina "
        "explain --scores measures them."
    )


def _unmoved(method: MethodScores) -> str:
    left = method.scores["likeness_network_shuffled"]
    if left.low is None or left.low <= _MOST_LEFT:
        return ""
    return (
        f"Its heat maps ({method.title}) hardly change when all that the network has learned is "
        f"scrambled (rank correlation {_plain(left)} on {counted(left.n, 'film')}): they show the "
        "edges of the film more than what speaks for a disease."
    )


def _below_0(estimate: Estimate) -> bool:
    return estimate.high is not None and estimate.high < 0


def _plain(estimate: Estimate) -> str:
    if estimate.low is None or estimate.high is None:
        return f"{estimate.value:.3f} (no interval)"
    return f"{estimate.value:.3f} ({estimate.low:.3f} to {estimate.high:.3f})"
