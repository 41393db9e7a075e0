"""A cascade in Keras: each stage a model inside the model, their answers multiplied."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from carina.models.cascade import Cascade
from carina.models.keras import KERAS_BUILDERS, KerasBuilder
from carina.models.keras.backend import import_keras
from carina.models.keras.build import build_keras
from carina.models.keras.layers import keras_input
from carina.models.keras.weights import stage_name
from carina.models.network import Network

if TYPE_CHECKING:
    import keras


def build_cascade(network: Cascade) -> keras.Model:
    """Return the stages, asked in turn; a class's probability is the product of the answers
    that lead to it.

    Made of layers alone: functions (`keras.ops`) are saved under names that Keras may change.
    """
    keras = import_keras()
    image = keras_input(network)
    reached: Any = None
    columns: dict[int, Any] = {}
    for index, (stage, plan) in enumerate(zip(network.networks, network.plan, strict=True)):
        shares = _shares(stage, stage_name(index), image)
        if reached is not None:
            joined = keras.layers.Multiply(name=f"{stage_name(index)}_if_asked", dtype="float32")
            shares = joined([shares, reached])
        for number, answer in enumerate(plan):
            share = _column(shares, number, f"{stage_name(index)}_answer_{number}")
            if answer is None:
                reached = share
            else:
                columns[answer] = share
    answers = keras.layers.Concatenate(name="answers", dtype="float32")
    ordered = [columns[index] for index in range(network.n_classes)]
    return keras.Model(image, answers(ordered), name="cascade")


def _shares(stage: Network, name: str, image: Any) -> Any:
    """Return the probabilities `[n, answers]` of a stage's own answers."""
    layers = import_keras().layers
    model = build_keras(stage)
    model.name = name
    shares = model(_first_channels(image, stage.channels, name))
    if shares.shape[-1] > 1:
        return shares
    rest = layers.Rescaling(-1.0, offset=1.0, name=f"{name}_rest", dtype="float32")
    both = layers.Concatenate(name=f"{name}_both", dtype="float32")
    return both([rest(shares), shares])


def _first_channels(image: Any, n_channels: int, name: str) -> Any:
    """Return the channels that a stage takes; a radiograph's are all equal."""
    height, width, depth = image.shape[1:]
    if n_channels == depth:
        return image
    layers = import_keras().layers
    flat = layers.Reshape((height * width, depth), name=f"{name}_pixels")(image)
    turned = layers.Permute((2, 1), name=f"{name}_channels_first")(flat)
    cut = layers.Cropping1D((0, depth - n_channels), name=f"{name}_first_channels")(turned)
    back = layers.Permute((2, 1), name=f"{name}_channels_last")(cut)
    return layers.Reshape((height, width, n_channels), name=f"{name}_image")(back)


def _column(shares: Any, number: int, name: str) -> Any:
    """Return one column of `[n, answers]` as `[n, 1]`."""
    layers = import_keras().layers
    n_answers = shares.shape[-1]
    upright = layers.Reshape((n_answers, 1), name=f"{name}_upright")(shares)
    cut = layers.Cropping1D((number, n_answers - 1 - number), name=f"{name}_alone")(upright)
    return layers.Reshape((1,), name=name)(cut)


KERAS_BUILDERS.register("cascade")(KerasBuilder(Cascade, build_cascade))
