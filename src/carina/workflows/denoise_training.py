"""One recipe, trained without a noise filter and with each: what a filter does to the test AUC."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from carina.domain.denoise_study import FilterTrainings, TrainedFigures
from carina.domain.input_spec import DenoiseName
from carina.domain.prediction import Prediction
from carina.domain.progress import Progress, Step
from carina.domain.recipe import Recipe
from carina.errors import DatasetError, MissingExtraError, ParityError, TrainingError
from carina.evaluation.compare import compare_answers
from carina.evaluation.scored_films import ScoredFilms, scored_films
from carina.files.atomic import write_bytes
from carina.runs import Run
from carina.settings import Settings
from carina.workflows.denoise_pictures import FILTER_NAMES
from carina.workflows.train import train

METRIC = "roc_auc_macro"
RESEEDED = "another-seed"


@dataclass(frozen=True, slots=True)
class _Trained:
    """What is kept of one training.

    Attributes:
        films: the test part with the answers, in the order of source and path.
        epoch: the epoch that validation chose.
    """

    films: ScoredFilms
    epoch: int


@dataclass(frozen=True, slots=True)
class _Trainings:
    """Where the trainings of one study happen.

    Attributes:
        data: what is trained on.
        recipe: without a filter.
        folder: the study's; predictions are kept there, each run is removed once read.
        settings: caches and keys.
        progress: told as the work goes on.
    """

    data: Sequence[str | Path]
    recipe: Recipe
    folder: Path
    settings: Settings
    progress: Progress


def train_with_filters(
    data: Sequence[str | Path],
    recipe: Recipe,
    *,
    folder: Path,
    settings: Settings,
    progress: Progress,
) -> tuple[FilterTrainings | None, str]:
    """Return what classifiers reach that differ in their noise filter alone, or why there are none.

    Each is an ordinary training: the same recipe, films, split and seed. One more, without a
    filter and with the next seed, shows what chance changes. Their test predictions are kept
    as `predictions/NAME.csv`; the runs are removed.

    Args:
        data: what is trained on.
        recipe: its own noise filter is not used.
        folder: the study's.
        settings: caches and keys.
        progress: told as the work goes on.

    Raises:
        UsageError: if the recipe cannot be used.
        StorageError: if there is no room.
    """
    work = _Trainings(data, recipe, folder, settings, progress)
    try:
        plain, run_facts = _train_plain(work)
    except (DatasetError, TrainingError, ParityError, MissingExtraError) as error:
        return None, str(error)
    filters: dict[DenoiseName, TrainedFigures] = {"none": _figures(plain, recipe)}
    notes = list(run_facts.notes)
    for name in FILTER_NAMES[1:]:
        trained = _attempt(work, name, notes)
        if trained is not None:
            filters[name] = _figures(trained, recipe, beside=plain)
    reseeded = _attempt(work, RESEEDED, notes)
    return FilterTrainings(
        recipe=recipe.name,
        architecture=run_facts.architecture,
        epochs=recipe.train.epochs,
        seed=recipe.train.seed,
        n_train=run_facts.n_films["train"],
        n_validation=run_facts.n_films["validation"],
        n_test=run_facts.n_films["test"],
        filters=filters,
        reseeded=_figures(reseeded, recipe, beside=plain) if reseeded else None,
        notes=tuple(notes),
    ), ""


@dataclass(frozen=True, slots=True)
class _RunFacts:
    """What is said once of all trainings."""

    architecture: str
    n_films: dict[str, int]
    notes: tuple[str, ...]


def _train_plain(work: _Trainings) -> tuple[_Trained, _RunFacts]:
    folder = _folder(work, "none")
    try:
        run = _train(work, "none", folder)
        evaluation = run.evaluation
        leaks = (evaluation.without_leaks.sentence,) if evaluation.without_leaks else ()
        facts = _RunFacts(
            architecture=run.card.provenance.architecture,
            n_films={part: one["accuracy"].n for part, one in evaluation.parts.items()},
            notes=(*leaks, *evaluation.cautions),
        )
        return _kept(work, "none", run), facts
    finally:
        shutil.rmtree(folder.parent, ignore_errors=True)


def _attempt(work: _Trainings, name: str, notes: list[str]) -> _Trained | None:
    """Return one training, or None with a note if it diverged."""
    folder = _folder(work, name)
    try:
        return _kept(work, name, _train(work, name, folder))
    except (TrainingError, ParityError) as error:
        notes.append(f"the training with {name} did not work out: {error}")
        return None
    finally:
        shutil.rmtree(folder.parent, ignore_errors=True)


def _folder(work: _Trainings, name: str) -> Path:
    return work.folder / "training" / name


def _train(work: _Trainings, name: str, folder: Path) -> Run:
    from carina.workflows.start import reseeded

    recipe, denoise = work.recipe, name
    if name == RESEEDED:
        recipe, denoise = reseeded(recipe, 1), "none"
    spec = recipe.input.model_copy(update={"denoise": denoise})
    # what a run's report would show of single films, heat maps and its probe is not looked at
    left_out = {"worst_errors": 0, "masked_probe": False, "score_explanations": False}
    section = recipe.evaluate.model_copy(update=left_out)
    recipe = recipe.model_copy(update={"input": spec, "evaluate": section})

    def tell(step: Step) -> None:
        if step.total:
            told = Step(f"{name}: {step.stage}", step.done, step.total, step.facts)
            work.progress(told)

    return train(work.data, recipe=recipe, out=folder, settings=work.settings, progress=tell)


def _kept(work: _Trainings, name: str, run: Run) -> _Trained:
    """Return what is needed of a run, and keep its test predictions."""
    labels, answers = run.predictions("test")
    data = run.predictions_file("test").read_bytes()
    write_bytes(work.folder / "predictions" / f"{name}.csv", data)
    answers = sorted(answers, key=_place)
    return _Trained(scored_films(labels, answers), run.card.provenance.epoch)


def _place(answer: Prediction) -> tuple[str, str]:
    return answer.source, answer.path


def _figures(
    trained: _Trained, recipe: Recipe, *, beside: _Trained | None = None
) -> TrainedFigures:
    """Return a training's AUC, and its change to another's on the same films."""
    films = trained.films
    paired = compare_answers(films, beside.films if beside else films, recipe.evaluate)
    return TrainedFigures(
        auc=paired.first[METRIC],
        change=paired.differences[METRIC] if beside else None,
        epoch=trained.epoch,
    )
