"""What was found in a data set: `audit.json`."""

from collections.abc import Mapping
from typing import Literal

from carina.domain.document import Document, Plain

LeakKind = Literal["identical-bytes", "identical-pixels", "near-duplicate", "same-patient"]
Severity = Literal["critical", "warning", "note"]


class Unreadable(Plain):
    """A file that is not a readable film; `code` is one of `errors.IMAGE_CODES`."""

    path: str
    code: str
    message: str


class Leak(Plain):
    """Two films in two parts that should know nothing of each other."""

    a: str
    b: str
    kind: LeakKind
    parts: tuple[str, str]


class LabelConflict(Plain):
    """One film under several classes."""

    paths: tuple[str, ...]
    labels: tuple[str, ...]


class Confounder(Plain):
    """How well the class can be told from `signal` alone, as balanced accuracy."""

    signal: str
    balanced_accuracy: float
    low: float
    high: float
    chance: float


Subject = Literal[
    "leaks", "labels", "sources", "unreadable", "duplicates", "parts", "classes", "patients",
    "left-out",
]  # fmt: skip


class Finding(Plain):
    """One thing the user should know, as a sentence, and what it is about."""

    severity: Severity
    sentence: str
    about: Subject | None = None


class Audit(Document):
    """What was found in a data set.

    Attributes:
        images: part ("all" where none is described) -> class -> films.
        unreadable: files that are not readable films.
        exact_duplicates: groups of films with identical bytes or pixels.
        near_duplicates: groups of films that are nearly the same picture.
        leaks: pairs that join two parts of the described split.
        label_conflicts: one film, several classes.
        confounders: what can be told about the class without the lungs.
        findings: the worst first.
        not_checked: what this audit did not look at, so that silence is not "clean".
    """

    images: Mapping[str, Mapping[str, int]]
    unreadable: tuple[Unreadable, ...] = ()
    exact_duplicates: tuple[tuple[str, ...], ...] = ()
    near_duplicates: tuple[tuple[str, ...], ...] = ()
    leaks: tuple[Leak, ...] = ()
    label_conflicts: tuple[LabelConflict, ...] = ()
    confounders: tuple[Confounder, ...] = ()
    findings: tuple[Finding, ...] = ()
    not_checked: tuple[str, ...] = ()
