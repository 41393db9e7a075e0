"""A training whose numbers left all bounds: how that is noticed, and what to try."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from carina.domain.recipe import TrainSection
from carina.errors import TrainingError
from carina.models.network import Network
from carina.training.checkpoints import Standing
from carina.training.precision import PrecisionChoice

DIVERGED = 1e4
"""A cross-entropy at which every answer is wrong with a probability of 1 - exp(-10000)."""


# Kingma & Ba, ICLR 2015: the default of Adam.
_USUAL_LEARNING_RATE = 0.001


class OutOfBoundsError(TrainingError):
    """Numbers of a training that are no longer any use.

    Attributes:
        before_first_step: whether they were that before anything was trained.
    """

    def __init__(self, message: str, *, before_first_step: bool = False) -> None:
        super().__init__(message)
        self.before_first_step = before_first_step


class DivergedError(TrainingError):
    """A training that was stopped since its numbers left all bounds.

    Attributes:
        best_epoch: the best before that, from 1; 0 if there was none.
        best_state: its weights, CPU tensors by name.
        history: a row for each epoch that was done before that.
        advice: what to try, as it stands in the message too.
    """

    def __init__(
        self,
        message: str,
        *,
        best_epoch: int,
        best_state: Mapping[str, Tensor],
        history: Sequence[dict[str, float]] = (),
        advice: str = "",
    ) -> None:
        super().__init__(message)
        self.best_epoch = best_epoch
        self.best_state = best_state
        self.history = tuple(history)
        self.advice = advice


def check_loss(loss: float, where: str) -> None:
    """Refuse to go on with a loss that is no number, or beyond `DIVERGED`.

    Raises:
        OutOfBoundsError: saying where.
    """
    if not loss < DIVERGED:  # NaN is not less either
        raise OutOfBoundsError(f"the training diverged: the loss is {loss:.4g} {where}")


def check_values(network: Network, where: str) -> None:
    """Refuse to go on with weights or running statistics that are no finite numbers.

    Raises:
        OutOfBoundsError: naming the first of them, and saying where.
    """
    for name, values in network.state_dict().items():
        if values.is_floating_point() and not values.isfinite().all():
            raise OutOfBoundsError(
                f"the training diverged: '{name}' holds values that are no finite numbers {where}"
            )


def check_answers(logits: NDArray[np.float64], where: str) -> None:
    """Refuse to go on with a network whose answers are no numbers.

    Args:
        logits: float64 `[n, classes]`.
        where: to which films, and when.

    Raises:
        OutOfBoundsError: if one of them is no finite number.
    """
    if not np.isfinite(logits).all():
        raise OutOfBoundsError(
            f"the training diverged: the network's answers {where} are no finite numbers"
        )


def check_first_answers(logits: Tensor) -> None:
    """Refuse to begin with a network whose answers are no numbers before it was trained.

    Args:
        logits: float32 `[n, classes]`, of the first batch before the first step.

    Raises:
        OutOfBoundsError: if one of them is no finite number.
    """
    if not logits.isfinite().all():
        raise OutOfBoundsError(
            "the network's answers to the first films are no finite numbers before anything was "
            "trained",
            before_first_step=True,
        )


def diverged(
    error: OutOfBoundsError,
    standing: Standing,
    *,
    train: TrainSection,
    precision: PrecisionChoice,
    state: Mapping[str, Tensor],
) -> DivergedError:
    """Return the error that tells how a training ended and what to try.

    Args:
        error: what was noticed.
        standing: how far it was.
        train: its section.
        precision: what it computed in.
        state: the network's values; those of the best epoch are put in their place.
    """
    advice = advice_on(error, standing, train=train, precision=precision)
    return DivergedError(
        f"{error}; {advice}",
        best_epoch=standing.best_epoch,
        best_state={name: standing.best.get(name, own) for name, own in state.items()},
        history=standing.history,
        advice=advice,
    )


def advice_on(
    error: OutOfBoundsError, standing: Standing, *, train: TrainSection, precision: PrecisionChoice
) -> str:
    """Return what to try, as a part of a sentence; arguments as in `diverged`."""
    exact = "--set train.precision=fp32"
    if error.before_first_step:
        said = (
            "the learning rate has no part in that: the start weights are broken or belong to "
            "other pixels (look at network.weights, network.init and the input section)"
        )
        if precision.name == "bf16":
            said += f", or bf16 is too coarse for them ({exact})"
        return said
    smaller = min(train.learning_rate / 10, _USUAL_LEARNING_RATE)
    said = f"try smaller steps (--set train.learning_rate={smaller:g})"
    if precision.name == "bf16":
        said += f", or to compute more exactly ({exact})"
    if standing.best_epoch and standing.best_epoch == len(standing.history):
        said += f", or to stop before it happens (--set train.epochs={standing.best_epoch})"
    return said
