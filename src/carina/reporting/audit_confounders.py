"""What tells the class without the lungs, as tables and words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from carina.domain.audit import Confounder, SourceTable
from carina.domain.percentages import percent
from carina.domain.report import Block, Paragraph, Table
from carina.reporting.audit_figures import strongest_first
from carina.reporting.audit_tables import MOST_ROWS, shown
from carina.reporting.audit_wording import signal_title, telling
from carina.reporting.wording import name_then_numbers


def explained_confounders(confounders: Sequence[Confounder]) -> list[Block]:
    """Return every signal with its value and its sentence, those that a network sees apart."""
    captions = {
        True: "In the pixels: a network can see it and may use it",
        False: "Not in the pixels: a network cannot see it; where it tells the class, the classes "
        "were not collected alike",
    }
    return [
        Table(
            columns=("Told from", "Balanced accuracy"),
            rows=tuple(
                (
                    "\n".join(
                        filter(None, (f"{signal_title(one.signal)}: {telling(one)}", one.sentence))
                    ),
                    f"{percent(one.balanced_accuracy)}\n{interval(one)}\n"
                    f"guessing {percent(one.chance)}",
                )
                for one in own
            ),
            caption=caption,
            align=name_then_numbers(1),
        )
        for in_pixels, caption in captions.items()
        if (own := strongest_first(confounders, in_pixels=in_pixels))
    ]


def confounder_table(confounders: Sequence[Confounder]) -> list[Block]:
    """Return every signal with its value on one line, those that a network sees first."""
    if not confounders:
        return []
    own = [one for seen in (True, False) for one in strongest_first(confounders, in_pixels=seen)]
    return [
        Table(
            columns=("Told from", "Balanced accuracy", "95 % interval", "Guessing"),
            rows=tuple(
                (
                    f"{signal_title(one.signal)}{'' if one.in_pixels else ' (not in the pixels)'}: "
                    f"{telling(one)}",
                    percent(one.balanced_accuracy),
                    interval(one),
                    percent(one.chance),
                )
                for one in own
            ),
            caption="How well the class can be told without looking at the lungs",
            align=name_then_numbers(3),
        )
    ]


def interval(confounder: Confounder) -> str:
    """Return a signal's 95 % interval.

    >>> interval(Confounder(signal="frame", balanced_accuracy=0.9, low=0.8, high=1, chance=0.5))
    '80.0 to 100.0 %'
    """
    return f"{100 * confounder.low:.1f} to {100 * confounder.high:.1f} %"


def source_blocks(sources: Sequence[SourceTable]) -> list[Block]:
    """Return how the classes lie over the sources, and what the source alone would tell."""
    blocks: list[Block] = []
    for table in sources:
        words = (
            _by_source(table)
            if table is sources[0]
            else f"By these sources that is {_right_by_source(table)}."
        )
        blocks += [_source_table(table), Paragraph(words)]
    return blocks


def _source_table(table: SourceTable) -> Table:
    labels = tuple(dict.fromkeys(label for row in table.films.values() for label in row))
    how = "inferred from the files" if table.inferred else "as the data state them"
    return Table(
        columns=("Source", *labels, "All"),
        rows=tuple(
            (name, *(f"{row.get(label, 0):,}" for label in labels), f"{sum(row.values()):,}")
            for name, row in list(table.films.items())[:MOST_ROWS]
        ),
        caption=shown(f"Films by source and class; sources {how}", len(table.films)),
        align=name_then_numbers(len(labels) + 1),
    )


def _by_source(table: SourceTable) -> str:
    totals = sum((Counter(row) for row in table.films.values()), Counter[str]())
    always = "".join(
        f" (Always answering “{label}” is right for {percent(n / totals.total())}.)"
        for label, n in totals.most_common(1)
    )
    return (
        "Whoever answers every film with the commonest class of its source is "
        f"{_right_by_source(table)}, without a look at any film.{always} An accuracy shows that "
        "something was learned of the disease only as far as it is above that."
    )


def _right_by_source(table: SourceTable) -> str:
    return f"right for {percent(table.majority_accuracy)}"
