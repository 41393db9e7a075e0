"""A recipe's network section -> a network with its start weights."""

import torch

from carina.domain.input_spec import InputSpec
from carina.domain.recipe import NetworkSection
from carina.models.architectures import ARCHITECTURES
from carina.models.network import Network


def build_network(
    section: NetworkSection, *, spec: InputSpec, n_classes: int, seed: int
) -> Network:
    """Return the network that a recipe asks for, with start weights.

    The same arguments give the same weights, bit for bit, and torch's own generator is
    left as it was.

    Args:
        section: the architecture and its options.
        spec: the images that it will take.
        n_classes: number of classes; at least 2.
        seed: decides the start weights.

    Raises:
        UnknownNameError: if no such architecture is registered.
        RecipeError: on unknown or impossible options.
    """
    build = ARCHITECTURES.get(section.architecture)
    # Layers draw weights of torch's own while they are made; those are drawn anew below.
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        network = build(spec, n_classes, section.options)
    network.start(torch.Generator().manual_seed(seed))
    return network
