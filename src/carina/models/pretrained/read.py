"""A weights file of any usual kind -> tensors by name."""

from __future__ import annotations

import io
import struct
import warnings
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from pickle import UnpicklingError

import torch
from safetensors.torch import save
from torch import Tensor

from carina.errors import WeightsError
from carina.files.atomic import write_bytes
from carina.files.digests import sha256_bytes
from carina.files.whole_files import read_whole
from carina.models.pretrained.read_keras import HDF5_MAGIC, read_keras_weights
from carina.models.weights import MOST_BYTES, read_safetensors

_STATE_DICT_LINES = (
    "m = torch.load('{name}', weights_only=False); torch.save(m.state_dict(), 'weights.pt')"
)
# Under which training scripts keep the weights beside their epoch and optimiser.
_WRAPPERS = ("state_dict", "model_state_dict", "model")
_CONVERTED = "carina-converted-from"
# What torch raises for bytes that it did not write.
_DAMAGE = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
    struct.error,
)


@dataclass(frozen=True, slots=True)
class RawWeights:
    """What a weights file holds.

    Attributes:
        file_name: of the file, without its folder.
        sha256: of the file.
        tensors: by their names in the file; kernels in the file's order of axes.
        metadata: of a safetensors file, else empty.
    """

    file_name: str
    sha256: str
    tensors: dict[str, Tensor]
    metadata: dict[str, str] = field(default_factory=dict)


def read_weights(path: Path, *, cache_dir: Path) -> RawWeights:
    """Return the tensors of a Keras `.h5`, a torch `.pth` or `.pt`, or a safetensors file.

    The kind is told from the content, not from the name. A torch file is unpickled once,
    with torch's restricted reader, and a Keras file is read once, by a process of its own; both
    are kept as safetensors in `cache_dir/weights`, and a file of the same content is read from
    there.

    Raises:
        WeightsError: if the file cannot be read as one of these.
        StorageError: if there is no room or no permission in the cache.
    """
    # Read once: what is checked and digested is what is read.
    data = read_whole(path, most_bytes=MOST_BYTES, error=WeightsError)
    sha256, start = sha256_bytes(data), data[:16]
    if start.startswith(HDF5_MAGIC):
        made = _converted(data, path, cache_dir, sha256, convert=read_keras_weights)
        return RawWeights(path.name, sha256, made)
    if start[8:9] == b"{":
        tensors, metadata = read_safetensors(data, name=str(path))
        return RawWeights(path.name, sha256, tensors, metadata)
    if start.startswith((b"PK\x03\x04", b"\x80")):
        made = _converted(data, path, cache_dir, sha256, convert=_unpickled)
        return RawWeights(path.name, sha256, made)
    raise WeightsError(
        f"{path} is none of the weights files that Carina reads (Keras .h5, torch .pth or .pt, "
        f"safetensors): it begins with {start[:8]!r}; it may be damaged, or a web page saved in "
        "its place"
    )


def _converted(
    data: bytes,
    path: Path,
    cache_dir: Path,
    sha256: str,
    *,
    convert: Callable[[bytes, Path], dict[str, Tensor]],
) -> dict[str, Tensor]:
    """Return the weights of a file as they were kept when it was first read, or read it now."""
    kept = cache_dir / "weights" / f"{path.stem[:60]}-{sha256[:16]}.safetensors"
    if kept.is_file():
        try:
            converted = read_whole(kept, most_bytes=2 * MOST_BYTES, error=WeightsError)
            tensors, metadata = read_safetensors(converted, name=str(kept))
        except WeightsError:
            kept.unlink()
        else:
            if metadata.get(_CONVERTED) == sha256:
                return tensors
    tensors = convert(data, path)
    whole = {name: tensor.clone().contiguous() for name, tensor in tensors.items()}
    write_bytes(kept, save(whole, {_CONVERTED: sha256}))
    return whole


def _unpickled(data: bytes, path: Path) -> dict[str, Tensor]:
    """Return the tensors of a torch file: the one place where a pickle is read.

    `weights_only` reads it with a reader of torch's own, which makes tensors and plain values
    and imports nothing.
    """
    _require_unpacked(data, path)
    try:
        with warnings.catch_warnings():
            # Of pickles that torch did not write; they are read or refused all the same.
            warnings.filterwarnings("ignore", message="Detected pickle protocol")
            content = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except UnpicklingError as error:
        if "GLOBAL" in str(error):
            raise _whole_module(path) from error
        raise _damaged(path, error) from error
    except _DAMAGE as error:
        raise _damaged(path, error) from error
    for wrapper in _WRAPPERS:
        if isinstance(content, dict) and isinstance(content.get(wrapper), dict):
            content = content[wrapper]
    if not isinstance(content, dict):
        raise WeightsError(f"{path} holds a {type(content).__name__}, not weights by name")
    tensors = {str(n): v.detach() for n, v in content.items() if isinstance(v, Tensor)}
    if not tensors:
        raise WeightsError(f"{path} holds no tensors")
    return tensors


def _require_unpacked(data: bytes, path: Path) -> None:
    """Refuse a torch archive whose parts are packed: torch packs none, and bombs are.

    Raises:
        WeightsError: if it holds more than it has bytes, or has no readable list of its parts.
    """
    if not data.startswith(b"PK"):
        return
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            n_bytes = sum(part.file_size for part in archive.infolist())
    except (zipfile.BadZipFile, ValueError, NotImplementedError, struct.error) as error:
        raise _damaged(path, error) from error
    if n_bytes > len(data):
        raise WeightsError(
            f"{path} has {len(data):,} bytes and unpacks to {n_bytes:,}; torch packs no weights, "
            "so it is not as torch wrote it: fetch or copy it again"
        )


def _whole_module(path: Path) -> WeightsError:
    return WeightsError(
        f"{path} holds a whole module or other Python objects, which can run any code when "
        "they are read; Carina reads weights alone. If you trust the file, turn it into a state "
        f"dict where its code is installed: {_STATE_DICT_LINES.format(name=path.name)}"
    )


def _damaged(path: Path, error: Exception) -> WeightsError:
    reason = str(error).split("\n", 1)[0][:200] or type(error).__name__
    hint = (
        "of a .keras file, save the weights alone: model.save_weights('NAME.weights.h5')"
        if path.suffix == ".keras"
        else "fetch or copy it again"
    )
    return WeightsError(f"{path} cannot be read as a torch weights file: {reason}; {hint}")
