"""What `carina evaluate --predictions FILE` is told of the file's columns."""

from __future__ import annotations

from typing import Annotated

import typer

PredictionsOption = Annotated[
    str | None,
    typer.Option(
        "--predictions",
        metavar="FILE",
        help="Judge any tool's predictions instead: a CSV file with a row for each film. What "
        "the next options do not say is guessed from the columns' names, and told.",
        show_default=False,
    ),
]
LabelsOption = Annotated[
    str | None,
    typer.Option(
        "--labels",
        metavar="A,B",
        help="The classes; in the order of the numbers from 0 that stand for them, if any.",
        show_default=False,
    ),
]
PositiveOption = Annotated[
    str | None,
    typer.Option(
        "--positive",
        metavar="CLASS",
        help="Of two classes the one that is looked for, and a single score speaks for.",
        show_default=False,
    ),
]
LabelColumnOption = Annotated[
    str | None,
    typer.Option(
        "--label-column", metavar="NAME", help="The column of truths.", show_default=False
    ),
]
ScoreColumnOption = Annotated[
    list[str] | None,
    typer.Option(
        "--score-column",
        metavar="NAME",
        help="A column of scores, NAME or CLASS=NAME; may be repeated.",
        show_default=False,
    ),
]
PredictionColumnOption = Annotated[
    str | None,
    typer.Option(
        "--prediction-column",
        metavar="NAME",
        help="The column of the tool's answers.",
        show_default=False,
    ),
]
PatientColumnOption = Annotated[
    str | None,
    typer.Option(
        "--patient-column",
        metavar="NAME",
        help="The column of patients; they are hashed at once.",
        show_default=False,
    ),
]
ColumnOption = Annotated[
    list[str] | None,
    typer.Option(
        "--column",
        metavar="MEANING=NAME",
        help="Another column: path, source, part, sex, view or age; may be repeated. An empty "
        "NAME is none.",
        show_default=False,
    ),
]
LogitsFlag = Annotated[
    bool, typer.Option("--logits", help="The scores are logits, not probabilities.")
]
NormaliseFlag = Annotated[
    bool, typer.Option("--normalise", help="Divide every row's scores by their sum.")
]
