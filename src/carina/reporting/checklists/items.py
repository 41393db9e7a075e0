"""A reporting checklist's items, who can know each of them, and a run's answers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from carina.domain.audit import Audit
from carina.domain.card import Card
from carina.domain.evaluation import Evaluation
from carina.domain.recipe import Recipe
from carina.domain.report import AnsweredItem, AnswerKind
from carina.reporting.checklists.manifest_counts import ManifestCounts
from carina.runs import Environment, Run


@dataclass(frozen=True, slots=True)
class RunFacts:
    """A run's files, each read once, for all items of all checklists."""

    run: Run
    recipe: Recipe
    card: Card
    environment: Environment
    audit: Audit
    evaluation: Evaluation
    external: tuple[Evaluation, ...]
    films: ManifestCounts


def facts_of(run: Run) -> RunFacts:
    """Return what a run's files say.

    Raises:
        RunError: if a file is absent or cannot be read.
        EvaluationError: if an evaluation cannot be read.
    """
    return RunFacts(
        run=run,
        recipe=run.recipe,
        card=run.card,
        environment=run.environment,
        audit=run.audit,
        evaluation=run.evaluation,
        external=tuple(run.external_evaluation(name) for name in run.external_names()),
        films=ManifestCounts(run.manifest, run.card.labels.names),
    )


@dataclass(frozen=True, slots=True)
class Answer:
    """What a run says to an item.

    Attributes:
        kind: "filled", "missing" or "not-applicable".
        words: the answer; what is missing, and how to get it; or why the item does not apply.
        anchors: the sections of the page that it rests on.
    """

    kind: AnswerKind
    words: str
    anchors: tuple[str, ...] = ()


def filled(words: str, *anchors: str) -> Answer:
    """Return an answer with the run's own values, and the sections it rests on."""
    return Answer("filled", words, anchors)


def missing(words: str) -> Answer:
    """Return what the run lacks, and how it could be had."""
    return Answer("missing", words)


def not_applicable(reason: str) -> Answer:
    """Return why an item does not apply to the run."""
    return Answer("not-applicable", reason)


@dataclass(frozen=True, slots=True)
class Item:
    """One item of a checklist.

    Attributes:
        number: as the checklist counts.
        section: the part of a paper that it belongs to.
        topic: what it asks for, in our own few words.
        answer: a run's answer, if a program can know it; else None.
        for_author: what only the author can say: all of it, or what is left to add.
    """

    number: str
    section: str
    topic: str
    answer: Callable[[RunFacts], Answer] | None = None
    for_author: str = ""

    @property
    def is_for_a_program(self) -> bool:
        """Whether a program can know the answer from a run's files."""
        return self.answer is not None


def answered(item: Item, facts: RunFacts) -> AnsweredItem:
    """Return an item with a run's answer, or left for the author."""
    if item.answer is None:
        return AnsweredItem(item.number, item.topic, "author", item.for_author)
    answer = item.answer(facts)
    return AnsweredItem(
        number=item.number,
        topic=item.topic,
        kind=answer.kind,
        answer=answer.words,
        to_add=item.for_author if answer.kind == "filled" else "",
        anchors=answer.anchors,
    )


@dataclass(frozen=True, slots=True)
class Tally:
    """How many of some items a run fills.

    Attributes:
        filled: answered with the run's own values.
        askable: that a program can know and that apply to the run.
        not_applicable: that a program can know not to apply.
        author: that only the author knows.
    """

    filled: int
    askable: int
    not_applicable: int
    author: int

    @property
    def share(self) -> float:
        """The share of the items a program can know that are filled, in `[0, 1]`."""
        return self.filled / self.askable if self.askable else 1.0


def tally_of(items: Sequence[AnsweredItem]) -> Tally:
    """Return how many items are filled, of how many that a program can know."""
    kinds = Counter(item.kind for item in items)
    return Tally(
        filled=kinds["filled"],
        askable=kinds["filled"] + kinds["missing"],
        not_applicable=kinds["not-applicable"],
        author=kinds["author"],
    )
