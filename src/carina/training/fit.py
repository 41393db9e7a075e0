"""The training loop, from the first line to the last."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from carina.domain.progress import Progress, Step, silent
from carina.domain.recipe import AugmentSection, TrainSection
from carina.errors import RecipeError, TrainingError
from carina.models.network import Network, set_memory_layout
from carina.runs import HISTORY_COLUMNS
from carina.training.allocator import keeping_memory
from carina.training.augment import one_opencv_thread
from carina.training.chance import derived_rng, derived_seed
from carina.training.device import (
    float32_products,
    own_chance,
    torch_threads,
    training_device,
    usable_threads,
)
from carina.training.feed import Feed, Plan
from carina.training.films import TrainingFilms
from carina.training.precision import PrecisionChoice
from carina.training.sampling import epoch_order, loss_weights
from carina.training.scoring import figures
from carina.training.step import adam, training_step

_SECONDS_BETWEEN_STEPS_SHOWN = 0.2
# A cross-entropy at which every answer is wrong with a probability of 1 - exp(-10000).
_DIVERGED = 1e4


@dataclass(frozen=True, slots=True, eq=False)
class Fitted:
    """What came out of a training.

    Attributes:
        history: one row per epoch with `HISTORY_COLUMNS`; training figures are those of
            the epoch's own augmented batches, as Keras takes them, and its loss carries
            the class weights; areas that are undefined are NaN.
        best_epoch: the epoch that `train.choose_by` prefers, from 1; the first at a tie.
        best_state: its weights, CPU tensors by name.
        last_state: the last epoch's.
        images_per_second: films trained on per second, validation left out; the median
            epoch's.
        seconds: the whole training.
        validation_seconds: how long the validation films of each epoch took.
    """

    history: tuple[dict[str, float], ...]
    best_epoch: int
    best_state: dict[str, Tensor]
    last_state: dict[str, Tensor]
    images_per_second: float
    seconds: float
    validation_seconds: tuple[float, ...]


def fit(  # noqa: PLR0913  two sections of a recipe, and where to keep what
    network: Network,
    films: TrainingFilms,
    *,
    train: TrainSection,
    augment: AugmentSection,
    precision: PrecisionChoice,
    cache_dir: Path | None = None,
    progress: Progress = silent,
) -> Fitted:
    """Train a network and return its history, its best and its last weights.

    On one kind of CPU and with one number of threads, the same arguments give the same
    weights, bit for bit: every random choice is derived from the seed, the epoch and
    the film or step.

    Args:
        network: trained in place; afterwards on the CPU, in evaluation mode, with the last
            epoch's weights.
        films: what to learn from and what to watch.
        train: epochs, batch, optimiser, weighting, threads, seed.
        augment: random changes of the training films.
        precision: fp32 or bf16, from `choose_precision`.
        cache_dir: where what fixed layers make of films is kept (`training.features`);
            None: in memory, for this training.
        progress: told a few times a second, and with a sentence after each epoch.

    Raises:
        TrainingError: if the training diverges, or a part has no films.
        RecipeError: if the films cannot give the figure that chooses the epoch.
    """
    _check_films(films, train, n_classes=network.n_classes)
    device = training_device()
    plan = Plan(train, augment, precision, device, cache_dir, progress)
    began = time.monotonic()
    history: list[dict[str, float]] = []
    rates: list[float] = []
    validation_seconds: list[float] = []
    best_epoch, best_state = 0, dict[str, Tensor]()
    with _training_settings(device, train):
        set_memory_layout(network.to(device), torch.channels_last)
        optimizer = adam(network, train)
        feed = Feed(network, films, plan)
        for epoch in range(1, train.epochs + 1):
            epoch_began = time.monotonic()
            bar = _Bar(progress, epoch, train.epochs, len(films.train), history)
            row = _train_epoch(network, optimizer, feed=feed, plan=plan, epoch=epoch, bar=bar)
            trained_at = time.monotonic()
            rates.append(len(films.train) / (trained_at - epoch_began))
            watched = figures(feed.validation_logits(), films.validation.labels)
            _check_loss(watched["loss"], f"after epoch {epoch}, on the validation films")
            row |= {f"val_{name}": value for name, value in watched.items()}
            epoch_ended = time.monotonic()
            validation_seconds.append(epoch_ended - trained_at)
            row["seconds"] = epoch_ended - epoch_began
            history.append({name: row[name] for name in HISTORY_COLUMNS})
            if best_epoch == 0 or _better(row, history[best_epoch - 1], train.choose_by):
                best_epoch, best_state = epoch, _weights_of(network)
            progress(_epoch_done(history, len(films.train), rates[-1], epochs=train.epochs))
        last_state = best_state if best_epoch == train.epochs else _weights_of(network)
        set_memory_layout(network.to("cpu").eval(), torch.contiguous_format)
    return Fitted(
        history=tuple(history),
        best_epoch=best_epoch,
        best_state=best_state,
        last_state=last_state,
        images_per_second=statistics.median(rates),
        seconds=time.monotonic() - began,
        validation_seconds=tuple(validation_seconds),
    )


def _train_epoch(
    network: Network,
    optimizer: torch.optim.Optimizer,
    *,
    feed: Feed,
    plan: Plan,
    epoch: int,
    bar: _Bar,
) -> dict[str, float]:
    """Take every step of an epoch and return its training figures and number."""
    train, labels = plan.train, feed.labels
    order = epoch_order(labels, derived_rng(train.seed, "order", epoch), weighting=train.weighting)
    weights = _on(plan.device, loss_weights(labels, network.n_classes, train))
    seen: list[Tensor] = []
    total_loss = torch.zeros((), dtype=torch.float64, device=plan.device)
    n_seen = 0
    network.train()
    with feed.batches(order, epoch) as batches:
        for step, batch in enumerate(batches):
            torch.manual_seed(derived_seed(train.seed, "dropout", epoch, step))
            loss, logits = training_step(
                feed.answer,
                optimizer,
                images=batch.images,
                labels=batch.labels,
                weights=weights,
                bf16=feed.bf16,
            )
            seen.append(logits)
            total_loss += loss.double() * len(batch.labels)
            n_seen += len(batch.labels)
            bar.show(n_seen, total_loss)
    mean_loss = float(total_loss) / n_seen
    _check_loss(mean_loss, f"in epoch {epoch}")
    answers = torch.cat(seen).double().cpu().numpy()
    return {"epoch": epoch, **figures(answers, labels[order]), "loss": mean_loss}


class _Bar:
    """Tells the progress of an epoch, not more often than an eye can follow.

    The loss is read from the device only then, since reading it waits for the step.
    """

    def __init__(
        self,
        progress: Progress,
        epoch: int,
        epochs: int,
        n_films: int,
        history: list[dict[str, float]],
    ) -> None:
        self._progress = progress
        self._epoch = epoch
        self._epochs = epochs
        self._n_films = n_films
        self._watched = {"val AUC": _area(history[-1]["val_auc_macro"])} if history else {}
        self._began = self._shown = time.monotonic()

    def show(self, n_seen: int, total_loss: Tensor) -> None:
        """Tell that `n_seen` of the epoch's films are done, if it is time to."""
        now = time.monotonic()
        is_last = n_seen >= self._n_films  # told with the epoch's own figures
        if is_last or now - self._shown < _SECONDS_BETWEEN_STEPS_SHOWN:
            return
        self._shown = now
        loss = float(total_loss) / n_seen
        _check_loss(loss, f"in epoch {self._epoch}, after {n_seen} films")
        facts: dict[str, float | str] = {
            "epoch": f"{self._epoch}/{self._epochs}",
            "images/s": round(n_seen / (now - self._began), 1),
            "loss": round(loss, 4),
            **self._watched,
        }
        done = (self._epoch - 1) * self._n_films + n_seen
        self._progress(Step("training", done, self._epochs * self._n_films, facts))


def _epoch_done(history: list[dict[str, float]], n_films: int, rate: float, *, epochs: int) -> Step:
    row = history[-1]
    epoch = int(row["epoch"])
    return Step(
        "training",
        epoch * n_films,
        epochs * n_films,
        {
            "epoch": f"{epoch}/{epochs}",
            "images/s": round(rate, 1),
            "loss": round(row["loss"], 4),
            "val AUC": _area(row["val_auc_macro"]),
        },
        f"epoch {epoch} of {epochs}: loss {row['loss']:.4f}, accuracy {row['accuracy']:.4f}; "
        f"validation loss {row['val_loss']:.4f}, accuracy {row['val_accuracy']:.4f}, "
        f"AUC {_area(row['val_auc_macro'])}",
    )


def _area(area: float) -> str:
    """Return an area under the ROC curve for people, or a dash where it is undefined."""
    return "-" if math.isnan(area) else f"{area:.4f}"


@contextmanager
def _training_settings(device: torch.device, train: TrainSection) -> Iterator[None]:
    """Set the process up for training, and back as it was."""
    with (
        torch_threads(usable_threads(train.threads)),
        one_opencv_thread(),
        own_chance(device),
        float32_products(device, exact=False),
        keeping_memory(),
    ):
        yield


def require_choosable(
    train: TrainSection, validation_labels: NDArray[np.int64], n_classes: int
) -> None:
    """Refuse validation films that cannot give the figure which chooses the epoch.

    Args:
        train: the recipe's section.
        validation_labels: int64 `[n]`; index of each validation film's class.
        n_classes: number of classes.

    Raises:
        RecipeError: if `train.choose_by` needs classes that validation lacks.
    """
    watched = np.unique(validation_labels).size
    if train.choose_by == "val_auc_macro" and watched < n_classes:
        raise RecipeError(
            f"train.choose_by = val_auc_macro needs validation films of all {n_classes} classes, "
            f"and there are films of {watched}; choose by val_loss, or cut a larger part with "
            "--set split.validation=0.3"
        )


def _check_films(films: TrainingFilms, train: TrainSection, *, n_classes: int) -> None:
    for name, part in (("training", films.train), ("validation", films.validation)):
        if not len(part):
            raise TrainingError(f"there are no {name} films; give the data set more films")
    require_choosable(train, films.validation.labels, n_classes)


def _check_loss(loss: float, where: str) -> None:
    if not loss < _DIVERGED:  # NaN is not less either
        raise TrainingError(
            f"the training diverged: the loss is {loss} {where}; try smaller steps "
            "(--set train.learning_rate=0.0001) or --set train.precision=fp32"
        )


def _better(row: Mapping[str, float], best: Mapping[str, float], choose_by: str) -> bool:
    if choose_by == "val_loss":
        return row[choose_by] < best[choose_by]
    return row[choose_by] > best[choose_by]


def _weights_of(network: Network) -> dict[str, Tensor]:
    """Return a copy of the weights on the CPU, in the plain memory layout."""
    return {
        name: tensor.detach().to("cpu", copy=True, memory_format=torch.contiguous_format)
        for name, tensor in network.state_dict().items()
    }


def _on(device: torch.device, values: NDArray[np.float64] | None) -> Tensor | None:
    return None if values is None else torch.from_numpy(values).float().to(device)
