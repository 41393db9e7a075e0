"""conv-stack in Keras."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from carina.models.architectures.conv_stack import ConvStack
from carina.models.keras import KERAS_BUILDERS, KerasBuilder
from carina.models.keras.layers import keras_layer, output_activation, relu, sequential

if TYPE_CHECKING:
    import keras


def build_conv_stack(network: ConvStack) -> keras.Model:
    """Return the layers of a stack of convolutions.

    With batch normalisation the ReLU behind it is a layer of its own, `relu_1`, ...
    """
    return sequential("conv_stack", network, _layers(network))


def _layers(network: ConvStack) -> Iterator[keras.Layer]:
    options = network.options
    for index in range(1, len(options.filters) + 1):
        if options.batch_norm:
            yield keras_layer(network, f"conv_{index}")
            yield keras_layer(network, f"norm_{index}")
            yield relu(f"relu_{index}")
        else:
            yield keras_layer(network, f"conv_{index}", "relu")
        yield keras_layer(network, f"pool_{index}")
    yield keras_layer(network, "dropout_maps")
    yield keras_layer(network, "flatten")
    for index in range(1, len(options.dense) + 1):
        yield keras_layer(network, f"dense_{index}", "relu")
        yield keras_layer(network, f"dropout_{index}")
    yield keras_layer(network, "output", output_activation(network.output))


KERAS_BUILDERS.register("conv-stack")(KerasBuilder(ConvStack, build_conv_stack))
