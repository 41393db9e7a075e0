"""`carina train`."""

from __future__ import annotations

import shlex
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from carina.cli.cluster_options import ClusterOption, WorkersOption, settings_with
from carina.cli.terminal import (
    DATA_ARGUMENT,
    SKIPPED,
    JsonFlag,
    OutOption,
    SetOption,
    as_typed,
    drawing,
    in_form,
    note,
    note_unreadable,
    number,
    percent,
    show,
    show_error,
    show_findings,
    show_json,
    show_table,
)
from carina.files.stopping import ending_in_time

if TYPE_CHECKING:
    from collections.abc import Sequence

    from carina.domain.evaluation import Evaluation
    from carina.domain.folds import FoldFigures
    from carina.runs import Run


def train(
    data: Annotated[list[str] | None, DATA_ARGUMENT] = None,
    *,
    recipe: Annotated[
        str | None,
        typer.Option(
            metavar="NAME or FILE",
            help="A shipped recipe (see: carina recipes), or a .toml file; two-conv if not said.",
            show_default=False,
        ),
    ] = None,
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
    folds: Annotated[
        str | None,
        typer.Option(
            metavar="N or source",
            help="Train once for each of N folds, or without each source, and test on all films.",
            show_default=False,
        ),
    ] = None,
    init: Annotated[
        Path | None,
        typer.Option(
            metavar="RUN", help="Begin with the weights of an earlier run.", show_default=False
        ),
    ] = None,
    abstain: Annotated[
        float | None,
        typer.Option(
            metavar="SHARE",
            help="Give no answer where not exactly one class is possible; SHARE, as 0.05, of the "
            "sets of possible classes may miss the true one.",
            show_default=False,
        ),
    ] = None,
    workers: WorkersOption = 1,
    cluster: ClusterOption = None,
    out: OutOption = None,
    resume: Annotated[
        str | None,
        typer.Option(
            metavar="RUN",
            help="Go on with a run that was interrupted; nothing else is to be said.",
            show_default=False,
        ),
    ] = None,
    as_json: JsonFlag = False,
) -> int:
    """Make a run: audit, split, train, evaluate, report."""
    from carina.workflows.train import train as run_training

    say_last = partial(show_error, code="interrupted", as_json=as_json)
    with drawing(as_json=as_json) as progress, ending_in_time(say_last):
        run = run_training(
            data or (),
            recipe=recipe,
            set=set_ or (),
            split=split,
            seeds=seeds,
            workers=workers,
            folds=folds,
            init=init,
            abstain=abstain,
            out=out,
            resume=resume,
            settings=settings_with(cluster, workers=None if resume else workers),
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
                in_form(name, evaluation.metrics[name]),
                *((in_form(name, last.metrics[name]),) if last and name in last.metrics else ()),
            )
            for name in shown
        ],
    )
    if evaluation.members:
        n = len(evaluation.members)
        show_table(
            ("test metric", f"mean of {n} seeds (lowest to highest)"),
            [(name, in_form(name, evaluation.over_members[name])) for name in shown],
            title=f"Over {n} seeds; the run's own is the best on validation",
        )
    if evaluation.folds:
        _show_folds(evaluation.folds, shown)
    _show_words(run, evaluation)
    show(f"report:     {run.report_file}")
    show(f"classifier: {run.classifier_dir}")
    show(f"next:       {as_typed(shlex.join(['carina', 'serve', str(run.folder)]))}")


def _show_words(run: Run, evaluation: Evaluation) -> None:
    """Print what the numbers mean."""
    from carina.reporting.claims import claims_of
    from carina.reporting.probe_wording import verdicts

    if evaluation.abstention and evaluation.data.n_abstained:
        note(evaluation.abstention.sentence)
    if evaluation.without_leaks:
        note(evaluation.without_leaks.sentence)
    for verdict in verdicts(run):
        note(verdict.sentence)
    for caution in evaluation.cautions:
        note(f"caution: {caution}")
    for title, claim in claims_of(evaluation).titled:
        note(f"{title.lower()}: {claim}")


def _show_folds(figures: FoldFigures, shown: Sequence[str]) -> None:
    """Print what all held-out films got, and each fold."""
    n = len(figures.folds)
    show_table(
        ("test metric", f"all {figures.n_images} held-out films", f"mean of {n} (lowest, highest)"),
        [
            (name, in_form(name, figures.pooled[name]), in_form(name, figures.over_folds[name]))
            for name in shown
        ],
        title=f"Over {n} trainings; the run's own is the best on validation",
    )
    show_table(
        ("held out", "films", *shown),
        [
            (
                f"{fold.tested_on}{' (chosen)' if fold.chosen else ''}",
                str(fold.n_images),
                *(in_form(name, fold.metrics[name]) for name in shown),
            )
            for fold in figures.folds
        ],
    )
