"""Keras's weight files -> tensors called `layer/kernel`, `layer/bias`, `layer/gamma`, ..."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from carina.errors import WeightsError

if TYPE_CHECKING:
    import h5py

HDF5_MAGIC = b"\x89HDF\r\n\x1a\n"
_VALUE_NAMES = ("kernel", "bias", "gamma", "beta", "moving_mean", "moving_variance")


def read_keras_weights(path: Path) -> dict[str, Tensor]:
    """Return the weights of a Keras `.h5` file, old (Keras 1 and 2) or new (`.weights.h5`).

    Args:
        path: a file of weights, or of a whole model in the old format.

    Returns:
        float tensors with kernels `[height, width, in, out]`. A slash within a layer's
        name (`conv1/conv`, in files of 2018) becomes `_`, as Keras calls it today.

    Raises:
        WeightsError: if the file is damaged or of another kind.
    """
    import h5py

    try:
        with h5py.File(path, "r") as file:
            root = file.get("model_weights", file)
            if "layer_names" in root.attrs:
                return dict(_old_tensors(root))
            if "layers" in root:
                return dict(_new_tensors(root["layers"], path))
    except (OSError, KeyError, ValueError, RuntimeError, AttributeError, TypeError) as error:
        raise WeightsError(f"{path} is damaged: {error}; fetch or copy it again") from error
    raise WeightsError(
        f"{path} is an HDF5 file, but not one of Keras's weights (it has neither layer_names nor "
        "layers); save them with model.save_weights('NAME.weights.h5')"
    )


def _old_tensors(root: h5py.Group) -> Iterator[tuple[str, Tensor]]:
    for layer_name in map(_text, root.attrs["layer_names"]):
        group = root[layer_name]
        names = [_text(name) for name in group.attrs["weight_names"]]
        arrays = [np.asarray(group[name]) for name in names]
        if len(names) <= 4:
            layer = layer_name.replace("/", "_")
            for value_name, array in zip(_value_names(names, arrays), arrays, strict=True):
                yield f"{layer}/{value_name}", _tensor(array)
            continue
        # A model within the model: its own layers stand in the names of the values.
        for name, array in zip(names, arrays, strict=True):
            *layers, value_name = name.split(":")[0].split("/")
            yield f"{'_'.join(layers)}/{value_name}", _tensor(array)


def _new_tensors(layers: h5py.Group, path: Path) -> Iterator[tuple[str, Tensor]]:
    for group in layers.values():
        if "layers" in group:
            yield from _new_tensors(group["layers"], path)
        values = group.get("vars")
        if values is None or not len(values):
            continue
        name = values.attrs.get("name")
        if name is None:
            raise WeightsError(
                f"{path} does not say what its layers are called (Keras before 3.7 left it out); "
                "save the weights anew with a newer Keras, or as a whole model: "
                "model.save('NAME.h5')"
            )
        arrays = [np.asarray(values[str(index)]) for index in range(len(values))]
        for value_name, array in zip(_value_names((), arrays), arrays, strict=True):
            yield f"{_text(name).replace('/', '_')}/{value_name}", _tensor(array)


def _value_names(names: Sequence[str], arrays: Sequence[NDArray[np.float32]]) -> list[str]:
    """Return what a layer's values are, by their own names or by Keras's order of them."""
    own = [name.split(":")[0].split("/")[-1] for name in names]
    if own and all(name in _VALUE_NAMES for name in own):
        return own
    if len(arrays) == 4 and all(array.ndim == 1 for array in arrays):
        return ["gamma", "beta", "moving_mean", "moving_variance"]
    if len(arrays) <= 2:
        return ["kernel", "bias"][: len(arrays)]
    return [f"value_{index}" for index in range(len(arrays))]


def _tensor(array: NDArray[np.float32]) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(array))


def _text(name: str | bytes) -> str:
    return name.decode("utf-8") if isinstance(name, bytes) else str(name)
