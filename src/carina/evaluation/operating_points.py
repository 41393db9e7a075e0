"""What thresholds that were chosen on validation achieve on other films."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from carina.domain.estimate import Estimate
from carina.domain.operating_points import OperatingPoint
from carina.domain.percentages import percent, percent_with_interval
from carina.domain.recipe import EvaluateSection
from carina.domain.sentences import counted
from carina.domain.thresholds import ChosenThreshold
from carina.evaluation.independent import difference
from carina.evaluation.rates_at_thresholds import Cut, by_prevalence, rates_at
from carina.evaluation.scored_films import ScoredFilms

Rates = Mapping[str, Estimate]


def operating_points(
    films: ScoredFilms, chosen: Sequence[ChosenThreshold], section: EvaluateSection
) -> tuple[OperatingPoint, ...]:
    """Return what thresholds achieve on films, one for each.

    Args:
        films: not those that the thresholds were chosen on.
        chosen: as `choose_thresholds` returns them; those for a class that the films do not
            know are left out.
        section: how many resamples, and their seed.
    """
    known = [one for one in chosen if one.label in films.labels]
    cuts = [Cut(one.label, one.threshold) for one in known if one.threshold is not None]
    rates = iter(rates_at(films, cuts, section) if cuts else ())
    return tuple(
        OperatingPoint(chosen=one, sentence=f"{_title(one)}: {one.undefined_because}.")
        if one.threshold is None
        else _operating_point(one, next(rates))
        for one in known
    )


def _operating_point(chosen: ChosenThreshold, rates: Rates) -> OperatingPoint:
    sensitivity, specificity = rates["sensitivity"], rates["specificity"]
    held, sentence = _kept_promise(chosen, sensitivity)
    return OperatingPoint(
        chosen=chosen,
        achieved=rates,
        by_prevalence=by_prevalence(sensitivity, specificity, label=chosen.label),
        held=held,
        sentence=f"{_title(chosen)}: {sentence}",
    )


def _title(chosen: ChosenThreshold) -> str:
    """Return the class, and what its threshold was chosen for."""
    asked = {
        "sensitivity": f"a sensitivity of {100 * (chosen.target or 0):g} %",
        "youden": "the largest sum of sensitivity and specificity (Youden)",
        "cost": f"a missed film that costs as much as {chosen.target or 0:g} false alarms",
    }
    return f"{chosen.label}, chosen for {asked[chosen.rule]}"


def _kept_promise(chosen: ChosenThreshold, here: Estimate) -> tuple[bool | None, str]:
    """Return whether the sensitivity that validation promised held, and a sentence on it."""
    if here.value is None:
        return None, f"whether the sensitivity held cannot be told, as {here.undefined_because}."
    found = f"{percent_with_interval(here)} of {counted(here.n, 'film')} were found here"
    if chosen.rule == "sensitivity" and chosen.target is not None:
        held, verdict = _against_target(here, chosen.target)
        return held, f"{found}, {verdict}."
    promised = chosen.on_validation.get("sensitivity")
    if promised is None or promised.value is None:
        return None, f"{found}; validation had no such film to promise anything."
    held, verdict = _against_promise(here, promised)
    return held, f"{found}, {percent(promised.value)} on validation{verdict}."


def _against_target(here: Estimate, target: float) -> tuple[bool, str]:
    low, high, value = here.low or 0.0, 1.0 if here.high is None else here.high, here.value or 0.0
    asked = f"less than the {100 * target:g} % asked for"
    if low >= target:
        return True, "which is what was asked for, and more than chance could have made it"
    if value >= target:
        return True, "which is what was asked for, though the true share may lie below it"
    if high >= target:
        return True, f"{asked}, but not by more than chance explains"
    return False, f"{asked} by more than chance explains: it did not hold"


def _against_promise(here: Estimate, promised: Estimate) -> tuple[bool, str]:
    apart = difference(here, promised)
    if apart.low is not None and apart.low > 0:
        return True, ": more than validation promised, by more than chance explains"
    if apart.high is not None and apart.high < 0:
        return False, ": less than validation promised, by more than chance explains"
    return True, "; the difference is no more than chance explains"
