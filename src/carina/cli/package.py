"""`carina package`."""

import shlex
from typing import Annotated

import typer

from carina.cli.terminal import JsonFlag, as_typed, drawing, note, show, show_json
from carina.domain.sentences import counted


def package(
    run: Annotated[str, typer.Argument(metavar="RUN", help="A run's folder.", show_default=False)],
    *,
    out: Annotated[
        str | None,
        typer.Option(
            metavar="FILE.zip",
            help="The file to make; the run's name with .zip beside it if not given.",
            show_default=False,
        ),
    ] = None,
    with_films: Annotated[
        bool,
        typer.Option("--with-films", help="Pack the films, their thumbnails and heat maps too."),
    ] = False,
    as_json: JsonFlag = False,
) -> int:
    """Make one file of a run that another person can verify; without films unless asked."""
    from carina.workflows.package import package as pack

    with drawing(as_json=as_json) as progress:
        made = pack(run, out=out, with_films=with_films, progress=progress)
    if as_json:
        show_json(made.as_values())
        return 0
    for what in made.left_out:
        note(f"left out: {what}")
    show(f"package: {made.file} ({counted(made.n_files, 'file')}, {made.n_bytes / 1e6:,.1f} MB)")
    show(f"sha256:  {made.sha256}")
    show(f"next:    {as_typed(shlex.join(['carina', 'verify', str(made.file)]))}")
    return 0
