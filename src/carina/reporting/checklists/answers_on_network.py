"""What a run's files say to a checklist's items on the network and its training."""

from __future__ import annotations

from carina.domain.gate import Gate
from carina.domain.sentences import capitalised, counted, listed
from carina.inference.bundle import NETWORK
from carina.reporting.checklists.items import Answer, RunFacts, filled, not_applicable
from carina.reporting.training_wording import (
    how_trained,
    input_in_words,
    options_in_words,
    trained_networks,
    weights_in_words,
)

_CHOSEN_BY = {
    "val_loss": "the least loss",
    "val_accuracy": "the highest accuracy",
    "val_auc_macro": "the highest mean ROC AUC",
}


def technology(facts: RunFacts) -> Answer:
    """Return what kind of method it is, in words for a title."""
    provenance = facts.card.provenance
    return filled(
        f"Deep learning: the network {provenance.architecture}, trained to tell "
        f"{listed(facts.card.labels.names)} apart on chest X-rays, developed and tested in one "
        "study.",
        "headline",
        "training",
    )


def network(facts: RunFacts) -> Answer:
    """Return the network with its inputs and outputs."""
    provenance, spec = facts.card.provenance, facts.card.input
    options = "; ".join(
        words for _, _, one in trained_networks(facts.recipe).values()
        if (words := options_in_words(one))
    )  # fmt: skip
    return filled(
        f"{provenance.architecture}: {counted(provenance.parameters, 'value')}"
        f"{f' ({options})' if options else ''}; in: {input_in_words(spec)}; out: one logit for "
        f"each of {listed(facts.card.labels.names)}. Every layer stands in classifier/{NETWORK}.",
        "training",
        "reproduction",
    )


def software(facts: RunFacts) -> Answer:
    """Return every package with its version."""
    versions = ", ".join(f"{name} {number}" for name, number in facts.environment.versions.items())
    return filled(f"{versions}.", "reproduction")


def start_weights(facts: RunFacts) -> Answer:
    """Return what the network began with."""
    words = weights_in_words(facts.card.provenance, facts.recipe)
    return filled(f"{capitalised(words)}.", "training")


def training(facts: RunFacts) -> Answer:
    """Return how the network was trained."""
    return filled(f"{how_trained(facts.recipe)}{_number_trained(facts)}", "training")


def _number_trained(facts: RunFacts) -> str:
    n_members = len(facts.evaluation.members)
    return f" {n_members} networks were trained, one for each seed." if n_members else ""


def choice(facts: RunFacts) -> Answer:
    """Return how the final network was chosen."""
    told = next(iter(trained_networks(facts.recipe).values()))[0].choose_by
    epoch = facts.card.provenance.epoch
    where = "the validation part"
    if not any(row.split == "validation" for row in facts.films.rows):
        where = "the test part, as described, which flatters"
    if facts.recipe.stages:
        words = f"Each stage is that of its epoch with {_CHOSEN_BY[told]} on {where}."
    else:
        words = (
            f"Epoch {epoch} of {facts.recipe.train.epochs}, which has {_CHOSEN_BY[told]} on "
            f"{where}."
        )
    chosen = [member for member in facts.evaluation.members if member.chosen]
    if chosen:
        n_members = len(facts.evaluation.members)
        words += f" Of {n_members} seeds, seed {chosen[0].seed} has the least loss there."
    folds = facts.evaluation.folds
    if folds is not None:
        words += f" Of {len(folds.folds)} trainings, the one with the least loss there is deployed."
    return filled(words, "training", "members")


def building(facts: RunFacts) -> Answer:
    """Return the kind of model, how it was built and how it was tested internally."""
    return filled(
        f"{facts.card.provenance.architecture}. {how_trained(facts.recipe)} {choice(facts).words} "
        f"Carina searched no settings in this run. Internal test: {_internal(facts)}.",
        "training",
        "results",
        "folds",
    )


def _internal(facts: RunFacts) -> str:
    """Return how the model was tested on films of its own data."""
    apart = f"{counted(facts.evaluation.data.n_images, 'film')} that were kept apart"
    folds = facts.evaluation.folds
    if folds is None:
        return apart
    by = "source" if folds.by == "source" else "fold"
    return f"{apart}; over {counted(len(folds.folds), by)} every film was tested once"


def ensembling(facts: RunFacts) -> Answer:
    """Return how several networks answer together."""
    stages = facts.recipe.stages
    if stages:
        return filled(
            f"A cascade of {counted(len(stages), 'network')}, asked in turn: a class's "
            "probability is the product of the answers that lead to it.",
            "training",
        )
    if facts.evaluation.members:
        n_members = len(facts.evaluation.members)
        return not_applicable(
            f"One network answers: of {n_members} seeds the best on validation; none are averaged."
        )
    if facts.evaluation.folds is not None:
        n_folds = len(facts.evaluation.folds.folds)
        return not_applicable(
            f"One network answers: of {n_folds} trainings the best on validation; none are "
            "averaged."
        )
    return not_applicable("One network answers.")


def predictors(facts: RunFacts) -> Answer:
    """Return what the network may look at."""
    spec = facts.card.input
    held = ", but for the blacked-out middle" if spec.mask == "centre" else ""
    return filled(
        f"Every pixel of the prepared film{held}, and nothing else: neither sex, age nor any other "
        "fact about the patient. None was selected beforehand.",
        "data",
    )


def predictors_defined(facts: RunFacts) -> Answer:
    """Return what exactly the network is given."""
    spec = facts.card.input
    return filled(
        f"The grey values of the film as {input_in_words(spec)}, between 0 (air) and 1 (the "
        "densest tissue).",
        "data",
    )


def predictors_handled(facts: RunFacts) -> Answer:
    """Return what became of the pixels on their way into the network."""
    return filled(
        f"The film is brought to {input_in_words(facts.card.input)}; its grey values are scaled to "
        "lie between 0 and 1; any other normalisation is part of the network file.",
        "data",
        "training",
    )


def predictor_readers(_facts: RunFacts) -> Answer:
    """Return why no reader measures the predictors."""
    return not_applicable("The network reads pixels: nobody interprets or measures them.")


def imbalance(facts: RunFacts) -> Answer:
    """Return what was done about rare classes."""
    used = {train.weighting for train, _, _ in trained_networks(facts.recipe).values()} - {"none"}
    balanced = facts.recipe.split.balanced
    if not used and not balanced:
        return not_applicable("No method against class imbalance was used.")
    words = [
        *(["class weights in the loss"] if "class-weights" in used else []),
        *(["every class drawn equally often"] if "balanced-sampling" in used else []),
        *(["films left out until classes are equal"] if balanced else []),
    ]
    fitted = facts.evaluation.calibration
    after = f" Probabilities afterwards: {fitted.method}." if fitted else ""
    return filled(f"Used: {listed(words)}.{after}", "training", "data", "calibration")


def output(facts: RunFacts) -> Answer:
    """Return what a film's answer is made of."""
    evaluation = facts.evaluation
    fitted = evaluation.calibration
    calibrated = f" ({fitted.method})" if fitted else ""
    rule = (
        "the most probable class is the answer"
        if facts.card.thresholds.rule == "highest"
        else "the answer goes by a threshold that was chosen on validation"
    )
    held = f"; abstention: {evaluation.abstention.rule}" if evaluation.abstention else ""
    return filled(
        f"A probability for each of {listed(facts.card.labels.names)}{calibrated}; {rule}{held}.",
        "results",
        "calibration",
        "operating-points",
    )


def how_predicted(_facts: RunFacts) -> Answer:
    """Return what computes an answer."""
    return filled(
        f"The deployed network, classifier/{NETWORK}, answered every film in 32-bit precision, "
        "and the rules of classifier/card.json made probabilities and answers of its logits; "
        "carina predict does the same for a new film.",
        "reproduction",
    )


def specification(facts: RunFacts) -> Answer:
    """Return where the whole model is, for others to use."""
    digest = facts.card.files.get(NETWORK, "")
    named = f" (sha256 {digest[:12]})" if digest else ""
    return filled(
        f"The folder classifier/ is the whole model: {NETWORK}{named}, its rules in card.json and "
        "its model card; any ONNX runtime can run it, and carina predict and carina serve answer "
        "for new films.",
        "reproduction",
    )


def technical_details(facts: RunFacts) -> Answer:
    """Return where everything stands that decided the run."""
    return filled(
        f"recipe.toml ({facts.recipe.name}) decides the training, manifest.csv names every film's "
        "digest and part, environment.json the command, versions and machine.",
        "reproduction",
    )


def code(facts: RunFacts) -> Answer:
    """Return which program made the run."""
    version = facts.environment.versions.get("carina", facts.card.carina_version)
    return filled(
        f"Carina {version}, open source under the Apache License 2.0, with the recipe "
        f"{facts.recipe.name}.",
        "reproduction",
    )


def poor_input(facts: RunFacts) -> Answer:
    """Return which films get no answer."""
    gate, unsure = facts.card.gate, ""
    if facts.card.abstention.rule == "conformal":
        unsure = (
            "Nor is one given to a film whose prediction set, fitted on validation, is not its "
            "answer alone: several classes are possible, none fits, or another than the answer. "
        )
    return filled(
        f"A file that cannot be read as a film is refused. No answer is given to a film whose "
        f"shorter side has fewer than {gate.min_side_px} pixels, whose longer side is over "
        f"{gate.max_aspect_ratio:g} times the other, or whose grey values span less than "
        f"{100 * gate.min_contrast:g} % of the range. {_fitted_gate(gate)}{unsure}"
        "No other input is needed, so none can be missing.",
        "abstention",
        "limits",
    )


def _fitted_gate(gate: Gate) -> str:
    """Return what the fitted limits of the input gate refuse."""
    if not gate.checks:
        return ""
    return (
        "Nor to one that is turned, inverted, cropped, or unlike the training films in a small "
        "copy or in the network's features, by limits fitted to those films. "
    )


def handling(_facts: RunFacts) -> Answer:
    """Return what a user has to do."""
    return filled(
        "A film's file is all that is handed in; it is prepared without any help, and nothing is "
        "drawn or measured by hand.",
        "data",
        "reproduction",
    )
