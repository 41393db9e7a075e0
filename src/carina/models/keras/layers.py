"""One layer of torch -> the same layer in Keras."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from torch import nn

from carina.models.dropout import QuickDropout
from carina.models.keras.backend import import_keras
from carina.models.network import ImageNetwork
from carina.models.pixel_scaling import PixelScaling

if TYPE_CHECKING:
    import keras

# Said to every layer, so that what the user set in keras.json or by set_dtype_policy does
# not decide what is exported.
_FLOAT32 = {"dtype": "float32"}
_CHANNELS_LAST = {**_FLOAT32, "data_format": "channels_last"}


def keras_name(name: str) -> str:
    """Return what the layer that torch calls `name` is called in Keras.

    >>> keras_name("stages.0.block1_conv1"), keras_name("dense_1")
    ('block1_conv1', 'dense_1')
    """
    return name.rpartition(".")[2]


def keras_layer(network: nn.Module, name: str, activation: str | None = None) -> keras.Layer:
    """Return a layer of a network as Keras's, with start weights.

    Args:
        network: holds the layer.
        name: the layer's name in torch.
        activation: of a convolution or dense layer; torch's are functions, not layers.

    Raises:
        ValueError: for a layer that no Keras layer is known for.
    """
    layers = import_keras().layers
    layer = network.get_submodule(name)
    named = {"name": keras_name(name)}
    if isinstance(layer, nn.Conv2d):
        return layers.Conv2D(
            layer.out_channels,
            layer.kernel_size,
            padding=_padding(name, layer),
            activation=activation,
            trainable=layer.weight.requires_grad,
            **named,
            **_CHANNELS_LAST,
        )
    if isinstance(layer, nn.Linear):
        return layers.Dense(layer.out_features, activation=activation, **named, **_FLOAT32)
    if isinstance(layer, nn.BatchNorm2d):
        assert layer.momentum is not None  # None would be a plain mean over all batches
        return layers.BatchNormalization(
            epsilon=layer.eps,
            momentum=1 - layer.momentum,  # torch counts it from the other end
            trainable=layer.weight.requires_grad,
            **named,
            **_FLOAT32,
        )
    return _layer_without_weights(layer, named)


def keras_input(network: ImageNetwork) -> Any:
    """Return the input of a Keras model: float32 `[n, height, width, channels]`."""
    shape = (network.height, network.width, network.channels)
    return import_keras().Input(shape, name="image", dtype="float32")


def sequential(name: str, network: ImageNetwork, layers: Iterable[keras.Layer]) -> keras.Model:
    """Return layers one after the other as a model."""
    model = import_keras().Sequential(name=name)
    model.add(keras_input(network))
    for layer in layers:
        model.add(layer)
    return model


def relu(name: str) -> keras.Layer:
    """Return a ReLU as a layer of its own."""
    return import_keras().layers.Activation("relu", name=name, **_FLOAT32)


def output_activation(output: nn.Linear) -> str:
    """Return "sigmoid" for one output and "softmax" for more."""
    return "sigmoid" if output.out_features == 1 else "softmax"


def pixel_constants(scaling: PixelScaling) -> tuple[list[float], list[float]]:
    """Return scale and offset of each channel, as `Rescaling` takes and keeps them; a float32
    passes a .keras file's JSON unchanged."""
    return scaling.scale.flatten().tolist(), scaling.offset.flatten().tolist()


def _layer_without_weights(layer: nn.Module, named: dict[str, str]) -> keras.Layer:
    layers = import_keras().layers
    if isinstance(layer, nn.MaxPool2d):
        return layers.MaxPooling2D(layer.kernel_size, **named, **_CHANNELS_LAST)
    if isinstance(layer, QuickDropout):
        return layers.Dropout(layer.rate, **named, **_FLOAT32)
    if isinstance(layer, nn.Dropout):
        return layers.Dropout(layer.p, **named, **_FLOAT32)
    if isinstance(layer, nn.Flatten):
        return layers.Flatten(**named, **_CHANNELS_LAST)
    if isinstance(layer, PixelScaling):
        scale, offset = pixel_constants(layer)
        return layers.Rescaling(scale, offset=offset, **named, **_FLOAT32)
    raise ValueError(f"no Keras layer is known for {named['name']} ({type(layer).__name__})")


def _padding(name: str, layer: nn.Conv2d) -> str:
    """Return Keras's word for a convolution's padding, with a stride of 1."""
    if isinstance(layer.padding, str):
        return layer.padding
    if set(layer.padding) == {0}:
        return "valid"
    is_same = all(2 * p == k - 1 for p, k in zip(layer.padding, layer.kernel_size, strict=True))
    if is_same and set(layer.stride) == {1}:
        return "same"
    raise ValueError(f"Keras has no padding as {name} has it: {layer.padding}")
