"""two-conv in Keras."""

from __future__ import annotations

from typing import TYPE_CHECKING

from carina.models.architectures.two_conv import TwoConv
from carina.models.keras import KERAS_BUILDERS, KerasBuilder
from carina.models.keras.layers import keras_layer, output_activation, sequential

if TYPE_CHECKING:
    import keras


def build_two_conv(network: TwoConv) -> keras.Model:
    """Return the layers of two-conv, as the first described system lists them."""
    activations = {
        "conv_1": "relu",
        "pool_1": None,
        "conv_2": "relu",
        "pool_2": None,
        "dropout_maps": None,
        "flatten": None,
        "dense": "relu",
        "dropout_features": None,
        "output": output_activation(network.output),
    }
    layers = (keras_layer(network, name, given) for name, given in activations.items())
    return sequential("two_conv", network, layers)


KERAS_BUILDERS.register("two-conv")(KerasBuilder(TwoConv, build_two_conv))
