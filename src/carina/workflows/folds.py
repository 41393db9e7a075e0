"""One recipe trained once for each fold: a run whose members are runs, and which tests all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

from carina.data.folds import split_by_source, split_into_folds
from carina.data.predictions import prediction_columns, prediction_row
from carina.domain.evaluation import Evaluation
from carina.domain.folds import FoldFigures
from carina.domain.progress import Progress, Step
from carina.domain.recipe import EvaluateSection, Recipe
from carina.domain.split import Split
from carina.errors import RecipeError, UsageError
from carina.files.documents import write_document
from carina.files.tables import write_table
from carina.inference.bundle import write_card
from carina.reporting.model_card import model_card
from carina.runs import Run
from carina.settings import Settings
from carina.workflows.environment import showing
from carina.workflows.films import Films, Recorded, read_films
from carina.workflows.fold_figures import FoldTraining, fold_figures
from carina.workflows.making import (
    Order,
    begin_run,
    best_by_validation,
    complete_end,
    finish_run,
    make_run,
)
from carina.workflows.members import show_member, unprobed
from carina.workflows.places import file_word
from carina.workflows.record import Moment
from carina.workflows.start import Start, start_networks

FoldsBy = int | Literal["source"]
_MOST_FOLDS = 100
# What the run has of its first fold until the best one is known.
_OF_THE_CHOSEN = ("manifest.csv", "audit.json")


def folds_asked(
    folds: int | str, recipe: Recipe, *, seeds: int, split: str | None = None
) -> FoldsBy:
    """Return what `--folds` asks for.

    Args:
        folds: a number, or "source".
        recipe: with its settings.
        seeds: of the same call.
        split: what `--split` asked for; a recipe's own "respect" gives way to folds.

    Raises:
        UsageError: if it is neither, or cannot be had together with the rest.
    """
    by: FoldsBy
    if str(folds) == "source":
        by = "source"
    elif str(folds).isdecimal() and 2 <= int(folds) <= _MOST_FOLDS:
        by = int(folds)
    else:
        raise UsageError(
            f"--folds takes a number from 2 to {_MOST_FOLDS}, or 'source' (leave one source out), "
            f"and got '{folds}'"
        )
    if seeds > 1:
        raise UsageError(
            f"--folds and --seeds {seeds} cannot be had in one run: their spreads would be one "
            "number; make a run of each (--set train.seed=1 moves the seed of one)"
        )
    mode = "respect" if split == "respect" else recipe.split.mode
    if mode == "as-described" or split == "respect":
        raise RecipeError(
            f"--folds cuts the films anew, and split.mode is '{mode}'; take --split cut, or leave "
            "--folds out"
        )
    return by


def open_folds(
    data: Sequence[str | Path],
    recipe: Recipe,
    by: FoldsBy,
    *,
    settings: Settings,
    progress: Progress,
    recorded: Recorded | None = None,
) -> tuple[Films, ...]:
    """Return the films of DATA once for each fold, decoded once.

    Raises:
        DatasetError: if the data cannot be opened or trained on, or not be cut so.
        StorageError: if the cache cannot be written.
    """
    films = read_films(data, recipe, settings, progress, recorded=recorded)
    described = sorted({r.part for r in films.dataset.records if r.part is not None})
    if described:
        note = (
            f"the data describe parts ({', '.join(described)}); they were passed over, since the "
            "folds are cut anew"
        )
        films = replace(films, dataset=replace(films.dataset, notes=(*films.dataset.notes, note)))
    splits: tuple[Split, ...]
    if by == "source":
        splits = split_by_source(films.dataset, films.scan, recipe.split, films.near)
    else:
        splits = split_into_folds(films.dataset, films.scan, recipe.split, films.near, n_folds=by)
    return tuple(films.with_split(split, progress) for split in splits)


def require_unseen(starts: Sequence[Start]) -> None:
    """Refuse start weights that have seen films of the folds.

    Raises:
        UsageError: naming how many they have seen.
    """
    known = frozenset().union(*(start.films.known for start in starts))
    if known:
        raise UsageError(
            f"the earlier run of network.init had seen {len(known)} of the films, so that a fold "
            "of them would test nothing; begin with a run of other films, or leave --folds out"
        )


def make_folds(run: Run, order: Order, folds: Sequence[Films], starts: Sequence[Start]) -> None:
    """Train a recipe once for each fold, and make the member best on validation the run's own.

    The masked probe is that of the first fold alone.

    Args:
        run: its folder exists and is empty.
        order: what is asked for; its films are those of the first fold.
        folds: the same films, each time with another test part.
        starts: the first fold's networks.
    """
    log = begin_run(run, order)
    members = _trained(run, order, folds, starts)
    evaluations = [member.evaluation for member in members]
    chosen = best_by_validation(evaluations)
    show_member(run, members[chosen], also=_OF_THE_CHOSEN)
    _write_answers(run, members, folds)
    write_document(run.environment_file, showing(run.environment, members[chosen].environment))
    figures = _figures(members, folds, evaluations, order.recipe.evaluate)
    _write_evaluation(run, evaluations[chosen], figures, first=evaluations[0])
    log.say(
        f"the training without {figures.chosen.tested_on} is the best of {len(folds)} on "
        "validation: the run's own"
    )
    finish_run(run, log)


def _trained(run: Run, order: Order, folds: Sequence[Films], starts: Sequence[Start]) -> list[Run]:
    """Return the trainings, made one after another."""
    members: list[Run] = []
    for films, name in zip(folds, _folder_names(folds), strict=True):
        number = f"training {len(members) + 1} of {len(folds)}"
        order.progress(Step("", message=f"without {films.split.tested_on}: {number}"))
        recipe = order.recipe
        if members:
            recipe = unprobed(recipe)
            starts = start_networks(films, recipe, order.settings, order.progress)
        member = Run(run.members_dir / name)
        if member.is_finished:
            complete_end(member)
            members.append(member)
            continue
        member.folder.mkdir(parents=True, exist_ok=True)
        own = replace(order, films=films, recipe=recipe, began=Moment.now())
        make_run(member, own, starts)
        members.append(member)
    return members


def _folder_names(folds: Sequence[Films]) -> list[str]:
    """Return names of folders that differ and sort as the folds do."""
    if not folds[0].split.by_source:
        width = len(str(len(folds)))
        return [f"fold-{number:0{width}d}" for number in range(1, len(folds) + 1)]
    names: list[str] = []
    for films in folds:
        name = f"without-{file_word(films.split.tested_on)}"
        # on some systems names that differ in case alone are one
        taken = {other.lower() for other in names}
        names.append(name if name.lower() not in taken else f"{name}-{len(names) + 1}")
    return names


def _figures(
    members: Sequence[Run],
    folds: Sequence[Films],
    evaluations: Sequence[Evaluation],
    section: EvaluateSection,
) -> FoldFigures:
    trainings = [
        FoldTraining(member.name, films.split.tested_on, evaluation, member.predictions("test")[1])
        for member, films, evaluation in zip(members, folds, evaluations, strict=True)
    ]
    return fold_figures(
        trainings,
        by="source" if folds[0].split.by_source else "patients",
        name=" + ".join(source.name for source in folds[0].dataset.sources),
        section=section,
    )


def _write_evaluation(
    run: Run, chosen: Evaluation, figures: FoldFigures, *, first: Evaluation
) -> None:
    """Write the chosen training's evaluation with the folds beside it, and say so on the card."""
    evaluation = chosen.model_copy(update={"folds": figures, "probes": first.probes})
    card = run.card
    card = card.model_copy(update={"tested_on": f"{card.tested_on}; {figures.sentence}"})
    readme = model_card(
        card,
        recipe=run.recipe,
        environment=run.environment,
        audit=run.audit,
        evaluation=evaluation,
    )
    digest = write_card(run.classifier_dir, card, readme=readme)
    write_document(run.evaluation_file, evaluation.model_copy(update={"classifier": digest}))


def _write_answers(run: Run, members: Sequence[Run], folds: Sequence[Films]) -> None:
    """Write `predictions/folds.csv`: every film's answer by the training that had not seen it."""
    names, _ = members[0].predictions("test")
    rows = (
        {**prediction_row(answer), "fold": films.split.tested_on}
        for member, films in zip(members, folds, strict=True)
        for answer in member.predictions("test")[1]
    )
    write_table(run.folds_file, (*prediction_columns(names), "fold"), rows)
