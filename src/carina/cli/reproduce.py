"""`carina reproduce`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from carina.cli.terminal import (
    FOUND,
    JsonFlag,
    drawing,
    note,
    show,
    show_json,
    show_table,
)

if TYPE_CHECKING:
    from carina.domain.reproduction import ComparedRun
    from carina.workflows.reproduce import Reproduced

_MOST_ROWS = 20


def reproduce(
    run: Annotated[
        str,
        typer.Argument(
            metavar="RUN", help="A finished run, or the package of one.", show_default=False
        ),
    ],
    data: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="DATA",
            help="Where its films are now; where the run's record says if left out.",
            show_default=False,
        ),
    ] = None,
    *,
    out: Annotated[
        str | None,
        typer.Option(
            "--out",
            metavar="DIR",
            help="Folder of the second run: new or empty, or where this was interrupted.",
            show_default=False,
        ),
    ] = None,
    as_json: JsonFlag = False,
) -> int:
    """Train again from a run's own record, and compare to the last digit."""
    from carina.workflows.reproduce import reproduce as run_again

    with drawing(as_json=as_json) as progress:
        found = run_again(run, data or (), out=out, progress=progress)
    if as_json:
        show_json(found.model_dump(mode="json"))
    else:
        _show(found)
    return 0 if found.identical else FOUND


def _show(found: Reproduced) -> None:
    if found.differences:
        show_table(
            ("otherwise than recorded", "recorded", "here"),
            [(one.what, one.recorded or "-", one.here or "-") for one in found.differences],
            left=("recorded", "here"),
        )
    for sentence in found.unknown:
        note(f"not known: {sentence}")
    for run in found.runs:
        if not run.is_identical:
            _show_run(run)
    show(found.sentence)


def _show_run(run: ComparedRun) -> None:
    """Print what differs, and by how much."""
    rows = [(file, "bytes differ", "", "") for file in run.other_files]
    if run.best_epoch is not None:
        first, second = run.best_epoch
        rows.append(("chosen epoch", f"{first} recorded, {second} here", "", ""))
    if run.weights != 0.0:
        rows.append(("weights of the chosen epoch", "", _size(run.weights), ""))
    for part in run.predictions:
        if part.n_differing or part.only_one:
            rows.append(
                (
                    f"probabilities, {part.part}",
                    f"{part.n_differing} of {part.n_images} films",
                    _size(part.largest_difference),
                    f"{part.changed_decisions} decided otherwise",
                )
            )
    rows += [
        (
            table.what,
            f"{table.n_differing} of {table.n_values}",
            _size(table.largest_difference),
            table.where,
        )
        for table in run.numbers[:_MOST_ROWS]
    ]
    show_table(
        ("what differs", "how many", "largest difference", "where"),
        rows,
        title=run.name,
        left=("how many", "where"),
    )
    if len(run.numbers) > _MOST_ROWS:
        note(f"... and {len(run.numbers) - _MOST_ROWS} more tables; reproduction.json has all")


def _size(difference: float | None) -> str:
    return "not comparable" if difference is None else f"{difference:.2g}"
