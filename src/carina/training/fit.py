"""The training loop, from the first line to the last."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from carina.domain.progress import Progress, Step, silent
from carina.domain.recipe import AugmentSection, TrainSection
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
from carina.training.divergence import (
    OutOfBoundsError,
    check_answers,
    check_first_answers,
    check_loss,
    check_values,
    diverged,
)
from carina.training.feed import Feed, Plan
from carina.training.films import TrainingFilms
from carina.training.precision import PrecisionChoice
from carina.training.sampling import epoch_order, loss_weights
from carina.training.scoring import figures
from carina.training.step import adam, training_step
from carina.training.telling import Bar, epoch_done, rather_anew, where_it_goes_on


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
    films_at_once: int = 0,
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
        films_at_once: the most films that are computed at a time, from `choose_memory`; 0 for
            whole batches.
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
    check_films(films, train, n_classes=network.n_classes)
    device = training_device()
    plan = Plan(train, augment, precision, device, cache_dir, progress, films_at_once=films_at_once)
    with _training_settings(device, train):
        set_memory_layout(network.to(device), torch.channels_last)
        fitting = _begun(network, films, plan, checkpoints)
        standing = fitting.standing
        with _best_kept(fitting):
            while standing.epoch.number <= train.epochs:
                row = _train_epoch(fitting)
                note_epoch(
                    standing,
                    row,
                    films=films,
                    plan=plan,
                    answer=lambda: _validation_logits(fitting),
                    best=lambda: trained_values(network),
                )
                if standing.epoch.number > train.epochs:
                    _keep(fitting, is_last=True)
        last_state = weights_of(network)
        set_memory_layout(network.to("cpu").eval(), torch.contiguous_format)
    return fitted(standing, last_state)


def fitted(standing: Standing, last_state: dict[str, Tensor]) -> Fitted:
    """Return what came of a training that is done.

    Args:
        standing: after its last epoch.
        last_state: the network's values then, CPU tensors by name.
    """
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
    if found is not None and checkpoints is not None:
        plan.progress(Step("training", message=where_it_goes_on(found, plan.train.epochs)))
        rather = rather_anew(found, plan.train, checkpoints)
        if rather:
            plan.progress(Step("training", message=rather))
    return _Fitting(
        network=network,
        optimizer=optimizer,
        feed=Feed(network, films, plan),
        plan=plan,
        standing=found or Standing(EpochSoFar(1)),
        checkpoints=checkpoints,
    )


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
    bar = Bar(plan.progress, fitting.standing, train.epochs, len(order), n_seen)
    fitting.network.train()
    with ExitStack() as open_until_the_end:
        with _stoppable(fitting):  # features may be computed first
            batches = open_until_the_end.enter_context(
                feed.batches(order, epoch.number, begin=epoch.steps)
            )
        for step, batch in enumerate(batches, start=epoch.steps):
            torch.manual_seed(derived_seed(train.seed, "dropout", epoch.number, step))
            loss, logits = training_step(
                feed.answer,
                fitting.optimizer,
                images=batch.images,
                labels=batch.labels,
                weights=weights,
                bf16=feed.bf16,
                films_at_once=plan.films_at_once,
            )
            if (epoch.number, step) == (1, 0):
                check_first_answers(logits)
            seen.append(logits)
            total_loss += loss.double() * len(batch.labels)
            n_seen += len(batch.labels)
            told = bar.show(n_seen, total_loss)
            # A loss that is no number stays none; whether a large one is seen here is a matter
            # of the clock, and must not decide what becomes of the training.
            if told is not None and not math.isfinite(told):
                check_loss(told, f"in epoch {epoch.number}, after {n_seen} films")
            if _is_due(fitting):
                epoch.note(step + 1, seen, total_loss, seconds=time.monotonic() - began)
                seen = [epoch.answers]
                _keep(fitting)
    mean_loss = float(total_loss) / n_seen
    check_loss(mean_loss, f"in epoch {epoch.number}")
    n_steps = math.ceil(len(order) / train.batch_size)
    epoch.note(n_steps, seen, total_loss, seconds=time.monotonic() - began)
    answers = epoch.answers.double().cpu().numpy()
    return {"epoch": epoch.number, **figures(answers, labels[order]), "loss": mean_loss}


def note_epoch(
    standing: Standing,
    row: dict[str, float],
    *,
    films: TrainingFilms,
    plan: Plan,
    answer: Callable[[], NDArray[np.float64]],
    best: Callable[[], dict[str, Tensor]],
) -> None:
    """Watch the validation films after an epoch, and note how far the training is now.

    Args:
        standing: whose epoch under way is done.
        row: its number and training figures; completed.
        films: what was learned from and what is watched.
        plan: how.
        answer: returns the logits of the validation films, float64 `[n, classes]`.
        best: returns what is kept of the network if this epoch is the best so far.

    Raises:
        OutOfBoundsError: if the answers are no use.
    """
    number, trained_s = standing.epoch.number, standing.epoch.seconds
    began = time.monotonic()
    logits = answer()
    check_answers(logits, f"to the validation films after epoch {number}")
    watched = figures(logits, films.validation.labels)
    check_loss(watched["loss"], f"after epoch {number}, on the validation films")
    row |= {f"val_{name}": value for name, value in watched.items()}
    standing.rates.append(len(films.train) / trained_s)
    standing.validation_seconds.append(time.monotonic() - began)
    row["seconds"] = trained_s + standing.validation_seconds[-1]
    standing.seconds += row["seconds"]
    standing.history.append({name: row[name] for name in HISTORY_COLUMNS})
    before = standing.best_epoch
    if before == 0 or is_better(row, standing.history[before - 1], plan.train.choose_by):
        standing.best_epoch, standing.best = number, best()
    standing.epoch = EpochSoFar(number + 1)
    plan.progress(
        epoch_done(standing.history, len(films.train), standing.rates[-1], epochs=plan.train.epochs)
    )


def _validation_logits(fitting: _Fitting) -> NDArray[np.float64]:
    """Return the logits of the validation films after the epoch under way."""
    check_values(fitting.network, f"after epoch {fitting.standing.epoch.number}")
    with _stoppable(fitting):
        return fitting.feed.validation_logits()


@contextmanager
def _best_kept(fitting: _Fitting) -> Iterator[None]:
    """Give the best weights so far to whoever hears that the training diverged."""
    try:
        yield
    except OutOfBoundsError as error:
        plan, state = fitting.plan, weights_of(fitting.network)
        raise diverged(
            error, fitting.standing, train=plan.train, precision=plan.precision, state=state
        ) from error


def _is_due(fitting: _Fitting) -> bool:
    return fitting.checkpoints is not None and fitting.checkpoints.is_due(fitting.network)


def _keep(fitting: _Fitting, *, is_last: bool = False) -> None:
    """Write a checkpoint where there is a place, and end the training if that was asked for."""
    checkpoints = fitting.checkpoints
    if checkpoints is None:
        return
    check_values(fitting.network, f"in epoch {fitting.standing.epoch.number}")
    checkpoints.write(fitting.network, fitting.optimizer, fitting.standing, is_last=is_last)
    if checkpoints.stop_signal is not None:
        raise StoppedBySignal(checkpoints.stop_signal)


@contextmanager
def _stoppable(fitting: _Fitting) -> Iterator[None]:
    """Let a signal end a block that takes long and trains nothing at once, after a checkpoint."""
    if fitting.checkpoints is None:
        yield
        return
    try:
        with fitting.checkpoints.stoppable():
            yield
    except StoppedBySignal:
        _keep(fitting)
        raise


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


def check_films(films: TrainingFilms, train: TrainSection, *, n_classes: int) -> None:
    """Refuse films that cannot be trained on.

    Raises:
        TrainingError: if a part has no films.
        RecipeError: as `require_choosable` does.
    """
    for name, part in (("training", films.train), ("validation", films.validation)):
        if not len(part):
            raise TrainingError(f"there are no {name} films; give the data set more films")
    require_choosable(train, films.validation.labels, n_classes)


def is_better(row: Mapping[str, float], best: Mapping[str, float], choose_by: str) -> bool:
    """Return whether an epoch's row of the history is better than the best before."""
    if choose_by == "val_loss":
        return row[choose_by] < best[choose_by]
    return row[choose_by] > best[choose_by]


def weights_of(network: Network) -> dict[str, Tensor]:
    """Return a copy of the weights on the CPU, in the plain memory layout."""
    return {
        name: tensor.detach().to("cpu", copy=True, memory_format=torch.contiguous_format)
        for name, tensor in network.state_dict().items()
    }


def _on(device: torch.device, values: NDArray[np.float64] | None) -> Tensor | None:
    return None if values is None else torch.from_numpy(values).float().to(device)
