"""`carina export`."""

from typing import Annotated

import typer

from carina.cli.terminal import JsonFlag, note, show, show_json


def export(
    run: Annotated[str, typer.Argument(metavar="RUN", help="A run's folder.", show_default=False)],
    *,
    to: Annotated[
        str, typer.Option("--to", metavar="keras|onnx", help="What to write.", show_default=False)
    ],
    out: Annotated[
        str | None,
        typer.Option(
            "--out",
            metavar="FILE",
            help="File to write; it must not exist.",
            show_default=False,
        ),
    ] = None,
    as_json: JsonFlag = False,
) -> int:
    """Write a run's network as a file for Keras (and TensorFlow), or as ONNX."""
    from carina.workflows.export import export as write

    written = write(run, to=to, out=out)
    if as_json:
        show_json(written.as_values())
        return 0
    show(f"written: {written.file}")
    if written.compared_on:
        show(
            f"read again and compared with the classifier on {written.n_films} "
            f"{written.compared_on}: probabilities differ by at most "
            f"{written.max_probability_difference:.1e}"
        )
    show(f"\nfilms: {written.input_sentence}\n")
    for line in written.usage:
        show(f"    {line}")
    for caution in written.card.cautions:
        note(f"caution: {caution}")
    return 0
