"""Prediction sets: fitted on validation, measured elsewhere.

Split conformal prediction with the score 1 - p of the true class. The limit is the score of
rank `ceil((n + 1) (1 - error))` among n films of validation: a further film drawn like those
has the true class in its set with a chance of 1 - error at least, whatever the network.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from carina.domain.abstention import Abstention, ConformalRule, Kind
from carina.domain.abstention_figures import AbstentionFigures
from carina.domain.estimate import Estimate
from carina.domain.percentages import percent_with_interval
from carina.domain.recipe import EvaluateSection
from carina.domain.rules import Rules
from carina.domain.sentences import listed
from carina.evaluation.coverage_band import fewest_films, limit_rank
from carina.evaluation.estimating import estimate_metrics
from carina.evaluation.prediction_sets import FilmSets, one_film_a_unit, set_figures
from carina.evaluation.resamples import Floats
from carina.evaluation.risk_coverage import (
    area_metric,
    certainties,
    certainty_in_words,
    risk_coverage,
    risk_shares,
)
from carina.evaluation.scored_films import ScoredFilms
from carina.evaluation.shares import Share, share_metrics

# What a report shows whether or not the classifier abstains; 0.05 and 0.1 are customary.
SHOWN_ERRORS = (0.05, 0.1)
_AREA = "area_under_risk_coverage"


def fit_conformal(validation: ScoredFilms, section: EvaluateSection) -> tuple[ConformalRule, ...]:
    """Return the rules fitted on validation: marginal and per class, for each error.

    Several films of one patient are alike, so that they are not exchangeable with those of
    another patient. One film of each patient is therefore drawn (for the limit of a class: one
    film of each patient of that class), which keeps the promise exact for a film of a new
    patient and costs some films; averaging over all films of a patient would use them all, and
    keep the promise only roughly. A film of an unknown patient counts as a patient.

    Args:
        validation: with the probabilities that the classifier will give.
        section: `abstain` is an error beside the customary ones; `seed` draws the films.

    References:
        Vovk, Gammerman & Shafer, Algorithmic Learning in a Random World (2005), sections 4.2
        and 4.5; Sadinle, Lei & Wasserman, J Am Stat Assoc 114 (2019) 223-234; Dunn, Wasserman
        & Ramdas, J Am Stat Assoc 118 (2023) 2491-2502 (subsampling once).
    """
    scores = 1 - validation.probabilities[np.arange(len(validation)), validation.y_true]
    units = validation.units
    every = scores[one_film_a_unit(units, seed=section.seed)]
    by_class: dict[str, Floats] = {}
    for index, label in enumerate(validation.labels):
        own = np.flatnonzero(validation.y_true == index)
        by_class[label] = scores[own[one_film_a_unit(units[own], seed=section.seed)]]
    marginal = dict.fromkeys(validation.labels, every)
    kinds: tuple[tuple[Kind, dict[str, Floats]], ...] = (
        ("marginal", marginal),
        ("per-class", by_class),
    )
    errors = sorted({*SHOWN_ERRORS, *([section.abstain] if section.abstain else [])})
    return tuple(
        ConformalRule(
            kind=kind,
            error=error,
            limits={label: conformal_limit(own, error) for label, own in scores_of.items()},
            n_fitted={label: own.size for label, own in scores_of.items()},
            unit=validation.unit,
        )
        for error in errors
        for kind, scores_of in kinds
    )


def conformal_limit(scores: NDArray[np.float64], error: float) -> float:
    """Return the largest score that belongs to a set; 1 where so few films allow no other.

    Args:
        scores: float64 `[n]` in `[0, 1]`; 1 - p of the true class, independent films.
        error: the share of films whose set may miss the true class.

    >>> conformal_limit(np.arange(1, 20) / 20, 0.05), conformal_limit(np.array([0.1]), 0.05)
    (0.95, 1.0)
    """
    rank = limit_rank(scores.size, error)
    return 1.0 if rank > scores.size else float(np.sort(scores)[rank - 1])


def deployed_abstention(
    rules: Sequence[ConformalRule], labels: Sequence[str], section: EvaluateSection
) -> Abstention:
    """Return the rule that `section.abstain` asks for.

    It is the one with a limit for each class: one limit for all keeps the error over all films,
    and may keep it by missing a rare or hard class much more often. Where a class has too few
    films for a limit of its own, which would then stand in every set, it is the one limit for
    all, and `because` says so.

    Args:
        rules: of `fit_conformal`, with that error among them.
        labels: the classes, in order.
        section: says whether, and for which error.
    """
    if section.abstain == 0:
        return Abstention()
    own = {rule.kind: rule for rule in rules if rule.error == section.abstain}
    enough = fewest_films(section.abstain)
    few = [label for label in labels if own["per-class"].n_fitted[label] < enough]
    what = "films" if own["per-class"].unit == "films" else "patients"
    because = ""
    if few:
        counts = [f"{label} ({own['per-class'].n_fitted[label]})" for label in few]
        because = (
            f"an error of {100 * section.abstain:g} % needs {enough} validation {what} of a class "
            f"for a limit of its own, and there are fewer of {listed(counts)}: one limit was "
            "fitted for all classes"
        )
        if own["marginal"].n_fitted[labels[0]] < enough:
            because += ", and for that they are too few as well: no film gets an answer"
    return Abstention(
        rule="conformal",
        labels=tuple(labels),
        conformal=own["marginal"] if few else own["per-class"],
        because=because,
    )


def abstention_figures(
    films: ScoredFilms, rules: Rules, section: EvaluateSection
) -> AbstentionFigures | None:
    """Return what prediction sets hold and what abstaining changes.

    The risk-coverage curve needs no rule; prediction sets need those fitted on validation.

    Args:
        films: one film or more; with what the deployed rule made of them.
        rules: what was fitted on validation.
        section: how many resamples, and their seed.
    """
    every = [FilmSets.of(films, rule) for rule in rules.fitted.conformal]
    certainty = certainties(films, rules.thresholds)
    risks = risk_shares(films, certainty)
    shares = {**_own_shares(films), **risks}
    for sets in every:
        shares |= sets.shares()
    metrics = share_metrics(shares) | {_AREA: area_metric(films, certainty)}
    metrics |= {f"{sets.name} mean size": sets.mean_size() for sets in every}
    estimates, _ = estimate_metrics(films, metrics, section)
    own = {name: estimates[name] for name in (*_own_shares(films), _AREA)}
    return AbstentionFigures(
        rule=_rule_in_words(rules),
        sets=tuple(set_figures(sets, estimates, seed=section.seed) for sets in every),
        risk_coverage=risk_coverage(
            risks, estimates, certain_by=certainty_in_words(rules.thresholds, films.labels)
        ),
        metrics=own,
        sentence=_sentence(own),
        cautions=_cautions(rules),
    )


def _own_shares(films: ScoredFilms) -> dict[str, Share]:
    every = np.ones(len(films), dtype=np.bool_)
    right = films.predicted == films.y_true
    return {
        "abstained": Share("Films without an answer", films.abstained, every, "there is no film"),
        "accuracy_answered": Share(
            "Accuracy on the films that get an answer",
            right,
            ~films.abstained,
            "no film gets an answer",
        ),
        "accuracy_all": Share("Accuracy on all films", right, every, "there is no film"),
    }


def _rule_in_words(rules: Rules) -> str:
    deployed = rules.abstention
    if deployed.conformal is None:
        return "every film that passes the gate gets an answer"
    kind = (
        "a limit for each class"
        if deployed.conformal.kind == "per-class"
        else "one limit for all classes"
    )
    because = f"; {deployed.because}" if deployed.because else ""
    return (
        "a film gets an answer only if its prediction set holds that class and no other (sets that "
        f"may miss the true class in {100 * deployed.conformal.error:g} of 100 films, {kind})"
        f"{because}"
    )


def _sentence(metrics: dict[str, Estimate]) -> str:
    """Return what abstaining changes, in words."""
    abstained, answered = metrics["abstained"], metrics["accuracy_answered"]
    every = metrics["accuracy_all"]
    assert abstained.value is not None  # there is a film
    n_without = round(abstained.value * abstained.n)
    all_right = percent_with_interval(every)
    if n_without == 0:
        return f"All {abstained.n:,} films get an answer, and {all_right} of them are right."
    if answered.value is None:
        return f"None of {abstained.n:,} films gets an answer."
    return (
        f"{n_without:,} of {abstained.n:,} films ({percent_with_interval(abstained)}) get no "
        f"answer. Of the others {percent_with_interval(answered)} are right; with an answer to "
        f"every film, {all_right} are."
    )


def _cautions(rules: Rules) -> tuple[str, ...]:
    """Return what the promise of the sets rests on."""
    if rules.fitted.unfitted_because:
        return (f"No prediction sets were fitted: {rules.fitted.unfitted_because}.",)
    if not rules.fitted.conformal:
        return ()
    unit = rules.fitted.conformal[0].unit
    drawn = (
        "The patients of validation are not known, so that each of its films counts as "
        "independent: where a patient has several, the promise is weaker than it says."
        if unit == "films"
        else "Films of one patient are alike, so that the limits rest on one film of each patient "
        "of validation, drawn at random: they promise something for one film of a new patient."
    )
    return (
        drawn,
        "The validation films also chose the epoch of the network and fitted its calibration, so "
        "that it may do better on them than on others, and the sets may miss the true class a "
        "little more often than they say.",
        "The promise holds for films drawn like those of validation. It does not hold on the films "
        "of another hospital, machine or kind of patient.",
        "What is promised is that a set holds the true class, over all films. Among the films that "
        "get an answer the share of wrong ones may be larger; it is measured here, not promised.",
    )
