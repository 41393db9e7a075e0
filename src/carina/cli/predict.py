"""`carina predict`."""

from typing import Annotated

import typer

from carina.cli.terminal import (
    SKIPPED,
    ClassifierArgument,
    JsonFlag,
    drawing,
    note,
    note_by_sentence,
    note_unreadable,
    show_json,
    show_table,
)

PathsArgument = Annotated[
    list[str],
    typer.Argument(metavar="PATH", help="Films, or folders of films.", show_default=False),
]


def predict(
    classifier: ClassifierArgument,
    paths: PathsArgument,
    *,
    explain: Annotated[
        str | None,
        typer.Option(
            metavar="DIR",
            help="Folder for heat maps (PNG), one for each film.",
            show_default=False,
        ),
    ] = None,
    csv: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="File for the answers as CSV.", show_default=False),
    ] = None,
    as_json: JsonFlag = False,
) -> int:
    """Answer for films: class, probabilities, cautions.

    Exits 3 if some files could not be read, 2 if none could.
    """
    from carina.workflows.predict import predict as run

    with drawing(as_json=as_json) as progress:
        result = run(classifier, paths, explain=explain, csv=csv, progress=progress)
    if as_json:
        show_json(result.as_values())
    else:
        names = result.card.labels.names
        show_table(
            ("film", "answer", *names),
            [
                (
                    answer.path,
                    answer.decision or "abstains",
                    *(f"{answer.probabilities[name]:.4f}" for name in names),
                )
                for answer in result.answers
            ],
            left=("answer",),
        )
        note_by_sentence(
            [
                (answer.path, sentence)
                for answer in result.answers
                for sentence in (answer.reason, *answer.cautions)
                if sentence
            ]
        )
        for sentence in (*result.rule_told, *result.card.cautions, result.caveat):
            note(sentence)
    note_unreadable(result.unreadable)
    return SKIPPED if result.unreadable else 0
