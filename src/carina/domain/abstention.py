"""The rule that says when not to answer: fitted by evaluation, applied by inference."""

from collections.abc import Mapping, Sequence
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from carina.domain.document import Plain

Kind = Literal["marginal", "per-class"]


class ConformalRule(Plain):
    """Which classes belong to a film's prediction set, fitted on the validation part.

    A class belongs to it if 1 - its probability is at most the class's limit.

    Attributes:
        kind: "marginal": one limit for all classes; "per-class": one for each.
        error: the share of films whose set may miss the true class, in (0, 1).
        limits: class -> the largest score 1 - p that belongs; 1 where too few films allow
            no other.
        n_fitted: class -> films of the validation part that its limit rests on.
        unit: what those films are: "patients" (one film of each was drawn), "films" (patients
            are unknown, every film counts), or "patients where known".
    """

    kind: Kind
    error: float
    limits: Mapping[str, float] = Field(default_factory=dict)
    n_fitted: Mapping[str, int] = Field(default_factory=dict)
    unit: str = "films"

    def sets(self, probabilities: NDArray[np.float64], labels: Sequence[str]) -> NDArray[np.bool_]:
        """Return which classes belong to each film's set, bool `[n, classes]`.

        Args:
            probabilities: float64 `[n, classes]`.
            labels: the classes, in the order of the columns.

        >>> rule = ConformalRule(kind="marginal", error=0.1, limits={"A": 0.7, "B": 0.7})
        >>> rule.sets(np.array([[0.9, 0.1], [0.6, 0.4]]), ["A", "B"]).tolist()
        [[True, False], [True, True]]
        """
        limits = np.array([self.limits[label] for label in labels])
        belongs: NDArray[np.bool_] = 1 - probabilities <= limits
        return belongs


class Abstention(Plain):
    """Probabilities -> whether to answer at all.

    Attributes:
        rule: "never": every film that passes the gate is answered; "conformal": only a film
            whose prediction set holds its answer and no other class.
        labels: the classes in the order of the probabilities; empty for "never".
        conformal: how the sets are made; None for "never".
        because: what its user should know of the choice of the rule, in words; else "".
    """

    rule: Literal["never", "conformal"] = "never"
    labels: tuple[str, ...] = ()
    conformal: ConformalRule | None = None
    because: str = ""

    @model_validator(mode="after")
    def _conformal_has_a_limit_for_every_class(self) -> Self:
        if (self.rule == "conformal") != (self.conformal is not None):
            raise ValueError("abstention by 'conformal' needs its rule, and 'never' has none")
        if self.conformal is not None and set(self.labels) != set(self.conformal.limits):
            raise ValueError(
                f"abstention needs a limit for each of {self.labels}, "
                f"and has them for {tuple(self.conformal.limits)}"
            )
        return self

    def apply(
        self, probabilities: NDArray[np.float64], answers: NDArray[np.integer] | None = None
    ) -> list[str]:
        """Return a reason per film for not answering, "" where there is none.

        A film whose set holds one class gets no answer either if the answer by the thresholds
        is another class: a threshold below one half answers "ill" so as to miss few, and the
        set would take that back, or the answer would stand against the set. Neither rule
        overrules the other in silence.

        Args:
            probabilities: float64 `[n, classes]`.
            answers: int `[n]`, by the thresholds; the most probable class if None.

        >>> rule = ConformalRule(kind="marginal", error=0.1, limits={"A": 0.7, "B": 0.7})
        >>> unsure = Abstention(rule="conformal", labels=("A", "B"), conformal=rule)
        >>> unsure.apply(np.array([[0.9, 0.1], [0.6, 0.4]]))
        ['', 'several classes are possible: A or B']
        """
        if self.conformal is None:
            return [""] * len(probabilities)
        chosen = probabilities.argmax(axis=1) if answers is None else answers
        sets = self.conformal.sets(probabilities, self.labels)
        return [
            self._reason(row, self.labels[answer])
            for row, answer in zip(sets.tolist(), chosen.tolist(), strict=True)
        ]

    def _reason(self, row: Sequence[bool], answer: str) -> str:
        possible = [label for label, belongs in zip(self.labels, row, strict=True) if belongs]
        if possible == [answer]:
            return ""
        if not possible:
            return "no class fits: none is as probable as the true class nearly always is"
        if len(possible) == 1:
            return f"the rules disagree: the answer would be {answer}, but only {possible[0]} fits"
        *others, last = possible
        return f"several classes are possible: {', '.join(others)} or {last}"
