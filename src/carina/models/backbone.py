"""Networks with a backbone of stages, of which the first may be held fixed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn

from carina.domain.input_spec import InputSpec
from carina.models.dense_head import DenseHead
from carina.models.network import Network
from carina.models.pixel_scaling import PixelScaling

Trained = Literal["all", "last-block", "head"]


class BackboneNetwork(Network):
    """Scaled pixels -> a chain of stages -> maps -> pooled values -> a head of dense layers.

    The first `n_frozen` stages are held fixed: their weights get no gradient, and they
    compute as in evaluation even while the network is trained (a batch normalisation
    keeps its statistics), so what they make of a film never changes and may be kept.

    Attributes:
        scaling: what the backbone's weights expect of the pixels.
        stages: the backbone; the last one ends in a ReLU, so that no map value is below 0.
        head: the dense layers, which are always trained.
        n_frozen: how many of the stages are held fixed.
    """

    def __init__(self, spec: InputSpec, stages: Sequence[nn.Module], head: DenseHead) -> None:
        super().__init__(
            channels=spec.channels,
            height=spec.height,
            width=spec.width,
            n_classes=head.output.out_features,
        )
        self.scaling = PixelScaling(spec.channels)
        self.stages = nn.ModuleList(stages)
        self.head = head
        self.n_frozen = 0

    def pooled(self, maps: Tensor) -> Tensor:
        """Return float `[n, values]`: the maps, pooled and flattened, without a trained layer.

        The mean of each map, unless an architecture pools otherwise.
        """
        return maps.mean(dim=(2, 3))

    def embed_pooled(self, pooled: Tensor) -> Tensor:
        """Return the features float `[n, features]` of pooled maps: the values of the last
        dense layer before the output; without one, the pooled maps."""
        return self.head.features(pooled)

    def classify(self, features: Tensor) -> Tensor:
        """Return the logits float `[n, classes]`."""
        logits: Tensor = self.head(features)
        return logits

    def freeze(self, trained: Trained) -> None:
        """Hold every stage fixed but those that a recipe trains.

        Args:
            trained: "all" stages, the "last-block", or none of them ("head").
        """
        n_stages = len(self.stages)
        self.n_frozen = {"all": 0, "last-block": n_stages - 1, "head": n_stages}[trained]
        for index, stage in enumerate(self.stages):
            stage.requires_grad_(index >= self.n_frozen)
        self.train(self.training)

    def frozen(self, images: Tensor) -> Tensor:
        """Return what the fixed part makes of images; no gradient passes it.

        Args:
            images: float `[n, channels, height, width]` in `[0, 1]`.

        Returns:
            The last fixed stage's maps, float `[n, c, h, w]`; with all stages fixed their
            pooled values `[n, values]`, which no layer changes either; with none the
            scaled images.
        """
        with torch.no_grad():
            values = self.scaling(images)
            for stage in self.stages[: self.n_frozen]:
                values = stage(values)
            return self.pooled(values) if self.n_frozen == len(self.stages) else values

    def from_frozen(self, values: Tensor) -> Tensor:
        """Return the logits float `[n, classes]` of what `frozen` returned."""
        if self.n_frozen == len(self.stages):
            return self.classify(self.embed_pooled(values))
        for stage in self.stages[self.n_frozen :]:
            values = stage(values)
        return self.classify(self.embed(values))

    def maps(self, images: Tensor) -> Tensor:
        """Return the last stage's maps, after its ReLU."""
        values: Tensor = self.scaling(images)
        for stage in self.stages:
            values = stage(values)
        return values

    def embed(self, maps: Tensor) -> Tensor:
        """Return the features of the maps."""
        return self.embed_pooled(self.pooled(maps))

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits float `[n, classes]`."""
        return self.from_frozen(self.frozen(images))

    def train(self, mode: bool = True) -> BackboneNetwork:
        """Set the training mode; fixed stages stay in evaluation."""
        super().train(mode)
        for stage in self.stages[: self.n_frozen]:
            stage.eval()
        return self
