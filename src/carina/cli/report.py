"""`carina report`."""

from typing import Annotated

import typer

from carina.cli.terminal import JsonFlag, show, show_json


def report(
    run: Annotated[str, typer.Argument(metavar="RUN", help="A run's folder.", show_default=False)],
    *,
    as_json: JsonFlag = False,
) -> int:
    """Build a run's page again from its files."""
    from carina.workflows.report import report as build

    page = build(run)
    if as_json:
        show_json({"report": str(page)})
    else:
        show(str(page))
    return 0
