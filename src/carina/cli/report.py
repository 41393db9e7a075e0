"""`carina report`."""

from pathlib import Path
from typing import Annotated

import typer

from carina.cli.terminal import JsonFlag, show, show_json
from carina.errors import UsageError


def report(
    run: Annotated[str, typer.Argument(metavar="RUN", help="A run's folder.", show_default=False)],
    *,
    pdf: Annotated[
        bool,
        typer.Option(
            "--pdf",
            help="Also print the page to PDF with an installed Chromium, Chrome or Edge.",
        ),
    ] = False,
    table: Annotated[
        str | None,
        typer.Option(
            metavar="latex|markdown|csv",
            help="Print a table for a paper on stdout instead, and write nothing.",
            show_default=False,
        ),
    ] = None,
    of: Annotated[
        str | None,
        typer.Option(
            "--of",
            metavar="metrics|classes|operating-points|external",
            help="What the table is about; the metrics over all films if not given.",
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        str | None,
        typer.Option(
            metavar="FILE", help="The PDF; report.pdf in RUN if not given.", show_default=False
        ),
    ] = None,
    as_json: JsonFlag = False,
) -> int:
    """Build a run's page again from its files, print it, or print a table of its numbers."""
    _check(pdf=pdf, table=table, of=of, out=out)
    if table is not None:
        _show_table(run, table, of or "metrics", as_json=as_json)
        return 0
    if pdf:
        from carina.workflows.printing import report_pdf

        file = report_pdf(run, out=out)
        told = {"report": str(Path(run) / "report.html"), "pdf": str(file)}
    else:
        from carina.workflows.report import report as build

        told = {"report": str(build(run))}
    if as_json:
        show_json(told)
    else:
        show(told.get("pdf", told["report"]))
    return 0


def _check(*, pdf: bool, table: str | None, of: str | None, out: str | None) -> None:
    """Refuse options that mean nothing together."""
    if table is not None and pdf:
        raise UsageError("--table prints a table and --pdf a file; ask for one of them")
    if of is not None and table is None:
        raise UsageError("--of says what a table is about; it needs --table")
    if out is not None and not pdf:
        raise UsageError("--out names the PDF; it needs --pdf (the page itself stays in the run)")


def _show_table(run: str, form: str, of: str, *, as_json: bool) -> None:
    from carina.workflows.paper_tables import paper_table

    text = paper_table(run, form=form, of=of)
    if as_json:
        show_json({"form": form, "of": of, "table": text})
    else:
        show(text.removesuffix("\n"))
