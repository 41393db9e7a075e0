"""Whether a picture is a film that a classifier may answer."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import exp
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from carina.domain.document import Plain
from carina.domain.views import NO_RADIOGRAPHS, not_frontal

REASON_WORDS = {
    "gate/too-small": "too small",
    "gate/shape": "of no film's shape",
    "gate/blank": "blank",
    "gate/lateral": "lateral",
    "gate/slice": "no radiograph",
    "gate/colour": "coloured",
    "gate/inverted": "black and white swapped",
    "gate/rotated": "turned",
    "gate/cropped": "a part of a film",
    "gate/not-chest": "unlike a frontal chest film",
    "gate/unlike-training": "far from the training films to the network",
    "rule/unsure": "unsure",
}
"""Every `Prediction.reason_code` but "", with what it says of a film: the gate's, and that of the
abstention rule."""
UNSURE = "rule/unsure"

_TURNED = {
    90: "turned by 90 degrees anticlockwise: turn it clockwise",
    180: "upside down: turn it by 180 degrees",
    270: "turned by 90 degrees clockwise: turn it anticlockwise",
}
Measure = Literal["picture", "layout", "pose", "features"]


class Refusal(NamedTuple):
    """Why a picture gets no answer.

    Attributes:
        code: one of `REASON_WORDS`.
        reason: the same in words, with the value and what to do.
    """

    code: str
    reason: str


@dataclass(frozen=True, slots=True)
class GateMeasures:
    """What the gate looks at.

    Attributes:
        height: pixel rows.
        width: pixel columns.
        contrast: 95th minus 5th percentile of the grey values, in `[0, 1]`.
        colour_share: share of pixels whose channels differ clearly, in `[0, 1]`.
        view: view position as the file says, or None.
        modality: DICOM modality, as the file says, or "".
        sketch: one element of `imaging.sketch.SKETCH`; the fitted measures are made of it and of
            the network's features. None for a gate without fitted checks.
        values: the fitted measures by name (`GateCheck.measure`), the larger the less like the
            training films, and plain ones for `InputStatistics` ("mean_grey", ...); empty for
            a gate without fitted checks.
        turn: degrees anticlockwise by which the picture seems to have been turned: 0, 90, 180, 270.
        inverted: whether black and white seem to be swapped.
        is_part: whether it looks more like a part of a film than like another picture.
    """

    height: int
    width: int
    contrast: float
    colour_share: float = 0.0
    view: str | None = None
    modality: str = ""
    sketch: NDArray[np.void] | None = field(default=None, compare=False, repr=False)
    values: Mapping[str, float] = field(default_factory=dict)
    turn: int = 0
    inverted: bool = False
    is_part: bool = False


class GateCheck(Plain):
    """One fitted limit.

    Attributes:
        measure: what it is a limit of: "picture", a score that is about -1 for films and about
            +1 for pictures that were made of them by turning, cropping and scrambling; "layout",
            the log of the distance of a small equalised copy from theirs; "pose", the log of how
            many times nearer it would lie turned or inverted; "features", the log of the distance
            in what the network makes of it.
        limit: the largest value that is answered.
        usual: the median over the films that the limit was fitted on.
        tail_start, tail_scale: above `tail_start` their values fall off as an exponential with
            this mean; one in five lies above it.
        n_films: how many films these were.
    """

    measure: Measure
    limit: float
    usual: float
    tail_start: float
    tail_scale: float
    n_films: int


class Gate(Plain):
    """Limits outside which a picture is none of the films that a classifier knows.

    Attributes:
        min_side_px: shortest side below which the lungs cannot be judged.
        max_aspect_ratio: longer side / shorter side; chest detectors are 1 to 1.25,
            and heavily cropped films stay under 2.
        min_contrast: least difference between the 95th and the 5th percentile of the
            grey values; below it the picture is blank.
        is_frontal: whether the training films are frontal, so that one whose file says that it
            is lateral or a slice is none of them.
        max_colour_share: share of coloured pixels above which a picture is refused.
        checks: the fitted limits; empty for a classifier without a fitted gate.
        file: the classifier's file that holds what the fitted measures are made with, or "".
        budget: the share of honest films that all limits together may refuse.
        refused: the share of the films it was fitted on that all limits together refuse, each
            film measured by a gate that was fitted without it; None if nothing was fitted.
        n_films: films that it was fitted on.
        fitted_on: what these were, or why nothing was fitted, in words.
    """

    min_side_px: int = 28
    max_aspect_ratio: float = 2.5
    min_contrast: float = 0.04
    is_frontal: bool = False
    max_colour_share: float = 1.0
    checks: tuple[GateCheck, ...] = ()
    file: str = ""
    budget: float = 0.0
    refused: float | None = None
    n_films: int = 0
    fitted_on: str = ""

    @property
    def in_words(self) -> str:
        """What was fitted, and what it refuses of films like these, as a sentence's rest."""
        if self.refused is None:
            return self.fitted_on or "size, shape and contrast alone; nothing was fitted"
        n_refused = round(self.refused * self.n_films)
        return (
            f"fitted on {self.fitted_on}; it refuses {n_refused:,} of these "
            f"{self.n_films:,} films, each measured without its own group; they set the "
            f"limits too (at most {100 * self.budget:.2g} % was the aim)"
        )

    def apply(self, measures: GateMeasures) -> str:
        """Return why the picture is refused, in words, or "" if it may pass.

        >>> Gate().apply(GateMeasures(height=20, width=400, contrast=0.5))
        'too small to judge: 400 x 20 pixels, and the shorter side must be 28 or more'
        """
        refusal = self.judge(measures)
        return refusal.reason if refusal else ""

    def judge(self, measures: GateMeasures) -> Refusal | None:
        """Return why the picture is refused, or None if it may pass.

        What a file or the plain pixels say comes before what was fitted.
        """
        return self._by_facts(measures) or self._by_fitted_checks(measures)

    def _by_facts(self, measures: GateMeasures) -> Refusal | None:
        size = f"{measures.width} x {measures.height} pixels"
        shorter, longer = sorted((measures.height, measures.width))
        if shorter < self.min_side_px:
            return Refusal(
                "gate/too-small",
                f"too small to judge: {size}, and the shorter side must be "
                f"{self.min_side_px} or more",
            )
        if longer / shorter > self.max_aspect_ratio:
            return Refusal(
                "gate/shape",
                f"not the shape of a chest film: {size} is {longer / shorter:.1f} to 1, "
                f"and {self.max_aspect_ratio:g} to 1 is the most",
            )
        if measures.contrast < self.min_contrast:
            return Refusal(
                "gate/blank",
                f"blank: 90 % of its grey values lie within {100 * measures.contrast:.1f} % "
                f"of the range, and a film needs {100 * self.min_contrast:g} %",
            )
        return self._by_tags(measures) or self._by_colour(measures)

    def _by_tags(self, measures: GateMeasures) -> Refusal | None:
        if not self.is_frontal:
            return None
        kind = not_frontal(measures.view or "")
        if kind:
            return Refusal(
                "gate/lateral",
                f"{kind}, as its file says (view position '{measures.view}'), and this classifier "
                "learned from frontal films alone: send the frontal one",
            )
        if measures.modality in NO_RADIOGRAPHS:
            return Refusal(
                "gate/slice",
                f"no radiograph but {NO_RADIOGRAPHS[measures.modality]}, as its file says ("
                f"modality '{measures.modality}'): send a frontal chest film",
            )
        return None

    def _by_colour(self, measures: GateMeasures) -> Refusal | None:
        if measures.colour_share <= self.max_colour_share:
            return None
        return Refusal(
            "gate/colour",
            f"coloured: {100 * measures.colour_share:.0f} % of its pixels have a colour, and "
            f"{100 * self.max_colour_share:.0f} % is the most for films like those that this "
            "classifier learned from: send the film itself, not a photograph or a drawing of it",
        )

    def _by_fitted_checks(self, measures: GateMeasures) -> Refusal | None:
        """Refuse what lies beyond a limit, by the reason that says most."""
        beyond = {
            check.measure: check
            for check in self.checks
            if measures.values.get(check.measure, check.usual) > check.limit
        }
        if not beyond:
            return None
        # What a picture turned back would fit is a turned film, whichever limit it crossed.
        if measures.inverted or measures.turn:
            return _pose_refusal(measures)
        if set(beyond) == {"features"}:
            check = beyond["features"]
            return Refusal(
                "gate/unlike-training",
                "to the network it lies far from the films that it learned from "
                f"({_distance(measures, check)}): nobody tested what it answers to such a film",
            )
        check = beyond.get("layout") or next(iter(beyond.values()))
        value = _distance(measures, check)
        if measures.is_part:
            return Refusal(
                "gate/cropped",
                f"it looks like a part of a chest film, or like no film ({value}): send a whole "
                "frontal chest film",
            )
        return Refusal(
            "gate/not-chest",
            f"it does not look like the frontal chest films that this classifier learned from "
            f"({value}): send a whole frontal chest film",
        )


def _pose_refusal(measures: GateMeasures) -> Refusal:
    times = exp(measures.values.get("pose", 0.0))
    nearer = f"so it lies {times:.1f} times nearer to the films that this classifier learned from"
    if measures.inverted:
        also = f", and it looks {_TURNED[measures.turn]}" if measures.turn else ""
        return Refusal(
            "gate/inverted",
            f"black and white look swapped: make a negative of it and send it again ({nearer})"
            f"{also}",
        )
    return Refusal(
        "gate/rotated", f"it looks {_TURNED[measures.turn]} and send it again ({nearer})"
    )


def _distance(measures: GateMeasures, check: GateCheck) -> str:
    """Return a value beyond its limit, in words."""
    value = measures.values[check.measure]
    if check.measure == "picture":
        return (
            f"score {value:+.2f}, a usual film {check.usual:+.2f}, and "
            f"{check.limit:+.2f} is the most that is answered"
        )
    return (
        f"distance {exp(value):.1f}, a usual film {exp(check.usual):.1f}, and "
        f"{exp(check.limit):.1f} is the most that is answered"
    )
