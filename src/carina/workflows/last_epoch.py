"""What the last epoch's network answers to the test films, where another epoch was chosen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from carina.domain.prediction import Prediction
from carina.inference.classifier import Classifier
from carina.runs import Run
from carina.workflows.films import Films
from carina.workflows.learning import film_part

if TYPE_CHECKING:
    from carina.models.network import ImageNetwork
    from carina.models.weights import Weights

_BATCH = 64


def answers_of_the_last_epoch(
    network: ImageNetwork,
    last_state: Weights,
    *,
    films: Films,
    answers: Sequence[Prediction],
    classifier: Classifier,
) -> list[Prediction]:
    """Return the answers that the last epoch's weights give to the same test films.

    Args:
        network: it keeps its own weights.
        last_state: the last epoch's.
        films: of the run.
        answers: the chosen epoch's to the test part.
        classifier: with the rules that the answers are given by.
    """
    from carina.training.scoring import torch_logits

    names = classifier.labels.names
    chosen_state = {name: value.clone() for name, value in network.state_dict().items()}
    network.load_state_dict(last_state)
    at_once = classifier.card.input.films_at_once(_BATCH)
    logits = torch_logits(network, film_part(films, "test"), batch_size=at_once)
    network.load_state_dict(chosen_state)
    of_film = {f"{answer.source}/{answer.path}": answer for answer in answers}
    return classifier.decided(
        [
            replace(of_film[record.key], logits=dict(zip(names, map(float, row), strict=True)))
            for record, row in zip(films.of("test"), logits, strict=True)
        ]
    )


def recorded_last_epoch(
    run: Run, *, films: Films, answers: Sequence[Prediction], classifier: Classifier
) -> list[Prediction]:
    """Return the same of a finished run, from the weights in its `checkpoints/`.

    Args:
        run: with one network.
        films, answers, classifier: as for `answers_of_the_last_epoch`.

    Raises:
        InputError: if the weights are damaged.
    """
    from carina.models.build import build_network
    from carina.models.weights import weights_of_file

    recipe = run.recipe
    network = build_network(
        recipe.network,
        spec=recipe.input,
        n_classes=len(classifier.labels),
        seed=recipe.train.seed,
    )
    state, _ = weights_of_file(run.checkpoints_dir / "last.safetensors")
    return answers_of_the_last_epoch(
        network, state, films=films, answers=answers, classifier=classifier
    )
