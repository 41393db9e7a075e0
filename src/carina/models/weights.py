"""A network's weights as bytes, without a pickle."""

import json
from collections.abc import Mapping
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from carina.errors import InputError, RunError

_METADATA = "carina"

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
        tensors = load(data)
        header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
        metadata = json.loads(header["__metadata__"][_METADATA])
    except (SafetensorError, KeyError, ValueError) as problem:
        raise error(
            f"{name} is not a weights file of Carina, or it is damaged: {problem}; "
            "take the checkpoint before it, or train again"
        ) from problem
    return tensors, metadata
