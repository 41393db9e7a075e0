"""A network's answers to a part of the films, and the figures of its curves."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from carina.domain.softmax import log_softmax
from carina.evaluation.metrics.auroc import auroc
from carina.imaging.prepare import from_levels
from carina.models.network import ImageNetwork
from carina.training.device import float32_products
from carina.training.films import FilmPart


def torch_logits(
    network: ImageNetwork, part: FilmPart, *, batch_size: int = 64
) -> NDArray[np.float64]:
    """Return a network's logits of films as they are, without augmentation, in float32.

    Never in bf16, though that is faster on a CPU that has it: these answers choose the
    epoch, and bf16 holds a value to 0.4 %.

    Args:
        network: on any device; left as it was, training mode included.
        part: the films.
        batch_size: films at a time.

    Returns:
        float64 `[n, classes]`, in the order of `part.keys`.
    """
    device = next(network.parameters()).device

    def images() -> Iterator[Tensor]:
        for at in range(0, len(part), batch_size):
            levels = part.read_levels(part.keys[at : at + batch_size])
            films = torch.from_numpy(from_levels(levels)).unsqueeze(1).to(device)
            yield films.expand(-1, network.channels, -1, -1)

    return logits_of(network, network, images())


def logits_of(
    network: ImageNetwork, answer: Callable[[Tensor], Tensor], batches: Iterable[Tensor]
) -> NDArray[np.float64]:
    """Return logits in float32, one batch after the other.

    Args:
        network: left as it was, training mode included.
        answer: the network, or its last layers: a batch -> logits.
        batches: what `answer` takes.

    Returns:
        float64 `[n, classes]`.
    """
    device = next(network.parameters()).device
    was_training = network.training
    network.eval()
    answers = [np.empty((0, network.n_classes))]
    try:
        with torch.inference_mode(), float32_products(device, exact=True):
            answers += [answer(batch).double().cpu().numpy() for batch in batches]
    finally:
        network.train(was_training)
    return np.concatenate(answers)


def figures(logits: NDArray[np.float64], labels: NDArray[np.int64]) -> dict[str, float]:
    """Return what the curves show of one epoch: "loss", "accuracy", "auc" and "auc_macro".

    Args:
        logits: float64 `[n, classes]`.
        labels: int64 `[n]`; index of the class.

    Returns:
        loss: mean cross-entropy of the softmax, unweighted. accuracy: share of films whose
        largest logit is their class's. auc: area under the ROC curve of the flattened
        one-hot matrix against the flattened probabilities, as Keras's AUC does it, but
        exact. auc_macro: mean over the classes of one against the rest. An area is NaN
        where a class that it needs has no films.
    """
    log_probabilities = log_softmax(logits)
    one_hot = labels[:, None] == np.arange(logits.shape[1])
    probabilities = np.exp(log_probabilities)
    areas = [_area(truth, score) for truth, score in zip(one_hot.T, probabilities.T, strict=True)]
    return {
        # not -mean: sure and right answers cost 0.0, not -0.0
        "loss": float(0.0 - log_probabilities[one_hot].mean()),
        "accuracy": float((logits.argmax(axis=1) == labels).mean()),
        "auc": _area(one_hot.ravel(), probabilities.ravel()),
        "auc_macro": float(np.mean(areas)),
    }


def _area(y_true: NDArray[np.bool_], y_score: NDArray[np.float64]) -> float:
    return math.nan if y_true.all() or not y_true.any() else auroc(y_true, y_score)
