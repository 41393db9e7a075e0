"""One row of a data set."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

Part = Literal["train", "validation", "test"]
PARTS: tuple[Part, ...] = get_args(Part)


@dataclass(frozen=True, slots=True)
class Record:
    """One row of a data set: a film, and what is known about it without opening it.

    Attributes:
        path: posix path relative to the source's folder (of a film elsewhere its last
            names); `archive.npz!/member` inside an archive. `(source, path)` is the
            record's key.
        source: name of the DATA it came from, or of the hospital its row names.
        file: where the film lies on this machine; never written to a file.
        label: class name, or None if it is not known.
        patient: keyed hash of the patient, or None if unknown (never the id itself).
        part: the part a described split puts it in, or None.
        view: view position ("PA", "AP", ...), or None.
        sex: "F", "M", or None.
        age_years: age, or None.
        date_offset_days: days since the patient's first film, or None.
        lung_mask: path of a lung mask, like `path`, or None.
    """

    path: str
    source: str
    file: Path
    label: str | None = None
    patient: str | None = None
    part: Part | None = None
    view: str | None = None
    sex: str | None = None
    age_years: float | None = None
    date_offset_days: float | None = None
    lung_mask: str | None = None

    @property
    def key(self) -> str:
        """`source/path`: unique within a data set."""
        return f"{self.source}/{self.path}"
