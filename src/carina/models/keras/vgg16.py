"""vgg16 in Keras."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from carina.models.architectures.vgg16 import Vgg16
from carina.models.keras import KERAS_BUILDERS, KerasBuilder
from carina.models.keras.backend import import_keras
from carina.models.keras.layers import keras_layer, output_activation, sequential

if TYPE_CHECKING:
    import keras


def build_vgg16(network: Vgg16) -> keras.Model:
    """Return VGG16 and its new dense layers.

    The layers of the backbone have the names of `keras.applications.VGG16`; those that the
    network holds fixed are not trainable. The first layer, `scaling`, turns `[0, 1]` into
    what the backbone's weights expect.
    """
    return sequential("vgg16", network, _layers(network))


def _layers(network: Vgg16) -> Iterator[keras.Layer]:
    yield keras_layer(network, "scaling")
    for number, stage in enumerate(network.stages):
        for name, _ in stage.named_children():
            yield keras_layer(network, f"stages.{number}.{name}", "relu")
    yield keras_layer(network, "block5_pool")
    kind = "GlobalAveragePooling2D" if network.pooling == "average" else "Flatten"
    pooled = getattr(import_keras().layers, kind)
    yield pooled(name=network.pooling, data_format="channels_last", dtype="float32")
    for index in range(1, network.head.n_dense + 1):
        yield keras_layer(network, f"head.dense_{index}", "relu")
    yield keras_layer(network, "head.dropout")
    yield keras_layer(network, "head.output", output_activation(network.head.output))


KERAS_BUILDERS.register("vgg16")(KerasBuilder(Vgg16, build_vgg16))
