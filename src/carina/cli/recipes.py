"""`carina recipes`."""

from typing import Annotated

import typer

from carina.cli.terminal import JsonFlag, show, show_json, show_table


def recipes(
    name: Annotated[
        str | None,
        typer.Argument(metavar="NAME", help="Print this recipe in full.", show_default=False),
    ] = None,
    *,
    as_json: JsonFlag = False,
) -> int:
    """List the recipes that ship, or print one."""
    from carina.files.recipes import recipe_text
    from carina.workflows.recipes import recipes as run

    shipped = run(name)
    if name is not None:
        recipe = shipped[0]
        if as_json:
            show_json(recipe.model_dump(mode="json"))
        else:
            show(recipe_text(recipe))
        return 0
    if as_json:
        show_json([recipe.model_dump(mode="json") for recipe in shipped])
    else:
        show_table(
            ("recipe", "input", "epochs", "purpose"),
            [
                (
                    recipe.name,
                    f"{recipe.input.height} x {recipe.input.width} x {recipe.input.channels}",
                    str(recipe.train.epochs),
                    recipe.purpose,
                )
                for recipe in shipped
            ],
            left=("purpose",),
        )
    return 0
