"""The figure of what tells the class without the lungs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from carina.domain.audit import Confounder
from carina.domain.percentages import percent
from carina.domain.report import Figure as FigureBlock
from carina.reporting.audit_wording import signal_title
from carina.reporting.figures import FAINT, INK, PALETTE, svg

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# one row of a bar, in inches, and what stands above and below them
_ROW, _REST, _WIDTH = 0.28, 1.0, 6.4
_TELLS, _LUCK = PALETTE[1], FAINT
_GROUPS = (
    (True, "In the pixels: a network can see it"),
    (False, "Not in the pixels: a network cannot see it"),
)


def confounder_figure(confounders: Sequence[Confounder]) -> FigureBlock:
    """Return every signal's balanced accuracy as a bar that starts at guessing.

    Raises:
        MissingExtraError: if matplotlib is not installed.
    """
    rows = _rows(confounders)
    size = (_WIDTH, _REST + _ROW * len(rows))
    best = max(confounders, key=lambda one: one.share_of_the_way)
    return FigureBlock(
        svg(lambda figure: _draw(figure, rows), name="audit-confounders", size=size),
        alt="Bars: how well the class can be told from each signal. The highest is "
        f"{signal_title(best.signal)}, {percent(best.balanced_accuracy)}; guessing gets "
        f"{percent(best.chance)}. The table below has every value.",
        caption="Balanced accuracy with its 95 % interval, cross-validated. The bars start at "
        "guessing (dashed line). Orange: it tells the class. Grey: it tells little, or what luck "
        "alone would.",
        whole=True,
    )


def strongest_first(confounders: Sequence[Confounder], *, in_pixels: bool) -> list[Confounder]:
    """Return the signals that a network can see, or those it cannot, the best teller first."""
    own = [one for one in confounders if one.in_pixels == in_pixels]
    return sorted(own, key=lambda one: (not one.tells, -one.share_of_the_way, one.signal))


def _rows(confounders: Sequence[Confounder]) -> list[Confounder | str]:
    """Return the chart's rows from its top: a heading before each group, and its bars."""
    rows: list[Confounder | str] = []
    for in_pixels, heading in _GROUPS:
        own = strongest_first(confounders, in_pixels=in_pixels)
        rows += [heading, *own] if own else []
    return rows


def _draw(figure: Figure, rows: Sequence[Confounder | str]) -> None:
    axes = figure.subplots()
    names = []
    for place, row in enumerate(rows):
        if isinstance(row, str):
            names.append("")
            axes.text(0, place + 0.15, row, fontweight="bold", va="center", ha="left")
            continue
        names.append(signal_title(row.signal))
        _draw_bar(axes, place, row)
    axes.set_yticks(range(len(rows)), names)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_xlim(0, 100)
    axes.set_xlabel("Balanced accuracy, %")
    axes.grid(visible=False, axis="y")
    axes.tick_params(axis="y", length=0)


def _draw_bar(axes: Axes, place: int, row: Confounder) -> None:
    chance, value = 100 * row.chance, 100 * row.balanced_accuracy
    colour = _TELLS if row.tells else _LUCK
    beside = axes.get_yaxis_transform()
    axes.text(1.015, place, f"{value:.1f}", transform=beside, va="center", ha="left")
    axes.barh(place, value - chance, left=chance, height=0.62, color=colour)
    axes.plot([100 * row.low, 100 * row.high], [place, place], color=INK, linewidth=1.4)
    axes.plot([chance, chance], [place - 0.5, place + 0.5], color=INK, linewidth=1.0, ls="--")
