"""`carina explain`."""

from typing import Annotated

import typer

from carina.cli.predict import PathsArgument
from carina.cli.terminal import (
    SKIPPED,
    ClassifierArgument,
    JsonFlag,
    OutOption,
    drawing,
    note_unreadable,
    show_json,
    show_table,
)


def explain(
    classifier: ClassifierArgument,
    paths: PathsArgument,
    *,
    out: OutOption = None,
    label: Annotated[
        str | None,
        typer.Option(
            "--class",
            metavar="NAME",
            help="The class to explain (default: the predicted one).",
            show_default=False,
        ),
    ] = None,
    as_json: JsonFlag = False,
) -> int:
    """Draw where the network looked, over every film."""
    from carina.workflows.explain import explain as run

    with drawing(as_json=as_json) as progress:
        result = run(classifier, paths, out=out, label=label, progress=progress)
    if as_json:
        show_json(result.as_values())
    else:
        show_table(
            ("film", "class explained", "heat map"),
            [
                (answer.path, label or answer.predicted, str(result.overlays[answer.path]))
                for answer in result.answers
            ],
            left=("class explained", "heat map"),
        )
    note_unreadable(result.unreadable)
    return SKIPPED if result.unreadable else 0
