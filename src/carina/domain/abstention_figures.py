"""What prediction sets hold, and what abstaining changes."""

from collections.abc import Mapping

from pydantic import Field

from carina.domain.abstention import ConformalRule
from carina.domain.document import Plain
from carina.domain.estimate import Estimate


class SetFigures(Plain):
    """What one rule's prediction sets do on one part of one data set.

    Attributes:
        rule: how a set is made.
        coverage: the share of films whose set holds the true class.
        coverage_per_class: class -> the same among its films.
        sizes: "0", "1", ... classes -> the share of films whose set has so many.
        mean_size: classes in a set.
        answered: the share of films whose set holds the classifier's answer alone.
        accuracy_answered: how many of those answers are right.
        independent: where patients have several films: the coverage of one film drawn from each
            (with a limit for each class: from each patient of a class); else None.
        expected: lowest and highest coverage that 95 of 100 validation and test parts of these
            sizes would show, for one film of each patient: of `independent`, or of `coverage`
            where that is None.
        expected_per_class: class -> the same of its films, where each class has its own limit.
        sentence: what this says, in words.
    """

    rule: ConformalRule
    coverage: Estimate
    coverage_per_class: Mapping[str, Estimate] = Field(default_factory=dict)
    sizes: Mapping[str, Estimate] = Field(default_factory=dict)
    mean_size: Estimate
    answered: Estimate | None = None
    accuracy_answered: Estimate | None = None
    independent: Estimate | None = None
    expected: tuple[float, float] | None = None
    expected_per_class: Mapping[str, tuple[float, float]] = Field(default_factory=dict)
    sentence: str = ""


class RiskCoverage(Plain):
    """Share of wrong answers if only the most certain films are answered.

    Attributes:
        answered: shares of the films that are answered, rising to 1.
        wrong: the share of wrong answers among them.
        certain_by: what tells how certain an answer is, in words.
    """

    answered: tuple[float, ...]
    wrong: tuple[Estimate, ...]
    certain_by: str = "their largest probability"


class AbstentionFigures(Plain):
    """What prediction sets hold, and what abstaining changes.

    Attributes:
        rule: the deployed rule, in words.
        sets: one for each conformal rule.
        risk_coverage: over how certain the answers are.
        metrics: "abstained" (share of films), "accuracy_answered", "accuracy_all" and
            "area_under_risk_coverage".
        sentence: what this says, in words.
        cautions: what the promise of the sets rests on, in sentences.
    """

    rule: str
    sets: tuple[SetFigures, ...] = ()
    risk_coverage: RiskCoverage | None = None
    metrics: Mapping[str, Estimate] = Field(default_factory=dict)
    sentence: str = ""
    cautions: tuple[str, ...] = ()
