"""The figures of several runs in one look."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from carina.reporting.figures import PALETTE, Drawing, History

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_PANELS = (
    ("Validation loss", "val_loss"),
    ("Validation accuracy", "val_accuracy"),
    ("Validation ROC AUC", "val_auc_macro"),
)
_STYLES = ("-", "--", "-.", ":")
_MARKERS = ("o", "s", "^", "D", "v", "P")
_LONGEST_NAME = 34


def runs_curves_drawing(
    histories: Mapping[str, History], chosen_epochs: Mapping[str, int]
) -> Drawing:
    """Return the drawing of validation loss, accuracy and AUC of several runs over the epochs.

    Args:
        histories: run -> one row an epoch, NaN where undefined.
        chosen_epochs: run -> the epoch that is deployed.
    """
    return lambda figure: _draw(figure, histories, chosen_epochs)


def _draw(figure: Figure, histories: Mapping[str, History], chosen: Mapping[str, int]) -> None:
    every = figure.subplots(1, len(_PANELS))
    for axes, (title, column) in zip(every, _PANELS, strict=True):
        for index, (name, history) in enumerate(histories.items()):
            _draw_run(axes, index, _short(name), history, (column, chosen[name]))
        axes.set_title(title)
        axes.set_xlabel("Epoch")
        axes.xaxis.get_major_locator().set_params(integer=True, nbins=8)
        if column == "val_loss":
            axes.set_ylim(bottom=0)
    handles, names = every[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=2 if len(names) > 3 else 3)


def _draw_run(
    axes: Axes, index: int, name: str, history: Sequence[Mapping[str, float]], what: tuple[str, int]
) -> None:
    """Draw one run's line, with a large mark at its chosen epoch."""
    column, chosen_epoch = what
    colour = PALETTE[index % len(PALETTE)]
    marker = _MARKERS[index % len(_MARKERS)]
    epochs = [row["epoch"] for row in history]
    values = [row[column] for row in history]
    style = _STYLES[index // len(PALETTE) % len(_STYLES)] if index >= len(PALETTE) else "-"
    axes.plot(epochs, values, style, color=colour, marker=marker, markersize=3.5, label=name)
    at = [(e, v) for e, v in zip(epochs, values, strict=True) if e == chosen_epoch]
    axes.plot(*zip(*at, strict=True), marker, color=colour, markersize=9) if at else None


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else f"…{name[1 - _LONGEST_NAME :]}"
