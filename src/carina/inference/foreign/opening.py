"""The bytes of another tool's ONNX file -> a network that takes pixels and gives logits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from carina.domain.pixel_scaling import PixelRule
from carina.errors import ClassifierError
from carina.inference.foreign.answers import (
    LOGITS,
    Answers,
    find_answers,
    one_output,
    require_labels,
    with_logits,
)
from carina.inference.foreign.batch import FREE, for_any_batch, with_constant_shapes
from carina.inference.foreign.graph import Graph, Port, model_bytes, renamed
from carina.inference.foreign.image_input import (
    Declared,
    ImageInput,
    find_image_input,
    own_scaling,
    scaling_for,
)
from carina.inference.foreign.maps import SpatialMaps, find_features, find_maps
from carina.inference.foreign.padding import with_kept_zeros
from carina.inference.foreign.reading import read_foreign
from carina.inference.foreign.running import (
    Session,
    require_fitting_sizes,
    run_graph,
    smooth_images,
    traced_shapes,
)
from carina.inference.onnx_safety import require_harmless

PIXELS = "pixels"
_TRIED = 3
_RANGES = ((1.0, 0.0), (2.0, -1.0), (255.0, 0.0))


@dataclass(frozen=True, slots=True, eq=False)
class ForeignNetwork:
    """Another tool's network, understood.

    Attributes:
        own_file: an ONNX file with the network as it was written, to compare with (in float32,
            if ONNX Runtime cannot run it otherwise).
        image: what it takes.
        answers: how it answers.
        graph: `pixels` float32 `[n, channels, height, width]`, in the values that it expects,
            -> `logits` float32 `[n, classes]`; for one film where `is_one_by_one`.
        is_one_by_one: whether it can look at one film at a time only.
        shapes: of every value of `graph` for one film.
        maps: its last spatial maps, or None if it has none that tell where it looked.
        features: the value that its last layer weighs, or "".
        scaling: the name of the pixel values that its own first step was made for; "" if it
            has no such step.
        n_parameters: how many values it learned, statistics among them.
        n_convolutions: how many convolutions it has.
        has_half_floats: whether some of its numbers had 16 bits in the file.
    """

    own_file: bytes
    image: ImageInput
    answers: Answers
    graph: Graph
    is_one_by_one: bool
    shapes: dict[str, tuple[int, ...]]
    maps: SpatialMaps | None
    features: str
    scaling: str
    n_parameters: int
    n_convolutions: int
    has_half_floats: bool

    def own_probabilities(
        self, films: NDArray[np.float32], rule: PixelRule, *, is_optimised: bool = True
    ) -> NDArray[np.float64]:
        """Return what the network as it was written answers, float64 `[n, classes]`.

        Args:
            films: float32 `[n, channels, height, width]` in `[0, 1]`.
            rule: makes of them, with numpy, the values that it expects.
            is_optimised: whether steps are joined first, which adds in another order.
        """
        session = Session(self.own_file, for_one_run=not is_optimised)
        given = session.run_own(
            scaled(films, rule), layout=self.image.layout, batch=self.image.batch
        )
        return self.answers.probabilities(given)

    def float32_rounding(self, films: NDArray[np.float32], rule: PixelRule) -> float:
        """Return how far another order of the same sums moves the probabilities.

        Args:
            films, rule: as `own_probabilities` takes them.
        """
        plain = self.own_probabilities(films, rule, is_optimised=False)
        return float(np.abs(self.own_probabilities(films, rule) - plain).max())


def open_foreign(
    data: bytes,
    *,
    declared: Declared,
    labels: Sequence[str] | None = None,
    output_name: str = "",
) -> ForeignNetwork:
    """Return the network in the bytes of an ONNX file that another tool wrote.

    Args:
        data: the whole file.
        declared: what the user says of its input.
        labels: the classes, one for each output; their number is not looked at if None.
        output_name: which of its outputs holds the classes; "" where it has one.

    Raises:
        ClassifierError: if it cannot become a classifier; the sentence says why.
        UsageError: if something has to be said that was not, or was said wrongly.
    """
    whole = read_foreign(data)
    own = one_output(whole, output_name)
    image = find_image_input(own, declared)
    graph = with_kept_zeros(_taking_pixels(renamed(own, {image.name: "taken"}), image))
    require_fitting_sizes(graph)
    require_harmless(model_bytes(graph))
    own_file = data if _runs_alone(whole, data) else model_bytes(own)
    tried = _images_to_try(image)
    graph, is_one_by_one = for_any_batch(graph, tried, batch=image.batch)
    if not is_one_by_one:
        graph = with_constant_shapes(graph, tried)
    shapes = traced_shapes(graph, tried[:1])
    output = graph.outputs[0].name
    alone = run_graph(graph, [output], *(film[None] for film in tried))
    given = np.concatenate([values[0] for values in alone])
    answers = find_answers(graph, shapes=shapes, given=given)
    if labels is not None:
        require_labels(answers, labels)
    graph = with_logits(graph, answers)
    shapes[LOGITS] = (1, answers.n_classes)
    return ForeignNetwork(
        own_file=own_file,
        image=image,
        answers=answers,
        graph=graph,
        is_one_by_one=is_one_by_one,
        shapes=shapes,
        maps=find_maps(graph, shapes, logits=LOGITS),
        features=find_features(graph, shapes, answer=answers.before),
        scaling=_scaling(own, image),
        n_parameters=_n_parameters(graph),
        n_convolutions=sum(node.op_type == "Conv" for node in graph.nodes),
        has_half_floats=whole.was_half,
    )


def scaled(films: NDArray[np.float32], rule: PixelRule) -> NDArray[np.float32]:
    """Return films in the values that a network expects.

    Args:
        films: float32 `[n, channels, height, width]` in `[0, 1]`.
        rule: what makes them.
    """
    scale, offset = (
        np.array(values, dtype=np.float32)[None, :, None, None]
        for values in rule.of_channels(films.shape[1])
    )
    values: NDArray[np.float32] = films * scale + offset
    return values


def _runs_alone(graph: Graph, data: bytes) -> bool:
    """Return whether ONNX Runtime runs the file as it was written, with one input and output."""
    if not len(graph.inputs) == len(graph.outputs) == 1:
        return False
    try:
        Session(data)
    except ClassifierError:  # it has few operators for float64
        return False
    return True


def _scaling(graph: Graph, image: ImageInput) -> str:
    """Return the name of the pixel values that a network says it expects, or ""."""
    if image.is_bytes:
        return "0..255"
    own = own_scaling(graph, image.name)
    return scaling_for(own) if own is not None else ""


def _taking_pixels(graph: Graph, image: ImageInput) -> Graph:
    """Return the graph with an input `pixels`, float32 and channels first, that it makes its
    own input (`taken`) of."""
    import onnx

    make = onnx.helper.make_node
    weights = dict(graph.weights)
    nodes = []
    value = PIXELS
    if image.is_bytes:
        for name, number in (("half", 0.5), ("lowest", 0.0), ("highest", 255.0)):
            weights[name] = onnx.numpy_helper.from_array(np.array(number, np.float32), name)
        nodes = [
            make("Add", [value, "half"], ["pixels_up"]),
            make("Floor", ["pixels_up"], ["pixels_whole"]),
            make("Max", ["pixels_whole", "lowest"], ["pixels_from_0"]),
            make("Min", ["pixels_from_0", "highest"], ["pixels_to_255"]),
        ]
        value = "pixels_to_255"
    nodes.append(make("Cast", [value], ["pixels_cast"], to=image.kind))
    if image.layout == "nhwc":
        nodes.append(make("Transpose", ["pixels_cast"], ["taken"], perm=[0, 2, 3, 1]))
    else:
        nodes.append(make("Identity", ["pixels_cast"], ["taken"]))
    sizes = (image.batch or FREE, image.channels, image.height, image.width)
    port = Port(PIXELS, int(onnx.TensorProto.FLOAT), sizes)
    return replace(graph, nodes=(*nodes, *graph.nodes), weights=weights, inputs=(port,))


def _images_to_try(image: ImageInput) -> NDArray[np.float32]:
    """Return images in the ranges that networks expect, float32 `[n, channels, h, w]`."""
    smooth = smooth_images(
        _TRIED * len(_RANGES), channels=image.channels, height=image.height, width=image.width
    )
    scale, offset = (np.array(column, dtype=np.float32) for column in zip(*_RANGES, strict=True))
    rows = np.arange(len(smooth)) % len(_RANGES)
    values: NDArray[np.float32] = smooth * scale[rows, None, None, None]
    return values + offset[rows, None, None, None]


def _n_parameters(graph: Graph) -> int:
    import onnx

    read = {name for node in graph.nodes for name in node.input}
    return sum(
        int(np.prod(tensor.dims, dtype=np.int64))
        for name, tensor in graph.weights.items()
        if name in read and tensor.data_type == onnx.TensorProto.FLOAT
    )
