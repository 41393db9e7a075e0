"""The scores in a tool's table -> probabilities, with every reading of them in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from carina.data.foreign_classes import is_blank
from carina.data.foreign_table import ForeignTable
from carina.domain.sentences import counted, listed
from carina.domain.softmax import log_softmax
from carina.errors import EvaluationError

Floats = NDArray[np.float64]

# what decimals of a float64 sum may be off
_FLOAT_NOISE = 1e-6
# half of the last of two decimals: what rounding takes from each score of a row
_ROUNDING = 0.005


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """The scores of a table's rows.

    Attributes:
        probabilities: float64 `[rows, classes]` in `[0, 1]`; NaN in a row without scores.
        logits: float64 `[rows, classes]`, or None if the table has none.
        notes: how they were read, as sentences.
    """

    probabilities: Floats
    logits: Floats | None = None
    notes: tuple[str, ...] = ()


def read_numbers(table: ForeignTable, columns: Sequence[str]) -> tuple[Floats, tuple[str, ...]]:
    """Return the numbers in columns, float64 `[rows, columns]`, with notes.

    "81 %" is 0.81, and "0,81" is 0.81 where cells are not separated by commas. A row without
    any number is NaN.

    Raises:
        EvaluationError: if a cell holds no finite number, or is blank while others of its row
            are not; it names the line and the column. Also if every cell is blank.
    """
    cells = [table.cells(column) for column in columns]
    try:
        numbers = np.array(cells, dtype=np.float64).T
        if np.isfinite(numbers).all():
            return numbers, ()
    except ValueError:
        pass  # the slow way says which cell it is
    notes: dict[str, None] = {}
    read = [
        [_number(table, row, column, cell, notes) for row, cell in enumerate(own)]
        for column, own in zip(columns, cells, strict=True)
    ]
    numbers = np.array(read, dtype=np.float64).T
    missing = np.isnan(numbers)
    if missing.all():
        raise EvaluationError(f"{table.path} holds no score in {listed(columns)}: all are blank")
    partly = np.flatnonzero(missing.any(axis=1) & ~missing.all(axis=1))
    if partly.size:
        row = int(partly[0])
        column = columns[int(np.flatnonzero(missing[row])[0])]
        raise EvaluationError(
            f"{table.place(row)}: the column '{column}' is blank, while other scores of the row "
            f"are there (in {counted(partly.size, 'row')}); give every class its score, or none"
        )
    return numbers, tuple(notes)


def _number(table: ForeignTable, row: int, column: str, cell: str, notes: dict[str, None]) -> float:
    """Return the number in one cell, NaN for a blank one; note how it was read."""
    if is_blank(cell):
        return float("nan")
    text, parts = cell, 1
    if text.endswith("%"):
        text, parts = text[:-1].strip(), 100
        notes["scores with the sign % are taken as hundredths"] = None
    if "," in text and "." not in text and table.delimiter != ",":
        text = text.replace(",", ".")
        notes["the comma in scores is taken as the decimal point"] = None
    try:
        number = float(text) / parts
    except ValueError:
        number = float("inf")
    if not np.isfinite(number):
        raise EvaluationError(
            f"{table.place(row)}, column '{column}': '{cell}' is no finite number; scores are "
            "numbers, or blank where a film got none"
        )
    return number


def probabilities_of_classes(
    table: ForeignTable, columns: Sequence[str], *, logits: bool, normalise: bool
) -> Scores:
    """Return the probabilities of films with one column a class.

    Scores that sum to 1 (to 100: percentages) but for rounding stay as they are.

    Args:
        table: the table.
        columns: one for each class, two or more.
        logits: whether they hold logits.
        normalise: whether to divide each row by its sum, whatever it is.

    Raises:
        EvaluationError: if a score is negative, or the scores of a row do not sum to 1 and
            are not to be normalised.
    """
    numbers, notes = read_numbers(table, columns)
    if logits:
        return Scores(_softmax(numbers), numbers, notes)
    _refuse_negative(table, columns, numbers)
    sums = numbers.sum(axis=1)
    if normalise:
        return _normalised(table, numbers, sums, notes)
    slack = _ROUNDING * len(columns) + _FLOAT_NOISE
    known = sums[~np.isnan(sums)]
    if known.size and (np.abs(known - 100) <= 100 * slack).all():
        numbers, sums = numbers / 100, sums / 100
        notes = (*notes, "the scores sum to 100: they are taken as percentages")
    off = np.flatnonzero(np.abs(sums - 1) > slack)
    if off.size:
        row = int(off[0])
        raise EvaluationError(
            f"{table.place(row)}: the scores {listed(columns)} sum to {sums[row]:.4g}, not to 1 "
            f"(in {counted(off.size, 'row')}); say what they are: --normalise divides each row by "
            "its sum, --logits takes their softmax, --labels a,b,... names the classes whose "
            "columns count"
        )
    if (np.abs(sums - 1) > _FLOAT_NOISE).any():
        low, high = np.nanmin(sums), np.nanmax(sums)
        rounded = f"the scores of a row sum to between {low:.4f} and {high:.4f}, by rounding"
        notes = (*notes, f"{rounded}: they stay as they are")
    return Scores(np.clip(numbers, 0.0, 1.0), None, notes)


def probabilities_of_one(
    table: ForeignTable, column: str, *, positive: int, logits: bool
) -> Scores:
    """Return the probabilities of films of two classes with one column of scores.

    Scores over 1 but none over 100 are percentages.

    Args:
        table: the table.
        column: holds the probability of one class, or its logit.
        positive: 0 or 1; which class that is.
        logits: whether it holds logits.

    Raises:
        EvaluationError: if a score cannot be a probability.
    """
    numbers, notes = read_numbers(table, [column])
    if logits:
        # the logistic function is the softmax of half the logit for and half against
        halves = numbers / 2 * (1 if positive else -1)
        pair = np.hstack([-halves, halves])
        return Scores(_softmax(pair), pair, notes)
    _refuse_negative(table, [column], numbers)
    highest = float(np.nanmax(numbers))
    if highest > 100:
        row = int(np.nanargmax(numbers))
        raise EvaluationError(
            f"{table.place(row)}, column '{column}': {highest:g} is no probability and no "
            "percentage; with --logits any number may stand there"
        )
    if highest > 1 + _FLOAT_NOISE:
        numbers = numbers / 100
        notes = (
            *notes,
            f"scores in '{column}' reach {highest:g}: they are taken as percentages, 100 being "
            "certainty",
        )
    given = np.clip(numbers[:, 0], 0.0, 1.0)
    pair = np.stack([1 - given, given] if positive else [given, 1 - given], axis=1)
    return Scores(pair, None, notes)


def _softmax(logits: Floats) -> Floats:
    probabilities: Floats = np.exp(log_softmax(logits))
    return probabilities


def _refuse_negative(table: ForeignTable, columns: Sequence[str], numbers: Floats) -> None:
    rows, classes = np.nonzero(numbers < 0)
    if rows.size:
        row, column = int(rows[0]), columns[int(classes[0])]
        raise EvaluationError(
            f"{table.place(row)}, column '{column}': {numbers[row, classes[0]]:g} is negative, "
            "and so no probability; if the scores are logits, say so with --logits"
        )


def _normalised(
    table: ForeignTable, numbers: Floats, sums: Floats, notes: tuple[str, ...]
) -> Scores:
    zero = np.flatnonzero(sums == 0)
    if zero.size:
        raise EvaluationError(
            f"{table.place(int(zero[0]))}: the scores sum to 0 and cannot be divided by their sum "
            f"(in {counted(zero.size, 'row')}); leave such a row's scores blank"
        )
    low, high = np.nanmin(sums), np.nanmax(sums)
    note = f"every row's scores were divided by their sum ({low:.4g} to {high:.4g}), as asked"
    return Scores(numbers / sums[:, None], None, (*notes, note))
