"""Start weights as Keras draws them."""

import torch
from torch import nn


def draw_keras_weights(module: nn.Module, generator: torch.Generator) -> None:
    """Draw every convolution and dense layer anew: Glorot uniform weights, zero biases.

    Args:
        module: changed in place; the layers are drawn in the order of their registration.
        generator: the only source of chance.

    References:
        Glorot & Bengio, AISTATS 2010: limit sqrt(6 / (fan in + fan out)); the default of
        Keras's Dense and Conv2D.
    """
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            nn.init.xavier_uniform_(layer.weight, generator=generator)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
