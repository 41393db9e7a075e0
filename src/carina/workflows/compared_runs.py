"""A run's files -> what a comparison shows of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from carina.domain.comparison import COMPARED_PARTS, ComparedPart, ComparedRun, PartFigures
from carina.domain.evaluation import ConfusionMatrix, Evaluation
from carina.domain.record import Part
from carina.errors import RunError
from carina.evaluation.evaluate import evaluate, evaluated_data, scored_films
from carina.evaluation.shared_films import AnsweredFilms
from carina.reporting.external_wording import is_tested_elsewhere
from carina.runs import Run


@dataclass(frozen=True, slots=True, eq=False)
class OpenedRun:
    """A finished run, read for a comparison.

    Attributes:
        run: its folder.
        facts: what the comparison shows of it.
        answers: part -> its answers.
        history: one row an epoch; empty if the run has none.
    """

    run: Run
    facts: ComparedRun
    answers: dict[ComparedPart, AnsweredFilms]
    history: list[dict[str, float]]


def open_finished(folder: str | Path | Run) -> Run:
    """Return a run whose training has ended.

    Raises:
        RunError: if the folder is no run, or its training did not end.
    """
    run = folder if isinstance(folder, Run) else Run.open(folder)
    status = run.environment.status if run.environment_file.is_file() else "without a start"
    if status != "finished" or not run.evaluation_file.is_file():
        raise RunError(
            f"the run {run.folder} was not finished (status '{status}'): there is nothing to "
            "compare; wait for its training to end, train again, or leave it out"
        )
    return run


def read_run(run: Run, *, name: str) -> OpenedRun:
    """Return what a comparison needs of a finished run.

    Args:
        run: the run.
        name: what it is called in the comparison.

    Raises:
        RunError: if its files do not fit together: a part was changed after the run.
        EvaluationError: if its evaluation or predictions cannot be read.
        ClassifierError: if its classifier's card cannot be read.
    """
    evaluation = run.evaluation
    answers = {part: _answers(run, part) for part in COMPARED_PARTS}
    _require_same_counts(run, evaluation, answers["test"])
    figures = {
        "validation": _figures(_validation(run, answers["validation"])),
        "test": _figures(evaluation),
    }
    recipe, environment, card = run.recipe, run.environment, run.card
    origin, stages = card.provenance, recipe.stages
    facts = ComparedRun(
        name=name,
        folder=run.name,
        recipe=recipe.name,
        stages=tuple(f"{stage.name}: {stage.network.architecture}" for stage in stages),
        architecture=origin.architecture,
        weights=recipe.network.weights,
        trained=recipe.network.trained,
        parameters=origin.parameters,
        input=card.input,
        labels=card.labels.names,
        sources=origin.sources,
        n_train=origin.n_train,
        epochs=sum(s.train.epochs for s in stages) if stages else recipe.train.epochs,
        chosen_epoch=origin.epoch,
        chosen_by=recipe.train.choose_by,
        images_per_second=environment.images_per_second,
        training_seconds=environment.seconds.get("training"),
        device=environment.device,
        precision=str(environment.precision.get("chosen", recipe.train.precision)),
        seed=recipe.train.seed,
        split_seed=recipe.split.seed,
        parts={part: figures[part] for part in COMPARED_PARTS},
        external_tests=_external_tests(run),
        cautions=_cautions(run, evaluation),
    )
    history = run.history if run.history_file.is_file() else []
    return OpenedRun(run, facts, answers, history)


def _answers(run: Run, part: Part) -> AnsweredFilms:
    """Return the answers on a part, each with the digest of its film.

    Raises:
        RunError: if manifest and predictions do not name the same films and classes.
    """
    names = run.card.labels.names
    labels, predictions = run.predictions(part)
    rows = run.manifest
    # as described, the test part may have served for validation too
    own = part if any(row.split == part for row in rows) else "test"
    known = {row.key: row for row in rows if row.split == own}
    told = {f"{film.source}/{film.path}": film for film in predictions}
    changed = sorted(
        key
        for key in known.keys() | told.keys()
        if key not in known or key not in told or known[key].label != told[key].label
    )
    if changed or not told or set(labels) != set(names):
        example = f" ({changed[0]}, for one)" if changed else ""
        raise RunError(
            f"{run.predictions_file(part)} and {run.manifest_file} do not tell of the same films "
            f"and classes; they differ on {len(changed)}{example}: the {part} part was changed "
            "after the run. Compare runs as carina train wrote them, or train again"
        )
    digests = tuple(known[key].sha256 for key in told)
    return AnsweredFilms(names, tuple(told.values()), digests)


def _require_same_counts(run: Run, evaluation: Evaluation, answers: AnsweredFilms) -> None:
    """Check that `evaluation.json` is about these predictions."""
    found = Counter((film.label, film.predicted) for film in answers.predictions)
    matrix = evaluation.confusion_matrix
    told = {
        (truth, answer): count
        for truth, counts in zip(matrix.labels, matrix.counts, strict=True)
        for answer, count in zip(matrix.labels, counts, strict=True)
        if count
    }
    if dict(found) != told:
        raise RunError(
            f"{run.evaluation_file} counts other answers ({sum(told.values())} films) than "
            f"{run.predictions_file('test')} holds ({len(answers.predictions)}): the test part "
            "was changed after the run. Compare runs as carina train wrote them, or train again"
        )


def _validation(run: Run, answers: AnsweredFilms) -> Evaluation:
    data = evaluated_data(
        answers.labels, answers.predictions, name=run.evaluation.data.name, part="validation"
    )
    return evaluate(
        scored_films(answers.labels, answers.predictions),
        data=data,
        classifier=run.evaluation.classifier,
        section=run.recipe.evaluate,
    )


def _figures(evaluation: Evaluation) -> PartFigures:
    largest, share = largest_class(evaluation.confusion_matrix)
    return PartFigures(
        data=evaluation.data,
        metrics=evaluation.metrics,
        per_class=evaluation.per_class,
        confusion_matrix=evaluation.confusion_matrix,
        largest_class=largest,
        largest_class_share=share,
        without_leaks=evaluation.without_leaks,
    )


def largest_class(matrix: ConfusionMatrix) -> tuple[str, float]:
    """Return the class with the most films, and its share of them."""
    films = {label: sum(row) for label, row in zip(matrix.labels, matrix.counts, strict=True)}
    largest = max(films, key=lambda label: films[label])
    return largest, films[largest] / sum(films.values())


def _external_tests(run: Run) -> tuple[str, ...]:
    """Return the data of the tests on films that the run did not know."""
    tests = (run.external_evaluation(name) for name in run.external_names())
    return tuple(test.data.name for test in tests if test.data.external)


def _cautions(run: Run, evaluation: Evaluation) -> tuple[str, ...]:
    """Return what belongs beside the numbers: leaks, serious findings, no external test."""
    cautions: list[str] = []
    if evaluation.without_leaks is not None:
        cautions.append(evaluation.without_leaks.sentence)
    cautions.extend(
        finding.sentence
        for finding in run.audit.findings
        if finding.severity == "critical"
        and not (evaluation.without_leaks is not None and finding.about == "leaks")
    )
    if not any(row.split == "validation" for row in run.manifest):
        cautions.append("The epoch was chosen on the test part, as described: its numbers flatter.")
    if not is_tested_elsewhere(run):
        cautions.append("Not tested on another source.")
    return (*cautions, *_own_sentences(evaluation.cautions, cautions))


def _own_sentences(sentences: Sequence[str], told: Sequence[str]) -> list[str]:
    return [sentence for sentence in sentences if sentence not in told]
