"""two-conv: two convolutions and one dense layer, for small grey films."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field
from torch import Tensor, nn
from torch.nn.functional import relu

from carina.domain.document import Plain
from carina.domain.input_spec import InputSpec
from carina.models.architectures import ARCHITECTURES
from carina.models.dropout import QuickDropout
from carina.models.network import Network, logits_of_sigmoid
from carina.models.options import read_options

Width = Annotated[int, Field(ge=1, le=4096)]
Rate = Annotated[float, Field(ge=0, lt=1)]


class TwoConvOptions(Plain):
    """What may be set of two-conv.

    Attributes:
        filters: filters of the first and of the second convolution.
        dense: width of the dense layer.
        dropout_maps: dropout rate before the dense layer.
        dropout_features: dropout rate after it.
    """

    filters: tuple[Width, Width] = (32, 64)
    dense: Width = 256
    dropout_maps: Rate = 0.25
    dropout_features: Rate = 0.5


class TwoConv(Network):
    """Two 3x3 convolutions with ReLU and 2x2 max-pooling, dropout, dense ReLU, dropout, output.

    Two classes: one sigmoid output, as described. More: a softmax over all of them.
    """

    def __init__(self, spec: InputSpec, n_classes: int, options: TwoConvOptions) -> None:
        super().__init__(
            channels=spec.channels, height=spec.height, width=spec.width, n_classes=n_classes
        )
        first, second = options.filters
        pooled = [((side - 2) // 2 - 2) // 2 for side in (spec.height, spec.width)]
        self.conv_1 = nn.Conv2d(spec.channels, first, kernel_size=3)
        self.pool_1 = nn.MaxPool2d(2)
        self.conv_2 = nn.Conv2d(first, second, kernel_size=3)
        self.pool_2 = nn.MaxPool2d(2)
        self.dropout_maps = QuickDropout(options.dropout_maps)
        self.flatten = nn.Flatten()
        self.dense = nn.Linear(second * pooled[0] * pooled[1], options.dense)
        self.dropout_features = nn.Dropout(options.dropout_features)
        self.output = nn.Linear(options.dense, 1 if n_classes == 2 else n_classes)

    def maps(self, images: Tensor) -> Tensor:
        """Return the second convolution's maps, after its ReLU and before its pooling."""
        return relu(self.conv_2(self._first_block(images)))

    def embed(self, maps: Tensor) -> Tensor:
        """Return the values of the dense layer, after its ReLU."""
        return self._dense_of(self.pool_2(maps))

    def classify(self, features: Tensor) -> Tensor:
        """Return the logits; with two classes those of one sigmoid."""
        z = self.output(self.dropout_features(features))
        return logits_of_sigmoid(z) if self.n_classes == 2 else z

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits, with the second ReLU taken after the pooling.

        The largest of four ReLUs is the ReLU of the largest, gradients included; after
        the pooling it costs a quarter.
        """
        pooled_first = self.pool_2(self.conv_2(self._first_block(images)))
        return self.classify(self._dense_of(relu(pooled_first)))

    def _first_block(self, images: Tensor) -> Tensor:
        return relu(self.pool_1(self.conv_1(images)))

    def _dense_of(self, pooled: Tensor) -> Tensor:
        # Flattened row by row with the channels last, as Keras does it: free in the
        # channels_last layout, and Keras's dense weights fit as they are.
        dropped = self.dropout_maps(pooled)
        return relu(self.dense(self.flatten(dropped.permute(0, 2, 3, 1))))


@ARCHITECTURES.register("two-conv")
def two_conv(spec: InputSpec, n_classes: int, options: Mapping[str, object]) -> Network:
    """Return the network of the first described system.

    At 150x150 grey with two classes, by Keras's formulas: 32(9+1) + 64(32*9+1) +
    256(36*36*64+1) + 1(256+1) = 320 + 18,496 + 21,233,920 + 257 = 21,252,993 values.

    Args:
        spec: the input; at least 10 pixels a side.
        n_classes: 2: one sigmoid; more: a softmax.
        options: see `TwoConvOptions`.

    Raises:
        RecipeError: on unknown or impossible options.
    """
    return TwoConv(spec, n_classes, read_options(options, TwoConvOptions, architecture="two-conv"))
