"""Any tool's predictions: a table with a truth and scores or answers for each film."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from carina.data.foreign_answers import answers_of, refuse_confidence
from carina.data.foreign_classes import positive_of
from carina.data.foreign_columns import PredictionColumns, find_columns
from carina.data.foreign_reading import ReadTable, read_meaning, what_was_left, what_was_taken
from carina.data.foreign_rows import describe_films
from carina.data.foreign_scores import (
    Scores,
    probabilities_of_classes,
    probabilities_of_one,
    read_numbers,
)
from carina.data.foreign_table import ForeignTable, read_foreign_table
from carina.data.patients import PatientKey
from carina.domain.prediction import Prediction
from carina.domain.record import Record
from carina.domain.sentences import counted
from carina.errors import EvaluationError

__all__ = ["ForeignPredictions", "PredictionColumns", "read_foreign_predictions"]


@dataclass(frozen=True, slots=True)
class ForeignPredictions:
    """Any tool's predictions.

    Attributes:
        labels: the classes in order.
        predictions: one a row. Without scores they have no probabilities; where the tool gave
            a film neither scores nor an answer, `predicted` is "".
        records: what else the rows say of their films, in the same order.
        has_scores: False if the table holds answers alone.
        decided: whether the answers are the tool's own; else they were made of its scores.
        positive: of two classes the one that a single column of scores speaks for, where the
            column does not name it; else "".
        from_logits: whether the probabilities were made of the table's logits.
        notes: how the table was read, every guess and what was left out, as sentences.
    """

    labels: tuple[str, ...]
    predictions: tuple[Prediction, ...]
    records: tuple[Record, ...]
    has_scores: bool
    decided: bool
    positive: str = ""
    from_logits: bool = False
    notes: tuple[str, ...] = ()


def read_foreign_predictions(
    path: Path, columns: PredictionColumns, *, patient_key: PatientKey
) -> ForeignPredictions:
    """Return the predictions in a table of any tool.

    It is CSV in UTF-8 (semicolons, tabs and bars are told by the header) with a row for each
    film: a truth, and probabilities or an answer. What `columns` does not say is guessed from
    the names, and noted. Two classes may share one column of scores.

    Args:
        path: the file.
        columns: what the user says about its columns.
        patient_key: hashes patients at once; their numbers are kept nowhere.

    Raises:
        EvaluationError: if the file cannot be read or understood; it names file, line and
            column, what was found and what to do.
    """
    table = read_foreign_table(path)
    found = find_columns(table, columns)
    table, repeats = _without_repeats(table, found.of.get("path"))
    read = read_meaning(table, found, columns)
    scores, positive, score_notes = _scores(read, columns)
    labels, label_notes = _labels(read, columns)
    answers, answer_notes = answers_of(read, scores, positive=positive)
    described = describe_films(table, found.of, patient_key)
    names = read.classes.names
    predictions = (
        Prediction(
            path="",
            probabilities=_by_class(names, scores.probabilities[row]) if scores else {},
            logits=_by_class(names, scores.logits[row])
            if scores is not None and scores.logits is not None
            else {},
            predicted=answer.label,
            abstained=answer.abstained,
            reason=answer.reason,
        ).of(replace(record, label=label), part=record.part)
        for row, (answer, record, label) in enumerate(
            zip(answers, described.records, labels, strict=True)
        )
    )
    return ForeignPredictions(
        labels=names,
        predictions=tuple(predictions),
        records=described.records,
        has_scores=scores is not None,
        decided=read.answers is not None,
        positive="" if positive is None or read.columns.single_class else names[positive],
        from_logits=read.columns.logits,
        notes=(
            *what_was_taken(read, columns),
            *found.notes,
            *repeats,
            *label_notes,
            *score_notes,
            *answer_notes,
            *described.notes,
            *what_was_left(read),
        ),
    )


def _without_repeats(
    table: ForeignTable, path_column: str | None
) -> tuple[ForeignTable, tuple[str, ...]]:
    """Return the table without rows that repeat another of the same film word for word."""
    if path_column is None:
        return table, ()
    first = {row: index for index, row in reversed(list(enumerate(table.rows)))}
    kept = sorted(first.values())
    n_repeated = len(table) - len(kept)
    if not n_repeated:
        return table, ()
    shorter = replace(
        table,
        rows=tuple(table.rows[index] for index in kept),
        lines=tuple(table.lines[index] for index in kept),
    )
    return shorter, (f"{counted(n_repeated, 'row')} passed over, repeating an earlier one",)


def _scores(
    read: ReadTable, asked: PredictionColumns
) -> tuple[Scores | None, int | None, tuple[str, ...]]:
    """Return the scores if there are any, which class a single column speaks for, and notes."""
    columns, names = read.columns, read.classes.names
    if columns.single:
        said = columns.single_class or asked.positive
        label, guess = positive_of(names, said, column=columns.single)
        positive = names.index(label)
        scores = probabilities_of_one(
            read.table, columns.single, positive=positive, logits=columns.logits
        )
        refuse_confidence(read, scores)
        return scores, positive, (*((guess,) if guess else ()), *scores.notes)
    if not columns.of_class:
        return None, None, ()
    order = [columns.of_class[name] for name in names]
    scores = probabilities_of_classes(
        read.table, order, logits=columns.logits, normalise=asked.normalise
    )
    if columns.logits_beside:
        logits, _ = read_numbers(read.table, [columns.logits_beside[name] for name in names])
        scores = replace(scores, logits=logits)
    return scores, None, scores.notes


def _labels(read: ReadTable, asked: PredictionColumns) -> tuple[list[str | None], tuple[str, ...]]:
    """Return the class of each row's truth, None where it has none, and notes."""
    means = read.classes.resolved(set(read.truths) - {""})
    strange = Counter(truth for truth in read.truths if truth and means[truth] is None)
    column = read.found.of["label"]
    if strange and not asked.labels:
        row = next(row for row, truth in enumerate(read.truths) if truth in strange)
        raise EvaluationError(
            f"{read.table.place(row)}, column '{column}': '{read.truths[row]}' has no column of "
            f"scores (classes: {', '.join(read.classes.names)}); name its column with "
            "--score-column CLASS=COLUMN, or the classes that count with --labels"
        )
    notes = [
        f"{counted(n, 'row')} with the label '{label}' not evaluated: it is none of the classes "
        "that are named"
        for label, n in sorted(strange.items())
    ]
    n_blank = sum(not truth for truth in read.truths)
    if n_blank:
        notes.append(f"{counted(n_blank, 'row')} without a label not evaluated")
    return [means[truth] if truth else None for truth in read.truths], tuple(notes)


def _by_class(names: Sequence[str], numbers: NDArray[np.float64]) -> dict[str, float]:
    """Return class -> number, empty where the numbers are NaN."""
    if np.isnan(numbers).any():
        return {}
    return dict(zip(names, numbers.tolist(), strict=True))
