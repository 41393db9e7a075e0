"""vgg16: thirteen convolutions of 3x3 pixels in five blocks, and new dense layers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import relu

from carina.domain.document import Plain
from carina.domain.input_spec import InputSpec
from carina.models.architectures import ARCHITECTURES
from carina.models.backbone import BackboneNetwork
from carina.models.dense_head import DenseHead, DenseWidths, DropoutRate, require_side
from carina.models.options import read_options

# Simonyan & Zisserman, ICLR 2015, table 1, column D: filters and convolutions of each block.
_BLOCKS = ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))
_SMALLEST_SIDE = 32


class Vgg16Options(Plain):
    """What may be set of vgg16.

    Attributes:
        pooling: "flatten": the last maps go to the dense layers place by place;
            "average": as the mean of each map.
        dense: width of each new dense layer; none of them is possible.
        dropout: dropout rate before the output layer.
    """

    pooling: Literal["flatten", "average"] = "flatten"
    dense: DenseWidths = (256,)
    dropout: DropoutRate = 0.5


class _Block(nn.Module):
    """The max-pooling and ReLU of the block before, then the convolutions of this one.

    The ReLU of a block's last convolution is taken after the pooling, a quarter of the
    work: the largest of four ReLUs is the ReLU of the largest. The last block has no
    pooling behind it and takes its ReLU itself.
    """

    def __init__(self, number: int, depth: int) -> None:
        super().__init__()
        filters, n_convolutions = _BLOCKS[number - 1]
        self.is_last = number == len(_BLOCKS)
        if number > 1:
            self.add_module(f"block{number - 1}_pool", nn.MaxPool2d(2))
        for index in range(1, n_convolutions + 1):
            convolution = nn.Conv2d(depth, filters, kernel_size=3, padding=1)
            self.add_module(f"block{number}_conv{index}", convolution)
            depth = filters

    def forward(self, values: Tensor) -> Tensor:
        return self.convolved(self.pooled_before(values))

    def pooled_before(self, values: Tensor) -> Tensor:
        """Return the maps of the block before after its pooling and ReLU; images as they are."""
        first = next(self.children())
        # In place: neither a convolution's gradient nor a pooling's needs what came out.
        return relu(first(values), inplace=True) if isinstance(first, nn.MaxPool2d) else values

    def convolved(self, values: Tensor) -> Tensor:
        """Return what this block's convolutions make of `pooled_before`."""
        convolutions = [layer for layer in self.children() if isinstance(layer, nn.Conv2d)]
        for index, convolution in enumerate(convolutions):
            values = convolution(relu(values, inplace=True) if index else values)
        return relu(values, inplace=True) if self.is_last else values


class Vgg16(BackboneNetwork):
    """The five blocks of VGG16, then new dense layers.

    The convolutions are called `stages.0.block1_conv1` to `stages.4.block5_conv3`.
    """

    def __init__(self, spec: InputSpec, n_classes: int, options: Vgg16Options) -> None:
        depths = (spec.channels, *(filters for filters, _ in _BLOCKS[:-1]))
        n_values = _BLOCKS[-1][0]
        if options.pooling == "flatten":
            n_values *= (spec.height // 32) * (spec.width // 32)
        super().__init__(
            spec,
            [_Block(i, depth) for i, depth in enumerate(depths, start=1)],
            DenseHead(n_values, options.dense, dropout=options.dropout, n_classes=n_classes),
        )
        self.pooling = options.pooling
        self.block5_pool = nn.MaxPool2d(2)

    def frozen(self, images: Tensor) -> Tensor:
        """Return what the fixed blocks make of images, and the pooling behind them: no layer
        changes that either, and a quarter of the values is left to be kept."""
        values = super().frozen(images)
        if 0 < self.n_frozen < len(self.stages):
            with torch.no_grad():
                return self._block(self.n_frozen).pooled_before(values)
        return values

    def from_frozen(self, values: Tensor) -> Tensor:
        """Return the logits of what `frozen` returned."""
        if not 0 < self.n_frozen < len(self.stages):
            return super().from_frozen(values)
        values = self._block(self.n_frozen).convolved(values)
        for stage in self.stages[self.n_frozen + 1 :]:
            values = stage(values)
        return self.classify(self.embed(values))

    def pooled(self, maps: Tensor) -> Tensor:
        """Return the maps after the last 2x2 max-pooling, flattened or averaged.

        Flattened row by row with the channels last, as Keras does it.
        """
        pooled: Tensor = self.block5_pool(maps)
        if self.pooling == "average":
            return super().pooled(pooled)
        return pooled.permute(0, 2, 3, 1).flatten(1)

    def _block(self, index: int) -> _Block:
        block = self.stages[index]
        assert isinstance(block, _Block)  # torch's lists forget what they hold
        return block


@ARCHITECTURES.register("vgg16")
def vgg16(spec: InputSpec, n_classes: int, options: Mapping[str, object]) -> BackboneNetwork:
    """Return VGG16 with new dense layers.

    The convolutions hold 14,714,688 values (three channels).

    Args:
        spec: the input; at least 32 pixels a side.
        n_classes: number of classes.
        options: see `Vgg16Options`.

    Raises:
        RecipeError: on unknown or impossible options, or an input that is too small.

    References:
        Simonyan & Zisserman, ICLR 2015.
    """
    chosen = read_options(options, Vgg16Options, architecture="vgg16")
    require_side(spec, _SMALLEST_SIDE, architecture="vgg16")
    return Vgg16(spec, n_classes, chosen)
