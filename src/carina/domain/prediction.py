"""One film's answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from carina.domain.record import Part, Record

CAVEAT = (
    "Research and education only: not a medical device, not for diagnosis. "
    "A classifier's answer holds for films like those it was tested on."
)


@dataclass(frozen=True, slots=True)
class Prediction:
    """One film's calibrated probabilities and the decision.

    Attributes:
        path: the film, as the user named it or relative to its data set.
        probabilities: class -> calibrated probability; they sum to 1. Empty if the
            film could not be read, or if its answer is all that is known.
        logits: class -> the network's uncalibrated output.
        predicted: the class that the thresholds choose, also when abstained; ""
            if the film could not be read.
        abstained: True if Carina does not stand by an answer.
        reason: why it abstained, in words, or "".
        reason_code: the same as a stable word for programs ("gate/rotated", "rule/unsure", ...;
            `domain.gate.REASON_WORDS`), or "".
        cautions: sentences noticed while reading the film.
        source: the data set's source, or "".
        part: the part of the run's split, or None.
        patient: keyed hash, or None.
        label: the known class, or None.
        sha256: hex digest of the file's bytes, or "".
    """

    path: str
    probabilities: Mapping[str, float]
    logits: Mapping[str, float]
    predicted: str
    abstained: bool = False
    reason: str = ""
    reason_code: str = ""
    cautions: tuple[str, ...] = ()
    source: str = ""
    part: Part | None = None
    patient: str | None = None
    label: str | None = None
    sha256: str = field(default="", compare=False)

    def of(self, record: Record, *, part: Part | None = None) -> Prediction:
        """Return the same answer with what a data set knows about its film."""
        return replace(
            self,
            path=record.path,
            source=record.source,
            part=part,
            patient=record.patient,
            label=record.label,
        )

    @property
    def decision(self) -> str | None:
        """The answer, or None if Carina abstains."""
        return None if self.abstained else self.predicted
