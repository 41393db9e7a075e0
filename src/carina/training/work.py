"""What a network's answer to a film takes, counted and not timed: the same on every machine."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from carina.domain.input_spec import InputSpec
from carina.models.network import Network
from carina.training.frozen_part import with_frozen_part


@dataclass(frozen=True, slots=True)
class FilmWork:
    """Multiplications and additions of one film on its way forward.

    Attributes:
        fixed: in the layers that are held fixed; 0 where none is.
        trained: in all others.
    """

    fixed: int
    trained: int


def film_work(network: Network, spec: InputSpec) -> FilmWork:
    """Return what a network's answer to one film takes, as torch counts it: products of
    matrices and convolutions, which are nearly all of it.

    Args:
        network: left as it was; nothing is computed.
        spec: its images.
    """
    still = copy.deepcopy(network).to("meta").eval()
    films = torch.empty((1, spec.channels, spec.height, spec.width), device="meta")
    backbone = with_frozen_part(still)
    with torch.no_grad():
        if backbone is None:
            return FilmWork(fixed=0, trained=_counted(still, films))
        return FilmWork(
            fixed=_counted(backbone.frozen, films),
            trained=_counted(backbone.from_frozen, backbone.frozen(films)),
        )


def _counted(layers: Callable[[Tensor], Tensor], values: Tensor) -> int:
    with FlopCounterMode(display=False) as counter:
        layers(values)
    return int(counter.get_total_flops())
