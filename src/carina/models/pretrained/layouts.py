"""What others call the weights of a backbone, and what they expect of the pixels."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from torch import Tensor

from carina.models.architectures.densenet121 import Densenet121
from carina.models.architectures.efficientnet_lite0 import EfficientnetLite0
from carina.models.architectures.vgg16 import Vgg16
from carina.models.backbone import BackboneNetwork
from carina.models.pixel_scaling import Preprocessing

Renamed = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Layout:
    """How one family of files names the weights of one backbone.

    Attributes:
        name: for messages.
        network: the class whose backbone it fills.
        rename: our name of a value (`stages.0.block1_conv1.weight`) -> theirs.
        top: a pattern of the names that are no part of the backbone: the published
            classifier, counters.
        preprocessing: what the weights expect of three channels; None if it stands in the
            file itself.
        grey_preprocessing: what they expect of one channel; None if the layout does not say.
        kernels_last: whether kernels are `[h, w, in, out]`, depthwise `[h, w, in, 1]`.
        variance_shift: what to add to a batch normalisation's variance, where the epsilon
            that belongs to the weights is larger than ours.
    """

    name: str
    network: type
    rename: Renamed
    top: str
    preprocessing: Preprocessing | None
    grey_preprocessing: Preprocessing | None = None
    kernels_last: bool = False
    variance_shift: float = 0.0

    def is_top(self, name: str) -> bool:
        """Return whether a name is known to be no part of the backbone."""
        return re.fullmatch(self.top, name) is not None


_KERAS_VALUES = {
    "running_mean": "moving_mean",
    "running_var": "moving_variance",
    "bias": "bias",
    "weight": "kernel",
}
# The places of vgg16's convolutions in torchvision's `features`, which counts ReLUs and
# poolings too.
_VGG16_PLACES = dict(
    zip(
        [f"block{b}_conv{c}" for b, n in enumerate((2, 2, 3, 3, 3), 1) for c in range(1, n + 1)],
        (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28),
        strict=True,
    )
)


def _keras_value(layer: str, value: str, *, is_norm: bool) -> str:
    own = {"weight": "gamma", "bias": "beta"} if is_norm else {}
    return f"{layer}/{(own.get(value) or _KERAS_VALUES[value])}"


def _vgg16_keras(name: str) -> str:
    *_, layer, value = name.split(".")
    return _keras_value(layer, value, is_norm=False)


def _vgg16_torchvision(name: str) -> str:
    *_, layer, value = name.split(".")
    return f"features.{_VGG16_PLACES[layer]}.{value}"


def _densenet_keras(name: str) -> str:
    _, _, *path, value = name.split(".")
    layer = path[-1]
    is_norm = layer.startswith("norm")
    kind = "bn" if is_norm else "conv"
    if path[0].startswith("denseblock"):
        block = f"conv{int(path[0][-1]) + 1}_block{path[1].removeprefix('denselayer')}"
        place = {"norm1": "0_bn", "conv1": "1_conv", "norm2": "1_bn", "conv2": "2_conv"}[layer]
        return _keras_value(f"{block}_{place}", value, is_norm=is_norm)
    if path[0].startswith("transition"):
        return _keras_value(f"pool{int(path[0][-1]) + 1}_{kind}", value, is_norm=is_norm)
    return _keras_value("bn" if layer == "norm5" else f"conv1_{kind}", value, is_norm=is_norm)


def _densenet_monai(name: str) -> str:
    return f"features.{name.split('.', 2)[2]}"


def _densenet_torchvision(name: str) -> str:
    return _densenet_monai(name).replace(".layers.", ".")


def _densenet_dotted(name: str) -> str:
    # torchvision before 0.3 could write `norm.1` for `norm1` within a dense layer.
    return re.sub(r"(denselayer\d+\.(?:norm|conv))(\d)", r"\1.\2", _densenet_torchvision(name))


_LITE_NAMES = {
    "expand_conv": "_expand_conv",
    "expand_norm": "_bn0",
    "depthwise_conv": "_depthwise_conv",
    "depthwise_norm": "_bn1",
    "project_conv": "_project_conv",
    "project_norm": "_bn2",
}
_LITE_ENDS = {
    "stem_conv": "_conv_stem",
    "stem_norm": "_bn0",
    "head_conv": "_conv_head",
    "head_norm": "_bn1",
}
# Before how many blocks each stage begins, counted through the whole network; the stem is
# stage 0.
_LITE_FIRST = (0, 0, 1, 3, 5, 8, 11, 15)


def _lite(name: str) -> str:
    _, stage, *path, value = name.split(".")
    if len(path) == 1:
        return f"{_LITE_ENDS[path[0]]}.{value}"
    block = _LITE_FIRST[int(stage)] + int(path[0].removeprefix("block_")) - 1
    return f"_blocks.{block}.{_LITE_NAMES[path[1]]}.{value}"


_TORCH_TOP = r"(classifier|class_layers|_?fc)\..*|op_threshs|.*\.num_batches_tracked"
_KERAS_TOP = r"(fc\d+|predictions|dense(_\d+)?|fc1000)/.*"

LAYOUTS = (
    Layout("Keras", Vgg16, _vgg16_keras, _KERAS_TOP, "caffe", kernels_last=True),
    Layout("torchvision", Vgg16, _vgg16_torchvision, _TORCH_TOP, "torch"),
    # Keras's densenet has the epsilon 1.001e-5, torch's 1e-5.
    Layout(
        "Keras",
        Densenet121,
        _densenet_keras,
        _KERAS_TOP,
        "torch",
        kernels_last=True,
        variance_shift=1e-8,
    ),
    Layout("torchvision", Densenet121, _densenet_torchvision, _TORCH_TOP, "torch", "xrv"),
    Layout("old torchvision", Densenet121, _densenet_dotted, _TORCH_TOP, "torch", "xrv"),
    Layout("MONAI", Densenet121, _densenet_monai, _TORCH_TOP, "torch"),
    Layout("efficientnet-lite-pytorch", EfficientnetLite0, _lite, _TORCH_TOP, "lite"),
)
# Our own checkpoints keep what the pixels are multiplied by beside the weights.
OWN = Layout("Carina", BackboneNetwork, str, r"(?!stages\.).*|.*\.num_batches_tracked", None)


def find_layout(network: BackboneNetwork, tensors: Mapping[str, Tensor]) -> tuple[Layout, str]:
    """Return the layout that fits most of a file's names, and what stands before them all.

    Training scripts put `module.` or `model.` before every name; it is found by the first
    convolution, whose name every layout knows.

    Raises:
        LookupError: if no layout knows any of the names.
    """
    own = backbone_names(network)
    best: tuple[int, Layout, str] | None = None
    for layout in (OWN, *LAYOUTS):
        if not isinstance(network, layout.network):
            continue
        theirs = [layout.rename(name) for name in own]
        for prefix in _prefixes(theirs[0], tensors):
            n_known = sum(prefix + name in tensors for name in theirs)
            if best is None or n_known > best[0]:
                best = (n_known, layout, prefix)
    if best is None:
        raise LookupError
    return best[1:]


def backbone_names(network: BackboneNetwork) -> list[str]:
    """Return the names of the values that pretrained weights fill, the first kernel first."""
    return [
        f"stages.{name}"
        for name in network.stages.state_dict()
        if not name.endswith("num_batches_tracked")
    ]


def _prefixes(first: str, tensors: Mapping[str, Tensor]) -> list[str]:
    found = [name.removesuffix(first) for name in tensors if name.endswith(first)]
    return [prefix for prefix in found if not prefix or prefix[-1] in "._/"]
