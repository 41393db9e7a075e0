"""How pixels in `[0, 1]` become the values that a set of pretrained weights expects."""

from __future__ import annotations

from typing import Literal, get_args

import torch
from torch import Tensor, nn

from carina.domain.pixel_scaling import PIXEL_SCALINGS

Preprocessing = Literal["none", "caffe", "torch", "tf", "lite", "xrv"]
PREPROCESSINGS: tuple[Preprocessing, ...] = get_args(Preprocessing)

_OTHER_NAMES = {"none": "0..1", "tf": "-1..1"}


class PixelScaling(nn.Module):
    """A network's first step: `image * scale + offset`, a pair for each channel.

    The pair is kept with the weights (as buffers, not trained), so that it travels with
    them into checkpoints and the exported network.

    Args:
        channels: 1 or 3 of the image.
        preprocessing: the rule to begin with.
    """

    scale: Tensor
    offset: Tensor

    def __init__(self, channels: int, preprocessing: Preprocessing = "none") -> None:
        super().__init__()
        self.channels = channels
        self.register_buffer("scale", torch.ones(1, channels, 1, 1))
        self.register_buffer("offset", torch.zeros(1, channels, 1, 1))
        self.set(preprocessing)

    def set(self, preprocessing: Preprocessing) -> None:
        """Take another rule."""
        rule = PIXEL_SCALINGS[_OTHER_NAMES.get(preprocessing, preprocessing)]
        pairs = rule.of_channels(self.channels)
        for buffer, values in zip((self.scale, self.offset), pairs, strict=True):
            buffer.copy_(torch.tensor(values).view(1, -1, 1, 1))

    def forward(self, images: Tensor) -> Tensor:
        """Return float `[n, channels, height, width]`, scaled."""
        return images * self.scale + self.offset
