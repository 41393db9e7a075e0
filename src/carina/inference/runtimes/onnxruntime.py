"""ONNX Runtime on the CPU, in float32."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from carina.errors import ClassifierError
from carina.inference.runtimes import RUNTIMES, Arrays, Shape


class OnnxRuntimeNetwork:
    """A network in an ONNX Runtime session."""

    def __init__(self, session: Any) -> None:
        self._session = session
        self.inputs: Mapping[str, Shape] = _shapes(session.get_inputs())
        self.outputs: Mapping[str, Shape] = _shapes(session.get_outputs())

    def run(self, outputs: Sequence[str], inputs: Arrays) -> list[NDArray[np.float32]]:
        """Return the named outputs for the named inputs."""
        found: list[NDArray[np.float32]] = self._session.run(list(outputs), dict(inputs))
        return found


@RUNTIMES.register("onnxruntime")
def load_with_onnxruntime(data: bytes, *, threads: int = 0) -> OnnxRuntimeNetwork:
    """Return the network in the bytes of an ONNX file.

    The bytes must hold everything: a network that points at other files is refused.

    Args:
        data: the file's bytes, already checked against their digest.
        threads: CPU threads of one run; 0 for all cores.

    Raises:
        ClassifierError: if the bytes are no network that this runtime can run.
    """
    import onnxruntime
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    # Idle threads that spin keep the other work of a server from the cores.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # Weights in other files have no digest, and ONNX Runtime looks for them in the working
    # folder; nothing can be found below the null device.
    options.add_session_config_entry(
        "session.model_external_initializers_file_folder_path", os.devnull
    )
    try:
        session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    except (
        state.Fail,
        state.InvalidArgument,
        state.InvalidGraph,
        state.InvalidProtobuf,
        state.NotImplemented,
        state.RuntimeException,
    ) as error:
        raise ClassifierError(
            f"the network cannot be run by ONNX Runtime {onnxruntime.__version__}: {error}"
        ) from error
    return OnnxRuntimeNetwork(session)


def _shapes(values: Sequence[Any]) -> dict[str, Shape]:
    return {
        value.name: tuple(size if isinstance(size, int) else None for size in value.shape)
        for value in values
    }
