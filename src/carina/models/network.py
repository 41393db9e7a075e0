"""What every network is: images -> logits, by way of spatial maps that can be explained."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import NamedTuple

import torch
from torch import Tensor, nn

from carina.models.start_weights import draw_keras_weights


class LayerRow(NamedTuple):
    """One line of a network's summary.

    Attributes:
        layer: name and kind, as `conv_1 (Conv2d)`.
        output_shape: as Keras prints it: None for the batch, channels last.
        parameters: values of the layer itself.
    """

    layer: str
    output_shape: tuple[int | None, ...]
    parameters: int


class ImageNetwork(nn.Module, ABC):
    """What takes images and returns logits, and shows the spatial maps on its way.

    Attributes:
        channels, height, width: the image that it takes.
        n_classes: number of logits.
    """

    def __init__(self, *, channels: int, height: int, width: int, n_classes: int) -> None:
        if n_classes < 2:
            raise ValueError(f"a network tells at least 2 classes apart, not {n_classes}")
        super().__init__()
        self.channels = channels
        self.height = height
        self.width = width
        self.n_classes = n_classes

    @property
    @abstractmethod
    def maps_of_class(self) -> tuple[int, ...]:
        """For each class, which of the spatial maps explain it: an index into them."""

    @abstractmethod
    def outputs(self, images: Tensor) -> tuple[Tensor, Tensor, tuple[Tensor, ...]]:
        """Return logits `[n, classes]`, features `[n, features]` and the spatial maps, each
        `[n, maps, map height, map width]`, of images as `forward` takes them."""

    @abstractmethod
    def logits_of_maps(self, index: int, maps: Tensor) -> Tensor:
        """Return logits `[n, classes]` of one of the spatial maps.

        Only the classes that these maps explain need be told apart; the slope of their
        logits along the maps is the network's own.
        """

    @property
    def n_parameters(self) -> int:
        """The number of values, those held fixed too; running statistics do not count."""
        return sum(parameter.numel() for parameter in self.parameters())

    def summary(self) -> list[LayerRow]:
        """Return the layers in the order an image passes them, as Keras's `summary` prints them.

        The network's state, training mode included, is left as it was.
        """
        rows: list[LayerRow] = []
        names = {module: name for name, module in self.named_modules()}

        def note(module: nn.Module, _inputs: tuple[Tensor, ...], output: Tensor) -> None:
            layer = f"{names[module]} ({type(module).__name__})"
            if all(row.layer != layer for row in rows):
                own = sum(parameter.numel() for parameter in module.parameters())
                rows.append(LayerRow(layer, _channels_last(output), own))

        leaves = [m for m in self.modules() if m is not self and not list(m.children())]
        hooks = [leaf.register_forward_hook(note) for leaf in leaves]
        was_training = self.training
        parameter = next(self.parameters())
        image = torch.zeros(1, self.channels, self.height, self.width, device=parameter.device)
        try:
            with torch.inference_mode():
                self.eval()(image)
        finally:
            self.train(was_training)
            for hook in hooks:
                hook.remove()
        return rows


class Network(ImageNetwork):
    """A network that can be trained, exported and explained: image -> maps -> features -> logits.

    A subclass holds layers and says how they are passed; normalisation of the pixels is
    part of `maps`, so that every network takes the same values.
    """

    @abstractmethod
    def maps(self, images: Tensor) -> Tensor:
        """Return the last spatial maps, after the last ReLU.

        Args:
            images: float32 `[n, channels, height, width]` in `[0, 1]`.

        Returns:
            float `[n, maps, map height, map width]`, none below 0.
        """

    @abstractmethod
    def embed(self, maps: Tensor) -> Tensor:
        """Return the features float `[n, features]` of `maps`, the input of `classify`."""

    @abstractmethod
    def classify(self, features: Tensor) -> Tensor:
        """Return the logits float `[n, classes]`, whose softmax is the probabilities.

        A network that ends in one sigmoid of z returns `[-z/2, z/2]`
        (`logits_of_sigmoid`).
        """

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits float `[n, classes]` of images as `maps` takes them.

        A subclass may take a quicker way here if it ends in the same numbers.
        """
        return self.classify(self.embed(self.maps(images)))

    @property
    def maps_of_class(self) -> tuple[int, ...]:
        """The one set of maps explains every class."""
        return (0,) * self.n_classes

    def outputs(self, images: Tensor) -> tuple[Tensor, Tensor, tuple[Tensor, ...]]:
        """Return logits, features and the maps."""
        maps = self.maps(images)
        features = self.embed(maps)
        return self.classify(features), features, (maps,)

    def logits_of_maps(self, index: int, maps: Tensor) -> Tensor:  # noqa: ARG002  there is one
        """Return the logits of the maps."""
        return self.classify(self.embed(maps))

    def start(self, generator: torch.Generator) -> None:
        """Draw the start weights: Keras's defaults, unless the architecture has its own."""
        draw_keras_weights(self, generator)


def set_memory_layout(network: ImageNetwork, layout: torch.memory_format) -> None:
    """Store the weights of convolutions in another order; the values stay the same."""
    network.to(memory_format=layout)  # type: ignore[call-overload]  # torch's stubs lack it


def logits_of_sigmoid(z: Tensor) -> Tensor:
    """Return the two logits `[n, 2]` of a network that ends in one sigmoid.

    The softmax of `[-z/2, z/2]` is `[1 - sigmoid(z), sigmoid(z)]`, so softmax
    cross-entropy is the binary cross-entropy of z, and so are its gradients.

    Args:
        z: float `[n, 1]`; the second class is the one that grows with it.
    """
    return torch.cat([-z / 2, z / 2], dim=1)


def _channels_last(output: Tensor) -> tuple[int | None, ...]:
    _, *shape = output.shape
    if len(shape) == 3:
        shape = [*shape[1:], shape[0]]
    return (None, *shape)
