"""A network of torch -> the same network in Keras."""

from __future__ import annotations

from typing import TYPE_CHECKING

from carina.errors import UsageError
from carina.models.keras import KERAS_BUILDERS
from carina.models.keras.weights import copy_to_keras
from carina.models.network import ImageNetwork

if TYPE_CHECKING:
    import keras


def keras_model(network: ImageNetwork) -> keras.Model:
    """Return a network in Keras: the same layers with the same weights.

    Called inside `backend.keras_on_cpu`.

    Args:
        network: left as it was.

    Returns:
        A model that is not compiled. It takes float32 `[n, height, width, channels]` in
        `[0, 1]` and gives probabilities `[n, classes]`, or with one sigmoid those of the
        second class `[n, 1]`.

    Raises:
        UsageError: if the network's architecture is not known in Keras; it names those
            that are.
    """
    model = build_keras(network)
    copy_to_keras(network, model)
    return model


def build_keras(network: ImageNetwork) -> keras.Model:
    """Return the layers of a network in Keras, with start weights of Keras's own.

    Raises:
        UsageError: as `keras_model` does.
    """
    names = KERAS_BUILDERS.names()
    for builder in map(KERAS_BUILDERS.get, names):
        if isinstance(network, builder.network):
            return builder.build(network)
    raise UsageError(
        f"{type(network).__name__} is not one of the networks that Carina builds in Keras "
        f"({', '.join(names)}); take --to onnx, which every network can be written as"
    )
