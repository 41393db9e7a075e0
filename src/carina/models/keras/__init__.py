"""Carina's networks in Keras; one file here adds an architecture.

Everything that touches Keras happens inside `backend.keras_on_cpu`; nothing imports Keras
before that.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from carina.registry import Registry

if TYPE_CHECKING:
    import keras

    from carina.models.network import ImageNetwork


@dataclass(frozen=True, slots=True)
class KerasBuilder:
    """How the networks of an architecture are built in Keras.

    Attributes:
        network: the class of the networks.
        build: a network -> the same layers as a Keras model, with start weights; called
            inside `backend.keras_on_cpu`. It takes float32 `[n, height, width, channels]` in
            `[0, 1]` and gives probabilities `[n, classes]`, or those of the second class
            `[n, 1]` where the network ends in a sigmoid. A layer with weights is called as
            in torch, without the number of its stage (`stages.0.block1_conv1` is
            `block1_conv1`).
    """

    network: type[ImageNetwork]
    build: Callable[[Any], keras.Model]


KERAS_BUILDERS: Registry[KerasBuilder] = Registry("Keras builder", package="carina.models.keras")
