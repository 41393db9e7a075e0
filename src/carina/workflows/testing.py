"""A trained classifier and its test part: every number that the report shows."""

from collections.abc import Sequence
from dataclasses import dataclass

from carina.data.predictions import write_predictions
from carina.domain.evaluation import EpochFigures, Estimates, Evaluation
from carina.domain.explanation_scores import ExplanationScores
from carina.domain.prediction import Prediction
from carina.domain.recipe import Recipe
from carina.domain.record import Part
from carina.evaluation.evaluate import overall_metrics, scored_films
from carina.files.atomic import write_bytes
from carina.files.documents import write_document
from carina.imaging.pictures import film_png, overlay_png
from carina.inference.bundle import write_card
from carina.inference.classifier import Classifier
from carina.reporting.model_card import model_card
from carina.reporting.pictures import picture_name, worst_errors
from carina.reporting.wording import with_interval
from carina.runs import Run
from carina.workflows.answering import answers_on
from carina.workflows.changed_films import ChangedFilms, What
from carina.workflows.error_agreement import agreement_with_confounders
from carina.workflows.explained_films import score_test_films
from carina.workflows.films import Films
from carina.workflows.gate_pictures import answers_to_made_pictures
from carina.workflows.last_epoch import answers_of_the_last_epoch
from carina.workflows.learning import Learned
from carina.workflows.log import Log
from carina.workflows.probing import confounder_probes
from carina.workflows.run_numbers import BesideAnswers, TestedFilms, run_numbers


@dataclass(frozen=True, slots=True)
class Tested:
    """What is tested on which films.

    Attributes:
        films: with the classifier's own classes.
        recipe: how it was trained.
        learned: the trained network.
        classifier: made of it.
        validation: its answers on the validation part.
        probes: what a masked probe found on the same test films.
    """

    films: Films
    recipe: Recipe
    learned: Learned
    classifier: Classifier
    validation: Sequence[Prediction]
    probes: Estimates


def test(run: Run, tested: Tested, *, log: Log, named: set[tuple[str, What]]) -> Evaluation:
    """Answer for every part, open the test part once, and write predictions, evaluation and
    the pictures that the report shows.

    Args:
        run: gets them.
        tested: what is tested.
        log: told of films that changed meanwhile.
        named: such films that were named before (`ChangedFilms`).
    """
    films, classifier = tested.films, tested.classifier
    changed = ChangedFilms(films, named)
    with log.stage("predictions"):
        answers: dict[Part, list[Prediction]] = {
            "train": answers_on(films, "train", classifier),
            "validation": list(tested.validation),
            "test": answers_on(films, "test", classifier),
        }
    for part in ("validation", "test"):
        write_predictions(run.predictions_file(part), films.dataset.labels.names, answers[part])
    with log.stage("evaluation"):
        evaluation = _evaluation(tested, answers, changed)
    scores = _scored_heat_maps(run, tested, answers["test"], log=log)
    evaluation = evaluation.model_copy(update={"explanation_scores": scores})
    card = classifier.card.model_copy(
        update={
            "tested_on": _tested_on(evaluation),
            "explanation_scores": scores,
            "cautions": (*classifier.card.cautions, *(scores.cautions if scores else ())),
        }
    )
    readme = model_card(
        card,
        recipe=tested.recipe,
        environment=run.environment.model_copy(update={"device": tested.learned.device}),
        audit=films.audit,
        evaluation=evaluation,
    )
    digest = write_card(run.classifier_dir, card, readme=readme)
    evaluation = evaluation.model_copy(update={"classifier": digest})
    write_document(run.evaluation_file, evaluation)
    with log.stage("pictures"):
        _draw_pictures(run, tested, answers["test"], changed)
    changed.look_at_all()
    changed.tell(run, log)
    return evaluation


def _evaluation(
    tested: Tested, answers: dict[Part, list[Prediction]], changed: ChangedFilms
) -> Evaluation:
    films, section = tested.films, tested.recipe.evaluate
    card = tested.classifier.card
    made = None
    if card.gate.checks:
        made = answers_to_made_pictures(
            films, tested.classifier, seed=section.seed, read=changed.read
        )
    return run_numbers(
        answers,
        TestedFilms(
            name=films.test_name,
            records=films.dataset.records,
            known=films.seen_while_training(),
            is_held_out_source=films.split.by_source,
            chose_the_network=films.split.validation_is_test,
            cautions=films.split.cautions,
        ),
        card=card,
        digest=tested.classifier.digest,
        section=section,
        beside=BesideAnswers(
            last_epoch=_last_epoch(tested, answers["test"]),
            made=made,
            agreement=agreement_with_confounders(films, answers["test"], section),
            probes={**tested.probes, **confounder_probes(films.audit)},
        ),
    )


def _last_epoch(tested: Tested, answers: Sequence[Prediction]) -> EpochFigures | None:
    """Return the test metrics of the last epoch's network, which was not chosen; None for a
    cascade, which has no epochs of its own."""
    learned, names = tested.learned, tested.films.dataset.labels.names
    if learned.last_state is None:
        return None
    last = list(answers)
    if learned.last_epoch != learned.epoch:
        last = answers_of_the_last_epoch(
            learned.network,
            learned.last_state,
            films=tested.films,
            answers=answers,
            classifier=tested.classifier,
        )
    return EpochFigures(
        epoch=learned.last_epoch,
        best_epoch=learned.epoch,
        metrics=overall_metrics(scored_films(names, last), tested.recipe.evaluate),
    )


def _scored_heat_maps(
    run: Run, tested: Tested, answers: Sequence[Prediction], *, log: Log
) -> ExplanationScores | None:
    """Return how far the classifier's heat maps can be believed, if the recipe asks."""
    if not tested.recipe.evaluate.score_explanations or not answers:
        return None
    with log.stage("heat maps"):
        found = score_test_films(
            tested.films,
            answers,
            classifier=tested.classifier,
            folder=run.classifier_dir,
            progress=log.progress,
        )
    log.say(f"heat maps were scored on {found.data}")
    return found


def _tested_on(evaluation: Evaluation) -> str:
    """Return the card's sentence on the internal test."""
    accuracy = with_interval("accuracy", evaluation.metrics["accuracy"])
    data = evaluation.data
    right = f"{accuracy} of {data.n_images} films of the test part of {data.name} answered rightly"
    return f"{right}; {evaluation.without_leaks.sentence}" if evaluation.without_leaks else right


def _draw_pictures(
    run: Run, tested: Tested, answers: Sequence[Prediction], changed: ChangedFilms
) -> None:
    """Write thumbnails and heat maps of the films that the report shows."""
    records = {record.key: record for record in tested.films.dataset.records}
    for answer in worst_errors(list(answers), limit=tested.recipe.evaluate.worst_errors):
        film = changed.read(records[f"{answer.source}/{answer.path}"])
        if film is None:
            continue
        explanation = tested.classifier.explain(film, answer.predicted)
        name = picture_name(film.sha256)
        write_bytes(run.thumbnails_dir / name, film_png(film, longer_side=640))
        write_bytes(
            run.explanations_dir / name, overlay_png(film, explanation.heat, colour_bar=False)
        )
