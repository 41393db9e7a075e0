"""Which pictures the input gate refuses."""

from __future__ import annotations

from collections.abc import Mapping

from carina.domain.gate import REASON_WORDS, Gate
from carina.domain.gate_figures import GateFigures
from carina.domain.report import Block, Bullets, Paragraph, Section, Table
from carina.domain.sentences import capitalised, listed, sentence
from carina.reporting.sections import test_section
from carina.reporting.wording import name_then_numbers, over_interval
from carina.runs import Run, TestFolder

_MEASURES = {
    "picture": "Looks like a film (-1) or like a scrambled one (+1)",
    "layout": "Unlike the films in its layout (logarithm of a distance)",
    "pose": "Would be more like them turned or inverted (logarithm; above 0: yes)",
    "features": "Unlike the films to the network (logarithm of a distance)",
}


@test_section("gate", order=47)
def gate(run: Run | TestFolder) -> Section | None:
    """Return the section on the input gate, or None where a test tells nothing of it."""
    figures = run.evaluation.gate
    if figures is None:
        return None
    blocks: list[Block] = [Paragraph(figures.sentence)]
    if isinstance(run, Run):
        blocks += _fitted(run.card.gate)
    if figures.kinds:
        blocks += [_kinds(figures), Paragraph(_WHAT_THE_KINDS_ARE)]
    return Section("gate", "Which pictures it refuses", tuple(blocks))


_WHAT_THE_KINDS_ARE = (
    "These kinds are those that the gate was fitted against, made of test films that it had not "
    "seen. Photographs, documents, other body parts and slices it knows only as pictures unlike "
    "its films; what it does with those was measured for Carina's documentation, not in this run. "
    "That a picture passes does not make it a chest film: the gate compares small copies and what "
    "the network makes of them."
)


def _fitted(fitted: Gate) -> list[Block]:
    """Return how the limits came about."""
    blocks: list[Block] = [Paragraph(f"The input gate: {sentence(fitted.in_words)}")]
    if not fitted.checks:
        return blocks
    blocks.append(
        Table(
            columns=("What is measured", "A usual film", "The most that is answered", "Films"),
            rows=tuple(
                (
                    _MEASURES[check.measure],
                    f"{check.usual:.2f}",
                    f"{check.limit:.2f}",
                    f"{check.n_films:,}",
                )
                for check in fitted.checks
            ),
            caption="The fitted limits; each film was measured by a gate fitted without it",
            align=name_then_numbers(3),
        )
    )
    facts = [
        f"a shorter side of fewer than {fitted.min_side_px} pixels",
        f"a longer side of more than {fitted.max_aspect_ratio:g} times the shorter one",
        f"grey values that span less than {100 * fitted.min_contrast:g} % of the range",
        f"colour in more than {100 * fitted.max_colour_share:.0f} % of the pixels",
    ]
    if fitted.is_frontal:
        facts.append("a file that calls itself lateral, oblique or a slice")
    blocks.append(Bullets("Refused whatever these measures say:", tuple(facts)))
    return blocks


def _kinds(figures: GateFigures) -> Table:
    return Table(
        columns=("Test films made into other pictures", "Pictures", "Refused", "As"),
        rows=tuple(
            (
                capitalised(one.kind),
                f"{one.refused.n:,}",
                over_interval("accuracy", one.refused),
                _as(one.reasons),
            )
            for one in figures.kinds
        ),
        caption="What the gate refuses, with 95 % intervals",
        align=(*name_then_numbers(2), "left"),
    )


def _as(reasons: Mapping[str, int]) -> str:
    return listed([f"{n:,} {REASON_WORDS[code]}" for code, n in reasons.items()])
