"""efficientnet-lite0: inverted bottlenecks with depthwise convolutions, small and quick."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from carina.domain.document import Plain
from carina.domain.input_spec import InputSpec
from carina.models.architectures import ARCHITECTURES
from carina.models.backbone import BackboneNetwork
from carina.models.dense_head import DenseHead, DenseWidths, DropoutRate, require_side
from carina.models.options import read_options


class _StagePlan(NamedTuple):
    """One stage: `repeats` blocks of which the first has the stride."""

    repeats: int
    kernel: int
    stride: int
    expansion: int
    depth: int


# Tan & Le, ICML 2019, table 1; the lite variants drop squeeze-and-excitation, take ReLU6 for
# swish and keep the stem and the head at their width.
_STEM_DEPTH, _HEAD_DEPTH = 32, 1280
_PLANS = (
    _StagePlan(repeats=1, kernel=3, stride=1, expansion=1, depth=16),
    _StagePlan(repeats=2, kernel=3, stride=2, expansion=6, depth=24),
    _StagePlan(repeats=2, kernel=5, stride=2, expansion=6, depth=40),
    _StagePlan(repeats=3, kernel=3, stride=2, expansion=6, depth=80),
    _StagePlan(repeats=3, kernel=5, stride=1, expansion=6, depth=112),
    _StagePlan(repeats=4, kernel=5, stride=2, expansion=6, depth=192),
    _StagePlan(repeats=1, kernel=3, stride=1, expansion=6, depth=320),
)
# Of 64 pixels 2x2 places are left: a batch normalisation needs two values or more, even
# where the last batch of an epoch holds one film.
_SMALLEST_SIDE = 64


class EfficientnetLite0Options(Plain):
    """What may be set of efficientnet-lite0.

    Attributes:
        dense: width of each new dense layer before the output; none, as published.
        dropout: dropout rate before the output layer.
    """

    dense: DenseWidths = ()
    dropout: DropoutRate = 0.2


class SameConv2d(nn.Conv2d):
    """A convolution whose zeros stand as TensorFlow's "same" padding puts them.

    The output has ceil(side / stride) pixels a side; where an odd number of zeros is
    needed, the one more stands below and to the right. It depends on the image's size.
    """

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002  # torch's name
        """Return the convolved maps."""
        rows, columns = (
            max((-(-side // stride) - 1) * stride + kernel - side, 0)
            for side, stride, kernel in zip(
                input.shape[2:], self.stride, self.kernel_size, strict=True
            )
        )
        if rows % 2 == 0 and columns % 2 == 0:
            around = (rows // 2, columns // 2)
            return nn.functional.conv2d(
                input, self.weight, None, self.stride, around, 1, self.groups
            )
        edges = (columns // 2, columns - columns // 2, rows // 2, rows - rows // 2)
        return super().forward(pad(input, edges))


class _Block(nn.Module):
    """Widen, convolve each map alone, narrow; what came in is added where it fits."""

    def __init__(self, depth: int, plan: _StagePlan, *, stride: int) -> None:
        super().__init__()
        wide = depth * plan.expansion
        if plan.expansion > 1:
            self.expand_conv = _conv(depth, wide, kernel=1)
            self.expand_norm = _norm(wide)
            self.expand_relu = nn.ReLU6(inplace=True)
        self.depthwise_conv = _conv(wide, wide, kernel=plan.kernel, stride=stride, groups=wide)
        self.depthwise_norm = _norm(wide)
        self.depthwise_relu = nn.ReLU6(inplace=True)
        self.project_conv = _conv(wide, plan.depth, kernel=1)
        self.project_norm = _norm(plan.depth)
        self.is_residual = stride == 1 and depth == plan.depth

    def forward(self, values: Tensor) -> Tensor:
        passed = values
        for layer in self.children():
            passed = layer(passed)
        return values + passed if self.is_residual else passed


class EfficientnetLite0(BackboneNetwork):
    """EfficientNet-lite0's stem and seven stages, a global average, then new dense layers."""

    def __init__(self, spec: InputSpec, n_classes: int, options: EfficientnetLite0Options) -> None:
        head = DenseHead(_HEAD_DEPTH, options.dense, dropout=options.dropout, n_classes=n_classes)
        super().__init__(spec, _stages(spec.channels), head)

    def start(self, generator: torch.Generator) -> None:
        """Draw the start weights: the published law in the backbone, Keras's in the head.

        Normal with variance 2 / (kernel area * filters that each input feeds). Glorot's
        limits take a depthwise convolution for one that adds up all maps; 16 of them in a
        row would leave 1e-12 of a film.
        """
        super().start(generator)
        for layer in self.stages.modules():
            if isinstance(layer, nn.Conv2d):
                area = layer.kernel_size[0] * layer.kernel_size[1]
                fed = area * layer.out_channels // layer.groups
                nn.init.normal_(layer.weight, std=(2 / fed) ** 0.5, generator=generator)


def _stages(channels: int) -> list[nn.Module]:
    """Return the stem, and the seven stages; the last one holds the head convolution too."""
    stem = nn.Sequential()
    stem.add_module("stem_conv", _conv(channels, _STEM_DEPTH, kernel=3, stride=2))
    stem.add_module("stem_norm", _norm(_STEM_DEPTH))
    stem.add_module("stem_relu", nn.ReLU6(inplace=True))
    stages = [stem]
    depth = _STEM_DEPTH
    for plan in _PLANS:
        stage = nn.Sequential()
        for index in range(plan.repeats):
            stride = plan.stride if index == 0 else 1
            stage.add_module(f"block_{index + 1}", _Block(depth, plan, stride=stride))
            depth = plan.depth
        stages.append(stage)
    stages[-1].add_module("head_conv", _conv(depth, _HEAD_DEPTH, kernel=1))
    stages[-1].add_module("head_norm", _norm(_HEAD_DEPTH))
    stages[-1].add_module("head_relu", nn.ReLU6(inplace=True))
    return list(stages)


def _conv(depth: int, filters: int, *, kernel: int, stride: int = 1, groups: int = 1) -> nn.Conv2d:
    return SameConv2d(depth, filters, kernel, stride=stride, groups=groups, bias=False)


def _norm(depth: int) -> nn.BatchNorm2d:
    # The published epsilon. Not the published momentum of 0.99 (torch's 0.01): fine-tuning
    # on a few hundred films ends before so slow an average has left ImageNet's statistics.
    return nn.BatchNorm2d(depth, eps=1e-3, momentum=0.1)


@ARCHITECTURES.register("efficientnet-lite0")
def efficientnet_lite0(
    spec: InputSpec, n_classes: int, options: Mapping[str, object]
) -> BackboneNetwork:
    """Return EfficientNet-lite0 with a new head.

    Its backbone has 3,371,008 trained values (three channels).

    Args:
        spec: the input; at least 64 pixels a side.
        n_classes: number of classes.
        options: see `EfficientnetLite0Options`.

    Raises:
        RecipeError: on unknown or impossible options, or an input that is too small.

    References:
        Tan & Le, EfficientNet, ICML 2019; the lite variants: TensorFlow's model repository,
        `efficientnet/lite`.
    """
    chosen = read_options(options, EfficientnetLite0Options, architecture="efficientnet-lite0")
    require_side(spec, _SMALLEST_SIDE, architecture="efficientnet-lite0")
    return EfficientnetLite0(spec, n_classes, chosen)
