"""`carina recipes`."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from carina.cli.terminal import (
    JsonFlag,
    drawing,
    note,
    percent,
    show,
    show_json,
    show_table,
)

if TYPE_CHECKING:
    from carina.workflows.recipes import Layer, RecipeFacts


def recipes(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="NAME", help="Print this recipe in full, with its layers.", show_default=False
        ),
    ] = None,
    *,
    time: Annotated[
        bool, typer.Option(help="Time a few steps of each network, once on each machine.")
    ] = True,
    as_json: JsonFlag = False,
) -> int:
    """List the recipes that ship, or print one with the layers of its network."""
    from carina.workflows.recipes import recipes as run

    with drawing(as_json=as_json) as progress:
        shipped = run(name, timed=time, progress=progress)
    if as_json:
        documents = [_document(facts) for facts in shipped]
        show_json(documents if name is None else documents[0])
    elif name is None:
        _show_list(shipped)
    else:
        _show_one(shipped[0])
    return 0


def _document(facts: RecipeFacts) -> dict[str, object]:
    values = asdict(facts)
    values["measured"] = [
        {
            **asdict(one),
            "metrics": {k: e.model_dump() for k, e in one.metrics.items()},
            "interval": {k: e.model_dump() for k, e in one.interval.items()},
        }
        for one in facts.measured
    ]
    return {**values, "recipe": facts.recipe.model_dump(mode="json")}


def _show_list(shipped: tuple[RecipeFacts, ...]) -> None:
    from carina.workflows.recipes import FILMS_OF_THE_ESTIMATE

    show_table(
        ("recipe", "input", "parameters", "epochs", "time here", "measured test accuracy"),
        [
            (
                facts.recipe.name,
                _input(facts),
                _count(facts.parameters),
                _epochs(facts),
                _time(facts.seconds),
                _measured(facts),
            )
            for facts in shipped
        ],
        left=("measured test accuracy",),
    )
    for facts in shipped:
        show(f"{facts.recipe.name}: {facts.recipe.purpose}")
    note(
        f"time here: a training on {FILMS_OF_THE_ESTIMATE:,} films, estimated from a few steps; "
        "carina recipes NAME shows the layers, carina train DATA --recipe NAME trains"
    )


def _show_one(facts: RecipeFacts) -> None:
    from carina.files.recipes import recipe_text
    from carina.workflows.recipes import FILMS_OF_THE_ESTIMATE

    recipe = facts.recipe
    show(f"{recipe.name}: {recipe.purpose}")
    for sentence in recipe.notes:
        show(f"- {sentence}")
    if facts.layers:
        show_table(
            ("layer", "output shape", "parameters"),
            [_layer_row(layer) for layer in facts.layers],
            title=f"The network, for {recipe.n_classes} classes",
        )
        show(f"parameters: {_count(facts.parameters)}, of which trained: {_count(facts.trained)}")
    if facts.seconds is not None:
        show(f"time here: {_time(facts.seconds)} for {FILMS_OF_THE_ESTIMATE:,} films")
    for one in facts.measured:
        accuracy = percent(one.interval["accuracy"])
        over = percent(one.metrics["accuracy"])
        show(
            f"measured on {one.data}: test accuracy {accuracy} of {one.n_test} films; "
            f"mean of {one.seeds} seeds (lowest to highest) {over}"
        )
    show(recipe_text(recipe))


def _layer_row(layer: Layer) -> tuple[str, str, str]:
    shape = ", ".join("None" if size is None else str(size) for size in layer.output_shape)
    return layer.name, f"({shape})", f"{layer.parameters:,}"


def _input(facts: RecipeFacts) -> str:
    spec = facts.recipe.input
    return f"{spec.height} x {spec.width} x {spec.channels}"


def _epochs(facts: RecipeFacts) -> str:
    stages = facts.recipe.stages
    return " + ".join(str(s.train.epochs) for s in stages) or str(facts.recipe.train.epochs)


def _count(number: int | None) -> str:
    return "-" if number is None else f"{number:,}"


def _time(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"


def _measured(facts: RecipeFacts) -> str:
    if not facts.measured:
        return "-"
    one = facts.measured[0]
    return f"{percent(one.interval['accuracy'])} on {one.data}"
