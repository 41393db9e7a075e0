"""The rule that turns probabilities into an answer: fitted by evaluation, applied by inference."""

from collections.abc import Mapping, Sequence
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from carina.domain.document import Plain
from carina.domain.estimate import Estimate


class Thresholds(Plain):
    """Probabilities -> the index of the answer.

    Attributes:
        rule: "highest": the most probable class; the first one at a tie. "at-least", for two
            classes: the class `positive` if its probability is at least `threshold`, else the
            other one.
        positive: index of the class that the threshold is for, 0 or 1; None for "highest".
        threshold: in `[0, 1]`; None for "highest".
        unfitted_because: why the rule is "highest" although a threshold was asked for; else "".

    >>> Thresholds(rule="at-least", positive=0, threshold=0.1).apply(np.array([[0.2, 0.8]]))
    array([0])
    """

    rule: Literal["highest", "at-least"] = "highest"
    positive: Literal[0, 1] | None = None
    threshold: float | None = Field(default=None, ge=0, le=1, allow_inf_nan=False)
    unfitted_because: str = ""

    @model_validator(mode="after")
    def _has_what_its_rule_needs(self) -> Self:
        given = (self.positive is not None, self.threshold is not None)
        if self.rule == "highest" and any(given):
            raise ValueError('the rule "highest" takes neither `positive` nor `threshold`')
        if self.rule == "at-least" and not all(given):
            raise ValueError('the rule "at-least" needs both `positive` and `threshold`')
        if self.rule == "at-least" and self.unfitted_because:
            raise ValueError('the rule "at-least" is fitted: it has no `unfitted_because`')
        return self

    def apply(self, probabilities: NDArray[np.float64]) -> NDArray[np.intp]:
        """Return the answers intp `[n]` for probabilities float `[n, classes]`.

        Raises:
            ValueError: if the rule is "at-least" and there are not two classes.

        >>> Thresholds().apply(np.array([[0.2, 0.8]])).tolist()
        [1]
        """
        if self.positive is None or self.threshold is None:
            answers: NDArray[np.intp] = np.argmax(probabilities, axis=1)
            return answers
        if probabilities.shape[1] != 2:
            raise ValueError(
                f'the rule "at-least" tells two classes apart, and got {probabilities.shape[1]}'
            )
        called = probabilities[:, self.positive] >= self.threshold
        return np.where(called, self.positive, 1 - self.positive).astype(np.intp)

    def in_words(self, labels: Sequence[str]) -> str:
        """Return by what a film is answered.

        Args:
            labels: the classes, in the order of the probabilities.

        >>> Thresholds(rule="at-least", positive=0, threshold=0.091).in_words(["Covid", "Normal"])
        'the threshold (Covid from 9.10 % on)'
        >>> Thresholds().in_words(["Covid", "Normal"])
        'the most probable class'
        """
        if self.positive is None or self.threshold is None:
            return "the most probable class"
        shown = threshold_in_percent(self.threshold)
        return f"the threshold ({labels[self.positive]} from {shown} on)"


def threshold_in_percent(threshold: float) -> str:
    """Return a threshold as a percentage with three digits.

    >>> threshold_in_percent(0.21), threshold_in_percent(0.00012)
    ('21.0 %', '0.0120 %')
    """
    digits = f"{100 * threshold:#.3g}".rstrip(".")
    return f"{digits} %"


class ChosenThreshold(Plain):
    """A threshold for one class against the rest, chosen on the validation part.

    Attributes:
        label: the class that counts as positive.
        rule: how it was chosen: "sensitivity", "youden" or "cost".
        target: what the rule was asked for: the sensitivity, or how many false alarms a
            missed film is worth; None for "youden".
        threshold: a film is positive if its probability of `label` is at least this; None
            if no threshold could be chosen.
        undefined_because: why there is none, in words; else "".
        n_validation: films it was chosen on.
        on_validation: "sensitivity" and "specificity" there, which flatter.
    """

    label: str
    rule: Literal["sensitivity", "youden", "cost"]
    target: float | None = None
    threshold: float | None
    undefined_because: str = ""
    n_validation: int = 0
    on_validation: Mapping[str, Estimate] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _undefined_says_why(self) -> Self:
        if (self.threshold is None) != bool(self.undefined_because):
            raise ValueError("a choice has a threshold, or a reason why it has none")
        return self
