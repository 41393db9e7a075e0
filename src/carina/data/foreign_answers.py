"""The answers in a tool's table: its own, or made of its scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from carina.data.foreign_classes import is_undecided
from carina.data.foreign_reading import ReadTable
from carina.data.foreign_scores import Scores
from carina.domain.sentences import counted
from carina.errors import EvaluationError

_AT_LEAST = 0.5
_TRUE = frozenset(("true", "1", "yes"))


@dataclass(frozen=True, slots=True)
class Answer:
    """One row's answer.

    Attributes:
        label: the class; "" where there is neither an answer nor a score.
        abstained: whether the tool would not answer; `label` is then the most probable class.
        reason: why, in words, or "".
    """

    label: str
    abstained: bool = False
    reason: str = ""


def answers_of(
    read: ReadTable, scores: Scores | None, *, positive: int | None
) -> tuple[list[Answer], tuple[str, ...]]:
    """Return each row's answer, and notes.

    Args:
        read: the table.
        scores: its scores, if it has any.
        positive: of two classes the one that a single column of scores speaks for; else None.

    Raises:
        EvaluationError: if an answer is no class, or stands without the scores that other rows
            have.
    """
    best = _highest(read.classes.names, scores, positive, n_rows=len(read.table))
    if read.answers is None:
        answers = [Answer(label) for label in best]
        notes = [_rule(read, positive)]
    else:
        answers, notes = _own_answers(read, read.answers, best, has_scores=scores is not None)
    answers = _abstaining(read, answers)
    n_silent = sum(not answer.label for answer in answers)
    if n_silent:
        notes.append(f"{counted(n_silent, 'row')} without an answer of the tool not evaluated")
    return answers, tuple(notes)


def refuse_confidence(read: ReadTable, scores: Scores) -> None:
    """Refuse a single column that looks like the probability of whichever answer was given.

    Both classes are answered, and no score is below one half: as the positive class's
    probability that can hardly be, as the answer's it must.

    Raises:
        EvaluationError: if so.
    """
    if read.answers is None or read.columns.chosen or read.columns.logits:
        return
    known = _known_rows(scores)
    given = {
        answer
        for answer, is_known in zip(read.answers, known.tolist(), strict=True)
        if is_known and not is_undecided(answer)
    }
    if len(given) > 1 and (scores.probabilities[known].min(axis=0) >= _AT_LEAST).any():
        raise EvaluationError(
            f"{read.table.path}: the column '{read.columns.single}' is never below 0.5, though "
            "both classes are answered: it seems to be the probability of the answer given. "
            "Expected is the probability of one class: write a column for each class (p_<class>), "
            f"or say that it is one class's with --score-column {read.columns.single}"
        )


def _highest(
    names: Sequence[str], scores: Scores | None, positive: int | None, *, n_rows: int
) -> list[str]:
    """Return the most probable class, "" where there is no score; at a tie the first one, or the
    positive one of two classes with a single score."""
    if scores is None:
        return [""] * n_rows
    known = _known_rows(scores).tolist()
    chosen = np.argmax(np.nan_to_num(scores.probabilities), axis=1)
    if positive is not None:
        chosen[scores.probabilities[:, positive] >= _AT_LEAST] = positive
    return [names[index] if is_known else "" for index, is_known in zip(chosen, known, strict=True)]


def _known_rows(scores: Scores) -> NDArray[np.bool_]:
    missing: NDArray[np.bool_] = np.isnan(scores.probabilities)
    known: NDArray[np.bool_] = ~np.any(missing, axis=1)
    return known


def _rule(read: ReadTable, positive: int | None) -> str:
    if positive is None:
        return "no column holds answers: the most probable class is the answer"
    return (
        f"no column holds answers: '{read.classes.names[positive]}' is answered where its "
        "probability is 0.5 or more"
    )


def _own_answers(
    read: ReadTable, written: Sequence[str], best: Sequence[str], *, has_scores: bool
) -> tuple[list[Answer], list[str]]:
    """Return the tool's own answers; where it withheld one, the most probable class."""
    means = read.classes.resolved(set(written) - {""})
    answers = []
    n_other = 0
    for row, (text, probable) in enumerate(zip(written, best, strict=True)):
        own = means.get(text)
        if own is None and not is_undecided(text):
            raise EvaluationError(
                f"{read.table.place(row)}, column '{read.found.of['prediction']}': '{text}' is "
                f"none of the classes ({', '.join(read.classes.names)}); name all classes with "
                "--labels, or another column with --prediction-column"
            )
        if own is not None and has_scores and not probable:
            raise EvaluationError(
                f"{read.table.place(row)}: an answer ('{text}') without scores, which other rows "
                "have; give it scores, or leave the answer blank too"
            )
        if own is None:
            reason = "the tool gave no answer" if probable else ""
            answers.append(Answer(probable, abstained=bool(probable), reason=reason))
            continue
        answers.append(Answer(own))
        n_other += has_scores and own != probable
    notes = []
    if n_other:
        notes.append(
            f"in {counted(n_other, 'row')} the tool's own answer is not its most probable class: "
            "the answers count where a number rests on answers"
        )
    return answers, notes


def _abstaining(read: ReadTable, answers: Sequence[Answer]) -> list[Answer]:
    """Return the answers with the abstentions that Carina's own files keep in a column."""
    table = read.table
    if "abstained" not in table.columns:
        return list(answers)
    reasons = table.cells("reason") if "reason" in table.columns else ("",) * len(table)
    said = (cell.casefold() in _TRUE for cell in table.cells("abstained"))
    return [
        Answer(answer.label, abstained=True, reason=why) if own and answer.label else answer
        for answer, why, own in zip(answers, reasons, said, strict=True)
    ]
