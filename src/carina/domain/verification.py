"""What `carina verify` found: every check with its outcome, and every difference by its place."""

from __future__ import annotations

from html import escape
from typing import Literal

from carina.domain.document import Document, Plain
from carina.domain.sentences import counted

_SHOWN = 20
Outcome = Literal["same", "different", "not checked"]


class Check(Plain):
    """One thing that was checked, or why it was not.

    Attributes:
        what: "files", "classifier", "films", "answers", "decisions", "numbers", "signature", ...
        where: the file or part of the run that was looked at, such as "predictions/test.csv".
        outcome: what came out.
        n: how many were compared.
        sentence: the same in words.
    """

    what: str
    where: str
    outcome: Outcome
    n: int = 0
    sentence: str


class Difference(Plain):
    """One thing that is not as it was recorded.

    Attributes:
        what: the check that found it.
        where: a file, a file and a film, or a file and the place of a number in it, such as
            "evaluation.json: metrics.accuracy.low".
        recorded: what the run says, or "".
        found: what was found now, or "".
    """

    what: str
    where: str
    recorded: str = ""
    found: str = ""


class FilmsFound(Plain):
    """Which of the recorded films were there to be read again.

    Attributes:
        n_recorded: films in the manifest.
        n_read: those that were found with the recorded bytes, and read.
        missing: keys of those that were not found.
        changed: keys of those whose bytes are others now.
        unreadable: keys of those that have the recorded bytes and cannot be read here.
        were_sought: whether there was a place to look for them: a package without films is
            verified without them, unless DATA is named.
    """

    n_recorded: int = 0
    n_read: int = 0
    missing: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    unreadable: tuple[str, ...] = ()
    were_sought: bool = True

    @property
    def n_skipped(self) -> int:
        """Those that were looked for and not read."""
        return self.n_recorded - self.n_read if self.were_sought else 0


class Verification(Document):
    """What was checked of a run, a package or a classifier, and what is not as it was recorded.

    Attributes:
        name: of the folder or file.
        kind: what it is.
        digest: stands for every byte that its list of digests names (`digest_of_run`); "" where
            there is no list.
        runtime: what computed the answers again, in words; "" where none were.
        checks: in the order in which they were made.
        differences: all of them, in the order of the checks.
        films: which films were read again.
        largest_probability_difference: between recorded and new answers; None without any.
        largest_number_difference: between recorded numbers and new ones that count as the same,
            relative to the number; None without any.
    """

    name: str
    kind: Literal["run", "package", "classifier"]
    digest: str = ""
    runtime: str = ""
    checks: tuple[Check, ...] = ()
    differences: tuple[Difference, ...] = ()
    films: FilmsFound = FilmsFound()
    largest_probability_difference: float | None = None
    largest_number_difference: float | None = None

    @property
    def is_same(self) -> bool:
        """Whether nothing that was checked is different."""
        return not self.differences and all(one.outcome != "different" for one in self.checks)

    @property
    def not_checked(self) -> tuple[Check, ...]:
        """What was not checked."""
        return tuple(one for one in self.checks if one.outcome == "not checked")

    @property
    def in_words(self) -> str:
        """What came out, in one sentence."""
        if not self.is_same:
            n = max(len(self.differences), 1)
            return f"{counted(n, 'difference')}: the {self.kind} is not as it was recorded."
        left = [one for one in self.not_checked if one.what != "signature"]
        unread = f" {counted(self.films.n_skipped, 'film')} could not be read again."
        skipped = unread if self.films.n_skipped else ""
        if left:
            return f"What was checked is as it was recorded; the table says what was not.{skipped}"
        return f"Everything is as it was recorded.{skipped}"

    def _repr_html_(self) -> str:
        """Return a table for notebooks."""
        rows = "".join(
            "<tr>"
            + "".join(
                f"<td>{escape(cell)}</td>" for cell in (c.where, c.what, c.outcome, c.sentence)
            )
            + "</tr>"
            for c in self.checks
        )
        told = "".join(
            f"<p>different: {escape(d.where)}: recorded {escape(d.recorded or '-')}, found "
            f"{escape(d.found or '-')}</p>"
            for d in self.differences[:_SHOWN]
        )
        head = "".join(f"<th>{name}</th>" for name in ("where", "what", "outcome", ""))
        return f"<p><b>{escape(self.in_words)}</b></p><table><tr>{head}</tr>{rows}</table>{told}"
