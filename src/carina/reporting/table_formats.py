"""A paper's table as LaTeX, Markdown or CSV."""

from __future__ import annotations

import re
from typing import Literal, get_args

from carina.files.tables import table_text
from carina.reporting.tables import PaperTable, title

TableFormat = Literal["latex", "markdown", "csv"]
TABLE_FORMATS: tuple[TableFormat, ...] = get_args(TableFormat)
CSV_COLUMNS = (
    "table", "group", "metric", "title", "value", "low", "high", "n", "method",
    "undefined_because",
)  # fmt: skip

_LATEX = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
}


def formatted_table(table: PaperTable, form: TableFormat) -> str:
    """Return a table in one of the formats, ending with a line break.

    CSV is for programs: one row for each number, unrounded. The other two are to be read.
    """
    if form == "csv":
        return csv_table(table)
    return latex_table(table) if form == "latex" else markdown_table(table)


def csv_table(table: PaperTable) -> str:
    """Return one row for each number, written so that reading it gives the same float64."""
    return table_text(
        CSV_COLUMNS,
        [
            {
                "table": table.of,
                "group": group,
                "metric": name,
                "title": title(name),
                "value": _number(estimate.value),
                "low": _number(estimate.low),
                "high": _number(estimate.high),
                "n": estimate.n,
                "method": estimate.method,
                "undefined_because": estimate.undefined_because,
            }
            for group, estimates in table.groups.items()
            for name, estimate in estimates.items()
        ],
    )


def _number(value: float | None) -> str:
    return "" if value is None else repr(float(value))


def markdown_table(table: PaperTable) -> str:
    """Return a table in GitHub's Markdown, its caption above and its note below."""
    head, *rows = table.cells()
    marks = (":---", *("---:" for _ in head[1:]))
    lines = [tuple(map(_markdown, head)), marks, *(tuple(map(_markdown, row)) for row in rows)]
    body = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    return f"{_markdown(table.caption)}\n\n{body}\n\n{_markdown(table.note)}\n"


def _markdown(text: str) -> str:
    return re.sub(r"([\\`*_\[\]<>|#])", r"\\\1", " ".join(text.split()))


def latex_table(table: PaperTable) -> str:
    """Return a LaTeX table; it needs the package booktabs."""
    head, *rows = table.cells()
    lines = [" & ".join(map(latex_escaped, row)) + r" \\" for row in (head, *rows)]
    body = "\n".join(f"    {line}" for line in lines[1:])
    return rf"""% \usepackage{{booktabs}}
\begin{{table}}
  \centering
  \caption{{{latex_escaped(table.caption)}}}
  \label{{tab:carina-{table.of}}}
  \begin{{tabular}}{{l{"r" * (len(head) - 1)}}}
    \toprule
    {lines[0]}
    \midrule
{body}
    \bottomrule
  \end{{tabular}}

  \smallskip
  \footnotesize {latex_escaped(table.note)}
\end{{table}}
"""


def latex_escaped(text: str) -> str:
    r"""Return text that LaTeX prints as it is; a number and its percent sign stay together.

    >>> latex_escaped("97.0 % of five_conv & co")
    '97.0\\,\\% of five\\_conv \\& co'
    """
    escaped = "".join(_LATEX.get(character, character) for character in " ".join(text.split()))
    return escaped.replace(r" \%", r"\,\%")
