"""What an input gate refused in a test."""

from collections.abc import Mapping

from pydantic import Field

from carina.domain.document import Plain
from carina.domain.estimate import Estimate


class RefusedKind(Plain):
    """What the gate did with test films that were made into other pictures.

    Attributes:
        kind: what was done to them, in words.
        refused: the share that got no answer.
        reasons: reason code -> how many.
    """

    kind: str
    refused: Estimate
    reasons: Mapping[str, int] = Field(default_factory=dict)


class GateFigures(Plain):
    """What an input gate refused in a test.

    Attributes:
        refused: the share of the test's films that got no answer because of the gate.
        reasons: reason code -> how many of these films.
        kinds: test films made into other pictures, of the kinds that the gate was fitted
            against; the films are others. Empty for a test without.
        sentence: what this says, in words.
    """

    refused: Estimate
    reasons: Mapping[str, int] = Field(default_factory=dict)
    kinds: tuple[RefusedKind, ...] = ()
    sentence: str = ""
