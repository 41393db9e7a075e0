"""What a network takes: which input, in which order of axes, of which size and values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from carina.domain.sentences import listed
from carina.errors import ClassifierError, UsageError
from carina.inference.foreign.graph import Graph, Port, Size, attribute

if TYPE_CHECKING:
    import onnx

Layout = Literal["nchw", "nhwc"]
ASSUMED_SIDE_PX = 224
"""What is taken where neither the network nor the user says a size: most networks' own."""

_LAYOUTS: tuple[Layout, ...] = ("nchw", "nhwc")
_IN_WORDS = {
    "nchw": "[n, channels, height, width]",
    "nhwc": "[n, height, width, channels]",
}
_SIDES = range(16, 4097)
_PASSING = frozenset({"Identity", "Cast", "Transpose", "Dropout"})


@dataclass(frozen=True, slots=True)
class Declared:
    """What the user says of a network's input; "" and 0 where nothing is said.

    Attributes:
        layout: the order of its axes.
        channels: 1 or 3.
        height, width: in pixels.
    """

    layout: Layout | Literal[""] = ""
    channels: int = 0
    height: int = 0
    width: int = 0


@dataclass(frozen=True, slots=True)
class ImageInput:
    """What a network takes.

    Attributes:
        name: its input.
        kind: ONNX's data type of it: float or uint8.
        layout: the order of its axes.
        channels: 1 or 3.
        height, width: in pixels.
        batch: how many images it takes at once; 0 for any number.
        guesses: sentences on what was taken to be so.
    """

    name: str
    kind: int
    layout: Layout
    channels: int
    height: int
    width: int
    batch: int
    guesses: tuple[str, ...] = ()

    @property
    def is_bytes(self) -> bool:
        """Whether it takes whole numbers from 0 to 255."""
        import onnx

        return self.kind == int(onnx.TensorProto.UINT8)


def find_image_input(graph: Graph, declared: Declared) -> ImageInput:
    """Return what a network takes, where the file, its first layers and the user agree.

    Args:
        graph: with the inputs that its output needs, and no others.
        declared: by the user.

    Raises:
        ClassifierError: if it takes no images, or several inputs.
        UsageError: if the file does not say something and the user does not either, or says
            something else.
    """
    port = _only_input(graph)
    sizes = _four_sizes(port)
    layout = _layout(graph, port, sizes, declared)
    axes = (1, 2, 3) if layout == "nchw" else (3, 1, 2)
    channels, height, width = (sizes[axis] for axis in axes)
    guesses: list[str] = []
    if declared.height == 0 and not (isinstance(height, int) and isinstance(width, int)):
        guesses.append(
            f"the network takes images of any size; {ASSUMED_SIDE_PX} x {ASSUMED_SIDE_PX} pixels "
            "were assumed: say --input-size if it was trained on another"
        )
    batch = sizes[0]
    return ImageInput(
        name=port.name,
        kind=port.kind,
        layout=layout,
        channels=_channels(graph, port, channels, declared),
        height=_side("height", height, declared.height),
        width=_side("width", width, declared.width),
        batch=batch if isinstance(batch, int) else 0,
        guesses=tuple(guesses),
    )


def own_scaling(graph: Graph, name: str) -> tuple[float, float] | None:
    """Return what a network does to its pixels before its first layer, as scale and offset.

    Only what a chain of sums, products and one normalisation does, as the mean over the
    channels: a layer `Rescaling` or `Normalization` of Keras, say.

    Args:
        graph: the network.
        name: its input.

    Returns:
        `(scale, offset)` of `pixel * scale + offset`, or None if it does nothing such.
    """
    scale, offset, found = 1.0, 0.0, False
    while True:
        readers = graph.readers.get(name, ())
        if len(readers) != 1:
            break
        node = readers[0]
        if node.op_type not in _PASSING:
            step = _affine(graph, node, name)
            if step is None:
                break
            scale, offset, found = scale * step[0], offset * step[0] + step[1], True
            if node.op_type == "BatchNormalization":
                break
        name = node.output[0]
    return (scale, offset) if found else None


def scaling_for(own: tuple[float, float]) -> str:
    """Return the name of the pixel values that a network with such a first step expects.

    The step takes off a mean and divides by a deviation. Films have a mean of about 0.5 and a
    deviation of about 0.25 in 0 to 1, so both tell which values the network was made for.

    >>> scaling_for((1 / 127.5, -1.0)), scaling_for((2.0, -1.0)), scaling_for((1 / 255, 0.0))
    ('0..255', '0..1', '0..255')
    """
    scale, offset = own
    if scale == 0:
        return "0..1"
    mean, deviation = -offset / scale, abs(1 / scale)
    if deviation > 300 and abs(mean) < 300:
        return "xrv"
    if deviation > 10 or mean > 10:
        return "0..255"
    if abs(mean) < 0.15 and 0.3 < deviation < 0.9:
        return "-1..1"
    return "0..1"


def _only_input(graph: Graph) -> Port:
    if len(graph.inputs) == 1:
        return graph.inputs[0]
    if not graph.inputs:
        raise ClassifierError("the network takes no input, so that it cannot look at a film")
    told = listed([f"'{port.name}' {_written(port.shape)}" for port in graph.inputs])
    raise ClassifierError(
        f"the network takes {len(graph.inputs)} inputs ({told}), and a film is one; export the "
        "part that takes the image alone, or give the others a constant"
    )


def _four_sizes(port: Port) -> tuple[Size, ...]:
    import onnx

    kinds = onnx.TensorProto
    if port.kind not in (kinds.FLOAT, kinds.UINT8):
        raise ClassifierError(
            f"the network's input '{port.name}' takes {_kind_name(port.kind)}; float or uint8 "
            "is expected of an image"
        )
    sizes = port.shape if port.shape is not None else ("",) * 4
    if len(sizes) != 4:
        raise ClassifierError(
            f"the network's input '{port.name}' is {_written(sizes)}; an image is "
            f"{_IN_WORDS['nchw']} or {_IN_WORDS['nhwc']}"
        )
    return sizes


def _layout(graph: Graph, port: Port, sizes: Sequence[Size], declared: Declared) -> Layout:
    if declared.layout:
        return declared.layout
    first, last = sizes[1] in (1, 3), sizes[3] in (1, 3)
    if first != last:
        return "nchw" if first else "nhwc"
    reader = _first_reader(graph, port.name)
    if reader == "Conv":
        return "nchw"
    if reader == "Transpose":
        return "nhwc"
    raise UsageError(
        f"the network's input '{port.name}' is {_written(sizes)}, which does not tell where its "
        f"channels stand; say --layout nchw for {_IN_WORDS['nchw']} (PyTorch) or --layout nhwc "
        f"for {_IN_WORDS['nhwc']} (Keras)"
    )


def _first_reader(graph: Graph, name: str) -> str:
    """Return the operator that first looks at the pixels: past sums and products."""
    while True:
        readers = graph.readers.get(name, ())
        if len(readers) != 1:
            return ""
        node = readers[0]
        if node.op_type == "Transpose":
            return node.op_type if attribute(node, "perm") == [0, 3, 1, 2] else ""
        if node.op_type not in ("Identity", "Cast") and _affine(graph, node, name) is None:
            return str(node.op_type)
        name = node.output[0]


def _channels(graph: Graph, port: Port, found: Size, declared: Declared) -> int:
    of_layer = _channels_of_first_layer(graph, port.name)
    said = found if isinstance(found, int) else of_layer
    if said and declared.channels and said != declared.channels:
        raise UsageError(
            f"--channels {declared.channels} was said, and the network takes {said} channels"
        )
    channels = said or declared.channels
    if not channels:
        raise UsageError(
            "neither the network's input nor its first layer tells how many channels it takes; "
            "say --channels 1 or --channels 3"
        )
    if channels not in (1, 3):
        raise ClassifierError(
            f"the network takes {channels} channels (layout {_IN_WORDS['nchw']} or the one that "
            "--layout said); 1 (grey) or 3 are expected"
        )
    return channels


def _channels_of_first_layer(graph: Graph, name: str) -> int:
    """Return how many channels the first convolution after the input takes, or 0."""
    made_of_it = graph.depending_on(name)
    for node in graph.nodes:
        if node.op_type == "Conv" and node.input[0] in made_of_it:
            kernel = graph.constant(node.input[1])
            return 0 if kernel is None else int(kernel.shape[1]) * attribute(node, "group", 1)
    return 0


def _side(what: str, found: Size, declared: int) -> int:
    if isinstance(found, int) and declared and found != declared:
        raise UsageError(
            f"--input-size says a {what} of {declared} pixels, and the network takes {found} only"
        )
    side = found if isinstance(found, int) else declared or ASSUMED_SIDE_PX
    if side not in _SIDES:
        raise ClassifierError(
            f"the network takes images with a {what} of {side} pixels; {_SIDES.start} to "
            f"{_SIDES.stop - 1} are possible (or say where the channels stand with --layout)"
        )
    return side


def _affine(graph: Graph, node: onnx.NodeProto, name: str) -> tuple[float, float] | None:
    """Return scale and offset, as means over channels, of a node that does no more to `name`."""
    if node.op_type == "BatchNormalization":
        return _normalisation(graph, node)
    if node.op_type not in ("Mul", "Add", "Sub", "Div") or len(node.input) != 2:
        return None
    is_first = node.input[0] == name
    array = graph.constant(node.input[1 if is_first else 0])
    if array is None or not array.size:
        return None
    constant = float(np.mean(array))
    if node.op_type == "Sub" and not is_first:
        return -1.0, constant
    if node.op_type == "Div":
        return (1 / constant, 0.0) if is_first and constant else None
    return {"Mul": (constant, 0.0), "Add": (1.0, constant), "Sub": (1.0, -constant)}[node.op_type]


def _normalisation(graph: Graph, node: onnx.NodeProto) -> tuple[float, float] | None:
    """Return how a batch normalisation standardises, without what it learned beside that."""
    mean, variance = graph.constant(node.input[3]), graph.constant(node.input[4])
    if mean is None or variance is None:
        return None
    deviation = float(np.sqrt(np.mean(variance) + attribute(node, "epsilon", 1e-5)))
    return (1 / deviation, -float(np.mean(mean)) / deviation) if deviation else None


def _written(sizes: Sequence[Size] | None) -> str:
    """Return a shape in words.

    >>> _written(("", 3, "h", 224))
    '[n, 3, h, 224]'
    """
    if sizes is None:
        return "of any shape"
    words = [str(size) if size else "?" for size in sizes]
    if sizes and not sizes[0]:
        words[0] = "n"
    return f"[{', '.join(words)}]"


def _kind_name(kind: int) -> str:
    import onnx

    names = {number: name for name, number in onnx.TensorProto.DataType.items()}
    return str(names.get(kind, "no tensor")).lower()
