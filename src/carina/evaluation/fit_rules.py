"""The validation part -> the rules that a classifier answers by."""

from __future__ import annotations

from carina.domain.recipe import EvaluateSection
from carina.domain.rules import FittedRules, Rules
from carina.evaluation.calibration import fit_calibration
from carina.evaluation.conformal import deployed_abstention, fit_conformal
from carina.evaluation.scored_films import ScoredFilms
from carina.evaluation.threshold_choice import choose_thresholds, deployed_thresholds


def fit_rules(validation: ScoredFilms, section: EvaluateSection) -> Rules:
    """Return the rules fitted on the validation part.

    Thresholds and prediction sets rest on the calibrated probabilities of the same films.

    Args:
        validation: with logits, or with probabilities alone, which then stay as they are.
        section: which rules, and what they are asked for.
    """
    calibration = fit_calibration(validation, section)
    calibrated = validation.calibrated(calibration)
    fitted = FittedRules(
        thresholds=choose_thresholds(calibrated, section),
        conformal=fit_conformal(calibrated, section),
    )
    return Rules(
        calibration=calibration,
        thresholds=deployed_thresholds(fitted.thresholds, calibrated.labels, section),
        abstention=deployed_abstention(fitted.conformal, calibrated.labels, section),
        fitted=fitted,
    )
