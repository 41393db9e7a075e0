"""A tool's table with its meaning: which columns and cells say what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from carina.data.foreign_classes import ClassNames, classes_of_labels, is_undecided, label_in
from carina.data.foreign_columns import FoundColumns, PredictionColumns, option_of
from carina.data.foreign_score_columns import ScoreColumns, find_score_columns
from carina.data.foreign_table import ForeignTable
from carina.domain.sentences import counted, listed
from carina.errors import EvaluationError
from carina.files.names import column_names

# a column of more is free text, numbers, or the names of films
_MOST_CLASSES = 100
# of a predictions file of Carina's own
OWN_COLUMNS = ("abstained", "reason", "cautions")


@dataclass(frozen=True, slots=True, eq=False)
class ReadTable:
    """A tool's table with its meaning.

    Attributes:
        table: the table.
        found: its columns, but for the scores.
        truths: label in each row, "" for none.
        answers: answer in each row, "" for none; None if no column holds answers.
        columns: of the scores.
        classes: the classes, and which cells mean them.
    """

    table: ForeignTable
    found: FoundColumns
    truths: Sequence[str]
    answers: Sequence[str] | None
    columns: ScoreColumns
    classes: ClassNames


def read_meaning(table: ForeignTable, found: FoundColumns, asked: PredictionColumns) -> ReadTable:
    """Return a table with its classes and its columns of scores.

    Raises:
        EvaluationError: if there is no truth, neither scores nor answers, or scores and classes
            do not fit together.
    """
    if "label" not in found.of:
        raise EvaluationError(
            f"{table.path} has no column with the truth (found: {column_names(table.columns)}); "
            f"name it with {option_of('label')} NAME; the first line must hold the columns' names"
        )
    truths = [label_in(cell) for cell in table.cells(found.of["label"])]
    if not any(truths):
        raise EvaluationError(
            f"{table.path} has no truth in the column '{found.of['label']}': every cell is blank; "
            f"name another with {option_of('label')} NAME"
        )
    answers = None
    if "prediction" in found.of:
        answers = [label_in(cell) for cell in table.cells(found.of["prediction"])]
    given = (answer for answer in answers or () if not is_undecided(answer))
    numbered = bool(asked.labels)
    known = ClassNames(asked.labels or classes_of_labels([*truths, *given]), numbered=numbered)
    if len(known.names) > _MOST_CLASSES:
        raise EvaluationError(
            f"{table.path}: the column '{found.of['label']}' and the answers hold "
            f"{len(known.names):,} different labels, and at most {_MOST_CLASSES} are classes; name "
            f"the column of truths with {option_of('label')} NAME, or the classes with --labels a,b"
        )
    columns = find_score_columns(table, asked, known, taken=set(found.of.values()))
    names = tuple(columns.of_class) or known.names
    _require_classes(table, columns, names, has_answers=answers is not None)
    return ReadTable(table, found, truths, answers, columns, ClassNames(names, numbered=numbered))


def _require_classes(
    table: ForeignTable, columns: ScoreColumns, names: Sequence[str], *, has_answers: bool
) -> None:
    if not columns.columns and not has_answers:
        raise EvaluationError(
            f"{table.path} has no column of scores and none of answers (found: "
            f"{column_names(table.columns)}); expected p_<class> for every class "
            f"({', '.join(f'p_{name}' for name in names)}), or one score of two classes, or the "
            f"answer; name them with --score-column or {option_of('prediction')}"
        )
    if columns.single and len(names) != 2:
        raise EvaluationError(
            f"{table.path} has one column of scores ('{columns.single}'), which tells two classes "
            f"apart, and {counted(len(names), 'label')} ({', '.join(names)}); name the two with "
            "--labels a,b, or a column for each class with --score-column CLASS=COLUMN"
        )
    if len(names) < 2:
        raise EvaluationError(
            f"{table.path} names one class only ({names[0]}); name all classes with --labels a,b"
        )


def what_was_taken(read: ReadTable, asked: PredictionColumns) -> list[str]:
    """Return what was taken for what where the user had not said it, as sentences."""
    notes = []
    taken = [
        f"'{column}' as the {meaning}"
        for meaning, column in read.found.of.items()
        if meaning not in asked.named
    ]
    columns = read.columns
    scores = [columns.single] if columns.single else list(columns.of_class.values())
    if scores and not columns.chosen:
        kind = "logits" if columns.logits else "probabilities"
        taken.append(f"{listed([repr(name) for name in scores])} as the {kind}")
    if taken:
        notes.append(f"columns taken by their names: {'; '.join(taken)}")
    if read.table.delimiter != ",":
        notes.append(f"cells are separated by {read.table.separated_by}")
    numbers = _numbers_for_classes(read)
    if numbers:
        pairs = [f"{number} for {name}" for number, name in sorted(numbers.items())]
        notes.append(f"numbers taken as classes: {listed(pairs)}")
    return notes


def what_was_left(read: ReadTable) -> list[str]:
    """Return which columns were not used, as a sentence."""
    used = {*read.found.of.values(), *read.columns.columns}
    if "abstained" in read.table.columns:
        used.update(OWN_COLUMNS)
    unused = [column for column in read.table.columns if column and column not in used]
    return [f"columns that were not used: {', '.join(unused)}"] if unused else []


def _numbers_for_classes(read: ReadTable) -> dict[str, str]:
    """Return the numbers that stand for classes by their order -> those classes."""
    labels = {*read.truths, *(read.answers or ())} - {""}
    by_name = ClassNames(read.classes.names, numbered=False).resolved(labels)
    meant = read.classes.resolved(labels)
    return {
        label: name for label, name in meant.items() if name is not None and by_name[label] is None
    }
