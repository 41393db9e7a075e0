"""An NVIDIA GPU through ONNX Runtime, in float32."""

from __future__ import annotations

import sys

from carina.errors import CouldNotError
from carina.inference.runtimes import RUNTIMES, NumberFormat, Runtime
from carina.inference.runtimes.onnxruntime import (
    OnnxRuntimeNetwork,
    onnxruntime_version,
    open_session,
)

_PROVIDER = "CUDAExecutionProvider"
# TF32 keeps 10 bits of a value's 23: with it, f32 would not be f32.
_OPTIONS = {"use_tf32": "0"}
_DRIVER = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"


def load_with_cuda(
    data: bytes, *, threads: int = 0, precision: NumberFormat = "f32"
) -> OnnxRuntimeNetwork:
    """Return the network in the bytes of an ONNX file, computed on a GPU in float32.

    Args:
        data: the file's bytes, already checked against their digest.
        threads: CPU threads of what the GPU cannot do; 0 for all cores.
        precision: "f32"; `Runtime` refuses another.

    Raises:
        ClassifierError: if the bytes are no network that this runtime can run.
        CouldNotError: if the GPU cannot be used after all.
    """
    del precision
    network = open_session(data, threads=threads, provider=(_PROVIDER, _OPTIONS))
    if _PROVIDER not in network.providers:  # ONNX Runtime goes on with the CPU in silence
        raise CouldNotError(
            "ONNX Runtime has CUDA and finds a GPU, but could not use it: a library of CUDA or "
            "cuDNN is missing, or of another version than it needs. Install these, or take "
            "--runtime onnxruntime"
        )
    return network


def _absence() -> CouldNotError | None:
    """Return why no GPU can be used, or None."""
    import onnxruntime

    providers = onnxruntime.get_available_providers()
    if _PROVIDER not in providers:
        return CouldNotError(
            "the runtime 'cuda' needs ONNX Runtime with CUDA, and the one that is installed "
            f"computes by {', '.join(p.removesuffix('ExecutionProvider') for p in providers)}. "
            "On a machine with an NVIDIA GPU: pip uninstall onnxruntime, then "
            "pip install onnxruntime-gpu"
        )
    if not _n_gpus():
        return CouldNotError(
            "the runtime 'cuda' needs an NVIDIA GPU with its driver, and this machine shows "
            "none; take --runtime onnxruntime"
        )
    return None


def _n_gpus() -> int:
    """Return how many GPUs the driver shows; 0 without a driver."""
    import ctypes

    try:
        driver = ctypes.CDLL(_DRIVER)
    except OSError:
        return 0
    count = ctypes.c_int(0)
    if driver.cuInit(0) != 0 or driver.cuDeviceGetCount(ctypes.byref(count)) != 0:
        return 0
    return count.value


RUNTIMES.register("cuda")(
    Runtime(
        title="ONNX Runtime with CUDA",
        device="cuda",
        load=load_with_cuda,
        version=onnxruntime_version,
        absence=_absence,
        without_bf16=lambda: (
            "on a GPU Carina computes in f32 only; take --precision f32, or --runtime openvino"
        ),
    )
)
