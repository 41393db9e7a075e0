"""`carina compare`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from carina.cli.terminal import (
    JsonFlag,
    OutOption,
    drawing,
    note,
    number,
    percent,
    show,
    show_json,
    show_table,
)

if TYPE_CHECKING:
    from carina.domain.comparison import Comparison

_SHOWN = ("accuracy", "balanced_accuracy", "roc_auc_macro", "f1_macro", "log_loss")


def compare(
    runs: Annotated[
        list[str],
        typer.Argument(
            metavar="RUN",
            help="Runs' folders, and other tools' predictions as CSV files; one run at least.",
            show_default=False,
        ),
    ],
    *,
    reader: Annotated[
        list[str] | None,
        typer.Option(
            "--reader",
            metavar="FILE.csv[:COLUMN]",
            help="A human reader's decisions on a run's test films; may be repeated.",
            show_default=False,
        ),
    ] = None,
    out: OutOption = None,
    as_json: JsonFlag = False,
) -> int:
    """Set runs and readers side by side, with paired tests on the films they share.

    Writes comparison.json and comparison.html.
    """
    from carina.workflows.compare import compare as run

    with drawing(as_json=as_json) as progress:
        result = run(runs, readers=reader or (), out=out, progress=progress)
    if as_json:
        show_json(result.comparison.model_dump(mode="json"))
    else:
        _show(result.comparison)
        show(f"written: {result.folder / 'comparison.html'}")
    return 0


def _show(comparison: Comparison) -> None:
    """Print the metrics side by side, then what each pair says."""
    for part in ("validation", "test"):
        figures = [(one, one.parts[part]) for one in comparison.compared if part in one.parts]
        rows = [
            ("classes", *(" / ".join(run.labels) for run, _ in figures)),
            ("films", *(f"{one.data.n_images}" for _, one in figures)),
        ]
        for name in _SHOWN:
            written = number if name == "log_loss" else percent
            rows.append((name, *(written(one.metrics[name]) for _, one in figures)))
        show_table((f"on {part}", *(run.name for run, _ in figures)), rows)
    for pair in comparison.pairs:
        if pair.part == "test":
            show(pair.sentence)
            for assumed in pair.notes:
                note(f"note: {assumed}")
    for run in comparison.compared:
        for caution in run.cautions:
            note(f"caution: {run.name}: {caution}")
