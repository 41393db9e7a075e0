"""The training loop of one worker among several, from the first line to the last.

It is the loop of `training.fit` with what one worker has to send and to wait for: the mean
gradient at each step, the curves' answers at the end of an epoch and before a checkpoint, and
what the leading worker decides. Whatever ends it ends it on every worker at the same step.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from carina.domain.progress import Step, silent
from carina.errors import CarinaError, StoppedBySignal, TrainingError
from carina.models.network import Network, set_memory_layout
from carina.models.weights import weights_to_bytes
from carina.training.allocator import keeping_memory
from carina.training.augment import one_opencv_thread
from carina.training.chance import derived_rng, derived_seed
from carina.training.checkpoints import EpochSoFar, Standing, trained_values
from carina.training.device import (
    float32_products,
    own_chance,
    torch_threads,
    training_device,
    usable_threads,
)
from carina.training.distributed.channel import Channel, Ended
from carina.training.distributed.job import Job
from carina.training.distributed.layers import BatchInHand, share_layers
from carina.training.distributed.together import Together, leave_group, use_own_gpu
from carina.training.divergence import (
    DivergedError,
    OutOfBoundsError,
    check_first_answers,
    check_loss,
    check_values,
    diverged,
)
from carina.training.feed import Feed, Plan
from carina.training.films import FilmPart, TrainingFilms
from carina.training.fit import note_epoch, weights_of
from carina.training.sampling import epoch_order, loss_weights
from carina.training.scoring import figures
from carina.training.share import Share
from carina.training.step import adam, training_step
from carina.training.telling import Bar, where_it_goes_on


def work(job: Job, share: Share) -> None:
    """Train as one of several workers, whose process group is there, and tell how it ended.

    A worker that is given a job that was begun before, since one of them was lost, goes on
    from the newest checkpoint.

    Args:
        job: what all workers are given.
        share: which of them this one is.
    """
    channel = Channel(job.channel)
    if channel.ended is not None:
        return  # one worker said so, and was lost before the others knew
    leads = share.rank == 0
    try:
        _train(job, share, channel)
    except StoppedBySignal as stopped:
        if leads:
            channel.end(Ended("stopped", number=stopped.signal_number))
    except DivergedError as error:
        if leads:
            channel.end(
                Ended(
                    "diverged",
                    error.code,
                    str(error),
                    error.best_epoch,
                    error.history,
                    error.advice,
                ),
                best=weights_to_bytes(error.best_state, {}) if error.best_epoch else b"",
            )
    except CarinaError as error:
        leave_group()  # the others must not wait for this one
        channel.end(Ended("failed", error.code, str(error)))
    except BaseException:
        leave_group()
        raise


@dataclass(frozen=True, slots=True, eq=False)
class _Working:
    """A training under way, as one worker sees it; names as in `training.fit`."""

    job: Job
    network: Network
    optimizer: torch.optim.Optimizer
    feed: Feed
    plan: Plan
    standing: Standing
    together: Together
    channel: Channel


def _train(job: Job, share: Share, channel: Channel) -> None:
    use_own_gpu()
    device = training_device()
    if share.rank == 0:
        channel.begin()
    with (
        torch_threads(usable_threads(job.train.threads)),
        one_opencv_thread(),
        own_chance(device),
        float32_products(device, exact=False),
        keeping_memory(),
    ):
        working = _begun(job, share, device, channel)
        standing = working.standing
        try:
            while standing.epoch.number <= job.train.epochs:
                row = _train_epoch(working)
                note_epoch(
                    standing,
                    row,
                    films=job.films,
                    plan=working.plan,
                    answer=lambda: _validation_logits(working),
                    # Only the leading worker writes.
                    best=lambda: trained_values(working.network) if share.rank == 0 else {},
                )
                if standing.epoch.number > job.train.epochs:
                    _keep(working, is_last=True)
        except OutOfBoundsError as error:
            state = weights_of(working.network)
            raise diverged(
                error, standing, train=job.train, precision=job.precision, state=state
            ) from error
        if working.together.leads:
            channel.end(Ended("finished"))


def _begun(job: Job, share: Share, device: torch.device, channel: Channel) -> _Working:
    """Return the training as it begins, or as the newest checkpoint left it."""
    batch = BatchInHand(share)
    together = Together(batch, device)
    together.require_of_all(_problem_with_films(job.films))
    progress = channel.tell if together.leads else silent
    network = job.network.train()
    share_layers(network, batch)
    set_memory_layout(network.to(device), torch.channels_last)
    optimizer = adam(network, job.train)
    found = job.checkpoints.restore(network, optimizer)
    together.average_gradients(optimizer)
    for remark in job.checkpoints.remarks:
        progress(Step("training", message=remark))
    if found is not None:
        progress(Step("training", message=where_it_goes_on(found, job.train.epochs)))
    plan = Plan(
        job.train, job.augment, job.precision, device, job.cache_dir, progress,
        films_at_once=job.films_at_once, share=share,
    )  # fmt: skip
    watched = _rows(job.films.validation, share.rows(len(job.films.validation)))
    return _Working(
        job=job,
        network=network,
        optimizer=optimizer,
        feed=Feed(network, replace(job.films, validation=watched), plan),
        plan=plan,
        standing=found or Standing(EpochSoFar(1)),
        together=together,
        channel=channel,
    )


def _problem_with_films(films: TrainingFilms) -> str:
    """Return why this worker cannot read the films, or ""."""
    try:
        for part in (films.train, films.validation):
            part.read_levels([part.keys[0], part.keys[-1]])
    except (CarinaError, OSError, KeyError) as error:
        return str(error)
    return ""


def _train_epoch(working: _Working) -> dict[str, float]:
    """Take every step of an epoch that is left, and return its training figures and number."""
    feed, plan, together = working.feed, working.plan, working.together
    train, labels, epoch = plan.train, feed.labels, working.standing.epoch
    began = time.monotonic() - epoch.seconds
    order = epoch_order(
        labels, derived_rng(train.seed, "order", epoch.number), weighting=train.weighting
    )
    chosen = loss_weights(labels, working.network.n_classes, train)
    weights = None if chosen is None else torch.from_numpy(chosen).float().to(plan.device)
    answers = _Answers(working, len(order))
    bar = Bar(plan.progress, working.standing, train.epochs, len(order), answers.n_seen)
    working.network.train()
    with feed.batches(order, epoch.number, begin=epoch.steps) as batches:
        for step, batch in enumerate(batches, start=epoch.steps):
            together.batch.n = min(train.batch_size, len(order) - step * train.batch_size)
            torch.manual_seed(derived_seed(train.seed, "dropout", epoch.number, step))
            loss, logits = training_step(
                feed.answer,
                working.optimizer,
                images=batch.images,
                labels=batch.labels,
                weights=weights,
                bf16=feed.bf16,
                films_at_once=plan.films_at_once,
            )
            answers.add(loss, logits)
            told = bar.show(answers.n_seen, answers.loss_so_far) if together.leads else None
            problem = _problem(logits if (epoch.number, step) == (1, 0) else None, told)
            due, lost = together.agreed(_is_due(working), bool(problem))
            if lost:
                where = f"in epoch {epoch.number}, after {answers.n_seen} films"
                raise OutOfBoundsError(
                    f"{problem or 'the training diverged'} {where}",
                    before_first_step=answers.n_seen <= train.batch_size,
                )
            if due:
                answers.note(step + 1, seconds=time.monotonic() - began)
                _keep(working)
    answers.note(math.ceil(len(order) / train.batch_size), seconds=time.monotonic() - began)
    assert epoch.loss is not None  # noted just now
    mean_loss = float(epoch.loss) / len(order)
    check_loss(mean_loss, f"in epoch {epoch.number}")
    logits_of_all = epoch.answers.double().cpu().numpy()
    return {"epoch": epoch.number, **figures(logits_of_all, labels[order]), "loss": mean_loss}


def _problem(first: Tensor | None, told: float | None) -> str:
    """Return what this worker finds wrong with the numbers of a step, or "".

    Args:
        first: its logits of the very first step.
        told: the mean loss of the epoch so far, where it was read.
    """
    try:
        if first is not None:
            check_first_answers(first)
        if told is not None and not math.isfinite(told):
            check_loss(told, "")
    except OutOfBoundsError as error:
        return str(error).strip()
    return ""


class _Answers:
    """The logits and the loss of an epoch's films: this worker's, until all are wanted."""

    def __init__(self, working: _Working, n: int) -> None:
        """Begin behind what was answered before; `n` films will be shown."""
        self._working = working
        self._n = n
        self._device = working.plan.device
        self._new: list[Tensor] = []
        self._places: list[int] = []
        self._new_loss = torch.zeros((), dtype=torch.float64, device=self._device)
        epoch = working.standing.epoch
        self.n_seen = 0 if epoch.logits is None else len(epoch.logits)

    def add(self, loss: Tensor, logits: Tensor) -> None:
        """Take in a step's.

        Args:
            loss: the mean over this worker's films of the batch in hand.
            logits: theirs.
        """
        batch = self._working.together.batch
        self._new_loss += loss.double() * batch.share.weight(batch.n) * batch.n
        if batch.share.rank == 0 or not batch.share.is_repeated(batch.n):
            rows = batch.share.rows(batch.n)
            self._new.append(logits)
            self._places += range(self.n_seen + rows.start, self.n_seen + rows.stop)
        self.n_seen += batch.n

    @property
    def loss_so_far(self) -> Tensor:
        """What the loss summed over all films seen is, as far as this worker can tell."""
        epoch, share = self._working.standing.epoch, self._working.together.batch.share
        before = 0.0 if epoch.loss is None else epoch.loss.to(self._device)
        return before + self._new_loss * share.size

    def note(self, steps: int, *, seconds: float) -> None:
        """Note how far the epoch is, with the answers of all workers."""
        epoch, together = self._working.standing.epoch, self._working.together
        before = [] if epoch.logits is None else [epoch.logits.to(self._device)]
        n_before = sum(map(len, before))
        n_classes = self._working.network.n_classes
        own = torch.cat([torch.empty(0, n_classes, device=self._device), *self._new])
        places = [place - n_before for place in self._places]
        new = together.whole(own, places, self.n_seen - n_before)
        loss = together.summed(self._new_loss)
        if epoch.loss is not None:
            loss += epoch.loss.to(self._device)
        epoch.note(steps, [*before, new], loss, seconds=seconds)
        self._new, self._places = [], []
        self._new_loss = torch.zeros_like(self._new_loss)


def _validation_logits(working: _Working) -> NDArray[np.float64]:
    """Return the logits of all validation films after the epoch under way, each by one of the
    workers."""
    check_values(working.network, f"after epoch {working.standing.epoch.number}")
    working.together.require_same_weights(working.network)
    share, n = working.together.batch.share, len(working.job.films.validation)
    rows = share.rows(n)
    own = torch.from_numpy(working.feed.validation_logits())
    if share.is_repeated(n) and share.rank:
        own, rows = own[:0], slice(0, 0)
    every = working.together.whole(own, range(n)[rows], n)
    return every.cpu().numpy()


def _is_due(working: _Working) -> bool:
    """Return whether the leading worker finds it time for a checkpoint, or was asked to stop."""
    if not working.together.leads:
        return False
    checkpoints = working.job.checkpoints
    checkpoints.stop_signal = working.channel.asked_to_stop
    return checkpoints.is_due(working.network)


def _keep(working: _Working, *, is_last: bool = False) -> None:
    """Write a checkpoint, by the leading worker, and end the training if that was asked for."""
    checkpoints, problem = working.job.checkpoints, ""
    # The same on every worker, so that all of them end here or none.
    check_values(working.network, f"in epoch {working.standing.epoch.number}")
    if working.together.leads:
        try:
            checkpoints.write(working.network, working.optimizer, working.standing, is_last=is_last)
        except CarinaError as error:
            problem = str(error)
            working.channel.end(Ended("failed", error.code, problem))
    stop, failed = working.together.agreed(checkpoints.stop_signal or 0, bool(problem))
    if failed:
        raise TrainingError(problem or "the leading worker could not write a checkpoint")
    if stop:
        raise StoppedBySignal(stop)


def _rows(part: FilmPart, rows: slice) -> FilmPart:
    """Return some films of a part."""
    return FilmPart(part.keys[rows], part.labels[rows], part.read_levels)
