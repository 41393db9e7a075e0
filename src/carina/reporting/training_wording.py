"""How a recipe trains, in words."""

from __future__ import annotations

from collections.abc import Mapping

from carina.domain.card import Provenance
from carina.domain.input_spec import InputSpec
from carina.domain.recipe import AugmentSection, NetworkSection, Recipe, TrainSection

LAYERS_TRAINED = {
    "all": "all",
    "last-block": "the last block of the backbone and the new head",
    "head": "the new head alone",
}
_WEIGHTING = {
    "none": "none",
    "class-weights": "the loss of each class weighted by its rarity",
    "balanced-sampling": "every class drawn equally often",
}


def augmentation_in_words(section: AugmentSection) -> str:
    """Return the random changes of a training film, or "none".

    >>> augmentation_in_words(AugmentSection(zoom=0.2, horizontal_flip=True))
    'zoom 0.2, horizontal flip'
    """
    used = section.model_dump(exclude_defaults=True)
    used.pop("fill", None)
    if not used:
        return "none"
    return ", ".join(
        name.replace("_", " ") if value is True else f"{name.replace('_', ' ')} {value:g}"
        for name, value in used.items()
    )


def training_in_words(train: TrainSection, augment: AugmentSection, network: NetworkSection) -> str:
    """Return how a network is trained, as one sentence without its full stop."""
    return (
        f"{train.optimizer.capitalize()} with learning rate {train.learning_rate:g}, batches of "
        f"{train.batch_size} films, {train.epochs} epochs; layers trained: "
        f"{LAYERS_TRAINED[network.trained]}; class weighting: {_WEIGHTING[train.weighting]}; "
        f"augmentation: {augmentation_in_words(augment)}; loss: cross-entropy; training seed "
        f"{train.seed}"
    )


def trained_networks(
    recipe: Recipe,
) -> Mapping[str, tuple[TrainSection, AugmentSection, NetworkSection]]:
    """Return what is trained by name: the recipe's one network under "", or each stage's."""
    if not recipe.stages:
        return {"": (recipe.train, recipe.augment, recipe.network)}
    return {stage.name: (stage.train, stage.augment, stage.network) for stage in recipe.stages}


def how_trained(recipe: Recipe) -> str:
    """Return how every network of a recipe is trained, as sentences."""
    return " ".join(
        f"{f'Stage {name}: ' if name else ''}{training_in_words(*parts)}."
        for name, parts in trained_networks(recipe).items()
    )


def options_in_words(network: NetworkSection) -> str:
    """Return a network's own settings, or "".

    >>> options_in_words(NetworkSection(options={"dropout": 0.5}))
    'dropout 0.5'
    """
    return ", ".join(f"{name} {value}" for name, value in network.options.items())


def weights_in_words(provenance: Provenance, recipe: Recipe | None) -> str:
    """Return where the start weights come from."""
    if provenance.weights:
        return provenance.weights
    if recipe is None:
        return "drawn at random"
    seeds = {train.seed for train, _, _ in trained_networks(recipe).values()}
    named = f" (seed {min(seeds)})" if len(seeds) == 1 else ""
    return f"drawn at random{named}"


def input_in_words(spec: InputSpec) -> str:
    """Return what a film becomes before the network sees it.

    >>> input_in_words(InputSpec(height=150, width=100))
    '100 x 150 pixels, grey, fit by stretch, bilinear'
    """
    tones = "grey" if spec.channels == 1 else "grey in three channels"
    filtered = f", noise filter {spec.denoise}" if spec.denoise != "none" else ""
    masked = ", middle blacked out" if spec.mask == "centre" else ""
    return (
        f"{spec.width} x {spec.height} pixels, {tones}, fit by {spec.fit}, "
        f"{spec.interpolation}{filtered}{masked}"
    )
