"""OpenVINO on the CPU, in float32 unless bf16 is asked for."""

from __future__ import annotations

import os
import platform
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from carina.errors import ClassifierError, CouldNotError, MissingExtraError
from carina.inference.onnx_safety import require_whole
from carina.inference.runtimes import RUNTIMES, Arrays, NumberFormat, Runtime, Shape

Hint = NumberFormat
# Instructions that multiply in bf16, as Linux names them. OpenVINO takes bf16 without them
# too, and is then slower than in f32.
_BF16_INSTRUCTIONS = {"avx512_bf16", "amx_bf16"}


class OpenVinoNetwork:
    """A network that OpenVINO compiles for each set of outputs that is asked for."""

    def __init__(self, core: Any, model: Any, properties: Mapping[str, Any]) -> None:
        self._core = core
        self._model = model
        self._properties = dict(properties)
        self.inputs: Mapping[str, Shape] = _shapes(model.inputs)
        self.outputs: Mapping[str, Shape] = _shapes(model.outputs)
        self._compiling = threading.Lock()
        self._compiled: dict[tuple[str, ...], Any] = {}
        # Requests hold the memory of the layers between; one is used by one thread at a time.
        self._idle: dict[tuple[str, ...], deque[Any]] = {}

    def run(self, outputs: Sequence[str], inputs: Arrays) -> list[NDArray[np.float32]]:
        """Return the named outputs for the named inputs.

        Raises:
            ClassifierError: if the network cannot compute them.
        """
        compiled_for = self._compiled_for(tuple(outputs))
        idle = self._idle[compiled_for]
        try:
            request = idle.pop()
        except IndexError:
            request = self._compiled[compiled_for].create_infer_request()
        given = {name: np.ascontiguousarray(values) for name, values in inputs.items()}
        try:
            request.infer(given, share_inputs=True)
        except RuntimeError as error:
            raise _cannot_run(error) from error
        found = [np.array(request.get_tensor(name).data) for name in outputs]
        idle.append(request)
        return found

    def _compiled_for(self, outputs: tuple[str, ...]) -> tuple[str, ...]:
        """Return the key of a compiled part of the network that gives some outputs."""
        known = self._known_for(outputs)
        if known is None:
            with self._compiling:  # a thread that needs nothing new does not wait here
                known = self._known_for(outputs) or self._compile(outputs)
        return known

    def _known_for(self, outputs: tuple[str, ...]) -> tuple[str, ...] | None:
        wanted = set(outputs)
        return next((key for key in tuple(self._compiled) if wanted <= set(key)), None)

    def _compile(self, outputs: tuple[str, ...]) -> tuple[str, ...]:
        """Compile the part of the network that some outputs need."""
        import openvino

        results = [self._model.output(name).get_node() for name in outputs]
        part = openvino.Model(results, self._model.get_parameters(), "part")
        try:
            compiled = self._core.compile_model(part, "CPU", self._properties)
        except RuntimeError as error:
            raise _cannot_run(error) from error
        self._idle[outputs] = deque()
        self._compiled[outputs] = compiled
        return outputs


def compile_with_openvino(
    data: bytes, *, threads: int = 0, precision: NumberFormat = "f32"
) -> OpenVinoNetwork:
    """Return the network in the bytes of an ONNX file.

    The bytes must hold everything: a network that points at other files is refused.

    Args:
        data: the file's bytes, already checked against their digest.
        threads: CPU threads of one run; 0 for all cores.
        precision: what the layers compute in; always said, since OpenVINO would take bf16
            wherever the CPU has it. Inputs and outputs are float32 in both.

    Raises:
        ClassifierError: if the bytes are no network that this runtime can run.
        MissingExtraError: if OpenVINO is not installed.
    """
    try:
        from openvino import Core
    except ImportError as error:
        raise _missing() from error
    require_whole(data)
    core = _the_one(Core, os.getpid())
    properties = {
        "INFERENCE_PRECISION_HINT": precision,
        "INFERENCE_NUM_THREADS": threads,
        "PERFORMANCE_HINT": "LATENCY",
    }
    try:
        model = core.read_model(data, b"")
        return OpenVinoNetwork(core, model, properties)
    except RuntimeError as error:
        raise _cannot_run(error) from error


@cache
def _the_one(core: Callable[[], Any], _process: int) -> Any:
    """Return the one core of a process, which lives as long as it does.

    A core's CPU plugin gives the thread that loads it a stack for signals, and puts back the one
    that it found when it ends. Of two that do not end in reverse order the second puts back
    memory that is gone, and the next signal (Ctrl-C) kills the process with SIGSEGV.
    """
    return core()


def _cannot_run(error: RuntimeError) -> ClassifierError:
    return ClassifierError(f"the network cannot be run by OpenVINO {_version()}: {error}")


def _missing() -> MissingExtraError:
    return MissingExtraError(needed_for="the runtime 'openvino'", extra="openvino")


def _absence() -> CouldNotError | None:
    return _missing() if find_spec("openvino") is None else None


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("openvino")
    except PackageNotFoundError:
        return "(version unknown)"


@cache
def _without_bf16() -> str:
    """Return why OpenVINO does not compute in bf16 on this machine, or ""."""
    from openvino import Core

    if "BF16" not in _the_one(Core, os.getpid()).get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        return f"it has no bf16 for this processor ({platform.machine()}); take --precision f32"
    instructions = _instructions()
    if instructions and not instructions & _BF16_INSTRUCTIONS:
        return (
            "this processor has no bf16 instructions (avx512_bf16 or amx_bf16); "
            "take --precision f32"
        )
    return ""


def _instructions() -> set[str]:
    """Return what an x86 processor can do, as Linux names it; empty where nobody says."""
    cpuinfo = Path("/proc/cpuinfo")
    if not cpuinfo.is_file():
        return set()
    lines = cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines()
    return set(next((line for line in lines if line.startswith("flags")), "").split())


def _shapes(ports: Sequence[Any]) -> dict[str, Shape]:
    return {
        port.get_any_name(): tuple(
            size.get_length() if size.is_static else None for size in port.get_partial_shape()
        )
        for port in ports
    }


RUNTIMES.register("openvino")(
    Runtime(
        title="OpenVINO",
        device="cpu",
        load=compile_with_openvino,
        version=_version,
        absence=_absence,
        without_bf16=_without_bf16,
    )
)
