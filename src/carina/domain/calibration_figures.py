"""How honest probabilities are."""

from collections.abc import Mapping

from pydantic import Field

from carina.domain.calibration import Calibration
from carina.domain.document import Plain
from carina.domain.estimate import Estimate


class ReliabilityBin(Plain):
    """Films that were given about the same probability.

    Attributes:
        low, high: the least and the largest probability of its films.
        mean_probability: of its films.
        observed: the share of its films that are of the class.
    """

    low: float
    high: float
    mean_probability: float
    observed: Estimate


class ProbabilityCounts(Plain):
    """How often which probability of one class was given, in steps of equal width from 0
    to 1; a film between two steps counts in the upper one.

    Attributes:
        of_class: films of the class, a number for each step.
        others: films of other classes.
    """

    of_class: tuple[int, ...]
    others: tuple[int, ...]


class CalibrationFigures(Plain):
    """How honest the probabilities on one part of one data set are.

    Attributes:
        method: how logits became probabilities, in words.
        calibration: the same as a rule.
        metrics: "expected_calibration_error", "expected_calibration_error_if_calibrated"
            (with the range of 95 % of perfectly calibrated classifiers), for each class
            "calibration_slope[class]" and "calibration_intercept[class]", and what the
            sentence rests on: "mean_confidence" and "share_right" of all films, and
            "mean_confidence_where_sure" and "share_right_where_sure" of those whose most
            probable class has at least 90 %.
        uncalibrated: the same before the calibration; empty if there was none.
        reliability: class -> bins by rising probability; empty for few films.
        counts: class -> how often which probability was given.
        sentence: what this says, in words.
    """

    method: str
    calibration: Calibration = Calibration()
    metrics: Mapping[str, Estimate]
    uncalibrated: Mapping[str, Estimate] = Field(default_factory=dict)
    reliability: Mapping[str, tuple[ReliabilityBin, ...]] = Field(default_factory=dict)
    counts: Mapping[str, ProbabilityCounts] = Field(default_factory=dict)
    sentence: str = ""
