"""The registered architectures; one file here adds one."""

from collections.abc import Mapping
from typing import Protocol

from carina.domain.input_spec import InputSpec
from carina.models.network import Network
from carina.registry import Registry


class Architecture(Protocol):
    """Builds a network for an input and a number of classes.

    The start weights do not matter: `build_network` draws them through `Network.start`.
    Unknown options are refused with the nearest known ones (`models.options`).
    """

    def __call__(self, spec: InputSpec, n_classes: int, options: Mapping[str, object]) -> Network:
        """Return the network."""
        ...


ARCHITECTURES: Registry[Architecture] = Registry(
    "architecture", package="carina.models.architectures"
)
