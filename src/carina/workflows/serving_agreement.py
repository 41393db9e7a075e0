"""A deployed network and its validation part: whether it may be served in bf16."""

from collections.abc import Sequence

from carina.domain.prediction import Prediction
from carina.domain.recipe import Recipe
from carina.domain.serving import ServingAgreement
from carina.evaluation.serving_agreement import serving_agreement
from carina.inference.bundle import load_classifier, write_card
from carina.inference.classifier import Classifier
from carina.inference.runtimes import RUNTIMES
from carina.reporting.model_card import model_card
from carina.runs import Run
from carina.workflows.answering import answers_on
from carina.workflows.films import Films
from carina.workflows.log import Log

_RUNTIME = "openvino"


def with_serving_agreement(
    run: Run,
    films: Films,
    recipe: Recipe,
    *,
    classifier: Classifier,
    validation: Sequence[Prediction],
    log: Log,
) -> Classifier:
    """Answer the validation films in bf16 too, and write on the card how that agrees.

    It costs what OpenVINO needs to start, and at most what the answers in f32 did.

    Args:
        run: holds the classifier.
        films: what was learned from.
        recipe: the run's.
        classifier: with every rule that it answers by.
        validation: its answers in f32 to the validation part.
        log: told what was found.
    """
    with log.stage("answers in bf16"):
        agreement = _agreement(run, films, classifier, validation)
    log.say(agreement.sentence)
    card = classifier.card.model_copy(update={"serving": agreement})
    readme = model_card(card, recipe=recipe, audit=films.audit)
    return classifier.with_card(card, digest=write_card(run.classifier_dir, card, readme=readme))


def _agreement(
    run: Run, films: Films, classifier: Classifier, validation: Sequence[Prediction]
) -> ServingAgreement:
    runtime = RUNTIMES.get(_RUNTIME)
    if runtime.absence() is not None:
        return ServingAgreement(because=f"{runtime.title} was not installed where it was trained")
    if runtime.without_bf16():
        return ServingAgreement(because="the processor that it was trained on has no bf16")
    if not validation:
        return ServingAgreement(because="there are no validation films to try it on")
    quick = load_classifier(run.classifier_dir, runtime=_RUNTIME, precision="bf16-unchecked")
    return serving_agreement(
        validation,
        answers_on(films, "validation", quick),
        classifier.card.rules,
        runtime=quick.runtime.in_words,
    )
