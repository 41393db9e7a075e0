"""ONNX Runtime on the CPU, in float32."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from carina.errors import ClassifierError
from carina.inference.runtimes import RUNTIMES, Arrays, NumberFormat, Runtime, Shape

# A provider's name, with its options.
Provider = tuple[str, Mapping[str, str]]


class OnnxRuntimeNetwork:
    """A network in an ONNX Runtime session."""

    def __init__(self, session: Any) -> None:
        self._session = session
        self.inputs: Mapping[str, Shape] = _shapes(session.get_inputs())
        self.outputs: Mapping[str, Shape] = _shapes(session.get_outputs())

    @property
    def providers(self) -> Sequence[str]:
        """What computes it, the first choice first."""
        found: Sequence[str] = self._session.get_providers()
        return found

    def run(self, outputs: Sequence[str], inputs: Arrays) -> list[NDArray[np.float32]]:
        """Return the named outputs for the named inputs.

        Raises:
            ClassifierError: if the network cannot compute them.
        """
        try:
            found: list[NDArray[np.float32]] = self._session.run(list(outputs), dict(inputs))
        except onnxruntime_errors() as error:
            raise cannot_be_run(error) from error
        return found


def load_with_onnxruntime(
    data: bytes, *, threads: int = 0, precision: NumberFormat = "f32"
) -> OnnxRuntimeNetwork:
    """Return the network in the bytes of an ONNX file, computed on the CPU in float32.

    Args:
        data: the file's bytes, already checked against their digest.
        threads: CPU threads of one run; 0 for all cores.
        precision: "f32"; `Runtime` refuses another.

    Raises:
        ClassifierError: if the bytes are no network that this runtime can run.
    """
    del precision
    return open_session(data, threads=threads, provider=("CPUExecutionProvider", {}))


def open_session(data: bytes, *, threads: int, provider: Provider) -> OnnxRuntimeNetwork:
    """Return the network in the bytes of an ONNX file, in a session of ONNX Runtime.

    The bytes must hold everything: a network that points at other files is refused.

    Args:
        data: the file's bytes, already checked against their digest.
        threads: CPU threads of one run; 0 for all cores.
        provider: what computes it.

    Raises:
        ClassifierError: if the bytes are no network that this runtime can run.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 4  # what is wrong is raised
    # Idle threads that spin keep the other work of a server from the cores.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # f32 is f32: no products in bf16 on ARM.
    options.add_session_config_entry("mlas.enable_gemm_fastmath_arm64_bfloat16", "0")
    # Weights in other files have no digest, and ONNX Runtime looks for them in the working
    # folder; nothing can be found below the null device.
    options.add_session_config_entry(
        "session.model_external_initializers_file_folder_path", os.devnull
    )
    name, own_options = provider
    try:
        return OnnxRuntimeNetwork(
            onnxruntime.InferenceSession(
                data,
                options,
                providers=[name],
                provider_options=[dict(own_options)],
                enable_fallback=0,  # which would be printed, and nothing else would be tried
            )
        )
    except onnxruntime_errors() as error:
        raise cannot_be_run(error) from error


def onnxruntime_errors() -> tuple[type[Exception], ...]:
    """Return what ONNX Runtime raises for a network that it cannot run."""
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    return (
        state.Fail,
        state.InvalidArgument,
        state.InvalidGraph,
        state.InvalidProtobuf,
        state.NotImplemented,
        state.RuntimeException,
        UnicodeDecodeError,  # a name in the network that is no text, or its own words about one
    )


def cannot_be_run(error: Exception) -> ClassifierError:
    """Return what Carina raises in its place."""
    return ClassifierError(
        f"the network cannot be run by ONNX Runtime {onnxruntime_version()}: {error}"
    )


def onnxruntime_version() -> str:
    """Return the version of the ONNX Runtime that is imported, whichever package brought it."""
    import onnxruntime

    return str(onnxruntime.__version__)


def _shapes(values: Sequence[Any]) -> dict[str, Shape]:
    return {
        value.name: tuple(size if isinstance(size, int) else None for size in value.shape)
        for value in values
    }


RUNTIMES.register("onnxruntime")(
    Runtime(
        title="ONNX Runtime",
        device="cpu",
        load=load_with_onnxruntime,
        version=onnxruntime_version,
        absence=lambda: None,
        without_bf16=lambda: (
            "on the CPU it computes in f32 only; take --precision f32, or --runtime openvino"
        ),
    )
)
