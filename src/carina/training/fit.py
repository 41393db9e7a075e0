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
from carina.domain.sentences import counted
from carina.errors import RecipeError, StoppedBySignal, TrainingError
from carina.models.network import Network, set_memory_layout
from carina.runs import HISTORY_COLUMNS
from carina.training.allocator import keeping_memory
from carina.training.augment import one_opencv_thread
from carina.training.chance import derived_rng, derived_seed
from carina.training.checkpoints import Checkpoints, EpochSoFar, Standing, trained_values
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


class DivergedError(TrainingError):
    """A training whose loss left all bounds.

    Attributes:
        best_epoch: the best before that, from 1; 0 if there was none.
        best_state: its weights, CPU tensors by name.
    """

    def __init__(self, message: str, *, best_epoch: int, best_state: dict[str, Tensor]) -> None:
        super().__init__(message)
        self.best_epoch = best_epoch
        self.best_state = best_state


def fit(  # noqa: PLR0913  two sections of a recipe, and where to keep what
    network: Network,
    films: TrainingFilms,
    *,
    train: TrainSection,
    augment: AugmentSection,
    precision: PrecisionChoice,
    cache_dir: Path | None = None,
    checkpoints: Checkpoints | None = None,
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
        checkpoints: where the training's state is kept; it goes on from the newest, and ends
            with the same bits as if nothing had happened. None: nowhere.
        progress: told a few times a second, and with a sentence after each epoch.

    Raises:
        StoppedBySignal: once the state is kept, if the checkpoints were told to stop.
        DivergedError: if the training diverges.
        TrainingError: if a part has no films.
        RunError: if the checkpoints are of another training.
        StorageError: if a checkpoint cannot be written.
        RecipeError: if the films cannot give the figure that chooses the epoch.
    """
    _check_films(films, train, n_classes=network.n_classes)
    device = training_device()
    plan = Plan(train, augment, precision, device, cache_dir, progress)
    with _training_settings(device, train):
        set_memory_layout(network.to(device), torch.channels_last)
        fitting = _begun(network, films, plan, checkpoints)
        standing = fitting.standing
        with _best_kept(fitting):
            while standing.epoch.number <= train.epochs:
                row = _train_epoch(fitting)
                _note_epoch(fitting, row, films)
                if standing.epoch.number > train.epochs:
                    _keep(fitting)
        last_state = _weights_of(network)
        set_memory_layout(network.to("cpu").eval(), torch.contiguous_format)
    return Fitted(
        history=tuple(standing.history),
        best_epoch=standing.best_epoch,
        best_state={name: standing.best.get(name, own) for name, own in last_state.items()},
        last_state=last_state,
        images_per_second=statistics.median(standing.rates),
        seconds=standing.seconds,
        validation_seconds=tuple(standing.validation_seconds),
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Fitting:
    """A training under way.

    Attributes:
        network, optimizer: what changes.
        feed: what they are shown.
        plan: how.
        standing: how far it is.
        checkpoints: where that is kept, or None.
    """

    network: Network
    optimizer: torch.optim.Optimizer
    feed: Feed
    plan: Plan
    standing: Standing
    checkpoints: Checkpoints | None


def _begun(
    network: Network, films: TrainingFilms, plan: Plan, checkpoints: Checkpoints | None
) -> _Fitting:
    """Return the training as it begins, or as its newest checkpoint left it."""
    optimizer = adam(network, plan.train)
    found = checkpoints.restore(network, optimizer) if checkpoints is not None else None
    if checkpoints is not None:
        for remark in checkpoints.remarks:
            plan.progress(Step("training", message=remark))
    if found is not None:
        plan.progress(Step("training", message=_where_it_goes_on(found, plan.train.epochs)))
    return _Fitting(
        network=network,
        optimizer=optimizer,
        feed=Feed(network, films, plan),
        plan=plan,
        standing=found or Standing(EpochSoFar(1)),
        checkpoints=checkpoints,
    )


def _where_it_goes_on(standing: Standing, epochs: int) -> str:
    if standing.epoch.number > epochs:
        return f"all {epochs} epochs were trained before; nothing is trained again"
    where = f"the training goes on in epoch {standing.epoch.number} of {epochs}"
    if standing.epoch.steps:
        where += f", after {counted(standing.epoch.steps, 'step')} of it"
    return where


def _train_epoch(fitting: _Fitting) -> dict[str, float]:
    """Take every step of an epoch that is left, and return its training figures and number."""
    feed, plan, epoch = fitting.feed, fitting.plan, fitting.standing.epoch
    train, labels = plan.train, feed.labels
    began = time.monotonic() - epoch.seconds
    order = epoch_order(
        labels, derived_rng(train.seed, "order", epoch.number), weighting=train.weighting
    )
    weights = _on(plan.device, loss_weights(labels, fitting.network.n_classes, train))
    seen = [] if epoch.logits is None else [epoch.logits.to(plan.device)]
    n_seen = sum(map(len, seen))
    total_loss = torch.zeros((), dtype=torch.float64, device=plan.device)
    if epoch.loss is not None:
        total_loss += epoch.loss.to(plan.device)
    bar = _Bar(plan.progress, fitting.standing, train.epochs, len(order), n_seen)
    fitting.network.train()
    with feed.batches(order, epoch.number, begin=epoch.steps) as batches:
        for step, batch in enumerate(batches, start=epoch.steps):
            torch.manual_seed(derived_seed(train.seed, "dropout", epoch.number, step))
            loss, logits = training_step(
                feed.answer,
                fitting.optimizer,
                images=batch.images,
                labels=batch.labels,
                weights=weights,
                bf16=feed.bf16,
            )
            seen.append(logits)
            total_loss += loss.double() * len(batch.labels)
            n_seen += len(batch.labels)
            bar.show(n_seen, total_loss)
            if _is_due(fitting):
                epoch.steps, epoch.seconds = step + 1, time.monotonic() - began
                epoch.logits, epoch.loss = torch.cat(seen), total_loss.clone()
                _keep(fitting)
    mean_loss = float(total_loss) / n_seen
    _check_loss(mean_loss, f"in epoch {epoch.number}")
    answers = torch.cat(seen).double().cpu().numpy()
    epoch.seconds = time.monotonic() - began
    return {"epoch": epoch.number, **figures(answers, labels[order]), "loss": mean_loss}


def _note_epoch(fitting: _Fitting, row: dict[str, float], films: TrainingFilms) -> None:
    """Watch the validation films after an epoch, and note how far the training is now."""
    standing, plan = fitting.standing, fitting.plan
    number, trained_s = standing.epoch.number, standing.epoch.seconds
    began = time.monotonic()
    watched = figures(fitting.feed.validation_logits(), films.validation.labels)
    _check_loss(watched["loss"], f"after epoch {number}, on the validation films")
    row |= {f"val_{name}": value for name, value in watched.items()}
    standing.rates.append(len(films.train) / trained_s)
    standing.validation_seconds.append(time.monotonic() - began)
    row["seconds"] = trained_s + standing.validation_seconds[-1]
    standing.seconds += row["seconds"]
    standing.history.append({name: row[name] for name in HISTORY_COLUMNS})
    best = standing.best_epoch
    if best == 0 or _better(row, standing.history[best - 1], plan.train.choose_by):
        standing.best_epoch, standing.best = number, trained_values(fitting.network)
    standing.epoch = EpochSoFar(number + 1)
    plan.progress(
        _epoch_done(
            standing.history, len(films.train), standing.rates[-1], epochs=plan.train.epochs
        )
    )


@contextmanager
def _best_kept(fitting: _Fitting) -> Iterator[None]:
    """Give the best weights so far to whoever hears that the training diverged."""
    try:
        yield
    except TrainingError as error:
        own, standing = _weights_of(fitting.network), fitting.standing
        best = {name: standing.best.get(name, values) for name, values in own.items()}
        raise DivergedError(str(error), best_epoch=standing.best_epoch, best_state=best) from error


def _is_due(fitting: _Fitting) -> bool:
    return fitting.checkpoints is not None and fitting.checkpoints.is_due(fitting.network)


def _keep(fitting: _Fitting) -> None:
    """Write a checkpoint where there is a place, and end the training if that was asked for."""
    checkpoints = fitting.checkpoints
    if checkpoints is None:
        return
    checkpoints.write(fitting.network, fitting.optimizer, fitting.standing)
    if checkpoints.stop_signal is not None:
        raise StoppedBySignal(checkpoints.stop_signal)


class _Bar:
    """Tells the progress of an epoch, not more often than an eye can follow.

    The loss is read from the device only then, since reading it waits for the step.
    """

    def __init__(
        self, progress: Progress, standing: Standing, epochs: int, n_films: int, n_before: int
    ) -> None:
        self._progress = progress
        self._epoch = standing.epoch.number
        self._epochs = epochs
        self._n_films = n_films
        self._n_before = n_before
        history = standing.history
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
            "images/s": round((n_seen - self._n_before) / (now - self._began), 1),
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
