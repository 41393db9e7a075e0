"""A small network with a backbone of three stages, for what fixed stages must keep."""

from itertools import pairwise

import torch
from torch import nn

from carina.models.backbone import BackboneNetwork
from carina.models.dense_head import DenseHead
from making.training_films import SMALL


class TinyBackbone(BackboneNetwork):
    """Three stages of one convolution each, with batch normalisation, and a dense head."""

    def __init__(self, n_classes=2, *, spec=SMALL, dropout=0.0, widths=(4, 6, 8)):
        n_values = widths[-1] * (spec.height // 8) * (spec.width // 8)
        super().__init__(
            spec,
            [_stage(*depths) for depths in pairwise((spec.channels, *widths))],
            DenseHead(n_values, (16,), dropout=dropout, n_classes=n_classes),
        )

    def pooled(self, maps):
        return maps.permute(0, 2, 3, 1).flatten(1)


def tiny_backbone(trained="head", n_classes=2, *, spec=SMALL, seed=0, **options):
    """A TinyBackbone with start weights, of which some stages are fixed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = TinyBackbone(n_classes, spec=spec, **options)
    network.start(torch.Generator().manual_seed(seed))
    network.freeze(trained)
    return network


def _stage(depth, filters):
    return nn.Sequential(
        nn.Conv2d(depth, filters, 3, padding=1),
        nn.BatchNorm2d(filters),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(2),
    )
