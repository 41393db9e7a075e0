"""A deployed network and its validation part: the rules that it answers by."""

from collections import Counter

from carina.domain.calibration import Calibration
from carina.domain.prediction import Prediction
from carina.domain.recipe import EvaluateSection, Recipe
from carina.domain.rules import FittedRules, Rules
from carina.errors import RecipeError
from carina.evaluation.evaluate import scored_films
from carina.evaluation.fit_rules import fit_rules
from carina.evaluation.threshold_choice import require_decidable
from carina.inference.bundle import write_card
from carina.inference.classifier import Classifier
from carina.reporting.model_card import model_card
from carina.runs import Run
from carina.workflows.answering import answers_on
from carina.workflows.films import Films
from carina.workflows.log import Log


def require_rules(films: Films, recipe: Recipe) -> None:
    """Refuse, before a training, rules that its validation part could not fit.

    Raises:
        RecipeError: if the recipe asks for a threshold that cannot be chosen, or to abstain
            where there is no validation part for it.
    """
    counts = Counter(record.label for record in films.of("validation") if record.label)
    section, names = recipe.evaluate, films.dataset.labels.names
    if films.split.validation_is_test:
        _require_own_validation(section)
    require_decidable(names, section, n_validation=counts)


def _require_own_validation(section: EvaluateSection) -> None:
    """Refuse rules that would be fitted on the films that they are then tested on."""
    if section.decide_by != "highest":
        asked, without = f"evaluate.decide_by = '{section.decide_by}'", "leave it at 'highest'"
    elif section.abstain > 0:
        asked, without = f"evaluate.abstain = {section.abstain:g}", "leave --abstain out"
    else:
        return
    raise RecipeError(
        f"{asked} needs a validation part of its own, and here the test films are validation too, "
        f"as described; {without}, or let Carina cut a validation part (--split respect)"
    )


def with_fitted_rules(
    run: Run, films: Films, recipe: Recipe, *, classifier: Classifier, log: Log
) -> tuple[Classifier, list[Prediction]]:
    """Fit calibration, thresholds and abstention on validation, and write them on the card.

    Where the validation films are the test films, nothing is fitted: it would be tuned on
    what it is then tested on.

    Args:
        run: holds the classifier.
        films: what was learned from.
        recipe: says which rules.
        classifier: as it was exported.
        log: told what was fitted.

    Returns:
        The classifier with its rules, and its answers on the validation part.
    """
    with log.stage("predictions"):
        raw = answers_on(films, "validation", classifier)
    names = films.dataset.labels.names
    if films.split.validation_is_test:
        why = "the validation films are the test films, as described"
        rules = Rules(
            calibration=Calibration(unfitted_because=why),
            fitted=FittedRules(unfitted_because=why),
        )
        log.say(f"no calibration and no thresholds were fitted: {why}")
    else:
        with log.stage("fitting rules"):
            rules = fit_rules(scored_films(names, raw), recipe.evaluate)
        if rules.abstention.because:
            log.say(f"abstention: {rules.abstention.because}")
    card = classifier.card.answering_by(rules)
    readme = model_card(card, recipe=recipe, audit=films.audit)
    digest = write_card(run.classifier_dir, card, readme=readme)
    ruled = classifier.with_card(card, digest=digest)
    return ruled, ruled.decided(raw)
