"""Weights from torch to Keras and back, layer by layer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from carina.models.cascade import Cascade
from carina.models.keras.layers import keras_name, pixel_constants
from carina.models.network import ImageNetwork
from carina.models.pixel_scaling import PixelScaling

if TYPE_CHECKING:
    import keras

Arrays = list[NDArray[np.float32]]


def copy_to_keras(network: ImageNetwork, model: keras.Model) -> None:
    """Copy weights, statistics and pixel constants from torch into Keras.

    Args:
        network: left as it was; on any device.
        model: what a builder of `KERAS_BUILDERS` makes of such a network; changed in place.
            Called inside `backend.keras_on_cpu`.

    Raises:
        ValueError: if a layer is missing or has other shapes; it names the layer.
    """
    for name, module, layer in _pairs(network, model):
        if isinstance(module, PixelScaling):
            layer.scale, layer.offset = pixel_constants(module)
            continue
        values = [_to_keras(tensor) for tensor in _tensors(module)]
        _require_shapes(name, [v.shape for v in layer.get_weights()], [v.shape for v in values])
        layer.set_weights(values)


def copy_from_keras(model: keras.Model, network: ImageNetwork) -> None:
    """Copy weights, statistics and pixel constants from Keras into torch.

    Args:
        model: left as it was. Called inside `backend.keras_on_cpu`.
        network: changed in place; every value keeps its device and memory layout.

    Raises:
        ValueError: if a layer is missing or has other shapes; it names the layer.
    """
    for name, module, layer in _pairs(network, model):
        if isinstance(module, PixelScaling):
            _set_constants(module, layer)
            continue
        tensors = _tensors(module)
        values = [_to_torch(value) for value in layer.get_weights()]
        _require_shapes(name, [v.shape for v in values], [t.shape for t in tensors])
        with torch.no_grad():
            for tensor, value in zip(tensors, values, strict=True):
                tensor.copy_(value)


def stage_name(index: int) -> str:
    """Return what a cascade's stage, itself a model, is called in Keras."""
    return f"stage_{index}"


def _pairs(
    network: ImageNetwork, model: keras.Model
) -> Iterator[tuple[str, nn.Module, keras.Layer]]:
    """Yield every layer that keeps values: its name in torch, itself, and Keras's."""
    if isinstance(network, Cascade):
        for index, stage in enumerate(network.networks):
            yield from _pairs(stage, model.get_layer(stage_name(index)))
        return
    known = {layer.name: layer for layer in model.layers}
    for name, module in network.named_modules():
        if isinstance(module, PixelScaling) or _tensors(module):
            if keras_name(name) not in known:
                raise ValueError(
                    f"the Keras model has no layer '{keras_name(name)}' for {name} "
                    f"(it has: {', '.join(known)})"
                )
            yield name, module, known[keras_name(name)]


def _tensors(module: nn.Module) -> list[Tensor]:
    """Return a layer's own values in Keras's order."""
    if isinstance(module, nn.BatchNorm2d):
        assert module.running_mean is not None  # an untracked one cannot be evaluated
        assert module.running_var is not None
        return [module.weight, module.bias, module.running_mean, module.running_var]
    if isinstance(module, nn.Conv2d | nn.Linear):
        return [module.weight, *([] if module.bias is None else [module.bias])]
    return []


def _to_keras(tensor: Tensor) -> NDArray[np.float32]:
    """Return values in Keras's order of axes: kernels `[h, w, in, out]`, dense `[in, out]`."""
    values: NDArray[np.float32] = tensor.detach().cpu().float().numpy()
    axes = (2, 3, 1, 0) if values.ndim == 4 else tuple(reversed(range(values.ndim)))
    return np.ascontiguousarray(values.transpose(axes))


def _to_torch(values: NDArray[np.float32]) -> Tensor:
    """Return values in torch's order of axes: kernels `[out, in, h, w]`, dense `[out, in]`."""
    axes = (3, 2, 0, 1) if values.ndim == 4 else tuple(reversed(range(values.ndim)))
    return torch.from_numpy(np.ascontiguousarray(values.transpose(axes)))


def _set_constants(module: PixelScaling, layer: Any) -> None:
    for buffer, values in ((module.scale, layer.scale), (module.offset, layer.offset)):
        buffer.copy_(torch.tensor(values, dtype=torch.float32).view(buffer.shape))


def _require_shapes(name: str, keras_shapes: list[Any], torch_shapes: list[Any]) -> None:
    found, wanted = ([tuple(shape) for shape in shapes] for shapes in (keras_shapes, torch_shapes))
    if found != wanted:
        raise ValueError(
            f"layer {name} has the shapes {found} in one place and {wanted} in the other"
        )
