"""What the commands print: results on stdout, everything else on stderr."""

from __future__ import annotations

import json
import shutil
import sys
import textwrap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from carina.domain.progress import Progress, silent
from carina.files.names import in_json, on_lines

if TYPE_CHECKING:
    from carina.domain.audit import Finding, Unreadable
    from carina.domain.estimate import Estimate

JsonFlag = Annotated[
    bool, typer.Option("--json", help="Print one JSON document on stdout and nothing else there.")
]
DATA_ARGUMENT = typer.Argument(
    metavar="DATA",
    help="Folders of class folders, .zip or .tar files of them, CSV manifests, .npz files; "
    "several make one data set.",
    show_default=False,
)
CLASSIFIER_ARGUMENT = typer.Argument(
    metavar="CLASSIFIER", help="A classifier's folder, or a run.", show_default=False
)
DataArgument = Annotated[list[str], DATA_ARGUMENT]
ClassifierArgument = Annotated[str, CLASSIFIER_ARGUMENT]
OutOption = Annotated[
    str | None,
    typer.Option(
        "--out",
        metavar="DIR",
        help="Folder to write; it must be new or empty.",
        show_default=False,
    ),
]
SetOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="SECTION.KEY=VALUE",
        help="Change one value of the recipe; may be repeated.",
        show_default=False,
    ),
]

_UNFOLDED = 10_000  # a pipe or file has no width to fold at

_WIDEST = 110  # columns of a text that is read as one
_LONGEST_CAUTION = 200  # characters: two lines of these

SKIPPED = 3
FOUND = 4


@contextmanager
def drawing(*, as_json: bool) -> Iterator[Progress]:
    """Yield a progress callback that draws on stderr; with `--json` it is silent."""
    if as_json:
        yield silent
        return
    from carina.workflows.progress_bar import progress_bar

    with progress_bar() as progress:
        yield progress


def show(text: str = "") -> None:
    """Print a line of the result."""
    typer.echo(on_lines(text))


def note(text: str) -> None:
    """Print a line beside the result, on stderr."""
    typer.echo(on_lines(text), err=True)


def show_json(document: Any, *, on_one_line: bool = False) -> None:
    """Print one JSON document; on one line, so that several can be told apart."""
    text = json.dumps(document, indent=None if on_one_line else 1, ensure_ascii=False)
    show(in_json(text))


def show_error(sentence: str, *, code: str, as_json: bool) -> None:
    """Print an error: a sentence on stderr, and with `--json` also a document on stdout."""
    if as_json:
        show_json({"error": {"code": code, "message": sentence}}, on_one_line=True)
    note(f"error: {sentence}")


def show_table(
    columns: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    title: str = "",
    left: Sequence[str] = (),
) -> None:
    """Print a table; the first column and those named in `left` are left-aligned."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(
        box=SIMPLE_HEAD,
        title=Text(on_lines(title)) if title else None,
        title_justify="left",
        pad_edge=False,
    )
    for position, column in enumerate(columns):
        justify: Literal["left", "right"] = "left" if position == 0 or column in left else "right"
        table.add_column(Text(on_lines(column)), justify=justify, overflow="fold")
    for row in rows:
        table.add_row(*(Text(on_lines(cell)) for cell in row))
    is_terminal = sys.stdout is not None and sys.stdout.isatty()
    width = None if is_terminal else _UNFOLDED
    Console(file=sys.stdout, width=width, highlight=False).print(table)


def show_findings(findings: Sequence[Finding], *, most: int = 5) -> None:
    """Print the worst findings of an audit on stderr."""
    for finding in findings[:most]:
        note(f"{finding.severity}: {finding.sentence}")
    if len(findings) > most:
        note(f"... more findings in audit.json: {len(findings) - most}")


def note_by_sentence(told: Sequence[tuple[str, str]], *, most: int = 3) -> None:
    """Print on stderr what was said of which films: each sentence once, with its films."""
    films: dict[str, list[str]] = {}
    for film, sentence in told:
        films.setdefault(sentence, []).append(film)
    for sentence, names in films.items():
        more = f" and {len(names) - most} more films" if len(names) > most else ""
        note(f"{', '.join(names[:most])}{more}: {sentence}")


def note_about(cautions: Sequence[str]) -> None:
    """Print on stderr what a classifier's card says, told apart from what is said of a film.

    A terminal shows the beginning of a long caution, folded between words; a pipe gets it whole.
    """
    if sys.stderr is None or not sys.stderr.isatty():
        for caution in cautions:
            note(f"about the classifier: {caution}")
        return
    width = min(shutil.get_terminal_size().columns, _WIDEST)
    for caution in cautions:
        text = f"about the classifier: {_beginning(caution)}"
        note(
            textwrap.fill(
                text, width, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False
            )
        )
    if any(_beginning(caution) != caution for caution in cautions):
        note("the classifier's README.md has these cautions whole")


def _beginning(caution: str) -> str:
    """Return a caution up to the last clause that ends within some two lines, or all of it.

    >>> _beginning("97 of 100 films can be told from the frame alone (" + 40 * "more " + ")")
    '97 of 100 films can be told from the frame alone ...'
    """
    if len(caution) <= _LONGEST_CAUTION:
        return caution
    end = max(caution.rfind(mark, 0, _LONGEST_CAUTION) for mark in (" (", ": ", "; ", ". "))
    return f"{caution[: end if end > 0 else _LONGEST_CAUTION].rstrip()} ..."


def note_unreadable(unreadable: Sequence[Unreadable], *, most: int = 10) -> None:
    """Print on stderr which files were skipped, and why."""
    if not unreadable:
        return
    note(f"skipped, since they could not be read: {len(unreadable)}")
    for file in unreadable[:most]:
        note(f"  {file.message}")
    if len(unreadable) > most:
        note(f"  ... and {len(unreadable) - most} more")


def as_typed(command: str) -> str:
    """Return a `carina ...` command as this user can type it: with the program's path where
    the shell would not find it (after `make demo`, say)."""
    if shutil.which("carina") or Path(sys.argv[0]).name != "carina":
        return command
    return sys.argv[0] + command.removeprefix("carina")


def percent(estimate: Estimate) -> str:
    """Return an estimate as "96.6 % (88.5 to 99.1)", or why it is undefined.

    >>> from carina.domain.estimate import Estimate
    >>> percent(Estimate(value=0.966, low=0.885, high=0.991, n=59, method="wilson"))
    '96.6 % (88.5 to 99.1)'
    """
    if estimate.value is None:
        return f"undefined: {estimate.undefined_because}"
    text = f"{100 * estimate.value:.1f} %"
    if estimate.low is not None and estimate.high is not None:
        text += f" ({100 * estimate.low:.1f} to {100 * estimate.high:.1f})"
    return text


def in_form(name: str, estimate: Estimate) -> str:
    """Return a metric's estimate in the form that it is read in: a share of films as a
    percentage, another as a number."""
    from carina.reporting.wording import is_plain

    return number(estimate) if is_plain(name) else percent(estimate)


def number(estimate: Estimate) -> str:
    """Return an estimate as "0.312 (0.201 to 0.433)", or why it is undefined."""
    if estimate.value is None:
        return f"undefined: {estimate.undefined_because}"
    text = f"{estimate.value:.3f}"
    if estimate.low is not None and estimate.high is not None:
        text += f" ({estimate.low:.3f} to {estimate.high:.3f})"
    return text
