"""What a layout finds, before labels are decided and patients are hashed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from carina.domain.dataset import LeftOut
from carina.domain.record import Part


@dataclass(frozen=True, slots=True)
class PatientNumber:
    """A patient as a data set numbers them; never stored, hashed by `PatientKey`.

    Attributes:
        namespace: the numbering it belongs to ("nih", "kermany", ...): the same public
            film in two folders gives the same patient, and number 12 of two numberings
            gives two.
        number: the number itself; kept out of `repr`, so that no log shows it.
    """

    namespace: str
    number: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class FoundFilm:
    """One film as its layout describes it.

    Attributes:
        path: posix path relative to the source's folder, or the last names of the path of a
            film elsewhere; `archive.npz!/member` inside an archive.
        file: where the film lies.
        label: the label exactly as it was found, or None.
        patient: the patient's number, or None if unknown.
        part: the part a described split puts it in, or None.
        hospital: the source that the film's own row names, or None.
        view: view position, or None.
        sex: "F", "M", or None.
        age_years: age, or None.
        date_offset_days: days since the patient's first film, or None.
        lung_mask: path of a lung mask, like `path`, or None.
    """

    path: str
    file: Path
    label: str | None = None
    patient: PatientNumber | None = None
    part: Part | None = None
    hospital: str | None = None
    view: str | None = None
    sex: str | None = None
    age_years: float | None = None
    date_offset_days: float | None = None
    lung_mask: str | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """Everything that a layout found in one DATA.

    Attributes:
        films: the films, in an order that does not depend on the file system.
        layout: the layout's name.
        patients: what the patient numbers rest on, or "unknown".
        label_table: found label -> class, the layout's own reading of its labels; None
            leaves the films out. The recipe's `labels` section goes before it.
        left_out: what was not taken, with counts.
        notes: sentences the user should read.
        licence: licence of the films, as far as known.
        citation: how to cite them, if known.
    """

    films: tuple[FoundFilm, ...]
    layout: str
    patients: str = "unknown"
    label_table: Mapping[str, str | None] = field(default_factory=dict)
    left_out: tuple[LeftOut, ...] = ()
    notes: tuple[str, ...] = ()
    licence: str = ""
    citation: str = ""


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """What a layout may be asked for.

    Attributes:
        label_column: the label column of a CSV manifest.
    """

    label_column: str = "label"


class Layout(Protocol):
    """A way in which data sets lie on disk.

    Attributes:
        precedence: layouts are asked in rising order; the first that recognises the
            DATA reads it. No two layouts share one.
    """

    precedence: int

    def recognises(self, path: Path) -> bool:
        """Return whether `path` (it exists) lies in this layout; reads little."""

    def read(self, path: Path, options: ReadOptions) -> Found:
        """Return what lies there.

        Raises:
            DatasetError: if it holds nothing that can be used, and why.
        """
