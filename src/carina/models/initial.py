"""The weights of an earlier training as the start of a new one."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from carina.errors import RecipeError
from carina.models.network import Network

_OUTPUT = "output"


def take_weights(network: Network, state: Mapping[str, Tensor], *, same_classes: bool) -> bool:
    """Give a network the weights of an earlier one of the same architecture.

    Args:
        network: changed in place.
        state: the earlier weights by name.
        same_classes: whether both tell the same classes apart, in the same order. If not,
            the output layer keeps its start weights.

    Returns:
        Whether the output layer was taken too.

    Raises:
        RecipeError: if the layers differ in name or size; nothing was changed then.
    """
    own = network.state_dict()
    kept = set() if same_classes else {name for name in own if _OUTPUT in name.split(".")}
    wanted = {name: tensor for name, tensor in own.items() if name not in kept}
    missing = sorted(set(wanted) - set(state))
    other = [
        f"{name} is {list(state[name].shape)} there and {list(tensor.shape)} here"
        for name, tensor in wanted.items()
        if name in state and state[name].shape != tensor.shape
    ]
    if missing or other:
        first = other[0] if other else f"{missing[0]} is not among its weights"
        raise RecipeError(
            f"the earlier run's network is another one: {first} ({len(missing) + len(other)} of "
            f"{len(wanted)} values differ so); keep its network and input sections, by "
            "--recipe RUN/recipe.toml"
        )
    network.load_state_dict({**own, **{name: state[name] for name in wanted}})
    return not kept
