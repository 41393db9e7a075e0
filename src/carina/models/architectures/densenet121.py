"""densenet121: four blocks of layers that each see all the layers before them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping

from torch import nn

from carina.domain.document import Plain
from carina.domain.input_spec import InputSpec
from carina.models.architectures import ARCHITECTURES
from carina.models.backbone import BackboneNetwork
from carina.models.dense_head import DenseHead, DenseWidths, DropoutRate, require_side
from carina.models.options import read_options

# Huang et al., CVPR 2017, table 1.
_FIRST_FILTERS, _GROWTH, _BLOCK_LAYERS, _N_MAPS = 64, 32, (6, 12, 24, 16), 1024
# Of 64 pixels 2x2 places are left: a batch normalisation needs two values or more, even
# where the last batch of an epoch holds one film.
_SMALLEST_SIDE = 64


class Densenet121Options(Plain):
    """What may be set of densenet121.

    Attributes:
        dense: width of each new dense layer before the output; none, as published.
        dropout: dropout rate before the output layer.
    """

    dense: DenseWidths = ()
    dropout: DropoutRate = 0.0


class Densenet121(BackboneNetwork):
    """DenseNet121's stem and four dense blocks, a global average, then new dense layers.

    The layers are MONAI's and keep their names within the five stages: the stem; each
    block with the transition behind it; the last block with the last normalisation.
    """

    def __init__(self, spec: InputSpec, n_classes: int, options: Densenet121Options) -> None:
        head = DenseHead(_N_MAPS, options.dense, dropout=options.dropout, n_classes=n_classes)
        super().__init__(spec, _stages(spec.channels), head)


def _stages(channels: int) -> list[nn.Module]:
    # Imported here: MONAI takes seconds, and a look-up of any architecture imports this file.
    from monai.networks.nets.densenet import DenseNet

    features = DenseNet(
        spatial_dims=2,
        in_channels=channels,
        out_channels=1,
        init_features=_FIRST_FILTERS,
        growth_rate=_GROWTH,
        block_config=_BLOCK_LAYERS,
    ).features
    parts = OrderedDict(features.named_children())
    groups = [["conv0", "norm0", "relu0", "pool0"]]
    groups += [[f"denseblock{i}", f"transition{i}"] for i in (1, 2, 3)]
    groups += [["denseblock4", "norm5"]]
    stages = [nn.Sequential(OrderedDict((n, parts[n]) for n in names)) for names in groups]
    stages[-1].add_module("relu5", nn.ReLU(inplace=True))
    return list(stages)


@ARCHITECTURES.register("densenet121")
def densenet121(spec: InputSpec, n_classes: int, options: Mapping[str, object]) -> BackboneNetwork:
    """Return DenseNet121 with a new head.

    Its backbone has 6,953,856 trained values (three channels).

    Args:
        spec: the input; at least 64 pixels a side.
        n_classes: number of classes.
        options: see `Densenet121Options`.

    Raises:
        RecipeError: on unknown or impossible options, or an input that is too small.

    References:
        Huang et al., Densely Connected Convolutional Networks, CVPR 2017.
    """
    chosen = read_options(options, Densenet121Options, architecture="densenet121")
    require_side(spec, _SMALLEST_SIDE, architecture="densenet121")
    return Densenet121(spec, n_classes, chosen)
