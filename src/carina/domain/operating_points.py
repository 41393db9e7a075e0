"""What thresholds chosen on validation achieve, and whether acting on the answers helps."""

from collections.abc import Mapping

from pydantic import Field

from carina.domain.document import Plain
from carina.domain.estimate import Estimate
from carina.domain.thresholds import ChosenThreshold


class AtPrevalence(Plain):
    """What an answer is worth where the class has this share of the films.

    Attributes:
        prevalence: in (0, 1).
        ppv: the share of positive answers that is right.
        npv: the share of negative answers that is right.
    """

    prevalence: float
    ppv: Estimate
    npv: Estimate


class OperatingPoint(Plain):
    """What a threshold achieves on one part of one data set.

    Attributes:
        chosen: the threshold, and how it did on validation.
        achieved: "sensitivity", "specificity", "ppv", "npv", "positive_likelihood_ratio",
            "negative_likelihood_ratio", and the counts "tp", "fp", "tn", "fn"; empty if no
            threshold was chosen.
        by_prevalence: by rising prevalence.
        held: False if fewer films of the class were found than validation promised, by more
            than chance explains; None if that cannot be told.
        sentence: whether what validation promised held here, or why there is no threshold.
    """

    chosen: ChosenThreshold
    achieved: Mapping[str, Estimate] = Field(default_factory=dict)
    by_prevalence: tuple[AtPrevalence, ...] = ()
    held: bool | None = None
    sentence: str = ""


class NetBenefit(Plain):
    """The net benefit of acting on answers at one threshold probability.

    Attributes:
        threshold: the probability of the class from which one would act.
        classifier: of acting where the classifier's probability is at least `threshold`.
        treat_all: of acting on every film; 0 is acting on none.
        over_treat_all: `classifier` - `treat_all` on the same films.
    """

    threshold: float
    classifier: Estimate
    treat_all: float
    over_treat_all: Estimate


class DecisionCurve(Plain):
    """Net benefit over threshold probabilities, for one class against the rest.

    Attributes:
        prevalence: the share of the class among the films, which the curve holds for.
        points: by rising threshold.
        useful: lowest and highest threshold of the widest stretch where the classifier's
            net benefit lies above both others; None if there is none.
        useful_beyond_chance: the same for the stretch where it does so by more than the 95 %
            intervals at its points leave to chance, if it is 0.05 wide or more.
        sentence: what this says, in words.
    """

    prevalence: float
    points: tuple[NetBenefit, ...]
    useful: tuple[float, float] | None = None
    useful_beyond_chance: tuple[float, float] | None = None
    sentence: str = ""
