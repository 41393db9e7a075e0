"""conv-stack: convolutions, each with ReLU and max-pooling, then dense layers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field
from torch import Tensor, nn
from torch.nn.functional import relu

from carina.domain.document import Plain
from carina.domain.input_spec import InputSpec
from carina.errors import RecipeError
from carina.models.architectures import ARCHITECTURES
from carina.models.dropout import QuickDropout
from carina.models.network import Network, logits_of_sigmoid
from carina.models.options import read_options

Width = Annotated[int, Field(ge=1, le=4096)]
Rate = Annotated[float, Field(ge=0, lt=1)]


class ConvStackOptions(Plain):
    """What may be set of conv-stack.

    Attributes:
        filters: filters of each convolution, first to last.
        kernel: side of the kernels, in pixels.
        padding: "valid": a convolution makes the maps smaller by `kernel - 1`; "same":
            it keeps their size, with zeros around them.
        batch_norm: whether a batch normalisation follows each convolution, before its ReLU.
        dropout_maps: dropout rate before the first dense layer.
        dense: width of each dense layer; none of them is possible.
        dropout_dense: dropout rate after every dense layer.
        output: "softmax": one output for each class; "sigmoid": one output, two classes.
    """

    filters: Annotated[tuple[Width, ...], Field(min_length=1, max_length=12)] = (32, 64, 128)
    kernel: Annotated[int, Field(ge=1, le=15)] = 3
    padding: Literal["valid", "same"] = "valid"
    batch_norm: bool = False
    dropout_maps: Rate = 0.0
    dense: Annotated[tuple[Width, ...], Field(max_length=12)] = (128,)
    dropout_dense: Rate = 0.5
    output: Literal["softmax", "sigmoid"] = "softmax"


class ConvStack(Network):
    """Convolutions with ReLU and 2x2 max-pooling, then dense layers with ReLU, then the output.

    The layers are called `conv_1`, `norm_1`, `pool_1`, ..., `dropout_maps`, `flatten`,
    `dense_1`, `dropout_1`, ..., `output`.
    """

    def __init__(self, spec: InputSpec, n_classes: int, options: ConvStackOptions) -> None:
        super().__init__(
            channels=spec.channels, height=spec.height, width=spec.width, n_classes=n_classes
        )
        self.options = options
        depth: int = spec.channels
        for index, filters in enumerate(options.filters, start=1):
            convolution = nn.Conv2d(depth, filters, options.kernel, padding=options.padding)
            self.add_module(f"conv_{index}", convolution)
            if options.batch_norm:
                # Keras's defaults: momentum 0.99, which torch counts from the other end.
                self.add_module(f"norm_{index}", nn.BatchNorm2d(filters, eps=1e-3, momentum=0.01))
            self.add_module(f"pool_{index}", nn.MaxPool2d(2))
            depth = filters
        self.dropout_maps = QuickDropout(options.dropout_maps)
        self.flatten = nn.Flatten()
        n_values = depth * _pooled_side(spec.height, options) * _pooled_side(spec.width, options)
        for index, width in enumerate(options.dense, start=1):
            self.add_module(f"dense_{index}", nn.Linear(n_values, width))
            self.add_module(f"dropout_{index}", nn.Dropout(options.dropout_dense))
            n_values = width
        self.output = nn.Linear(n_values, 1 if options.output == "sigmoid" else n_classes)

    def maps(self, images: Tensor) -> Tensor:
        """Return the last convolution's maps, after its ReLU and before its pooling."""
        return relu(self._last_convolution(images))

    def embed(self, maps: Tensor) -> Tensor:
        """Return the values of the last dense layer, after its ReLU."""
        return self._dense_of(self._layer("pool", len(self.options.filters), maps))

    def classify(self, features: Tensor) -> Tensor:
        """Return the logits, from the features and the last dropout."""
        n_dense = len(self.options.dense)
        z: Tensor = self.output(self._layer("dropout", n_dense, features) if n_dense else features)
        return logits_of_sigmoid(z) if self.options.output == "sigmoid" else z

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits, with every ReLU taken after the pooling.

        The largest of four ReLUs is the ReLU of the largest, gradients included; after
        the pooling it costs a quarter.
        """
        last = len(self.options.filters)
        return self.classify(
            self._dense_of(relu(self._layer("pool", last, self._last_convolution(images))))
        )

    def _last_convolution(self, images: Tensor) -> Tensor:
        """Return the last convolution's maps, normalised and before their ReLU."""
        values = images
        for index in range(1, len(self.options.filters) + 1):
            if index > 1:
                values = relu(self._layer("pool", index - 1, values))
            values = self._layer("conv", index, values)
            if self.options.batch_norm:
                values = self._layer("norm", index, values)
        return values

    def _dense_of(self, pooled: Tensor) -> Tensor:
        # Flattened row by row with the channels last, as Keras does it: free in the
        # channels_last layout, and Keras's dense weights fit as they are.
        values: Tensor = self.flatten(self.dropout_maps(pooled).permute(0, 2, 3, 1))
        for index in range(1, len(self.options.dense) + 1):
            if index > 1:
                values = self._layer("dropout", index - 1, values)
            values = relu(self._layer("dense", index, values))
        return values

    def _layer(self, kind: str, index: int, values: Tensor) -> Tensor:
        passed: Tensor = self.get_submodule(f"{kind}_{index}")(values)
        return passed


@ARCHITECTURES.register("conv-stack")
def conv_stack(spec: InputSpec, n_classes: int, options: Mapping[str, object]) -> Network:
    """Return a stack of convolutions, as the described systems have them.

    Args:
        spec: the input; large enough that every convolution and pooling has something left.
        n_classes: number of classes.
        options: see `ConvStackOptions`.

    Raises:
        RecipeError: on unknown or impossible options, or an input that is too small.
    """
    chosen = read_options(options, ConvStackOptions, architecture="conv-stack")
    _require_possible(spec, n_classes, chosen)
    return ConvStack(spec, n_classes, chosen)


def _require_possible(spec: InputSpec, n_classes: int, options: ConvStackOptions) -> None:
    """Refuse options that fit neither each other nor the input."""
    if options.padding == "same" and options.kernel % 2 == 0:
        raise RecipeError(
            f"network.options.kernel = {options.kernel}: padding 'same' needs an odd kernel, since "
            "an even one cannot have as many zeros on either side; take another, or "
            "network.options.padding=valid"
        )
    if options.output == "sigmoid" and n_classes != 2:
        raise RecipeError(
            f"one sigmoid output tells 2 classes apart, and there are {n_classes}; "
            "set network.options.output=softmax"
        )
    smallest = _smallest_side(options)
    if min(spec.height, spec.width) < smallest:
        raise RecipeError(
            f"conv-stack with {len(options.filters)} convolutions of {options.kernel}x"
            f"{options.kernel} pixels ({options.padding} padding) needs at least {smallest} pixels "
            f"a side, and the input has {spec.height}x{spec.width}; enlarge input.height and "
            "input.width, or take fewer filters or network.options.padding=same"
        )


def _pooled_side(side: int, options: ConvStackOptions) -> int:
    """Return what the convolutions and poolings leave of a side, in pixels."""
    lost = options.kernel - 1 if options.padding == "valid" else 0
    for _ in options.filters:
        side = (side - lost) // 2
    return side


def _smallest_side(options: ConvStackOptions) -> int:
    """Return the side of which the last pooling leaves one pixel."""
    lost = options.kernel - 1 if options.padding == "valid" else 0
    side = 1
    for _ in options.filters:
        side = 2 * side + lost
    return side
