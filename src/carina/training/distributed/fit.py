"""A training that several workers share, from the process that waits for them."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from carina.domain.progress import Progress, Step, silent
from carina.domain.recipe import AugmentSection, TrainSection
from carina.errors import StoppedBySignal, TrainingError, UsageError
from carina.files.atomic import make_folder, storage_errors
from carina.models.network import Network
from carina.models.weights import weights_from_bytes
from carina.training.checkpoints import Checkpoints
from carina.training.distributed.channel import Channel, Ended
from carina.training.distributed.job import Job
from carina.training.distributed.layers import has_batch_norm
from carina.training.divergence import DivergedError
from carina.training.films import TrainingFilms
from carina.training.fit import Fitted, check_films, fitted, weights_of
from carina.training.frozen_part import CompiledStages
from carina.training.precision import PrecisionChoice
from carina.training.step import adam

Launch = Callable[[Job, Callable[[], None]], None]
"""Starts workers that call `loop.work(job, share)` in one process group each time, starts all
of them again if one is lost, and returns when they have ended. Meanwhile it calls its second
argument a few times a second. Raises TrainingError if the workers are lost too often."""
_CHANNEL = "workers-"


def fit_distributed(  # noqa: PLR0913  as `fit`, and what starts the workers
    network: Network,
    films: TrainingFilms,
    *,
    train: TrainSection,
    augment: AugmentSection,
    precision: PrecisionChoice,
    cache_dir: Path | None,
    films_at_once: int = 0,
    checkpoints: Checkpoints,
    folder: Path,
    launch: Launch,
    workers: int,
    progress: Progress = silent,
) -> tuple[Fitted, int]:
    """Train a network by several workers, as `fit` does by one, and return what it returns and
    how often the workers had to begin again.

    Batches, order, augmentation and dropout are those of one process, and the mean gradient,
    the statistics of batch normalisation and the figures are over all workers' films. Sums are
    taken in another order, so that the answer is the same but for rounding.

    Args:
        network, films, train, augment, precision, cache_dir, progress: as in `fit`; `read_levels`
            of the films can be sent to other processes, and finds the films from there.
        films_at_once: the most films that a worker computes at a time; 0 for its whole share.
        checkpoints: where the training's state is kept; needed, since the result comes that way.
        folder: theirs, absolute, the same place for this process and the workers.
        launch: what starts the workers.
        workers: how many.

    Raises:
        UsageError: if there are more workers than films in a batch, or the workers' shares do
            not fit into memory at once and the network normalises by whole batches.
        StoppedBySignal, DivergedError, TrainingError, RunError, StorageError, RecipeError: as
            `fit` does; TrainingError also if workers are lost too often.
    """
    check_films(films, train, n_classes=network.n_classes)
    _require_fitting_shares(network, train, workers=workers, films_at_once=films_at_once)
    with storage_errors(folder):
        make_folder(folder)
        for left in folder.glob(f"{_CHANNEL}*"):  # of a process that was killed
            shutil.rmtree(left, ignore_errors=True)
        place = Path(tempfile.mkdtemp(prefix=_CHANNEL, dir=folder))
    try:
        waiting = _Waiting(Channel(place), checkpoints, progress, workers)
        job = Job(
            network=network.cpu(),
            films=films,
            train=train,
            augment=augment,
            precision=replace(precision, compiled=CompiledStages()),
            cache_dir=cache_dir,
            films_at_once=films_at_once,
            checkpoints=checkpoints,
            channel=place,
        )
        launch(job, waiting.look)
        waiting.look()
        waiting.require_finished(network)
        return _fitted(network, train, checkpoints), waiting.n_begun - 1
    finally:
        shutil.rmtree(place, ignore_errors=True)


class _Waiting:
    """What the process that waits for the workers does meanwhile."""

    def __init__(
        self, channel: Channel, checkpoints: Checkpoints, progress: Progress, workers: int
    ) -> None:
        self._channel = channel
        self._checkpoints = checkpoints
        self._progress = progress
        self._workers = workers
        self.n_begun = 0

    def look(self) -> None:
        """Pass on what the workers told, and a signal that was heard here."""
        if self._checkpoints.stop_signal is not None:
            self._channel.ask_to_stop(self._checkpoints.stop_signal)
        for step in self._channel.heard():
            if step is not None:
                self._progress(step)
                continue
            self.n_begun += 1
            if self.n_begun > 1:
                message = (
                    f"a worker was lost; all {self._workers} begin again, from the newest "
                    f"checkpoint if there is one (start {self.n_begun})"
                )
                self._progress(Step("training", message=message))

    def require_finished(self, network: Network) -> None:
        """Raise what ended the training, unless it was its end."""
        ended = self._channel.ended or Ended(
            "failed", TrainingError.code, "the workers ended without a word; look at their logs"
        )
        if ended.how == "stopped":
            raise StoppedBySignal(ended.number)
        if ended.how == "diverged":
            best = weights_of(network)
            if self._channel.best:
                best |= weights_from_bytes(self._channel.best, name="the best weights")[0]
            raise DivergedError(
                ended.message,
                best_epoch=ended.number,
                best_state=best,
                history=ended.history,
                advice=ended.advice,
            )
        if ended.how != "finished":
            raise ended.error()


def _require_fitting_shares(
    network: Network, train: TrainSection, *, workers: int, films_at_once: int
) -> None:
    """Refuse batches that the workers cannot share."""
    batch = train.batch_size
    if workers > batch:
        raise UsageError(
            f"--workers {workers} cannot share batches of {batch} films; ask for at most as many "
            f"workers as films, or for larger batches with --set train.batch_size={workers}"
        )
    largest = -(-batch // workers)
    if 0 < films_at_once < largest and has_batch_norm(network.train()):
        raise UsageError(
            f"a worker's share of a batch is {largest} films, the memory is enough for "
            f"{films_at_once} at a time, and this network normalises by whole batches; ask for "
            f"--workers {-(-batch // films_at_once)} or smaller batches (--set train.batch_size)"
        )


def _fitted(network: Network, train: TrainSection, checkpoints: Checkpoints) -> Fitted:
    """Return what the workers' last checkpoint says; the network gets its weights."""
    standing = checkpoints.restore(network, adam(network, train))
    if standing is None or standing.epoch.number <= train.epochs:
        raise TrainingError(
            "the workers ended their training, but its last checkpoint is not where this process "
            "looks for it; let --out be on a file system that all machines share"
        )
    network.eval()
    return fitted(standing, weights_of(network))
