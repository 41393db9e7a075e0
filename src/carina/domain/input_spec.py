"""The pixel contract of a network."""

import hashlib
from typing import Literal

from pydantic import Field

from carina.domain.document import Plain

DenoiseName = Literal["none", "median", "gaussian", "bilateral", "nl-means", "wavelet"]


# What answers hold between two layers grows with it: 0.2 GB at 64 maps of float32.
_PIXELS_AT_ONCE = 16 * 224 * 224


class InputSpec(Plain):
    """What `imaging.prepare` makes of a radiograph before a network sees it.

    Attributes:
        height: rows, in pixels.
        width: columns, in pixels.
        fit: how a film of another shape becomes `height x width`: "stretch" scales
            each axis alone, "letterbox" keeps the shape and pads with black,
            "crop" keeps the shape and cuts the longer axis at both ends.
        interpolation: "bilinear" or "bicubic", both antialiased when shrinking, or
            "nearest".
        channels: 1, or 3 equal ones.
        denoise: the noise filter that the fitted film passes, or "none"; its lengths are
            pixels of the network's grid (`carina denoise` shows what each one costs).
        mask: "none", or "centre" (the middle blacked out, a probe for shortcuts).
    """

    height: int = Field(default=224, ge=16, le=4096)
    width: int = Field(default=224, ge=16, le=4096)
    fit: Literal["stretch", "letterbox", "crop"] = "stretch"
    interpolation: Literal["nearest", "bilinear", "bicubic"] = "bilinear"
    channels: Literal[1, 3] = 1
    denoise: DenoiseName = "none"
    mask: Literal["none", "centre"] = "none"

    def films_at_once(self, most: int) -> int:
        """Return how many films are answered at a time (`films_at_once`)."""
        return films_at_once(most, height=self.height, width=self.width)

    @property
    def digest(self) -> str:
        """16 hex digits over what decides the prepared pixels (channels do not:
        they are equal)."""
        facts = self.model_dump_json(exclude={"channels"})
        return hashlib.sha256(facts.encode()).hexdigest()[:16]


def films_at_once(most: int, *, height: int, width: int) -> int:
    """Return how many films are answered at a time: `most`, but no more pixels than 16 films of
    224 x 224 have, and at least one film; the same number on every machine.

    >>> films_at_once(64, height=150, width=150), films_at_once(64, height=500, width=500)
    (35, 3)
    """
    return max(1, min(most, _PIXELS_AT_ONCE // (height * width)))
