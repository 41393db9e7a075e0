"""OpenVINO on the CPU, in float32 unless bf16 is asked for."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from carina.errors import ClassifierError, MissingExtraError
from carina.inference.runtimes import RUNTIMES, Arrays, Shape

if TYPE_CHECKING:
    import onnx

Hint = Literal["f32", "bf16"]


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
        """Return the named outputs for the named inputs."""
        wanted = tuple(outputs)
        compiled = self._compiled_for(wanted)
        idle = self._idle[wanted]
        try:
            request = idle.pop()
        except IndexError:
            request = compiled.create_infer_request()
        given = {name: np.ascontiguousarray(values) for name, values in inputs.items()}
        request.infer(given, share_inputs=True)
        found = [np.array(request.get_tensor(name).data) for name in wanted]
        idle.append(request)
        return found

    def _compiled_for(self, outputs: tuple[str, ...]) -> Any:
        """Return the part of the network that some outputs need."""
        with self._compiling:
            if outputs not in self._compiled:
                from openvino import Model

                results = [self._model.output(name).get_node() for name in outputs]
                part = Model(results, self._model.get_parameters(), "part")
                self._compiled[outputs] = self._core.compile_model(part, "CPU", self._properties)
                self._idle[outputs] = deque()
            return self._compiled[outputs]


@RUNTIMES.register("openvino")
def load_with_openvino(data: bytes, *, threads: int = 0) -> OpenVinoNetwork:
    """Return the network in the bytes of an ONNX file, in float32 (`compile_with_openvino`)."""
    return compile_with_openvino(data, threads=threads)


def compile_with_openvino(
    data: bytes, *, threads: int = 0, precision: Hint = "f32"
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
        import openvino
    except ImportError as error:
        raise MissingExtraError(needed_for="the runtime 'openvino'", extra="openvino") from error
    _refuse_other_files(data)
    core = openvino.Core()
    properties = {
        "INFERENCE_PRECISION_HINT": precision,
        "INFERENCE_NUM_THREADS": threads,
        "PERFORMANCE_HINT": "LATENCY",
    }
    try:
        model = core.read_model(data, b"")
        return OpenVinoNetwork(core, model, properties)
    except RuntimeError as error:
        raise ClassifierError(
            f"the network cannot be run by OpenVINO {openvino.__version__}: {error}"
        ) from error


def _refuse_other_files(data: bytes) -> None:
    """Refuse weights that stand in other files, whose digests nobody checked.

    Raises:
        ClassifierError: if there are any, or the bytes are no ONNX file.
    """
    import onnx
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped]

    try:
        graph = onnx.load_model_from_string(data).graph
    except DecodeError as error:
        raise ClassifierError(f"the network is no ONNX file: {error}") from error
    elsewhere = [t.name for t in _tensors(graph) if t.data_location == onnx.TensorProto.EXTERNAL]
    if elsewhere:
        raise ClassifierError(
            f"the network keeps weights in other files ({', '.join(elsewhere[:3])}); a "
            "classifier's network.onnx must hold everything: train or import it again"
        )


def _tensors(graph: onnx.GraphProto) -> Iterator[onnx.TensorProto]:
    """Yield every tensor of a graph and of the graphs within it."""
    yield from graph.initializer
    for attribute in (attribute for node in graph.node for attribute in node.attribute):
        yield from (attribute.t, *attribute.tensors)
        for inner in (attribute.g, *attribute.graphs):
            if inner.node or inner.initializer:
                yield from _tensors(inner)


def _shapes(ports: Sequence[Any]) -> dict[str, Shape]:
    return {
        port.get_any_name(): tuple(
            size.get_length() if size.is_static else None for size in port.get_partial_shape()
        )
        for port in ports
    }
