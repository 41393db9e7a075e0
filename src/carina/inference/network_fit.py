"""Whether a network takes and gives what its card and its gate say."""

from __future__ import annotations

from collections.abc import Mapping

from carina.domain.card import Card
from carina.errors import ClassifierError
from carina.inference.gate.reference import GateReference
from carina.inference.runtimes import LoadedNetwork, Shape


def fitting_gate(
    card: Card, files: Mapping[str, bytes], network: LoadedNetwork
) -> GateReference | None:
    """Return what the fitted gate measures with, or None for a classifier without one.

    Raises:
        ClassifierError: if it does not fit the card or the network.
    """
    if not card.gate.file:
        return None
    reference = GateReference.from_bytes(files[card.gate.file])
    of_network = reference.network
    measures = {check.measure for check in card.gate.checks}
    if of_network is None and "features" in measures:
        raise ClassifierError(
            f"{card.gate.file} has no features of the network, and the card of '{card.name}' has a "
            "limit of them; train the classifier again"
        )
    wanted = (None, of_network.means.shape[1] if of_network else None)
    if of_network and not _agrees(network.outputs.get("features", ()), wanted):
        raise ClassifierError(
            f"{card.gate.file} does not fit the network of '{card.name}': it holds features "
            f"{_written(wanted)}, and the network does not give these; train the classifier again"
        )
    return reference


def require_fit(card: Card, network: LoadedNetwork) -> None:
    """Refuse a network that does not take or give what its card says.

    Raises:
        ClassifierError: if it does not.
    """
    spec = card.input
    takes: dict[str, Shape] = {"image": (None, spec.channels, spec.height, spec.width)}
    gives: dict[str, Shape] = {"logits": (None, len(card.labels))}
    for source in card.explanations.values():
        gives[source.maps] = (None, None, None, None)
    require_shapes(f"the network of '{card.name}'", network.inputs, takes)
    require_shapes(f"the network of '{card.name}'", network.outputs, gives)
    others = [name for name in network.inputs if name not in takes]
    if others:
        raise ClassifierError(
            f"the network of '{card.name}' does not fit its card: it takes '{others[0][:60]}' "
            "beside 'image'"
        )


def require_shapes(what: str, found: Mapping[str, Shape], expected: Mapping[str, Shape]) -> None:
    """Refuse inputs or outputs that are not there, or of another shape than expected.

    Args:
        what: whose they are, for messages.
        found: what is there.
        expected: what must be among it; None stands for any size.

    Raises:
        ClassifierError: naming the first.
    """
    for name, shape in expected.items():
        if not _agrees(found.get(name, ()), shape):
            listed = ", ".join(f"'{n[:60]}' {_written(s)}" for n, s in list(found.items())[:9])
            raise ClassifierError(
                f"{what} does not fit its card: '{name}' {_written(shape)} is expected, and it "
                f"has {listed}"
            )


def _agrees(found: Shape, expected: Shape) -> bool:
    return len(found) == len(expected) and all(
        None in pair or pair[0] == pair[1] for pair in zip(found, expected, strict=True)
    )


def _written(shape: Shape) -> str:
    return "[" + ", ".join("n" if size is None else str(size) for size in shape) + "]"
