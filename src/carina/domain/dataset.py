"""Records, their classes and where they come from; no pixels."""

import hashlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace

from carina.domain.label_set import LabelSet
from carina.domain.record import Record


@dataclass(frozen=True, slots=True)
class Source:
    """One DATA as it was opened.

    Attributes:
        name: the name its records carry.
        folder: absolute path of the folder or file that was opened.
        layout: the registered layout that read it ("class-folders", "csv", ...).
        patients: what the patient numbers rest on ("file names", "metadata.csv",
            "column 'patient'", "DICOM patient ids"), or "unknown".
        licence: licence of the films as far as the layout knows it, or "".
        citation: how to cite the films, or "".
    """

    name: str
    folder: str
    layout: str
    patients: str = "unknown"
    licence: str = ""
    citation: str = ""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Something of the DATA that is not in the data set, and why."""

    what: str
    n_images: int
    reason: str

    @property
    def sentence(self) -> str:
        """What was left out, how much of it, and why."""
        return f"left out: {self.what}: {self.n_images} ({self.reason})"


@dataclass(frozen=True, slots=True)
class Dataset:
    """An immutable list of records with their classes and provenance.

    Attributes:
        records: the films; labelled ones carry a name of `labels`.
        labels: the classes, in the order of the network's outputs.
        sources: the DATA, in the order given.
        left_out: what was not taken, with counts and reasons.
        notes: sentences the user should read (merged classes, a film that
            stands under two patients, ...), each with its counts.
        patient_key_fingerprint: fingerprint of the key that hashed the patients.
    """

    records: tuple[Record, ...]
    labels: LabelSet
    sources: tuple[Source, ...]
    left_out: tuple[LeftOut, ...] = ()
    notes: tuple[str, ...] = ()
    patient_key_fingerprint: str = ""

    def name_of(self, record: Record) -> str:
        """Return how messages and `audit.json` name a film: its path, with its
        source before it where several sources could be meant."""
        return record.path if len(self.sources) <= 1 else record.key

    def with_records(self, records: Iterable[Record]) -> "Dataset":
        """Return the same data set with other records."""
        return replace(self, records=tuple(records))

    def counts(self) -> dict[str, dict[str, int]]:
        """Return films by described part ("all" where none is described) and class."""
        table: dict[str, dict[str, int]] = {}
        for record in self.records:
            row = table.setdefault(record.part or "all", dict.fromkeys(self.labels.names, 0))
            if record.label is not None:
                row[record.label] = row.get(record.label, 0) + 1
        return table

    def n_patients(self) -> int | None:
        """Return the number of different patients, or None if any film's is unknown."""
        patients = Counter(record.patient for record in self.records)
        return None if None in patients else len(patients)

    @property
    def digest(self) -> str:
        """sha256 over every record's key, label, patient and part, in sorted order.

        The films' content is no part of it: other bytes under the same names and labels
        give the same digest (`manifest.csv` lists each film's own sha256).
        """
        rows = sorted(
            "\x1f".join((r.key, r.label or "", r.patient or "", r.part or "")) for r in self.records
        )
        return hashlib.sha256("\x1e".join(rows).encode()).hexdigest()
