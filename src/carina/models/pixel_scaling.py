"""How pixels in `[0, 1]` become the values that a set of pretrained weights expects."""

from __future__ import annotations

from typing import Literal, get_args

import torch
from torch import Tensor, nn

Preprocessing = Literal["none", "caffe", "torch", "tf", "lite", "xrv"]

# Name -> what a value of each of the three channels is multiplied by, and what is added.
# The three channels of a radiograph are equal, so their order (RGB or BGR) decides only
# which constant belongs to which channel of the weights.
_RULES: dict[str, tuple[tuple[float, ...], tuple[float, ...]]] = {
    "none": ((1.0, 1.0, 1.0), (0.0, 0.0, 0.0)),
    # keras.applications.imagenet_utils.preprocess_input, mode "caffe": BGR, 0 to 255, less
    # the mean of ImageNet.
    "caffe": ((255.0, 255.0, 255.0), (-103.939, -116.779, -123.68)),
    # The same, mode "torch", and torchvision: RGB, less the mean, over the deviation.
    "torch": (
        (1 / 0.229, 1 / 0.224, 1 / 0.225),
        (-0.485 / 0.229, -0.456 / 0.224, -0.406 / 0.225),
    ),
    # The same, mode "tf": -1 to 1.
    "tf": ((2.0, 2.0, 2.0), (-1.0, -1.0, -1.0)),
    # EfficientNet-lite's: (x - 127) / 128 of 0 to 255.
    "lite": ((255 / 128,) * 3, (-127 / 128,) * 3),
    # TorchXRayVision's `normalize`: -1024 to 1024, one channel.
    "xrv": ((2048.0,) * 3, (-1024.0,) * 3),
}
PREPROCESSINGS: tuple[Preprocessing, ...] = get_args(Preprocessing)


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
        for buffer, values in zip((self.scale, self.offset), _RULES[preprocessing], strict=True):
            buffer.copy_(torch.tensor(values[: self.channels]).view(1, -1, 1, 1))

    def forward(self, images: Tensor) -> Tensor:
        """Return float `[n, channels, height, width]`, scaled."""
        return images * self.scale + self.offset
