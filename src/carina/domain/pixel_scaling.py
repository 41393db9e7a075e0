"""How pixels in `[0, 1]` become the values that a set of weights was trained on."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

Triple = tuple[float, float, float]

_NO_SCALE: Triple = (1.0, 1.0, 1.0)
_NO_OFFSET: Triple = (0.0, 0.0, 0.0)


@dataclass(frozen=True, slots=True)
class PixelRule:
    """`value = pixel * scale + offset`, a pair for each of three channels.

    The three channels of a radiograph are equal, so their order (RGB or BGR) decides only which
    constant belongs to which channel of the weights. One channel takes the first pair.

    Attributes:
        scale: what a pixel in `[0, 1]` is multiplied by.
        offset: what is then added.
        in_words: what it is.
    """

    scale: Triple = _NO_SCALE
    offset: Triple = _NO_OFFSET
    in_words: str = "0 (black) to 1 (white)"

    @property
    def reversed(self) -> PixelRule:
        """The same constants for the channels in the other order."""
        return PixelRule(
            _reversed(self.scale), _reversed(self.offset), f"{self.in_words}, channels reversed"
        )

    @property
    def inverted(self) -> PixelRule:
        """The same for a film whose black and white are exchanged: of `1 - pixel`.

        >>> PIXEL_SCALINGS["-1..1"].inverted.scale, PIXEL_SCALINGS["-1..1"].inverted.offset
        ((-2.0, -2.0, -2.0), (1.0, 1.0, 1.0))
        """
        r, g, b = (s + o for s, o in zip(self.scale, self.offset, strict=True))
        return PixelRule(
            (-self.scale[0], -self.scale[1], -self.scale[2]),
            (r, g, b),
            f"{self.in_words}, black and white exchanged",
        )

    def of_channels(self, channels: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Return scale and offset for 1 or 3 channels."""
        return self.scale[:channels], self.offset[:channels]


def _reversed(triple: Triple) -> Triple:
    return (triple[2], triple[1], triple[0])


# In the order in which they are tried and, where films tell no difference, preferred.
PIXEL_SCALINGS: Mapping[str, PixelRule] = {
    "0..1": PixelRule(),
    # keras.applications.imagenet_utils.preprocess_input, mode "tf"; Teachable Machine.
    "-1..1": PixelRule((2.0,) * 3, (-1.0,) * 3, "-1 (black) to 1 (white)"),
    "0..255": PixelRule((255.0,) * 3, _NO_OFFSET, "0 (black) to 255 (white)"),
    # The same, mode "torch", and torchvision: RGB, less the mean, over the deviation.
    "torch": PixelRule(
        (1 / 0.229, 1 / 0.224, 1 / 0.225),
        (-0.485 / 0.229, -0.456 / 0.224, -0.406 / 0.225),
        "0 to 1 less ImageNet's mean, over its deviation, RGB",
    ),
    # The same, mode "caffe": BGR, 0 to 255, less the mean of ImageNet.
    "caffe": PixelRule(
        (255.0,) * 3,
        (-103.939, -116.779, -123.68),
        "0 to 255 less ImageNet's mean, BGR",
    ),
    # TorchXRayVision's `normalize`: -1024 to 1024, one channel.
    "xrv": PixelRule((2048.0,) * 3, (-1024.0,) * 3, "-1024 (black) to 1024 (white)"),
    # EfficientNet-lite's: (x - 127) / 128 of 0 to 255.
    "lite": PixelRule((255 / 128,) * 3, (-127 / 128,) * 3, "(x - 127) / 128 of 0 to 255"),
}

ALIASES: Mapping[str, str] = {
    "none": "0..1",
    "tf": "-1..1",
    "teachable-machine": "-1..1",
    "mobilenet": "-1..1",
    "inception": "-1..1",
    "xception": "-1..1",
    "efficientnet": "0..255",
    "imagenet": "torch",
    "torchvision": "torch",
    "timm": "torch",
    "densenet": "torch",
    "vgg16": "caffe",
    "vgg19": "caffe",
    "resnet50": "caffe",
    "torchxrayvision": "xrv",
    "-1024..1024": "xrv",
}
"""Other names: those of the tools and, for the networks of `keras.applications`, of what their
`preprocess_input` makes."""
_INVERTED, _REVERSED = "inverted-", "-reversed"
_MEAN_OVER_DEVIATION = re.compile(r"(\d*\.?\d+)/(\d*\.?\d+)")


def scaling_called(name: str) -> PixelRule | None:
    """Return the scaling of a name, or None if it is none.

    A name of `PIXEL_SCALINGS` or `ALIASES`; `MEAN/DEVIATION`, of pixels in 0 to 1, for all
    channels; with "-reversed" behind it the other order of channels, with "inverted-" before it
    black and white exchanged.

    >>> scaling_called("0.5/0.25").scale, scaling_called("caffe-reversed").offset[0]
    ((4.0, 4.0, 4.0), -123.68)
    """
    if name.startswith(_INVERTED):
        plain = scaling_called(name.removeprefix(_INVERTED))
        return plain.inverted if plain else None
    if name.endswith(_REVERSED):
        plain = scaling_called(name.removesuffix(_REVERSED))
        return plain.reversed if plain else None
    numbers = _MEAN_OVER_DEVIATION.fullmatch(name)
    if numbers:
        mean, deviation = map(float, numbers.groups())
        if deviation == 0:
            return None
        return PixelRule(
            (1 / deviation,) * 3, (-mean / deviation,) * 3, f"(x - {mean:g}) / {deviation:g}"
        )
    return PIXEL_SCALINGS.get(ALIASES.get(name, name))


def scalings_to_try(channels: int) -> dict[str, PixelRule]:
    """Return every scaling that a network's pixels may have, by name.

    Where the channels' constants differ also their other order; after these each with black
    and white exchanged.

    Args:
        channels: 1 or 3 of the network.

    >>> len(scalings_to_try(1)), len(scalings_to_try(3))
    (14, 18)
    """
    found = dict(PIXEL_SCALINGS)
    if channels == 3:
        for name, scaling in PIXEL_SCALINGS.items():
            if scaling.reversed.offset != scaling.offset:
                found[f"{name}{_REVERSED}"] = scaling.reversed
    return found | {f"{_INVERTED}{name}": one.inverted for name, one in found.items()}
