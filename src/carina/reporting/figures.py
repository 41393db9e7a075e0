"""The page's figures, in one look, as SVG for the page and PNG for a paper."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from carina.domain.evaluation import ConfusionMatrix, Curve, Evaluation
from carina.errors import MissingExtraError
from carina.reporting.short_names import short_names
from carina.runs import Run

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

History = Sequence[Mapping[str, float]]

# Okabe & Ito, Color Universal Design (2008): told apart with any colour vision
PALETTE = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
INK = "#1d2731"
FAINT = "#8795a1"
# Characters of a class beside an axis; and of one below, where three or four stand side by side.
_LONGEST_NAME, _LONGEST_SIDE_BY_SIDE = 18, 15
_LINE_STYLES = ("-", "--", "-.", ":")

_LOOK: Any = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 10,
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.edgecolor": FAINT,
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.8,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": FAINT,
    "grid.alpha": 0.3,
    "grid.linewidth": 0.6,
    "lines.linewidth": 2.0,
    "lines.markersize": 4.5,
    "legend.frameon": False,
    "legend.labelcolor": INK,
    "text.color": INK,
    "text.parse_math": False,  # a class may be called "$5"
    "xtick.color": FAINT,
    "ytick.color": FAINT,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "savefig.facecolor": "none",
    "svg.fonttype": "path",
    "svg.hashsalt": "carina",
}

Drawing = Callable[["Figure"], None]


def draw_figures(run: Run) -> dict[str, bytes]:
    """Return the figures of a run as PNG, 150 dots an inch, by file name.

    Raises:
        MissingExtraError: if matplotlib is not installed.
    """
    trained = {"curves": run} if not run.stages else {f"curves_{s.name}": s for s in run.stages}
    figures = {
        f"{name}.png": png(curves_drawing(one.history, one.card.provenance.epoch))
        for name, one in trained.items()
    }
    return figures | draw_evaluation(run.evaluation)


def draw_evaluation(evaluation: Evaluation) -> dict[str, bytes]:
    """Return the figures of an evaluation as PNG, 150 dots an inch, by file name.

    Raises:
        MissingExtraError: if matplotlib is not installed.
    """
    drawings = evaluation_drawings(evaluation)
    return {f"{name}.png": png(drawing, size=SIZES[name]) for name, drawing in drawings.items()}


SIZES: Mapping[str, tuple[float, float]] = {
    "curves": (12.0, 3.3),
    "confusion_matrix": (5.2, 4.4),
    "roc": (5.2, 4.4),
    "precision_recall": (5.2, 4.4),
}


def evaluation_drawings(evaluation: Evaluation) -> dict[str, Drawing]:
    """Return what can be drawn of an evaluation: a class without films has no curve."""
    drawings: dict[str, Drawing] = {
        "confusion_matrix": confusion_drawing(evaluation.confusion_matrix)
    }
    if evaluation.curves.roc:
        drawings["roc"] = lambda figure: _draw_roc(figure, evaluation)
    if evaluation.curves.precision_recall:
        drawings["precision_recall"] = lambda figure: _draw_precision_recall(figure, evaluation)
    return drawings


def confusion_drawing(matrix: ConfusionMatrix) -> Drawing:
    """Return the drawing of a confusion matrix."""
    return lambda figure: _draw_confusion(figure, matrix)


def curves_drawing(history: History, chosen_epoch: int) -> Drawing:
    """Return the drawing of loss, accuracy and AUC over the epochs.

    Args:
        history: one row an epoch, NaN where undefined.
        chosen_epoch: the epoch that the validation part chose.
    """
    return lambda figure: _draw_curves(figure, history, chosen_epoch)


def png(drawing: Drawing, *, size: tuple[float, float] = SIZES["curves"]) -> bytes:
    """Return a drawing as PNG on white.

    Args:
        drawing: draws on an empty figure.
        size: width and height in inches.
    """
    return _saved(drawing, size, format="png", dpi=150, facecolor="white", metadata={})


def svg(drawing: Drawing, *, name: str, size: tuple[float, float] = SIZES["curves"]) -> str:
    """Return a drawing as an `<svg>` element to stand in a page.

    The same drawing gives the same text. Ids carry `name`, so that several drawings can
    stand in one page; text and axes take the page's own colour, light or dark.

    Args:
        drawing: draws on an empty figure.
        name: unique on the page.
        size: width and height in inches.
    """
    quiet = {"Date": None, "Creator": None, "Format": None, "Type": None}
    text = _saved(drawing, size, format="svg", metadata=quiet).decode()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>\s*", "", text, flags=re.DOTALL)
    text = re.sub(r"<!--.*?-->\s*", "", text, flags=re.DOTALL)
    text = re.sub(r'\bid="([^"]+)"', rf'id="{name}-\1"', text)
    text = re.sub(r'href="#([^"]+)"', rf'href="#{name}-\1"', text)
    text = re.sub(r"url\(#([^)]+)\)", rf"url(#{name}-\1)", text)
    # the view box keeps the shape; the page decides the width
    text = re.sub(r'(<svg[^>]*?) width="[^"]+"', r"\1", text, count=1)
    text = re.sub(r'(<svg[^>]*?) height="[^"]+"', r"\1", text, count=1)
    return text.replace(INK, "currentColor").strip()


def _saved(drawing: Drawing, size: tuple[float, float], **how: Any) -> bytes:
    try:
        import matplotlib as mpl
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtraError(needed_for="drawing figures", extra="study") from error
    with mpl.rc_context(_LOOK):
        figure = Figure(figsize=size, layout="constrained")
        drawing(figure)
        buffer = io.BytesIO()
        figure.savefig(buffer, **how)
    return buffer.getvalue()


def _draw_curves(figure: Figure, history: History, chosen_epoch: int) -> None:
    panels = (
        ("Loss", "loss"),
        ("Accuracy", "accuracy"),
        ("AUC, mean of classes", "auc_macro"),
        ("AUC as in Keras", "auc"),
    )
    epochs = [row["epoch"] for row in history]
    every = figure.subplots(1, len(panels))
    for axes, (title, column) in zip(every, panels, strict=True):
        for name, prefix, colour, style in (
            ("Training", "", PALETTE[0], "o-"),
            ("Validation", "val_", PALETTE[1], "s--"),
        ):
            values = [row[prefix + column] for row in history]
            axes.plot(epochs, values, style, color=colour, label=name)
        axes.axvline(chosen_epoch, color=INK, linewidth=1.0, linestyle=":", label="Chosen epoch")
        axes.set_title(title)
        axes.set_xlabel("Epoch")
        axes.xaxis.get_major_locator().set_params(integer=True, nbins=8)
        if column == "loss":
            axes.set_ylim(bottom=0)
    handles, names = every[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=3)


def _draw_confusion(figure: Figure, matrix: ConfusionMatrix) -> None:
    from matplotlib import colormaps

    axes = figure.subplots()
    totals = [max(sum(row), 1) for row in matrix.counts]
    shares = [
        [count / total for count in row] for row, total in zip(matrix.counts, totals, strict=True)
    ]
    colours = colormaps["Blues"]
    axes.imshow(shares, cmap=colours, vmin=0, vmax=1.15, aspect="auto")
    for row, counts in enumerate(matrix.counts):
        for column, count in enumerate(counts):
            share = shares[row][column]
            ink = "#ffffff" if share > 0.6 else "#10202e"
            axes.text(
                column, row, f"{count}\n{100 * share:.1f} %", ha="center", va="center", color=ink
            )
    names = short_names(matrix.labels, most=_LONGEST_NAME)
    fit_side_by_side = len(names) <= 4 and max(map(len, names)) <= _LONGEST_SIDE_BY_SIDE
    axes.set_xticks(range(len(names)), names, rotation=0 if fit_side_by_side else 40)
    axes.set_yticks(range(len(names)), names)
    axes.set_xlabel("Answer")
    axes.set_ylabel("Truth")
    axes.grid(visible=False)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)


def _draw_roc(figure: Figure, evaluation: Evaluation) -> None:
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color=FAINT, linewidth=1.0, linestyle=":")
    _draw_lines(axes, evaluation.curves.roc, evaluation, metric="roc_auc")
    axes.set_xlabel("False positive rate (1 - specificity)")
    axes.set_ylabel("True positive rate (sensitivity)")
    axes.legend(loc="lower right")
    _unit_square(axes)


def _draw_precision_recall(figure: Figure, evaluation: Evaluation) -> None:
    axes = figure.subplots()
    curves = evaluation.curves.precision_recall
    _draw_lines(axes, curves, evaluation, metric="average_precision")
    axes.set_xlabel("Sensitivity (recall)")
    axes.set_ylabel("PPV (precision)")
    axes.legend(loc="lower left")
    _unit_square(axes)


def _draw_lines(
    axes: Axes, curves: Mapping[str, Curve], evaluation: Evaluation, *, metric: str
) -> None:
    names = short_names(tuple(curves), most=_LONGEST_NAME)
    for index, (label, curve) in enumerate(curves.items()):
        value = evaluation.per_class[label][metric].value
        number = "" if value is None else f"  {value:.3f}"
        # precision is known at each threshold only, ROC points may be joined
        step = "steps-pre" if metric == "average_precision" else "default"
        axes.plot(
            curve.x,
            curve.y,
            color=PALETTE[index % len(PALETTE)],
            linestyle=_LINE_STYLES[index % len(_LINE_STYLES)],
            drawstyle=step,
            label=f"{names[index]}{number}",
            clip_on=False,
        )


def _unit_square(axes: Axes) -> None:
    axes.set_xlim(-0.02, 1.02)
    axes.set_ylim(-0.02, 1.02)
    axes.set_aspect("equal")
