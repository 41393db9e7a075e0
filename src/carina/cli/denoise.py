"""`carina denoise`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from carina.cli.terminal import (
    SKIPPED,
    DataArgument,
    JsonFlag,
    OutOption,
    SetOption,
    drawing,
    note,
    note_unreadable,
    number,
    percent,
    show,
    show_json,
    show_table,
)

if TYPE_CHECKING:
    from carina.domain.denoise_study import DenoiseStudy
    from carina.domain.input_spec import DenoiseName


def denoise(
    data: DataArgument,
    *,
    recipe: Annotated[
        str,
        typer.Option(
            metavar="NAME or FILE", help="What is trained with each filter (see: carina recipes)."
        ),
    ] = "two-conv",
    set_: SetOption = None,
    films: Annotated[
        int, typer.Option(metavar="N", help="Real films that are measured, drawn at random.")
    ] = 48,
    phantoms: Annotated[
        int, typer.Option(metavar="N", help="Phantom films with lesions that are measured.")
    ] = 16,
    training: Annotated[
        bool,
        typer.Option(
            "--training/--no-training",
            help="Train a classifier with each filter (7 short trainings), or measure films only.",
        ),
    ] = True,
    out: OutOption = None,
    as_json: JsonFlag = False,
) -> int:
    """Say what noise reduction costs, and whether it helps.

    Compares none, median, gaussian, bilateral, nl-means and wavelet. Writes denoise.json and
    denoise.html.
    """
    from carina.workflows.denoise import denoise as run

    with drawing(as_json=as_json) as progress:
        result = run(
            data,
            recipe=recipe,
            set=set_ or (),
            films=films,
            phantoms=phantoms,
            training=training,
            out=out,
            progress=progress,
        )
    study = result.study
    if as_json:
        show_json(study.model_dump(mode="json"))
    else:
        _show(study)
        show(f"page: {result.folder / 'denoise.html'}")
    note_unreadable(result.unreadable)
    return SKIPPED if result.unreadable else 0


def _show(study: DenoiseStudy) -> None:
    show_table(
        ("filter", "fine edges kept", "noise removed, dB", "lesion contrast kept", "ms", "test AUC",
         "change of AUC"),
        [
            (
                name,
                percent(own.fine_edges_kept),
                number(own.noise_removed_db),
                percent(own.contrast_kept),
                f"{own.milliseconds.value or 0:.1f}",
                *_trained(study, name),
            )
            for name, own in study.filters.items()
        ],
        title=f"{study.n_films} films, {study.n_phantoms} phantoms (95 % intervals)",
    )  # fmt: skip
    if study.trainings is None:
        note(f"no classifier was trained: {study.trainings_left_out}")
    elif study.trainings.reseeded and study.trainings.reseeded.change:
        note(f"another seed alone changes the AUC by {number(study.trainings.reseeded.change)}")
    for text in study.notes:
        note(f"note: {text}")
    show(f"recommended: {study.recommendation.filter}")
    for reason in study.recommendation.reasons:
        show(f"  {reason}")


def _trained(study: DenoiseStudy, name: DenoiseName) -> tuple[str, str]:
    trained = study.trainings.filters.get(name) if study.trainings else None
    if trained is None:
        return "-", "-"
    return number(trained.auc), number(trained.change) if trained.change else "-"
