"""A number, and how far it can be trusted."""

from typing import Self

from pydantic import model_validator

from carina.domain.document import Plain


class Estimate(Plain):
    """A number, and how far it can be trusted.

    Attributes:
        value: the number, or None if it is undefined.
        low: lower end of the 95 % interval, or None if there is none.
        high: upper end.
        n: how many films it rests on.
        method: how the interval was made ("wilson-effective-n", "hall-patients", "count", ...;
            docs/explanation/intervals.md).
        undefined_because: why `value` is None, in words; else "".
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    n: int
    method: str
    undefined_because: str = ""

    @model_validator(mode="after")
    def _undefined_says_why(self) -> Self:
        if (self.value is None) != bool(self.undefined_because):
            raise ValueError("an estimate has a value, or a reason why it has none")
        return self

    @classmethod
    def undefined(cls, because: str, *, n: int) -> Self:
        """Return an estimate without a value."""
        return cls(value=None, n=n, method="undefined", undefined_because=because)

    @classmethod
    def count(cls, value: int, *, n: int) -> Self:
        """Return an exact count, which needs no interval."""
        return cls(value=value, low=value, high=value, n=n, method="count")
