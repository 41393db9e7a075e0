"""What an answer is worth over prevalences, and whether acting on it helps: two drawings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from carina.domain.estimate import Estimate
from carina.domain.operating_points import AtPrevalence, DecisionCurve
from carina.reporting.figures import FAINT, PALETTE, Drawing, svg

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_SIZE = (5.2, 4.2)
_SHADE = 0.18


def predictive_values_svg(points: Sequence[AtPrevalence], *, name: str) -> str:
    """Return PPV and NPV over the prevalence as an `<svg>` element.

    Args:
        points: by rising prevalence, one or more.
        name: unique on the page.

    Raises:
        MissingExtraError: if matplotlib is not installed.
    """
    return svg(_predictive_values(points), name=name, size=_SIZE)


def decision_curve_svg(curve: DecisionCurve, *, name: str) -> str:
    """Return a decision curve as an `<svg>` element.

    Args:
        curve: what to draw.
        name: unique on the page.

    Raises:
        MissingExtraError: if matplotlib is not installed.
    """
    return svg(_decision_curve(curve), name=name, size=_SIZE)


def _predictive_values(points: Sequence[AtPrevalence]) -> Drawing:
    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        prevalences = [point.prevalence for point in points]
        # blue and orange differ in lightness, too: they stay apart in grey print
        for colour, style, title, values in (
            (PALETTE[1], "o-", "a positive answer is right (PPV)", [p.ppv for p in points]),
            (PALETTE[0], "s--", "a negative answer is right (NPV)", [p.npv for p in points]),
        ):
            _band(axes, prevalences, values, scale=100.0, colour=colour)
            drawn = [
                (x, 100 * one.value)
                for x, one in zip(prevalences, values, strict=True)
                if one.value is not None
            ]
            if drawn:
                axes.plot(*zip(*drawn, strict=True), style, color=colour, label=title)
        axes.set_xscale("log")
        shown = [share for share in (0.001, 0.01, 0.05, 0.1, 0.2, 0.5) if share in prevalences]
        axes.set_xticks(shown, [f"{100 * share:g} %" for share in shown])
        axes.minorticks_off()
        axes.set_ylim(-2, 102)
        axes.set_xlabel("Share of the class among the films")
        axes.set_ylabel("Chance that the answer is right, %")
        _legend(figure, axes, columns=1)

    return draw


def _decision_curve(curve: DecisionCurve) -> Drawing:
    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        thresholds = [100 * point.threshold for point in curve.points]
        benefits = [point.classifier for point in curve.points]
        on_all = [point.treat_all for point in curve.points]
        _band(axes, thresholds, benefits, scale=1.0, colour=PALETTE[0])
        axes.plot(thresholds, on_all, "--", color=PALETTE[1], label="acting on every film")
        axes.axhline(0, color=FAINT, linestyle=":", label="acting on none")
        values = [one.value or 0.0 for one in benefits]
        axes.plot(thresholds, values, color=PALETTE[0], label="acting on the answers")
        top = max(curve.prevalence, *values)
        axes.set_ylim(-0.3 * top, 1.12 * top)
        axes.set_xlim(0, 100)
        axes.set_xlabel("Probability from which one would act, %")
        axes.set_ylabel("Net benefit")
        _legend(figure, axes, columns=2)

    return draw


def _band(
    axes: Axes, places: Sequence[float], values: Sequence[Estimate], *, scale: float, colour: str
) -> None:
    """Shade the 95 % intervals where there are any."""
    known = [
        (x, scale * one.low, scale * one.high)
        for x, one in zip(places, values, strict=True)
        if one.low is not None and one.high is not None
    ]
    if known:
        x, low, high = zip(*known, strict=True)
        axes.fill_between(x, low, high, color=colour, alpha=_SHADE, linewidth=0)


def _legend(figure: Figure, axes: Axes, *, columns: int) -> None:
    handles, names = axes.get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=columns)
