"""Whether probabilities are honest, and how they are made so."""

from __future__ import annotations

import numpy as np

from carina.domain.calibration import Calibration
from carina.domain.calibration_figures import (
    CalibrationFigures,
    ProbabilityCounts,
    ReliabilityBin,
)
from carina.domain.estimate import Estimate
from carina.domain.recipe import EvaluateSection
from carina.domain.thresholds import Thresholds
from carina.evaluation.calibration_error import (
    Confidence,
    equal_count_bins,
    error_if_calibrated,
    expected_calibration_error,
)
from carina.evaluation.calibration_wording import sentence_of
from carina.evaluation.estimating import estimate_mean, estimate_metrics
from carina.evaluation.recalibration import (
    OneAgainstRest,
    calibration_intercept,
    calibration_slope,
)
from carina.evaluation.resamples import Floats
from carina.evaluation.scaling import fit_temperature, fit_vector
from carina.evaluation.scored_films import ScoredFilms
from carina.evaluation.shares import Share, share_metrics
from carina.evaluation.subgroups import SMALLEST_SUBGROUP

LEAST_FILMS = 20
LEAST_OF_A_CLASS = 10
SURE = 0.9

_STEPS = 20
# below this no film's logits differ: what rounding leaves of equal ones
_SAME = 1e-9


def fit_calibration(validation: ScoredFilms, section: EvaluateSection) -> Calibration:
    """Return the calibration that `section.calibration` asks for, fitted on validation.

    A temperature needs 20 units (patients, or films where patients are unknown) and films of
    two classes, a vector 10 units of every class besides: two values of each class are
    fitted. Otherwise it is the identity, or the temperature, and says why.
    benchmarks/calibration_fit.py shows what fewer films would do.

    Args:
        validation: films that neither training nor a test part holds.
        section: which calibration.
    """
    if section.calibration == "none":
        return Calibration()
    why = _why_not_fitted(validation)
    if validation.logits is None or why:
        return Calibration(unfitted_because=why)
    logits, n = validation.logits, len(validation)
    temperature = fit_temperature(logits, validation.y_true)
    why = _why_no_vector(validation) if section.calibration == "vector" else ""
    if section.calibration == "temperature" or why:
        return Calibration(
            method="temperature", temperature=temperature, n_fitted=n, unfitted_because=why
        )
    scales, shifts = fit_vector(logits, validation.y_true, temperature)
    return Calibration(
        method="vector",
        scales=tuple(scales.tolist()),
        shifts=tuple(shifts.tolist()),
        n_fitted=n,
    )


def _why_not_fitted(validation: ScoredFilms) -> str:
    n_units = np.unique(validation.units).size
    if validation.logits is None:
        return "the logits of the validation films are not known"
    if n_units < LEAST_FILMS:
        unit = "patients" if validation.unit == "patients" else "films"
        return f"validation has {n_units} {unit}; a calibration takes {LEAST_FILMS}"
    present = np.unique(validation.y_true)
    if present.size == 1:
        return f"all validation films are of {validation.labels[int(present[0])]}"
    if float(np.ptp(validation.logits, axis=1).max()) <= _SAME:
        return "the network holds all classes equally probable for every validation film"
    return ""


def _why_no_vector(validation: ScoredFilms) -> str:
    few = [
        f"{label} ({n_units})"
        for index, label in enumerate(validation.labels)
        if (n_units := np.unique(validation.units[validation.y_true == index]).size)
        < LEAST_OF_A_CLASS
    ]
    if not few:
        return ""
    return (
        f"a scale and a shift for each class take {LEAST_OF_A_CLASS} validation films of each; "
        f"too few are of {', '.join(few)}"
    )


def calibration_figures(
    films: ScoredFilms,
    calibration: Calibration,
    section: EvaluateSection,
    *,
    thresholds: Thresholds | None = None,
) -> CalibrationFigures:
    """Return how honest the probabilities of films are.

    Args:
        films: one film or more, with calibrated probabilities.
        calibration: how they were made of the logits.
        section: how many resamples, and their seed.
        thresholds: what they are answered by; the most probable class if None.
    """
    confidence = _confidence(films)
    rule = thresholds or Thresholds()
    threshold = "" if rule.rule == "highest" else rule.in_words(films.labels)
    metrics = _metrics(films, section) | _confidence_metrics(films, confidence, section)
    uncalibrated = {}
    if calibration.method != "identity" and films.logits is not None:
        uncalibrated = _metrics(films.calibrated(Calibration()), section)
    return CalibrationFigures(
        method=_method(films, calibration),
        calibration=calibration,
        metrics=metrics,
        uncalibrated=uncalibrated,
        reliability=_reliability(films, section),
        counts={label: _counts(films, index) for index, label in enumerate(films.labels)},
        sentence=sentence_of(metrics, threshold=threshold),
    )


def _method(films: ScoredFilms, calibration: Calibration) -> str:
    if films.logits is None and calibration.method == "identity":
        return "those that were given with the answers"
    return calibration.in_words


def _confidence(films: ScoredFilms) -> Confidence:
    most_probable = films.probabilities.argmax(axis=1)
    return Confidence(
        given=films.probabilities.max(axis=1),
        right=most_probable == films.y_true,
        units=films.units,
        unit=films.unit,
    )


def _metrics(films: ScoredFilms, section: EvaluateSection) -> dict[str, Estimate]:
    confidence = _confidence(films)
    metrics = {
        "expected_calibration_error": expected_calibration_error(confidence, section),
        "expected_calibration_error_if_calibrated": error_if_calibrated(confidence, section),
    }
    for index, label in enumerate(films.labels):
        one = OneAgainstRest(
            label=label,
            is_class=films.y_true == index,
            probability=films.probabilities[:, index],
            units=films.units,
            unit=films.unit,
        )
        metrics[f"calibration_slope[{label}]"] = calibration_slope(one)
        metrics[f"calibration_intercept[{label}]"] = calibration_intercept(one)
    return metrics


def _confidence_metrics(
    films: ScoredFilms, confidence: Confidence, section: EvaluateSection
) -> dict[str, Estimate]:
    """Return how probable the most probable class was and how often it was true: of all films,
    and of the sure."""
    among = {"": np.ones(len(films), dtype=np.bool_), "_where_sure": confidence.given >= SURE}
    shares = {
        where: Share("Share right", confidence.right, mask, "there is no film")
        for where, mask in among.items()
        if mask.sum() >= SMALLEST_SUBGROUP
    }
    right = estimate_metrics(films, share_metrics(shares), section)[0] if shares else {}
    metrics = {}
    for where, mask in among.items():
        n = int(mask.sum())
        few = f"only {n} films; nothing is claimed below {SMALLEST_SUBGROUP}"
        metrics[f"share_right{where}"] = right.get(where, Estimate.undefined(few, n=n))
        metrics[f"mean_confidence{where}"] = (
            estimate_mean(films.where(mask), confidence.given[mask], section, highest=1.0)
            if where in right
            else Estimate.undefined(few, n=n)
        )
    return metrics


def _reliability(
    films: ScoredFilms, section: EvaluateSection
) -> dict[str, tuple[ReliabilityBin, ...]]:
    """Return the bins of each class; none where there are too few films to say anything."""
    if len(films) < SMALLEST_SUBGROUP:
        return {}
    shares: dict[str, dict[str, Share]] = {}
    for index, label in enumerate(films.labels):
        bins = equal_count_bins(films.probabilities[:, index])
        shares[label] = {
            f"{label} {number}": Share(
                f"Share of {label}", films.y_true == index, bins == number, "there is no film"
            )
            for number in range(int(bins.max()) + 1)
        }
    every = {name: share for own in shares.values() for name, share in own.items()}
    observed = estimate_metrics(films, share_metrics(every), section)[0]
    return {
        label: tuple(
            _bin(films.probabilities[share.of, index], observed[name])
            for name, share in shares[label].items()
        )
        for index, label in enumerate(films.labels)
    }


def _bin(given: Floats, observed: Estimate) -> ReliabilityBin:
    return ReliabilityBin(
        low=float(given.min()),
        high=float(given.max()),
        mean_probability=float(given.mean()),
        observed=observed,
    )


def _counts(films: ScoredFilms, index: int) -> ProbabilityCounts:
    edges = np.linspace(0, 1, _STEPS + 1)
    given, own = films.probabilities[:, index], films.y_true == index
    return ProbabilityCounts(
        of_class=tuple(np.histogram(given[own], bins=edges)[0].tolist()),
        others=tuple(np.histogram(given[~own], bins=edges)[0].tolist()),
    )
