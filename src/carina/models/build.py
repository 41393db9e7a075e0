"""A recipe's network section -> a network with its start weights."""

from typing import get_type_hints

import torch

from carina.domain.input_spec import InputSpec
from carina.domain.recipe import NetworkSection
from carina.errors import RecipeError
from carina.models.architectures import ARCHITECTURES
from carina.models.backbone import BackboneNetwork
from carina.models.network import Network


def build_network(
    section: NetworkSection, *, spec: InputSpec, n_classes: int, seed: int
) -> Network:
    """Return the network that a recipe asks for, with start weights.

    The same arguments give the same weights, bit for bit, and torch's own generator is
    left as it was. What `section.trained` leaves out is held fixed; the weights that
    belong there are the work of `models.pretrained.load_pretrained`.

    Args:
        section: the architecture and its options.
        spec: the images that it will take.
        n_classes: number of classes; at least 2.
        seed: decides the start weights.

    Raises:
        UnknownNameError: if no such architecture is registered.
        RecipeError: on unknown or impossible options, or if layers are to be held fixed
            that the network does not have or that nothing will fill.
    """
    build = ARCHITECTURES.get(section.architecture)
    # Layers draw weights of torch's own while they are made; those are drawn anew below.
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        network = build(spec, n_classes, section.options)
    network.start(torch.Generator().manual_seed(seed))
    if section.trained != "all":
        _hold_fixed(network, section)
    return network


def _hold_fixed(network: Network, section: NetworkSection) -> None:
    asked = f"network.trained={section.trained}"
    if not isinstance(network, BackboneNetwork):
        raise RecipeError(
            f"{asked} holds a backbone fixed, and {section.architecture} has none; set "
            f"network.trained=all, or take one that has ({', '.join(_with_backbone())})"
        )
    if section.weights == "none" and not section.init:
        raise RecipeError(
            f"{asked} would hold random weights fixed, from which nothing is learned; name "
            "weights with network.weights=imagenet or network.weights=FILE, start from an "
            "earlier run with network.init=RUN, or set network.trained=all"
        )
    network.freeze(section.trained)


def _with_backbone() -> list[str]:
    """Return the architectures that say that they return a network with a backbone."""
    returned = {name: get_type_hints(ARCHITECTURES.get(name)) for name in ARCHITECTURES.names()}
    return [name for name, hints in returned.items() if hints.get("return") is BackboneNetwork]
