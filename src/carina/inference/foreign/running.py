"""A graph's values for given images, computed by ONNX Runtime."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from carina.errors import ClassifierError
from carina.inference.foreign.graph import Graph, Port, model_bytes
from carina.inference.runtimes.onnxruntime import cannot_be_run, onnxruntime_errors

MOST_VALUES = 2**31
"""The largest number of values in one tensor that a network may make of one image."""
_AT_ONCE = 128
_OWN_BATCH = 16
# Steps of ONNX Runtime's optimiser that change what a network answers: `with_kept_zeros`.
_WRONG_STEPS = ("Pad_Fusion",)
_NUMPY_KINDS: dict[str, np.dtype[Any]] = {
    "tensor(float16)": np.dtype(np.float16),
    "tensor(double)": np.dtype(np.float64),
    "tensor(uint8)": np.dtype(np.uint8),
}

Arrays = list[NDArray[Any]]


class Session:
    """An ONNX network, ready to run.

    Args:
        data: the bytes of an ONNX file that holds everything.
        for_one_run: whether it is not worth being optimised.

    Raises:
        ClassifierError: if ONNX Runtime cannot run it.
    """

    def __init__(self, data: bytes, *, for_one_run: bool = False) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        if for_one_run:
            levels = onnxruntime.GraphOptimizationLevel
            options.graph_optimization_level = levels.ORT_DISABLE_ALL
        options.log_severity_level = 4
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        try:
            self._session = onnxruntime.InferenceSession(
                data,
                options,
                providers=["CPUExecutionProvider"],
                disabled_optimizers=_WRONG_STEPS,
                enable_fallback=0,
            )
        except onnxruntime_errors() as error:
            raise cannot_be_run(error) from error

    def run(self, outputs: Sequence[str], name: str, images: NDArray[np.generic]) -> Arrays:
        """Return the named outputs for images given to the input `name`.

        Raises:
            ClassifierError: if it fails on them.
        """
        try:
            found: Arrays = self._session.run(list(outputs), {name: images})
        except onnxruntime_errors() as error:
            raise cannot_be_run(error) from error
        return found

    def run_own(self, images: NDArray[np.float32], *, layout: str, batch: int = 0) -> NDArray[Any]:
        """Return what the network itself gives for images, in its own layout and type.

        Args:
            images: float32 `[n, channels, height, width]`, in the values that it expects.
            layout: "nchw" or "nhwc", of its one image input.
            batch: how many it takes at once; 0 for any number.

        Returns:
            Its first output.
        """
        source = self._session.get_inputs()[0]
        kind = _NUMPY_KINDS.get(source.type) or np.dtype(np.float32)
        turned = images.transpose(0, 2, 3, 1) if layout == "nhwc" else images
        if kind == np.uint8:
            turned = np.floor(turned + np.float32(0.5)).clip(0, 255)
        taken = np.ascontiguousarray(turned).astype(kind)
        wanted = [self._session.get_outputs()[0].name]
        found = []
        for start in range(0, len(taken), batch or _OWN_BATCH):
            part = taken[start : start + (batch or _OWN_BATCH)]
            missing = batch - len(part) if batch else 0
            padded = np.concatenate([part, np.repeat(part[:1], missing, axis=0)])
            found.append(self.run(wanted, source.name, padded)[0][: len(part)])
        return np.concatenate(found)


def run_graph(graph: Graph, outputs: Sequence[str], *batches: NDArray[np.generic]) -> list[Arrays]:
    """Return values of a graph with one input, for one batch of images after the other.

    Args:
        graph: any of its values can be asked for.
        outputs: their names.
        batches: what its input takes.

    Raises:
        ClassifierError: if ONNX Runtime cannot run it.
    """
    asked = replace(graph, outputs=tuple(_kept_or_any(graph, name) for name in outputs))
    data = model_bytes(asked, nodes=asked.between([graph.inputs[0].name], outputs))
    session = Session(data, for_one_run=True)
    return [session.run(outputs, graph.inputs[0].name, images) for images in batches]


def traced_shapes(graph: Graph, images: NDArray[np.generic]) -> dict[str, tuple[int, ...]]:
    """Return the shape of every value that a graph makes of some images.

    Args:
        graph: with one input.
        images: what it takes.

    Raises:
        ClassifierError: if ONNX Runtime cannot run it.
    """
    source = graph.inputs[0].name
    shapes: dict[str, tuple[int, ...]] = {source: images.shape}
    names = [name for node in graph.nodes for name in node.output if name]
    for start in range(0, len(names), _AT_ONCE):
        part = names[start : start + _AT_ONCE]
        for name, value in zip(part, run_graph(graph, part, images)[0], strict=True):
            shapes[name] = np.shape(value)
    return shapes


def require_fitting_sizes(graph: Graph) -> None:
    """Refuse a network that asks for more memory than any film needs, before it is run.

    Args:
        graph: with all sizes of its input known.

    Raises:
        ClassifierError: naming the value; also if the sizes contradict each other.
    """
    import onnx

    try:
        model = onnx.shape_inference.infer_shapes(
            onnx.load_model_from_string(model_bytes(graph)), data_prop=True
        )
    except onnx.shape_inference.InferenceError as error:
        raise ClassifierError(f"the network's sizes contradict each other: {error}") from error
    for value in model.graph.value_info:
        sizes = [size.dim_value for size in value.type.tensor_type.shape.dim if size.dim_value > 0]
        n_values = int(np.prod([1, *sizes], dtype=np.float64))
        if n_values > MOST_VALUES:
            raise ClassifierError(
                f"the network makes {n_values:.1e} values of one film ('{value.name}'), and "
                f"{MOST_VALUES:.1e} are the most that is computed"
            )


def smooth_images(
    n: int, *, channels: int, height: int, width: int, seed: int = 0
) -> NDArray[np.float32]:
    """Return images to try a network on, float32 `[n, channels, height, width]` in `[0, 1]`.

    Coarse noise made smooth, as films are; the channels are equal.
    """
    rng = np.random.default_rng(seed)
    coarse = rng.random((n, 1, 8, 8), dtype=np.float32)
    rows = np.linspace(0, 7, height, dtype=np.float32)
    columns = np.linspace(0, 7, width, dtype=np.float32)
    down = _between(coarse, rows, axis=2)
    smooth = _between(down, columns, axis=3)
    return np.ascontiguousarray(np.repeat(smooth, channels, axis=1))


def _between(
    values: NDArray[np.float32], places: NDArray[np.float32], *, axis: int
) -> NDArray[np.float32]:
    """Return values at places between the given ones, by straight lines."""
    low = np.minimum(places.astype(np.intp), values.shape[axis] - 2)
    shape = [1] * values.ndim
    shape[axis] = -1
    share = (places - low).reshape(shape).astype(np.float32)
    mixed: NDArray[np.float32] = values.take(low, axis) * (1 - share)
    mixed += values.take(low + 1, axis) * share
    return mixed


def _kept_or_any(graph: Graph, name: str) -> Port:
    return next((port for port in graph.outputs if port.name == name), Port(name, 0, None))
