"""A network as a `.keras` file, and what such a file answers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from carina.files.atomic import storage_errors
from carina.models.keras.backend import keras_on_cpu
from carina.models.keras.build import keras_model
from carina.models.network import ImageNetwork

_BATCH = 8


def write_keras(network: ImageNetwork, path: Path) -> None:
    """Write a network as a `.keras` file that needs nothing of Carina to be loaded.

    Args:
        network: left as it was.
        path: ends in `.keras`; what stands there is replaced.

    Raises:
        UsageError: if the network's architecture is not known in Keras.
        StorageError: if there is no room or no permission.
    """
    with keras_on_cpu(), storage_errors(path):
        keras_model(network).save(path)


class KerasFile:
    """A network read anew from a `.keras` file, without custom objects or code of the file's.

    Attributes:
        n_outputs: columns of what it answers; 1 for a sigmoid.
    """

    def __init__(self, path: Path) -> None:
        with keras_on_cpu() as keras:
            self._model = keras.saving.load_model(path, compile=False, safe_mode=True)
        self.n_outputs: int = self._model.output_shape[-1]

    def probabilities(self, prepared: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return probabilities `[n, classes]`, also where the file has one output.

        Args:
            prepared: float32 `[n, channels, height, width]` in `[0, 1]`, as Carina's networks
                take it.
        """
        films = np.ascontiguousarray(prepared.transpose(0, 2, 3, 1))
        with keras_on_cpu():
            found = [
                np.asarray(self._model.predict_on_batch(films[start : start + _BATCH]))
                for start in range(0, len(films), _BATCH)
            ]
        answers = np.concatenate(found).astype(np.float64)
        return np.hstack([1 - answers, answers]) if self.n_outputs == 1 else answers
