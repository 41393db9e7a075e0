"""Keras's weight files -> arrays, in a process of its own: `python -m
carina.models.keras.weight_arrays OUT < FILE`.

The reader of HDF5 is native code that a damaged file can stop or keep for ever. So the file's
bytes come on standard input, the arrays leave as a safetensors file, and what is found wrong as
a sentence in which `NAME` stands for the file.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from carina.errors import WeightsError
from carina.models.keras.weight_files import require_plain_numbers
from carina.models.process_limits import limit_memory

if TYPE_CHECKING:
    import h5py

NAME = "<the weights file>"
"""What stands for the file in sentences."""
REFUSED = 2
"""Exit code: standard error holds a sentence."""
_VALUE_NAMES = ("kernel", "bias", "gamma", "beta", "moving_mean", "moving_variance")
_OWN_MEMORY_BYTES, _COPIES = 1_500_000_000, 4
_DAMAGE = (ArithmeticError, AttributeError, LookupError, OSError, RuntimeError, TypeError,
           ValueError)  # fmt: skip


def keras_arrays(data: bytes) -> dict[str, NDArray[Any]]:
    """Return the weights of a Keras `.h5` file, old (Keras 1 and 2) or new (`.weights.h5`).

    Args:
        data: the bytes of a file of weights, or of a whole model in the old format.

    Returns:
        Arrays called `layer/kernel`, `layer/bias`, `layer/gamma`, ..., with kernels
        `[height, width, in, out]`. A slash within a layer's name (`conv1/conv`, in files of
        2018) becomes `_`, as Keras calls it today.

    Raises:
        WeightsError: if the file is damaged or of another kind, or holds links, numbers in other
            files, or more of them than it can hold (`weight_files`).
    """
    import h5py

    try:
        with h5py.File(io.BytesIO(data), "r") as file:
            require_plain_numbers(file, Path(NAME), error=WeightsError)
            root = file.get("model_weights", file)
            if "layer_names" in root.attrs:
                return dict(_old_arrays(root))
            if "layers" in root:
                return dict(_new_arrays(root["layers"]))
    except _DAMAGE as error:
        raise WeightsError(f"{NAME} is damaged: {error}; fetch or copy it again") from error
    raise WeightsError(
        f"{NAME} is an HDF5 file, but not one of Keras's weights (it has neither layer_names nor "
        "layers); save them with model.save_weights('NAME.weights.h5')"
    )


def _old_arrays(root: h5py.Group) -> Iterator[tuple[str, NDArray[Any]]]:
    for layer_name in map(_text, root.attrs["layer_names"]):
        group = root[layer_name]
        names = [_text(name) for name in group.attrs["weight_names"]]
        arrays = [np.asarray(group[name]) for name in names]
        if len(names) <= 4:
            layer = layer_name.replace("/", "_")
            for value_name, array in zip(_value_names(names, arrays), arrays, strict=True):
                yield f"{layer}/{value_name}", np.ascontiguousarray(array)
            continue
        # A model within the model: its own layers stand in the names of the values.
        for name, array in zip(names, arrays, strict=True):
            *layers, value_name = name.split(":")[0].split("/")
            yield f"{'_'.join(layers)}/{value_name}", np.ascontiguousarray(array)


def _new_arrays(layers: h5py.Group) -> Iterator[tuple[str, NDArray[Any]]]:
    for group in layers.values():
        if "layers" in group:
            yield from _new_arrays(group["layers"])
        values = group.get("vars")
        if values is None or not len(values):
            continue
        name = values.attrs.get("name")
        if name is None:
            raise WeightsError(
                f"{NAME} does not say what its layers are called (Keras before 3.7 left it out); "
                "save the weights anew with a newer Keras, or as a whole model: "
                "model.save('NAME.h5')"
            )
        arrays = [np.asarray(values[str(index)]) for index in range(len(values))]
        for value_name, array in zip(_value_names((), arrays), arrays, strict=True):
            yield f"{_text(name).replace('/', '_')}/{value_name}", np.ascontiguousarray(array)


def _value_names(names: Sequence[str], arrays: Sequence[NDArray[Any]]) -> list[str]:
    """Return what a layer's values are, by their own names or by Keras's order of them."""
    own = [name.split(":")[0].split("/")[-1] for name in names]
    if own and all(name in _VALUE_NAMES for name in own):
        return own
    if len(arrays) == 4 and all(array.ndim == 1 for array in arrays):
        return ["gamma", "beta", "moving_mean", "moving_variance"]
    if len(arrays) <= 2:
        return ["kernel", "bias"][: len(arrays)]
    return [f"value_{index}" for index in range(len(arrays))]


def _text(name: str | bytes) -> str:
    return name.decode("utf-8") if isinstance(name, bytes) else str(name)


def main(out: str) -> int:
    """Write the weights of the file on standard input to `out`; 0 if that went well."""
    from safetensors.numpy import save_file

    data = sys.stdin.buffer.read()
    limit_memory(_OWN_MEMORY_BYTES + _COPIES * len(data))
    try:
        save_file(keras_arrays(data), out)
    except (WeightsError, KeyError, MemoryError, ValueError) as error:
        sys.stderr.write(str(error))
        return REFUSED
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1]))
