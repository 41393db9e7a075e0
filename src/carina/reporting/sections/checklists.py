"""What two reporting checklists ask, and what this run answers."""

from __future__ import annotations

from itertools import groupby

from carina.domain.report import AnsweredItem, Checklist, Paragraph, Section
from carina.domain.sentences import counted
from carina.reporting.checklists import claim_2024, tripod_ai
from carina.reporting.checklists.items import Item, RunFacts, answered, facts_of, tally_of
from carina.reporting.sections import section
from carina.runs import Run


@section("checklists", order=80)
def checklists(run: Run) -> Section:
    """Return the items of CLAIM and TRIPOD+AI, filled as far as the run's files go."""
    facts = facts_of(run)
    claim = _checklist(claim_2024.TITLE, claim_2024.ITEMS, facts)
    tripod = _checklist(tripod_ai.TITLE, tripod_ai.ITEMS, facts)
    return Section(
        anchor="checklists",
        title="Checklists for a paper",
        blocks=(
            Paragraph(_counted((*items_of(claim), *items_of(tripod)))),
            Paragraph(f"CLAIM: {claim_2024.CITATION}."),
            claim,
            Paragraph(f"TRIPOD+AI: {tripod_ai.CITATION}."),
            tripod,
        ),
    )


def items_of(checklist: Checklist) -> tuple[AnsweredItem, ...]:
    """Return a checklist's items in one row."""
    return tuple(item for _, items in checklist.sections for item in items)


def _checklist(title: str, items: tuple[Item, ...], facts: RunFacts) -> Checklist:
    found = [(item.section, answered(item, facts)) for item in items]
    grouped = groupby(found, key=lambda pair: pair[0])
    sections = tuple((name, tuple(one for _, one in pairs)) for name, pairs in grouped)
    tally = tally_of([one for _, one in found])
    return Checklist(
        title=f"{title}: {tally.filled} of {tally.askable} items that a program can know are "
        "filled",
        sections=sections,
    )


def _counted(items: tuple[AnsweredItem, ...]) -> str:
    tally = tally_of(items)
    lacking = tally.askable - tally.filled
    return (
        f"{tally.filled} of {counted(tally.askable, 'item')} that a program can know are filled "
        f"from this run's files, {lacking} {'lacks' if lacking == 1 else 'lack'} something that "
        f"the run does not have, and {tally.not_applicable} do not apply to it. The other "
        f"{tally.author} only the author knows: nothing was made up for them. The wording of the "
        "items is ours and short; the articles say what each one asks for."
    )
