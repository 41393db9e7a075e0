"""`carina import`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from carina.cli.terminal import (
    FOUND,
    SKIPPED,
    JsonFlag,
    OutOption,
    SetOption,
    as_typed,
    drawing,
    note,
    note_unreadable,
    show,
    show_json,
    show_table,
)

if TYPE_CHECKING:
    from carina.workflows.import_model import ImportedModel
    from carina.workflows.scaling_check import ScalingCheck

_MOST_SHOWN = 6


def import_model(
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL", help="A file: .onnx, .keras, or .h5 of Keras.", show_default=False
        ),
    ],
    *,
    labels: Annotated[
        str,
        typer.Option(
            metavar="A,B,C",
            help="The classes in the order of the outputs; from labels.txt beside it if not said.",
            show_default=False,
        ),
    ] = "",
    scaling: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="Pixel values of its training: 0..1, -1..1, 0..255, torch, caffe, xrv, ...",
            show_default=False,
        ),
    ] = "",
    input_size: Annotated[
        str,
        typer.Option(
            metavar="224|224x320",
            help="Height and width, where it takes any.",
            show_default=False,
        ),
    ] = "",
    channels: Annotated[
        int,
        typer.Option(metavar="1|3", help="Where the model does not say.", show_default=False),
    ] = 0,
    layout: Annotated[
        str,
        typer.Option(metavar="nchw|nhwc", help="Where the model does not say.", show_default=False),
    ] = "",
    fit: Annotated[
        str,
        typer.Option(
            metavar="stretch|letterbox|crop",
            help="How films of another shape were fitted in its training.",
        ),
    ] = "stretch",
    output_name: Annotated[
        str,
        typer.Option(
            "--output-name",
            metavar="NAME",
            help="The output with the classes, where it has several.",
            show_default=False,
        ),
    ] = "",
    check: Annotated[
        list[str] | None,
        typer.Option(
            "--check",
            metavar="DATA",
            help="Labelled films, on which every scaling is tried; may be repeated.",
            show_default=False,
        ),
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit 4 if the check finds something wrong.")
    ] = False,
    set_: SetOption = None,
    name: Annotated[
        str,
        typer.Option(metavar="NAME", help="Of the classifier.", show_default=False),
    ] = "",
    out: OutOption = None,
    as_json: JsonFlag = False,
) -> int:
    """Make a classifier of a model that another tool wrote (ONNX or Keras)."""
    from carina.workflows.import_model import import_model as run

    with drawing(as_json=as_json) as progress:
        made = run(
            model,
            labels=labels,
            scaling=scaling,
            input_size=input_size,
            channels=channels,
            layout=layout,
            fit=fit,
            output_name=output_name,
            check=check or (),
            set=set_ or (),
            name=name,
            out=out,
            progress=progress,
        )
    if as_json:
        show_json(made.as_values())
    else:
        _show(made)
    note_unreadable(made.unreadable)
    if strict and made.findings:
        return FOUND
    return SKIPPED if made.unreadable else 0


def _show(made: ImportedModel) -> None:
    from carina.reporting.parity_wording import parity_in_words

    card = made.card
    for sentence in made.notes:
        note(f"note: {sentence}")
    if made.check is not None:
        _show_check(made.check)
    for sentence in made.findings:
        note(f"wrong: {sentence}")
    explained = "by its last spatial maps" if card.explanations else "by occlusion alone"
    show_table(
        ("classifier", made.folder.name),
        [
            ("classes", ", ".join(card.labels.names)),
            ("network", f"{card.provenance.architecture}, {card.provenance.parameters:,} values"),
            ("input", f"{card.input.channels} x {card.input.height} x {card.input.width}"),
            ("pixel scaling", f"{made.scaling}: {made.scaling_in_words}"),
            ("explained", explained),
            ("compared with the model", parity_in_words(made.card.parity, film="film")),
        ],
        left=(made.folder.name,),
    )
    for caution in card.cautions:
        note(f"caution: {caution}")
    show(f"written: {made.folder}")
    show(f"next: {as_typed(f'carina evaluate {made.folder} LABELLED-FILMS')}")


def _show_check(check: ScalingCheck) -> None:
    """Print what the scalings came to: the best ones, and the one that was used."""
    shown = [*check.tried[:_MOST_SHOWN]]
    if check.of(check.used) not in shown:
        shown.append(check.of(check.used))
    show_table(
        ("pixel scaling", "right", "accuracy (95 % interval)", "ROC AUC", "p, against the used"),
        [
            (
                f"{one.name} (used)" if one.name == check.used else one.name,
                f"{one.n_right} of {check.n_films}",
                f"{100 * one.n_right / check.n_films:.1f} % "
                f"({100 * one.accuracy[0]:.1f} to {100 * one.accuracy[1]:.1f})",
                "undefined" if one.roc_auc is None else f"{one.roc_auc:.3f}",
                "" if one.p_value is None else f"{one.p_value:.2g}",
            )
            for one in shown
        ],
        title=f"{len(check.tried)} scalings on {check.n_films} labelled films",
    )
