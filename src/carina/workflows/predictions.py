"""Answers on films, as they are printed and shown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from carina.data.answer_rows import UNREADABLE, AnswerRow, read_answers
from carina.domain.audit import Unreadable
from carina.domain.card import Card
from carina.domain.prediction import CAVEAT, Prediction
from carina.inference.classifier import Classifier
from carina.inference.runtime_choice import ChosenRuntime
from carina.workflows.answer_files import WrittenFiles

_SHOWN = 50
_NO_CODE = "other"


@dataclass(frozen=True, slots=True)
class AnswerCounts:
    """How many films got which answer.

    Attributes:
        decided: class -> films with that answer.
        abstained: reason code -> films without an answer.
        because: reason code -> the reason of the first of these films, in words.
        unreadable: image code -> files that are no readable films.
    """

    decided: Mapping[str, int]
    abstained: Mapping[str, int]
    because: Mapping[str, str]
    unreadable: Mapping[str, int]

    @classmethod
    def of(cls, rows: Iterable[AnswerRow]) -> AnswerCounts:
        """Return the counts of rows, which are gone through once."""
        decided: Counter[str] = Counter()
        abstained: Counter[str] = Counter()
        unreadable: Counter[str] = Counter()
        because: dict[str, str] = {}
        for row in rows:
            answer = row.prediction
            code = answer.reason_code or _NO_CODE
            if not row.is_read:
                unreadable[code.removeprefix(UNREADABLE)] += 1
            elif answer.abstained:
                abstained[code] += 1
                because.setdefault(code, answer.reason)
            else:
                decided[answer.predicted] += 1
        return cls(
            decided=dict(decided.most_common()),
            abstained=dict(abstained.most_common()),
            because=because,
            unreadable=dict(unreadable.most_common()),
        )

    @property
    def n_read(self) -> int:
        """Films that could be read."""
        return sum(self.decided.values()) + sum(self.abstained.values())

    @property
    def n_unreadable(self) -> int:
        """Files that could not."""
        return sum(self.unreadable.values())

    def as_values(self) -> dict[str, Any]:
        """Return plain values, as `--json` prints them."""
        return {
            "films": self.n_read,
            "answers": dict(self.decided),
            "abstained": dict(self.abstained),
            "unreadable": dict(self.unreadable),
        }


@dataclass(frozen=True, slots=True)
class AnswersInFile:
    """Answers that stand in a file and are not held.

    Attributes:
        csv: the file.
        names: the films whose answers are meant; others may stand there, too.
        n_before: how many of them it had before the call.
    """

    csv: Path
    names: frozenset[str]
    n_before: int = 0


@dataclass(frozen=True, slots=True, repr=False)
class Predictions:
    """The answers on some films, and what could not be read.

    Where they were written to a CSV file they are not held: `answers`, `unreadable` and
    `overlays` read it when they are asked for.

    Attributes:
        card: the classifier's card.
        digest: the classifier's digest.
        runtime: what computed the answers.
        counts: how many films got which answer.
        held: the answers, one for each film in the order given, or where they stand.
        refused: folders that may not be read, and so were not searched.
        written: what else the call wrote, and where.
    """

    card: Card
    digest: str
    runtime: ChosenRuntime
    counts: AnswerCounts
    held: tuple[AnswerRow, ...] | AnswersInFile
    refused: tuple[Unreadable, ...] = ()
    written: tuple[WrittenFiles, ...] = ()

    @classmethod
    def of(
        cls,
        classifier: Classifier,
        held: tuple[AnswerRow, ...] | AnswersInFile,
        *,
        refused: tuple[Unreadable, ...],
        written: tuple[WrittenFiles, ...] = (),
    ) -> Predictions:
        """Return a classifier's answers, counted."""
        return cls(
            card=classifier.card,
            digest=classifier.digest,
            runtime=classifier.runtime,
            counts=AnswerCounts.of(_each(held)),
            held=held,
            refused=refused,
            written=written,
        )

    def each(self) -> Iterator[AnswerRow]:
        """Yield the answers one after the other, without holding them all."""
        return _each(self.held)

    @property
    def csv(self) -> Path | None:
        """The file that the answers stand in, if there is one."""
        return self.held.csv if isinstance(self.held, AnswersInFile) else None

    @property
    def n_before(self) -> int:
        """How many films were answered before the call."""
        return self.held.n_before if isinstance(self.held, AnswersInFile) else 0

    @property
    def n_skipped(self) -> int:
        """How many files and folders could not be read."""
        return self.counts.n_unreadable + len(self.refused)

    @property
    def answers(self) -> tuple[Prediction, ...]:
        """One for each readable film."""
        return tuple(row.prediction for row in self.each() if row.is_read)

    @property
    def unreadable(self) -> tuple[Unreadable, ...]:
        """The files that are no readable films, and the folders that may not be read."""
        files = tuple(as_unreadable(row) for row in self.each() if not row.is_read)
        return files + self.refused

    @property
    def overlays(self) -> dict[str, Path]:
        """Film -> the heat map that was written for it."""
        maps = ((row.prediction.path, heat_map_of(row)) for row in self.each())
        return {path: Path(file) for path, file in maps if file is not None}

    @property
    def caveat(self) -> str:
        """The sentence that every output carries."""
        return CAVEAT

    @property
    def rule_told(self) -> tuple[str, ...]:
        """A sentence on the rule where the answer may be another class than the most probable
        one; else none."""
        if self.card.thresholds.rule == "highest":
            return ()
        return (
            f"The answers are given by {self.card.answered_by}, and may be another class than the "
            "most probable one.",
        )

    def as_values(self) -> dict[str, Any]:
        """Return plain values, as `--json` prints them."""
        rows = list(self.each())
        unreadable = [as_unreadable(row) for row in rows if not row.is_read]
        return {
            "classifier": self.card.name,
            "digest": self.digest,
            "runtime": self.runtime.as_values(),
            "answered_by": self.card.answered_by,
            "predictions": [answer_values(row) for row in rows if row.is_read],
            "unreadable": [file.model_dump() for file in (*unreadable, *self.refused)],
            "counts": self.counts.as_values(),
            "csv": str(self.csv) if self.csv is not None else None,
            "answered_before": self.n_before,
            "written": {
                one.kind: {"folder": str(one.folder), "files": one.n_files} for one in self.written
            },
            "cautions": list(self.card.cautions),
            "caveat": self.caveat,
        }

    def __repr__(self) -> str:
        """Return a line."""
        return (
            f"<{self.counts.n_read} answers of '{self.card.name}', {self.counts.n_unreadable} "
            "files unreadable>"
        )

    def _repr_html_(self) -> str:
        """Return a table for notebooks, with what must not be overlooked below it."""
        names = self.card.labels.names
        head = "".join(f"<th>{escape(name)}</th>" for name in ("film", "answer", *names))
        shown = [row for row, _ in zip(self.each(), range(_SHOWN), strict=False)]
        rows = "".join(_html_row(row.prediction, names) for row in shown if row.is_read)
        skipped = [f"skipped: {row.prediction.reason}" for row in shown if not row.is_read]
        skipped += [f"skipped: {folder.message}" for folder in self.refused]
        n_more = self.counts.n_read + self.counts.n_unreadable - len(shown)
        more = (f"... and {n_more} more films",) if n_more > 0 else ()
        sentences = "".join(
            f"<p>{escape(sentence)}</p>"
            for sentence in (*more, *skipped, *self.rule_told, *self.card.cautions, self.caveat)
        )
        return f"<table><tr>{head}</tr>{rows}</table>{sentences}"


def answer_values(row: AnswerRow) -> dict[str, Any]:
    """Return one film's answer as plain values."""
    answer = row.prediction
    return {
        "path": answer.path,
        "sha256": answer.sha256,
        "decision": answer.decision,
        "predicted": answer.predicted,
        "probabilities": dict(answer.probabilities),
        "abstained": answer.abstained,
        "reason": answer.reason,
        "reason_code": answer.reason_code,
        "cautions": list(answer.cautions),
        "heat_map": heat_map_of(row),
        "files": list(row.files),
    }


def as_unreadable(row: AnswerRow) -> Unreadable:
    """Return the row of a film that could not be read as what is told of it."""
    answer = row.prediction
    code = answer.reason_code.removeprefix(UNREADABLE)
    return Unreadable(path=answer.path, code=code, message=answer.reason)


def heat_map_of(row: AnswerRow) -> str | None:
    """Return the heat map that was written for a film, or None."""
    return next((file for file in row.files if file.endswith(".png")), None)


def _each(held: tuple[AnswerRow, ...] | AnswersInFile) -> Iterator[AnswerRow]:
    if isinstance(held, AnswersInFile):
        return read_answers(held.csv, names=held.names)
    return iter(held)


def _html_row(answer: Prediction, names: tuple[str, ...]) -> str:
    told = answer.decision or f"abstains: {answer.reason}"
    cells = "".join(f"<td>{answer.probabilities[name]:.3f}</td>" for name in names)
    return f"<tr><td>{escape(answer.path)}</td><td>{escape(told)}</td>{cells}</tr>"
