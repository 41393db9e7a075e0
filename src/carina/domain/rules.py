"""The rules that are fitted on the validation part, together."""

from carina.domain.abstention import Abstention, ConformalRule
from carina.domain.calibration import Calibration
from carina.domain.document import Plain
from carina.domain.thresholds import ChosenThreshold, Thresholds


class FittedRules(Plain):
    """What was fitted on validation for tests to come, whichever rule is deployed.

    Attributes:
        thresholds: one for each class that counts as positive and each way to choose.
        conformal: one for each kind and error.
        unfitted_because: why there is nothing, in words; else "".
    """

    thresholds: tuple[ChosenThreshold, ...] = ()
    conformal: tuple[ConformalRule, ...] = ()
    unfitted_because: str = ""


class Rules(Plain):
    """How logits become answers, and what else was fitted beside that.

    Attributes:
        calibration, thresholds, abstention: what a classifier answers by.
        fitted: for tests to come.
    """

    calibration: Calibration = Calibration()
    thresholds: Thresholds = Thresholds()
    abstention: Abstention = Abstention()
    fitted: FittedRules = FittedRules()
