"""One training step: the same one for the loop and for the probe that times it."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from carina.domain.recipe import TrainSection
from carina.models.network import Network


def adam(network: Network, train: TrainSection) -> torch.optim.Optimizer:
    """Return fused Adam over the network's trained values, with epsilon as Keras takes it.

    References:
        Kingma & Ba, ICLR 2015; decay rates 0.9 and 0.999, as in Keras.
    """
    trained = [parameter for parameter in network.parameters() if parameter.requires_grad]
    optimizer = torch.optim.Adam(trained, lr=train.learning_rate, eps=train.epsilon, fused=True)
    optimizer.register_step_pre_hook(_take_epsilon_as_keras(train.epsilon))
    return optimizer


def _take_epsilon_as_keras(epsilon: float) -> Callable[..., None]:
    """Return a hook that gives each step the epsilon that makes torch's Adam Keras's.

    Keras adds epsilon to the root of the second moment before its bias is corrected
    ("epsilon hat" of the paper), torch after: with epsilon / sqrt(1 - beta2^t) both are the
    same. It counts in the first steps: 3.2e-6 instead of 1e-7 in the first one.
    """

    taken: int | None = None

    def set_epsilon(optimizer: torch.optim.Optimizer, *_: object) -> None:
        nonlocal taken
        if taken is None:  # once: reading it waits for a GPU
            taken = _steps_taken(optimizer)
        taken += 1
        for group in optimizer.param_groups:
            group["eps"] = epsilon / math.sqrt(1 - group["betas"][1] ** taken)

    return set_epsilon


def _steps_taken(optimizer: torch.optim.Optimizer) -> int:
    """Return how many steps an optimizer has taken, also where its state was restored."""
    states = list(optimizer.state.values())
    return int(states[0]["step"]) if states else 0


def training_step(  # noqa: PLR0913  a batch, and how it is computed
    network: Callable[[Tensor], Tensor],
    optimizer: torch.optim.Optimizer,
    *,
    images: Tensor,
    labels: Tensor,
    weights: Tensor | None,
    bf16: bool,
    films_at_once: int = 0,
) -> tuple[Tensor, Tensor]:
    """Take one step and return what it saw.

    Args:
        network: in training mode; or its last layers alone, behind fixed ones.
        optimizer: over its values.
        images: float32 `[n, channels, height, width]`, or what fixed layers made of them,
            on the network's device.
        labels: int64 `[n]`; index of the class, there too.
        weights: float32 `[classes]`, or None for all equal.
        bf16: whether the layers compute in bfloat16; the loss and the step are float32.
        films_at_once: the most films that are computed at a time; 0 for all. The gradients of
            the parts are added up, so that the step is that of all `n` films, but for what
            layers draw for a part (dropout) or find in it (batch normalisation).

    Returns:
        The loss, float32 `[]`: the mean over the films of weight * cross-entropy (not
        divided by the weights' sum, as in Keras); and the logits float32 `[n, classes]`
        before the step.
    """
    n_films = len(labels)
    sizes = part_sizes(n_films, films_at_once or n_films)
    optimizer.zero_grad(set_to_none=True)
    losses, answers = [], []
    for some, some_labels in zip(
        torch.split(images, sizes), torch.split(labels, sizes), strict=True
    ):
        loss, logits = add_gradients(
            network, some, labels=some_labels, weights=weights, n_films=n_films, bf16=bf16
        )
        losses.append(loss)
        answers.append(logits)
    optimizer.step()
    return sum(losses[1:], start=losses[0]), torch.cat(answers)


def add_gradients(
    network: Callable[[Tensor], Tensor],
    images: Tensor,
    *,
    labels: Tensor,
    weights: Tensor | None,
    n_films: int,
    bf16: bool,
) -> tuple[Tensor, Tensor]:
    """Add the gradients that some of a step's films give to those that are there.

    Args:
        network, images, labels, weights, bf16: as in `training_step`, of these films.
        n_films: films of the step.

    Returns:
        What they add to the step's loss, float32 `[]`, and their logits.
    """
    with torch.autocast(images.device.type, dtype=torch.bfloat16, enabled=bf16):
        logits = network(images)
    if bf16:
        logits = logits.float()
    total = nn.functional.cross_entropy(logits, labels, weight=weights, reduction="sum")
    loss = total / n_films
    loss.backward()  # type: ignore[no-untyped-call]
    return loss.detach(), logits.detach()


def part_sizes(n_films: int, films_at_once: int) -> list[int]:
    """Return how many films each part of a batch has: as few parts as can be, that differ by one
    film at most.

    >>> part_sizes(32, 8), part_sizes(9, 8)
    ([8, 8, 8, 8], [5, 4])
    """
    n_parts = -(-n_films // films_at_once)
    each, left = divmod(n_films, n_parts)
    return [each + 1] * left + [each] * (n_parts - left)
