"""A network's weights as bytes, without a pickle."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from carina.errors import InputError, RunError, WeightsError
from carina.files.plain_json import parse_json
from carina.files.whole_files import read_whole

_METADATA = "carina"
_MOST_HEADER_BYTES = 10_000_000
MOST_BYTES = 4_000_000_000
"""The largest weights file that is read: four times the largest network's in use on films."""

# A network's values by name, as `state_dict` gives them.
Weights = Mapping[str, Tensor]


def weights_to_bytes(state: Mapping[str, Tensor], metadata: Mapping[str, Any]) -> bytes:
    """Return weights as a safetensors file; the same values give the same bytes.

    Args:
        state: tensors by name, on any device and in any memory layout.
        metadata: what to keep beside them; anything that JSON can hold.
    """
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in state.items()}
    # One entry: safetensors writes several in no particular order.
    return save(tensors, {_METADATA: json.dumps(metadata, sort_keys=True)})


def weights_digest(state: Weights) -> str:
    """Return the hex sha256 over the names, types, shapes and values of weights.

    Args:
        state: tensors by name, on any device and in any memory layout; their order counts not.

    >>> import torch
    >>> weights_digest({"a": torch.zeros(2)}) == weights_digest({"a": torch.zeros(2, 1)})
    False
    """
    digest = hashlib.sha256()
    for name in sorted(state):
        values = state[name].detach().cpu().contiguous()
        digest.update(f"{name} {values.dtype} {tuple(values.shape)}\n".encode())
        digest.update(values.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def weights_from_bytes(
    data: bytes, *, name: str, error: type[InputError] = RunError
) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Return the weights and the metadata of a file that `weights_to_bytes` made.

    Args:
        data: the file's bytes.
        name: what to call the file in messages.
        error: the class of the error.

    Raises:
        InputError: of class `error`, if the bytes are damaged or not ours.
    """
    try:
        tensors, kept = read_safetensors(data, name=name)
        metadata = parse_json(kept[_METADATA], name=f"{name}: its metadata", error=WeightsError)
        if not isinstance(metadata, dict):
            raise WeightsError("its metadata are no object")
        _require_finite(tensors)
    except (WeightsError, KeyError) as problem:
        raise error(
            f"{name} is not a weights file of Carina, or it is damaged: {problem}; "
            "take the checkpoint before it, or train again"
        ) from problem
    return tensors, metadata


def weights_of_file(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Return the weights and the metadata of a checkpoint.

    Raises:
        RunError: if it is missing, damaged or not ours.
    """
    data = read_whole(path, most_bytes=MOST_BYTES, error=RunError)
    return weights_from_bytes(data, name=str(path))


def read_safetensors(data: bytes, *, name: str) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Return the tensors and the metadata in the bytes of a safetensors file.

    The library refuses offsets outside of the file, gaps, overlaps, unknown kinds of numbers and
    shapes that their bytes do not fill. Here the header is looked at too: names that stand
    twice, nesting, and what is no text among the metadata.

    Args:
        data: the file's bytes.
        name: what to call the file in messages.

    Raises:
        WeightsError: if they are damaged.
    """
    n_header = int.from_bytes(data[:8], "little")
    if len(data) < 8 or n_header > min(len(data) - 8, _MOST_HEADER_BYTES):
        raise WeightsError(
            f"{name} is damaged: its header says that it has {n_header:,} bytes; fetch or copy it "
            "again"
        )
    header = parse_json(data[8 : 8 + n_header], name=name, error=WeightsError)
    metadata = header.get("__metadata__", {}) if isinstance(header, dict) else None
    if not isinstance(metadata, dict) or not all(isinstance(v, str) for v in metadata.values()):
        raise WeightsError(f"{name} is damaged: its metadata are no texts; fetch or copy it again")
    try:
        return load(data), metadata
    except (SafetensorError, KeyError, TypeError, ValueError, RuntimeError) as problem:
        raise WeightsError(f"{name} is damaged: {problem}; fetch or copy it again") from problem


def _require_finite(tensors: Weights) -> None:
    for name, tensor in tensors.items():
        if tensor.is_floating_point() and not tensor.isfinite().all():
            raise WeightsError(f"'{name[:80]}' holds values that are no finite numbers")
