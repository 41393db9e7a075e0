"""`carina data list` and `carina data get`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from carina.cli.terminal import JsonFlag, as_typed, drawing, note, show, show_json, show_table

if TYPE_CHECKING:
    from carina.workflows.data import GotData

data = typer.Typer(
    help="Known public data sets: list them, fetch one.",
    no_args_is_help=True,
    rich_markup_mode=None,
    add_completion=False,
)


@data.command("list")
def list_known(*, as_json: JsonFlag = False) -> int:
    """List the public data sets that Carina knows, with what is wrong with each."""
    from carina.workflows.data import known_as_json, known_data

    if as_json:
        show_json([known_as_json(known) for known in known_data()])
        return 0
    show_table(
        ("data set", "films", "classes", "licence", "comes by", "recipe"),
        [
            (
                known.name,
                "" if known.n_films is None else f"{known.n_films:,}",
                ", ".join(known.classes),
                known.licence,
                known.kind,
                known.recipe,
            )
            for known in known_data()
        ],
        left=("classes", "licence", "comes by", "recipe"),
    )
    for known in known_data():
        show(f"{known.name}: {known.about} {known.caution}")
    note("films: as published. Fetch one with: carina data get NAME")
    return 0


@data.command("get")
def get(
    name: Annotated[
        str,
        typer.Argument(metavar="NAME", help="One of `carina data list`.", show_default=False),
    ],
    *,
    out: Annotated[
        str | None,
        typer.Option(
            "--out",
            metavar="DIR",
            help="Folder to make; without it data/NAME, in the folder you are in.",
            show_default=False,
        ),
    ] = None,
    from_file: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="FILE",
            help="The zip file, fetched by hand with a browser; no network is needed then.",
            show_default=False,
        ),
    ] = None,
    as_json: JsonFlag = False,
) -> int:
    """Fetch a known data set, check it, and count its films."""
    from carina.workflows.data import get_data

    with drawing(as_json=as_json) as progress:
        got = get_data(name, out=out, from_file=from_file, progress=progress)
    if as_json:
        show_json(got.to_json())
        return 0
    _show(got)
    return 0


def _show(got: GotData) -> None:
    known = got.known
    was = "was there already" if got.was_there else "fetched"
    show(f"{known.title}: {was}, in {got.folder}")
    classes = got.dataset.labels.names
    show_table(
        ("part", *classes, "all"),
        [
            (part, *(f"{row[name]:,}" for name in classes), f"{sum(row.values()):,}")
            for part, row in got.counts.items()
        ],
    )
    for sentence in (*got.dataset.notes, *(out.sentence for out in got.dataset.left_out)):
        note(f"note: {sentence}")
    for sentence in got.remarks:
        note(f"note: {sentence}")
    note(f"caution: {known.caution}")
    show(f"licence: {known.licence}")
    if known.citation:
        show(f"cite: {known.citation}")
    show("next:")
    for command in got.next_commands:
        show(f"  {as_typed(command)}")
