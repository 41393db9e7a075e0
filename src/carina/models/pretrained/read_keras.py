"""Keras's weight files -> tensors, by a process of their own."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from torch import Tensor

from carina.errors import WeightsError
from carina.files.names import one_line
from carina.files.whole_files import read_whole
from carina.models.keras.weight_arrays import NAME, REFUSED
from carina.models.weights import MOST_BYTES, read_safetensors

HDF5_MAGIC = b"\x89HDF\r\n\x1a\n"
_MODULE = "carina.models.keras.weight_arrays"
# VGG16's 553 MB take 3 s.
_TIMEOUT_S, _BYTES_A_SECOND = 60, 10_000_000


def read_keras_weights(data: bytes, path: Path) -> dict[str, Tensor]:
    """Return the weights of a Keras `.h5` file, as `weight_arrays.keras_arrays` calls them.

    Args:
        data: the file's bytes.
        path: where it lies, for messages.

    Raises:
        WeightsError: if the file is damaged, of another kind, or holds more than plain numbers;
            also if HDF5's reader stops or does not come to an end.
    """
    with tempfile.TemporaryDirectory(prefix="carina-weights-") as folder:
        out = Path(folder) / "weights.safetensors"
        try:
            done = subprocess.run(
                [sys.executable, "-P", "-m", _MODULE, str(out)],
                input=data,
                capture_output=True,
                timeout=_TIMEOUT_S + len(data) // _BYTES_A_SECOND,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise WeightsError(
                f"{path} is damaged: HDF5's reader does not come to its end; fetch or copy it again"
            ) from error
        told = one_line(done.stderr.decode("utf-8", "replace").strip())
        if done.returncode == REFUSED and told:
            raise WeightsError(told.replace(NAME, str(path)))
        if done.returncode != 0:
            raise WeightsError(
                f"{path} is damaged: HDF5's reader stopped at it ({told[-200:] or 'no word'}); "
                "fetch or copy it again"
            )
        converted = read_whole(out, most_bytes=MOST_BYTES, error=WeightsError)
    return read_safetensors(converted, name=str(path))[0]
