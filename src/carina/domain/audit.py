"""What was found in a data set: `audit.json`."""

from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from carina.domain.document import Document, Plain

LeakKind = Literal["identical-bytes", "identical-pixels", "near-duplicate", "same-patient"]
Severity = Literal["critical", "warning", "note"]
_SIGNALS_WITH_LUNGS = ("thumbnail", "histogram")


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
    """How well the class can be told from `signal` alone, without looking at the lungs.

    Attributes:
        signal: its name ("file-format", "frame", ...).
        balanced_accuracy: the mean over the classes of the share told rightly, cross-validated.
        low, high: its 95 % interval.
        chance: what guessing reaches: 1 over the number of classes.
        n: films.
        tells: whether it tells more than luck would, all signals together taken into account.
        in_pixels: whether a network can see it (a border is in the pixels, a file format is not).
        sentence: what this means, for a student.
    """

    signal: str
    balanced_accuracy: float
    low: float
    high: float
    chance: float
    n: int = 0
    tells: bool = False
    in_pixels: bool = True
    sentence: str = ""

    @property
    def has_lungs(self) -> bool:
        """Whether the lungs are in the signal, if too coarsely for most findings: the classes
        may well differ there."""
        return self.signal in _SIGNALS_WITH_LUNGS

    @property
    def share_of_the_way(self) -> float:
        """How far the signal goes from guessing, 0, to certainty, 1."""
        return (self.balanced_accuracy - self.chance) / max(1 - self.chance, 1e-9)


class SourceTable(Plain):
    """How the classes lie over the sources.

    Attributes:
        films: source -> class -> films.
        inferred: whether the sources were inferred from the files, not stated.
        majority_accuracy: the share of films told rightly by "the commonest class of its
            source".
    """

    films: Mapping[str, Mapping[str, int]]
    inferred: bool
    majority_accuracy: float


Sureness = Literal["certain", "likely", "possible"]


class Misfit(Plain):
    """A film that may not belong.

    Attributes:
        path: the film.
        code: why ("blank", "inverted", "rotated", "lateral", "not-chest", "colour",
            "collage", "text", "outlier").
        sureness: how sure this is.
        sentence: what it rests on, with its value.
    """

    path: str
    code: str
    sureness: Sureness
    sentence: str


class SharedFilm(Plain):
    """One film in two data sets.

    Attributes:
        a: the film in the data set that was audited.
        b: the film in the one it was held against.
        kind: what they share.
        labels: their classes, "" where unknown.
    """

    a: str
    b: str
    kind: LeakKind
    labels: tuple[str, str]


class Ages(Plain):
    """How old the patients of each class are, and what that rests on.

    Attributes:
        basis: "stated" (ages of the data set or the files) or "estimated" (from the films'
            proportions).
        sureness: how sure it is.
        children: class -> share of films of children, in `[0, 1]`.
        n: class -> films that this rests on.
    """

    basis: Literal["stated", "estimated"]
    sureness: Sureness
    children: Mapping[str, float]
    n: Mapping[str, int]


class Power(Plain):
    """What the test part could show.

    Attributes:
        n: films in it (patients, where they are known).
        accuracy: the accuracy supposed.
        half_width: half the width of its 95 % interval at that accuracy.
        smallest_difference: the difference between two classifiers on the same films that
            would be found with a probability of 80 %.
    """

    n: int
    accuracy: float
    half_width: float
    smallest_difference: float


Subject = Literal[
    "leaks", "labels", "confounders", "misfits", "ages", "against", "sources", "unreadable",
    "duplicates", "parts", "classes", "power", "patients", "writing", "left-out",
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
        sources: how the classes lie over the sources, stated and inferred.
        misfits: films that may not belong, the surest first.
        ages: children against adults, where anything can be said.
        against: films that another data set has too (`--against`).
        power: what the test part could show.
        patients: part ("all" where none is described) -> class -> patients, where known.
        writing: films whose pixels seem to hold lines of writing, which may name a patient.
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
    sources: tuple[SourceTable, ...] = ()
    misfits: tuple[Misfit, ...] = ()
    ages: Ages | None = None
    against: tuple[SharedFilm, ...] = ()
    power: Power | None = None
    patients: Mapping[str, Mapping[str, int]] = Field(default_factory=dict)
    writing: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    not_checked: tuple[str, ...] = ()
