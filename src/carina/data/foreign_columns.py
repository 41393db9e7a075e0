"""Which columns of a tool's table mean what: as the user says, or as their names let guess."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from carina.data.foreign_table import ForeignTable
from carina.data.part_names import part_of_name
from carina.errors import UsageError
from carina.registry import unknown_name_sentence

MEANINGS = (
    "label", "prediction", "patient", "path", "source", "part", "sex", "view", "age",
)  # fmt: skip

# Without case, spaces and signs; the first that a table has is taken.
_GUESSES: Mapping[str, tuple[str, ...]] = {
    "label": (
        "label", "labels", "ytrue", "truth", "groundtruth", "truelabel", "trueclass", "true", "gt",
        "target", "targets", "class", "actual", "reference", "referencestandard", "diagnosis",
        "finding", "dx", "y",
    ),
    "prediction": (
        "predicted", "prediction", "predictions", "ypred", "pred", "predictedlabel",
        "predictedclass", "predlabel", "predclass", "answer", "decision", "yhat",
    ),
    "patient": (
        "patient", "patientid", "patientno", "patientnumber", "subject", "subjectid", "pid", "mrn",
    ),
    "path": (
        "path", "filepath", "file", "filename", "image", "imagepath", "imagefile", "imagename",
        "imageid", "img", "imgpath", "film",
    ),
    "source": ("source", "site", "hospital", "center", "centre", "institution", "dataset"),
    "part": ("part", "split", "partition", "subset", "set"),
    "sex": ("sex", "gender", "patientsex", "patientgender"),
    "view": ("view", "viewposition", "projection"),
    "age": ("age", "patientage", "ageyears", "ageinyears"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class PredictionColumns:
    """What a user says about the columns of a table of predictions.

    Attributes:
        named: meaning (one of `MEANINGS`) -> the column's name; "" where no column has that
            meaning; a meaning that is absent is guessed.
        scores: the columns of scores, each as "COLUMN" or "CLASS=COLUMN"; () to guess them.
        labels: the classes, in the order of the whole numbers from 0 that may stand for them;
            () for those in the table.
        positive: the class that a single column of scores speaks for; "" to guess it.
        logits: the scores are logits: any numbers, whose softmax are the probabilities (of a
            single column the logistic function).
        normalise: divide every row's scores by their sum.
    """

    named: Mapping[str, str] = field(default_factory=dict)
    scores: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    positive: str = ""
    logits: bool = False
    normalise: bool = False

    def __post_init__(self) -> None:
        for meaning in self.named:
            if meaning not in MEANINGS:
                raise UsageError(unknown_name_sentence("kind of column", meaning, MEANINGS))
        if len(self.labels) == 1:
            raise UsageError(f"one class is named ('{self.labels[0]}'); name all: labels a,b")
        if len(set(self.labels)) < len(self.labels):
            raise UsageError(f"a class is named twice: {', '.join(self.labels)}")
        if self.logits and self.normalise:
            raise UsageError("logits cannot be divided by their sum; leave out normalise or logits")


@dataclass(frozen=True, slots=True)
class FoundColumns:
    """Which column has which meaning.

    Attributes:
        of: meaning -> the column's name; absent where there is none.
        notes: what was guessed, as sentences.
    """

    of: Mapping[str, str]
    notes: tuple[str, ...] = ()


def name_key(name: str) -> str:
    """Return a column's name without case, spaces and signs.

    >>> name_key("Patient ID"), name_key("y_true")
    ('patientid', 'ytrue')
    """
    return "".join(letter for letter in name.casefold() if letter.isalnum())


def find_columns(table: ForeignTable, asked: PredictionColumns) -> FoundColumns:
    """Return which column has which meaning, but for the scores.

    Raises:
        EvaluationError: if a column that the user names is not there.
    """
    of: dict[str, str] = {}
    notes: list[str] = []
    for meaning in MEANINGS:
        said = asked.named.get(meaning)
        if said:
            of[meaning] = table.named(said, option=option_of(meaning))
    keys = {name_key(column): column for column in reversed(table.columns)}
    for meaning in MEANINGS:
        if meaning in asked.named:
            continue
        matches = (keys[guess] for guess in _GUESSES[meaning] if guess in keys)
        guess = next((column for column in matches if column not in of.values()), None)
        if guess is None:
            continue
        if meaning == "part" and not _names_parts(table.cells(guess)):
            notes.append(
                f"the column '{guess}' was not taken as the part (training, validation, test): no "
                "cell of it names one"
            )
            continue
        of[meaning] = guess
    return FoundColumns(of, tuple(notes))


def option_of(meaning: str) -> str:
    """Return the option of the command that names a column.

    >>> option_of("patient"), option_of("age")
    ('--patient-column', '--column age')
    """
    own = ("label", "prediction", "patient")
    return f"--{meaning}-column" if meaning in own else f"--column {meaning}"


def _names_parts(cells: tuple[str, ...]) -> bool:
    return any(part_of_name(cell) for cell in set(cells))
