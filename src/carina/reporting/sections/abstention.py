"""Which films a classifier should not answer, and what that changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from carina.domain.abstention import ConformalRule
from carina.domain.abstention_figures import AbstentionFigures, RiskCoverage, SetFigures
from carina.domain.percentages import percent
from carina.domain.report import Block, Bullets, Figure, Paragraph, Section, Table
from carina.domain.sentences import sentence
from carina.reporting.figures import FAINT, INK, PALETTE, svg
from carina.reporting.leaked_notice import leaked_notice
from carina.reporting.sections import test_section
from carina.reporting.wording import name_then_numbers, over_interval
from carina.runs import Run, TestFolder

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Drawn

_SIZE = (6.4, 4.4)
_BY_CLASS = "per-class"


@test_section("abstention", order=46)
def abstention(run: Run | TestFolder) -> Section | None:
    """Return the section on films without an answer, or None where nothing is known of them."""
    evaluation = run.evaluation
    figures = evaluation.abstention
    if figures is None:
        return None
    blocks = (*leaked_notice(evaluation), *abstention_blocks(figures))
    return Section(anchor="abstention", title="When not to answer", blocks=blocks)


def abstention_blocks(figures: AbstentionFigures) -> tuple[Block, ...]:
    """Return what prediction sets hold and what abstaining changes, as blocks."""
    blocks: list[Block] = [
        Paragraph(f"The rule of this classifier: {sentence(figures.rule)}"),
        Paragraph(figures.sentence),
    ]
    if figures.sets:
        blocks += [Paragraph(_WHAT_A_SET_IS), _table(figures.sets), _per_class_table(figures.sets)]
        blocks.append(Bullets("What that says:", tuple(one.sentence for one in figures.sets)))
    if figures.risk_coverage is not None and len(figures.risk_coverage.answered) > 1:
        blocks.append(_risk_figure(figures, figures.risk_coverage))
    if figures.cautions:
        blocks.append(Bullets("What this rests on:", figures.cautions))
    return tuple(blocks)


_WHAT_A_SET_IS = (
    "A prediction set holds every class that a film's probabilities do not rule out. One class: an "
    "answer. Several: the film may be any of them, and needs a reader. None: the film is unlike "
    "those of every class. The fewer sets may miss the true class, the larger they are. With one "
    "limit for all classes the share that may miss it holds over all films, and a hard class may "
    "be missed much more often than an easy one; with a limit for each class it holds for each."
)


def _name(rule: ConformalRule) -> str:
    kind = "a limit for each class" if rule.kind == _BY_CLASS else "one limit for all"
    return f"{100 * rule.error:g} % may miss it, {kind}"


def _table(sets: tuple[SetFigures, ...]) -> Table:
    return Table(
        columns=(
            "Sets",
            "Hold the true class",
            "Luck allows",
            "Classes in a set",
            "One class",
            "No class",
            "Right if it answers",
        ),
        rows=tuple(
            (
                _name(one.rule),
                over_interval("coverage", one.coverage),
                _expected(one),
                _mean_size(one),
                over_interval("sizes", one.sizes["1"]),
                over_interval("sizes", one.sizes["0"]),
                over_interval("accuracy", one.accuracy_answered) if one.accuracy_answered else "",
            )
            for one in sets
        ),
        caption="Prediction sets on the test films, with 95 % intervals",
        align=name_then_numbers(6),
    )


def _expected(one: SetFigures) -> str:
    """Return what luck allows; for one film of each patient, that share itself beside it."""
    if one.expected is None:
        return ""
    band = _band(one.expected)
    if one.independent is None or one.independent.value is None:
        return band
    return f"{band}\none film a patient: {percent(one.independent.value)}"


def _band(ends: tuple[float, float]) -> str:
    low, high = ends
    return f"{100 * low:.1f} to {100 * high:.1f} %"


def _mean_size(one: SetFigures) -> str:
    size = one.mean_size
    if size.value is None:
        return ""
    if size.low is None or size.high is None:
        return f"{size.value:.2f}"
    return f"{size.value:.2f}\n{size.low:.2f} to {size.high:.2f}"


def _per_class_table(sets: tuple[SetFigures, ...]) -> Table:
    labels = tuple(sets[0].coverage_per_class)
    return Table(
        columns=("Sets that hold the true class", *labels),
        rows=tuple((_name(one.rule), *(_of_class(one, label) for label in labels)) for one in sets),
        caption="Prediction sets by the true class of the film, with 95 % intervals",
        align=name_then_numbers(len(labels)),
    )


def _of_class(one: SetFigures, label: str) -> str:
    cell = over_interval("coverage", one.coverage_per_class[label])
    expected = one.expected_per_class.get(label)
    # a band from 1 to 1: every set holds every class
    return f"{cell}\nluck: {_band(expected)}" if expected and expected[0] < 1 else cell


def _risk_figure(figures: AbstentionFigures, curve: RiskCoverage) -> Figure:
    points = [
        f"{percent(answered)} of the films answered, {over_interval('risk', wrong)} wrong"
        for answered, wrong in zip(curve.answered, curve.wrong, strict=True)
    ]
    few = [points[0], points[len(points) // 2], points[-1]]
    area = figures.metrics["area_under_risk_coverage"]
    return Figure(
        svg=svg(lambda drawn: _draw_risk(drawn, curve), name="risk_coverage", size=_SIZE),
        alt=f"Risk-coverage curve: {'; '.join(few)}.".replace("\n", ", "),
        caption=f"Wrong answers if only the most certain films (by {curve.certain_by}) get "
        "one, with 95 % intervals; a curve that falls to the left says that the classifier knows "
        "when it is unsure. "
        + ("" if area.value is None else f"The area under it is {area.value:.4f}; 0 is best."),
    )


def _draw_risk(figure: Drawn, curve: RiskCoverage) -> None:
    axes: Axes = figure.subplots()
    known = [
        (100 * answered, 100 * one.value, 100 * (one.low or 0.0), 100 * (one.high or one.value))
        for answered, one in zip(curve.answered, curve.wrong, strict=True)
        if one.value is not None
    ]
    answered, wrong, low, high = zip(*known, strict=True)
    axes.fill_between(answered, low, high, color=PALETTE[0], alpha=0.18, linewidth=0)
    axes.plot(answered, wrong, "o-", color=PALETTE[0])
    axes.axhline(wrong[-1], color=INK, linewidth=1.0, linestyle=":")
    axes.annotate(
        "all films answered",
        (answered[0], wrong[-1]),
        textcoords="offset points",
        xytext=(0, 3),
        color=FAINT,
    )
    axes.set_xlabel("Films answered, the most certain first (%)")
    axes.set_ylabel("Wrong answers among them (%)")
    axes.set_xlim(0, 102)
    axes.set_ylim(bottom=0)
