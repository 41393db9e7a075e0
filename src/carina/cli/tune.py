"""`carina tune`."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Annotated

import typer

from carina.cli.terminal import (
    DATA_ARGUMENT,
    SKIPPED,
    JsonFlag,
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
    from carina.workflows.tune import TuneResult

_SHOWN = 10


def tune(
    data: Annotated[list[str] | None, DATA_ARGUMENT] = None,
    *,
    recipe: Annotated[
        str | None,
        typer.Option(metavar="NAME or FILE", help="Whose ranges are searched (see: carina "
                     "recipes); two-conv if not said.", show_default=False),
    ] = None,
    set_: SetOption = None,
    trials: Annotated[
        int | None,
        typer.Option(metavar="N", help="Settings to try in all; 20 if not said.",
                     show_default=False),
    ] = None,
    folds: Annotated[
        int | None,
        typer.Option(metavar="K", help="Folds that each is trained on; 3 if not said.",
                     show_default=False),
    ] = None,
    confirm: Annotated[
        int | None,
        typer.Option(metavar="R", help="How often the recipe and the best trial are trained "
                     "again on new folds, to tell luck; 3 if not said.", show_default=False),
    ] = None,
    time: Annotated[
        float | None,
        typer.Option(metavar="HOURS", help="Begin no further trial after so many hours.",
                     show_default=False),
    ] = None,
    out: Annotated[
        str | None,
        typer.Option(metavar="DIR", help="Folder to write: new, empty, or this same search, which "
                     "then goes on or is shared.", show_default=False),
    ] = None,
    resume: Annotated[
        str | None,
        typer.Option(metavar="DIR", help="Go on with a search, or join it from another terminal; "
                     "nothing else is to be said.", show_default=False),
    ] = None,
    as_json: JsonFlag = False,
) -> int:  # fmt: skip
    """Search a recipe's ranges on validation folds, and say how much was luck.

    The test part is never trained or validated on. Writes recipe.toml, tune.json, tune.html and
    trials.csv. The same search may run in several terminals at once.
    """
    from carina.workflows.tune import tune as run

    with drawing(as_json=as_json) as progress:
        result = run(
            data or (),
            recipe=recipe,
            set=set_ or (),
            trials=trials,
            folds=folds,
            confirm=confirm,
            time=time,
            out=out,
            resume=resume,
            progress=progress,
        )
    if as_json:
        show_json({"folder": str(result.folder), **result.study.model_dump(mode="json")})
    else:
        _show(result)
    note_unreadable(result.unreadable)
    return SKIPPED if result.unreadable else 0


def _show(result: TuneResult) -> None:
    """Print the best trials, and what luck there was."""
    from carina.reporting.tune_page import FIGURE_NAMES, luck_rows, shown_setting

    study = result.study
    name = FIGURE_NAMES[study.figure]
    sign = -1 if study.higher_is_better else 1
    done = [trial for trial in study.trials if trial.figure is not None]
    ordered = sorted(done, key=lambda trial: sign * (trial.figure or 0.0))
    show_table(
        ("trial", name, *study.ranges),
        [
            (
                str(trial.number),
                f"{trial.figure:.4f}",
                *(shown_setting(trial.settings.get(setting)) for setting in study.ranges),
            )
            for trial in ordered[:_SHOWN]
        ],
        title=f"The best {min(_SHOWN, len(done))} of {len(done)} trials on {study.n_folds} folds "
        f"of {study.n_films} films (trial 0 is the recipe as it was)",
    )
    for trial in study.trials:
        if trial.state == "failed":
            note(f"trial {trial.number} did not work out: {trial.reason}")
    show_table(
        (name, "in the search", "trained again on new folds (95 % interval)"), luck_rows(study)
    )
    show(study.luck.sentence)
    show(study.luck.verdict)
    note(f"the page has {len(study.cautions)} cautions on what these figures do not say")
    show(f"recipe: {result.recipe_file}")
    show(f"page:   {result.folder / 'tune.html'}")
    words = shlex.join(["carina", "train", "DATA", "--recipe", str(result.recipe_file)])
    show(f"next:   {as_typed(words)}")
