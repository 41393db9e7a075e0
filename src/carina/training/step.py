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


def training_step(
    network: Callable[[Tensor], Tensor],
    optimizer: torch.optim.Optimizer,
    *,
    images: Tensor,
    labels: Tensor,
    weights: Tensor | None,
    bf16: bool,
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

    Returns:
        The loss, float32 `[]`: the mean over the films of weight * cross-entropy (not
        divided by the weights' sum, as in Keras); and the logits float32 `[n, classes]`
        before the step.
    """
    with torch.autocast(images.device.type, dtype=torch.bfloat16, enabled=bf16):
        logits = network(images)
    logits = logits.float()
    total = nn.functional.cross_entropy(logits, labels, weight=weights, reduction="sum")
    loss = total / len(labels)
    optimizer.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    return loss.detach(), logits.detach()
