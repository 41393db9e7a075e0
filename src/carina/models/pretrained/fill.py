"""Tensors by others' names -> the values of a backbone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NoReturn

import torch
from torch import Tensor

from carina.errors import RecipeError, WeightsError
from carina.models.backbone import BackboneNetwork
from carina.models.pixel_scaling import PREPROCESSINGS, PixelScaling
from carina.models.pretrained.layouts import LAYOUTS, Layout, backbone_names, find_layout
from carina.models.pretrained.read import RawWeights

_SHOWN = 4


@dataclass(frozen=True, slots=True)
class Filled:
    """What was put into a network.

    Attributes:
        layout: whose names the file has.
        preprocessing: the rule of the pixels, or "own" for constants that no rule has.
        n_values: how many values were taken, statistics of batch normalisations too.
        n_left_out: how many tensors of the file are no part of the backbone; counters of
            batches, which nothing reads, are not counted.
    """

    layout: str
    preprocessing: str
    n_values: int
    n_left_out: int


def fill_backbone(network: BackboneNetwork, raw: RawWeights) -> Filled:
    """Put a file's weights into the backbone, and what they expect into `network.scaling`.

    Args:
        network: changed in place, once everything has been checked; the head is left as
            it is.
        raw: what the file holds.

    Raises:
        WeightsError: if names are missing, unknown or of another shape, or values are not
            finite.
        RecipeError: if the weights cannot see an image of this many channels.
    """
    try:
        layout, prefix = find_layout(network, raw.tensors)
    except LookupError:
        _refuse_unknown(network, raw)
    own = backbone_names(network)
    theirs = {name: prefix + layout.rename(name) for name in own}
    n_left_out = _require_names(raw, theirs.values(), layout, prefix)
    state = network.state_dict()
    values = {name: _ours(raw.tensors[theirs[name]], layout, name) for name in own}
    first, *others = own
    _require_shapes(raw, values, state, [(name, theirs[name]) for name in others])
    scaling = _scaling_of(raw, values[first], layout, prefix)
    values[first], scaling = _for_channels(values[first], scaling, network, raw)
    _require_shapes(raw, values, state, [(first, theirs[first])])
    _require_finite(raw, values)
    with torch.no_grad():
        for name, tensor in values.items():
            state[name].copy_(tensor)
        network.scaling.load_state_dict(scaling.state_dict())
    n_values = sum(tensor.numel() for tensor in values.values())
    return Filled(layout.name, _rule_of(scaling), n_values, n_left_out)


def _ours(tensor: Tensor, layout: Layout, name: str) -> Tensor:
    """Return a value in our order of axes, as float32."""
    if layout.kernels_last and tensor.ndim == 4:
        tensor = tensor.permute(3, 2, 0, 1)
    if layout.variance_shift and name.endswith("running_var"):
        tensor = tensor.double() + layout.variance_shift
    return tensor.float()


def _scaling_of(raw: RawWeights, first: Tensor, layout: Layout, prefix: str) -> PixelScaling:
    """Return what the weights expect of an image of as many channels as they take."""
    channels = first.shape[1] if first.ndim == 4 else 0
    if channels not in (1, 3):
        raise WeightsError(
            f"the first kernel in {raw.file_name} has the shape {list(first.shape)}; one that "
            "takes 1 or 3 channels is expected"
        )
    scaling = PixelScaling(channels)
    said = raw.metadata.get("preprocessing")
    if layout.preprocessing is None:
        _take_own_scaling(raw, scaling, prefix)
        return scaling
    known = layout.preprocessing if channels == 3 else layout.grey_preprocessing
    for rule in PREPROCESSINGS:
        if rule == (said or known):
            scaling.set(rule)
            return scaling
    raise WeightsError(
        f"{raw.file_name} does not say what its weights expect of the pixels"
        + (f" in words that Carina knows ('{said}')" if said else "")
        + "; keep it as safetensors with the metadata entry 'preprocessing', one of "
        + ", ".join(PREPROCESSINGS)
    )


def _take_own_scaling(raw: RawWeights, scaling: PixelScaling, prefix: str) -> None:
    for name, buffer in scaling.named_buffers():
        kept = raw.tensors.get(f"{prefix}scaling.{name}")
        if kept is None or kept.shape != buffer.shape:
            raise WeightsError(
                f"{raw.file_name} has the names of a checkpoint of Carina but no "
                f"{prefix}scaling.{name} of {scaling.channels} channels; it is not whole"
            )
        buffer.copy_(kept)


def _for_channels(
    first: Tensor, scaling: PixelScaling, network: BackboneNetwork, raw: RawWeights
) -> tuple[Tensor, PixelScaling]:
    """Return the first kernel and the scaling for the channels that the network takes.

    The channels of a film are equal. One channel x stands for three where all three have the
    same zero: with `scale_c * x + offset_c = scale_c * (x + zero)` the kernels, each times its
    scale, add up to one kernel over `x + zero`, the zeros around the image included. Where
    the zeros differ (a mean of its own for each colour), no single kernel is equal at the
    border, and none is made up. One kernel is shared out to three equal channels by thirds.
    """
    if scaling.channels == network.channels:
        return first, scaling
    wanted = PixelScaling(network.channels)
    if network.channels == 3:
        wanted.scale.copy_(scaling.scale.expand_as(wanted.scale))
        wanted.offset.copy_(scaling.offset.expand_as(wanted.offset))
        return (first / 3).expand(-1, 3, -1, -1), wanted
    zeros = scaling.offset / scaling.scale
    if not torch.allclose(zeros, zeros.mean(), rtol=0, atol=1e-6):
        raise RecipeError(
            f"the weights of {raw.file_name} take three channels, each less a mean of its own, "
            "which one channel cannot stand for at the image's border; set input.channels=3"
        )
    mean_scale = scaling.scale.mean()
    wanted.scale.copy_(mean_scale.view(1, 1, 1, 1))
    wanted.offset.copy_((mean_scale * zeros.mean()).view(1, 1, 1, 1))
    folded = (first.double() * (scaling.scale / mean_scale)).sum(dim=1, keepdim=True)
    return folded.float(), wanted


def _rule_of(scaling: PixelScaling) -> str:
    for rule in PREPROCESSINGS:
        same = PixelScaling(scaling.channels, rule)
        pairs = ((scaling.scale, same.scale), (scaling.offset, same.offset))
        if all(torch.allclose(one, other, rtol=1e-5) for one, other in pairs):
            return rule
    return "own"


def _require_names(raw: RawWeights, theirs: Iterable[str], layout: Layout, prefix: str) -> int:
    """Refuse missing and unknown names; return how many are no part of the backbone."""
    wanted = set(theirs)
    missing = sorted(wanted - set(raw.tensors))
    others = [name for name in raw.tensors if name not in wanted]
    unknown = [
        name
        for name in others
        if name.startswith(prefix) and not layout.is_top(name.removeprefix(prefix))
    ]
    if missing or unknown:
        problems = [
            f"{len(names)} {kind} ({_some(names)})"
            for kind, names in (("are missing", missing), ("do not belong there", unknown))
            if names
        ]
        raise WeightsError(
            f"{raw.file_name} has names as {layout.name} gives them, but of {len(wanted)} values "
            f"of the backbone {' and '.join(problems)}; it belongs to another network, or is not "
            "whole"
        )
    return sum(not name.endswith("num_batches_tracked") for name in others)


def _require_shapes(
    raw: RawWeights,
    values: dict[str, Tensor],
    state: dict[str, Tensor],
    names: Sequence[tuple[str, str]],
) -> None:
    wrong = [
        f"{their} is {list(values[own].shape)}, expected {list(state[own].shape)}"
        for own, their in names
        if values[own].shape != state[own].shape
    ]
    if wrong:
        raise WeightsError(
            f"{raw.file_name}: {len(wrong)} of its values have another shape than the network's: "
            f"{_some(wrong)}; it belongs to another network"
        )


def _require_finite(raw: RawWeights, values: dict[str, Tensor]) -> None:
    bad = [name for name, tensor in values.items() if not tensor.isfinite().all()]
    bad += [n for n, t in values.items() if n.endswith("running_var") and (t < 0).any()]
    if bad:
        raise WeightsError(
            f"{raw.file_name} holds values that are not finite, or variances below 0, for "
            f"{_some(bad)}; it is damaged"
        )


def _refuse_unknown(network: BackboneNetwork, raw: RawWeights) -> NoReturn:
    known = dict.fromkeys(lay.name for lay in LAYOUTS if isinstance(network, lay.network))
    raise WeightsError(
        f"{raw.file_name} does not hold the backbone of this network: none of its "
        f"{len(raw.tensors)} names ({_some(list(raw.tensors))}) is one that "
        f"{', '.join(known)} or Carina gives"
    )


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_SHOWN])
    return f"{shown}, ..." if len(names) > _SHOWN else shown
