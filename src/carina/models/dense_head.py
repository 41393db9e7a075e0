"""The new layers that follow a backbone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field
from torch import Tensor, nn
from torch.nn.functional import relu

from carina.domain.input_spec import InputSpec
from carina.errors import RecipeError

DenseWidths = Annotated[tuple[Annotated[int, Field(ge=1, le=8192)], ...], Field(max_length=12)]
DropoutRate = Annotated[float, Field(ge=0, lt=1)]


class DenseHead(nn.Module):
    """Dense layers with ReLU, a dropout, and the output layer.

    The layers are called `dense_1`, `dense_2`, ..., `dropout`, `output`.

    Args:
        n_values: how many values come in.
        dense: width of each dense layer; none of them is possible.
        dropout: dropout rate before the output layer.
        n_classes: number of outputs.
    """

    def __init__(
        self, n_values: int, dense: Sequence[int], *, dropout: float, n_classes: int
    ) -> None:
        super().__init__()
        self.n_dense = len(dense)
        for index, width in enumerate(dense, start=1):
            self.add_module(f"dense_{index}", nn.Linear(n_values, width))
            n_values = width
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(n_values, n_classes)

    def features(self, values: Tensor) -> Tensor:
        """Return the values of the last dense layer, after its ReLU; without one, as they came."""
        for index in range(1, self.n_dense + 1):
            values = relu(self.get_submodule(f"dense_{index}")(values))
        return values

    def forward(self, features: Tensor) -> Tensor:
        """Return the logits float `[n, classes]` of what `features` returned."""
        logits: Tensor = self.output(self.dropout(features))
        return logits


def require_side(spec: InputSpec, smallest: int, *, architecture: str) -> None:
    """Refuse an input that leaves a backbone nothing to see.

    Raises:
        RecipeError: if a side has fewer than `smallest` pixels.
    """
    if min(spec.height, spec.width) < smallest:
        raise RecipeError(
            f"{architecture} needs at least {smallest} pixels a side, and the input has "
            f"{spec.height}x{spec.width}; enlarge input.height and input.width (it was made "
            "for 224)"
        )
