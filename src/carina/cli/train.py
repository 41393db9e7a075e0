"""`carina train`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from carina.cli.terminal import (
    SKIPPED,
    DataArgument,
    JsonFlag,
    OutOption,
    SetOption,
    as_typed,
    drawing,
    note,
    note_unreadable,
    number,
    percent,
    show,
    show_findings,
    show_json,
    show_table,
)

if TYPE_CHECKING:
    from carina.runs import Run


def train(
    data: DataArgument,
    *,
    recipe: Annotated[
        str,
        typer.Option(
            metavar="NAME or FILE", help="A shipped recipe (see: carina recipes), or a .toml file."
        ),
    ] = "two-conv",
    set_: SetOption = None,
    split: Annotated[
        str | None,
        typer.Option(
            metavar="MODE",
            help="respect, as-described (repeat also a described mistake) or cut (anew).",
            show_default=False,
        ),
    ] = None,
    seeds: Annotated[
        int,
        typer.Option(
            metavar="N",
            help="Train with N seeds; report mean and range, keep the best on validation.",
        ),
    ] = 1,
    init: Annotated[
        Path | None,
        typer.Option(
            metavar="RUN", help="Begin with the weights of an earlier run.", show_default=False
        ),
    ] = None,
    out: OutOption = None,
    as_json: JsonFlag = False,
) -> int:
    """Make a run: audit, split, train, evaluate, report."""
    from carina.workflows.train import train as run_training

    with drawing(as_json=as_json) as progress:
        run = run_training(
            data,
            recipe=recipe,
            set=set_ or (),
            split=split,
            seeds=seeds,
            init=init,
            out=out,
            progress=progress,
        )
    unreadable = run.audit.unreadable
    if as_json:
        show_json(
            {
                "run": str(run.folder),
                "report": str(run.report_file),
                "evaluation": run.evaluation.model_dump(mode="json"),
                "unreadable": [file.model_dump() for file in unreadable],
            }
        )
    else:
        show_findings(run.audit.findings)
        show_run(run)
    note_unreadable(unreadable)
    return SKIPPED if unreadable else 0


def show_run(run: Run) -> None:
    """Print what a run found out: loss and accuracy on every part, and the test metrics."""
    from carina.reporting.probe_wording import verdicts

    evaluation = run.evaluation
    show_table(
        ("part", "films", "loss", "accuracy (95 % interval)"),
        [
            (
                part,
                str(figures["accuracy"].n),
                number(figures["loss"]),
                percent(figures["accuracy"]),
            )
            for part, figures in evaluation.parts.items()
        ],
        title="Without augmentation, the chosen epoch",
    )
    last = evaluation.last_epoch
    columns = ["test metric", f"chosen epoch {last.best_epoch}" if last else "value"]
    if last:
        columns.append(f"last epoch {last.epoch}")
    names = ("accuracy", "balanced_accuracy", "roc_auc_macro", "f1_macro")
    shown = [name for name in names if name in evaluation.metrics]
    show_table(
        columns,
        [
            (
                name,
                percent(evaluation.metrics[name]),
                *((percent(last.metrics[name]),) if last and name in last.metrics else ()),
            )
            for name in shown
        ],
    )
    if evaluation.members:
        n = len(evaluation.members)
        show_table(
            ("test metric", f"mean of {n} seeds (lowest to highest)"),
            [(name, percent(evaluation.over_members[name])) for name in shown],
            title=f"Over {n} seeds; the run's own is the best on validation",
        )
    if evaluation.without_leaks:
        note(evaluation.without_leaks.sentence)
    for verdict in verdicts(run):
        note(verdict.sentence)
    for caution in evaluation.cautions:
        note(f"caution: {caution}")
    show(f"report:     {run.report_file}")
    show(f"classifier: {run.classifier_dir}")
    show(f"next:       {as_typed(f'carina serve {run.folder}')}")
