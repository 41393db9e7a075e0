"""The reliability diagram: what was promised against what was found, class by class."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from carina.domain.calibration_figures import (
    CalibrationFigures,
    ProbabilityCounts,
    ReliabilityBin,
)
from carina.domain.percentages import percent
from carina.reporting.figures import FAINT, INK, PALETTE, Drawing, svg
from carina.reporting.short_names import short_names

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_COLUMNS = 3
_LONGEST_TITLE = 26  # characters above a panel
_PANEL_INCHES = (4.0, 4.5)


def reliability_svg(figures: CalibrationFigures) -> str:
    """Return the diagram as an `<svg>` element.

    Args:
        figures: with bins of one class or more.

    Raises:
        MissingExtraError: if matplotlib is not installed.
    """
    columns, rows = _grid(len(figures.reliability))
    size = (columns * _PANEL_INCHES[0], rows * _PANEL_INCHES[1] + 0.3)
    return svg(reliability_drawing(figures), name="reliability", size=size)


def is_narrow(figures: CalibrationFigures) -> bool:
    """Return whether the diagram is too narrow to fill a page and too wide for half of one."""
    return _grid(len(figures.reliability))[0] < _COLUMNS


def reliability_drawing(figures: CalibrationFigures) -> Drawing:
    """Return the drawing: for each class the bins, and below them how often which
    probability was given."""
    return lambda figure: _draw(figure, figures)


def reliability_in_words(figures: CalibrationFigures) -> str:
    """Return the diagram for those who cannot see it."""
    sentences = []
    for label, bins in figures.reliability.items():
        points = ", ".join(
            f"{percent(one.mean_probability)} given, {percent(one.observed.value or 0.0)} found"
            for one in bins
        )
        sentences.append(f"{label}: {points}")
    return f"Reliability diagram. {'. '.join(sentences)}."


def _grid(n_panels: int) -> tuple[int, int]:
    """Return columns and rows."""
    columns = min(_COLUMNS, n_panels)
    return columns, math.ceil(n_panels / columns)


def _draw(figure: Figure, figures: CalibrationFigures) -> None:
    labels = list(figures.reliability)
    titles = short_names(labels, most=_LONGEST_TITLE)
    columns, rows = _grid(len(labels))
    every = figure.subplots(
        2 * rows, columns, squeeze=False, gridspec_kw={"height_ratios": [3.2, 1] * rows}
    )
    for place in range(rows * columns):
        row, column = divmod(place, columns)
        above, below = every[2 * row][column], every[2 * row + 1][column]
        if place >= len(labels):
            above.set_visible(False)
            below.set_visible(False)
            continue
        label = labels[place]
        _draw_bins(above, titles[place], figures.reliability[label])
        _draw_counts(below, figures.counts[label])
        if column == 0:
            above.set_ylabel("Share found")
            below.set_ylabel("Films")
    handles, names = [], []
    for axes in (every[0][0], every[1][0]):
        for handle, name in zip(*axes.get_legend_handles_labels(), strict=True):
            handles.append(handle)
            names.append(name)
    figure.legend(handles, names, loc="outside lower center", ncols=2 if columns < _COLUMNS else 4)


def _draw_bins(axes: Axes, title: str, bins: tuple[ReliabilityBin, ...]) -> None:
    axes.plot([0, 1], [0, 1], color=FAINT, linewidth=1.2, linestyle=":", label="Honest")
    x = [one.mean_probability for one in bins]
    y = [one.observed.value or 0.0 for one in bins]
    below = [found - _or(one.observed.low, found) for one, found in zip(bins, y, strict=True)]
    above = [_or(one.observed.high, found) - found for one, found in zip(bins, y, strict=True)]
    axes.errorbar(
        x,
        y,
        yerr=(below, above),
        fmt="o",
        color=PALETTE[0],
        ecolor=PALETTE[0],
        markersize=6,
        elinewidth=1.6,
        capsize=3.5,
        clip_on=False,
        zorder=3,
        label="Found, with 95 % interval",
    )
    axes.set_title(title)
    axes.set_xlim(-0.02, 1.02)
    axes.set_ylim(-0.02, 1.02)
    axes.set_xticklabels([])
    axes.tick_params(length=0)


def _or(end: float | None, value: float) -> float:
    return value if end is None else end


def _draw_counts(axes: Axes, counts: ProbabilityCounts) -> None:
    from matplotlib.ticker import MaxNLocator

    steps = len(counts.of_class)
    left = [step / steps for step in range(steps)]
    how: Any = {"width": 1 / steps, "align": "edge", "linewidth": 0.5, "edgecolor": INK}
    axes.bar(left, counts.others, color="#d5dce2", label="Films of other classes", **how)
    axes.bar(
        left,
        counts.of_class,
        bottom=counts.others,
        color=PALETTE[1],
        label="Films of the class",
        **how,
    )
    axes.set_xlim(-0.02, 1.02)
    axes.set_xlabel("Probability given")
    axes.yaxis.set_major_locator(MaxNLocator(nbins=3, integer=True))
    axes.grid(visible=False, axis="x")
