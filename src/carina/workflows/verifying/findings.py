"""What a verification has found so far."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from carina.domain.verification import Check, Difference, Outcome


@dataclass(slots=True)
class Verified:
    """Checks and differences, gathered as they are made.

    Attributes:
        checks: in order.
        differences: in order.
        largest_probability_difference: so far, or None.
        largest_number_difference: so far, or None.
    """

    checks: list[Check] = field(default_factory=list)
    differences: list[Difference] = field(default_factory=list)
    largest_probability_difference: float | None = None
    largest_number_difference: float | None = None

    def checked(
        self, what: str, where: str, sentence: str, *, n: int, differ: Iterable[Difference] = ()
    ) -> bool:
        """Note a check, which found these differences, and return whether there were none."""
        differ = list(differ)
        outcome: Outcome = "different" if differ else "same"
        self.checks.append(Check(what=what, where=where, outcome=outcome, n=n, sentence=sentence))
        self.differences += differ
        return not differ

    def not_checked(self, what: str, where: str, because: str) -> None:
        """Note what was not checked, and why."""
        self.checks.append(Check(what=what, where=where, outcome="not checked", sentence=because))

    def probabilities_differ(self, by: float) -> None:
        """Note how far a recorded and a new probability are apart."""
        self.largest_probability_difference = max(self.largest_probability_difference or 0.0, by)

    def numbers_differ(self, by: float) -> None:
        """Note how far a recorded and a new number are apart that count as the same."""
        self.largest_number_difference = max(self.largest_number_difference or 0.0, by)
