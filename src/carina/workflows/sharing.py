"""A training by one process, or by several workers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from carina.data.kept_levels import KeptLevels
from carina.domain.environment import MOST_WORKERS
from carina.domain.progress import Progress
from carina.domain.recipe import AugmentSection, Recipe, TrainSection
from carina.domain.sentences import counted
from carina.errors import UsageError
from carina.files.documents import write_document
from carina.files.machine import usable_cores
from carina.runs import Run
from carina.settings import Settings
from carina.workflows.cluster.session import ray_session
from carina.workflows.extras import require_extra

if TYPE_CHECKING:
    from carina.models.network import Network
    from carina.training.checkpoints import Checkpoints
    from carina.training.films import FilmPart, TrainingFilms
    from carina.training.fit import Fitted
    from carina.training.precision import PrecisionChoice


def require_workers(workers: int, *, needed_for: str) -> None:
    """Refuse a number of workers that cannot be had.

    Raises:
        UsageError: if it is none.
        MissingExtraError: if several need what is not installed.
    """
    if not 1 <= workers <= MOST_WORKERS:
        raise UsageError(f"--workers takes a number from 1 to {MOST_WORKERS}, and got {workers}")
    if workers > 1:
        require_extra("cluster", needed_for=f"{needed_for} --workers")


def threads_of_worker(recipe: Recipe, run: Run, settings: Settings) -> int:
    """Return the CPU threads of each worker of a training, or of the one process.

    Without a word in the recipe, workers on one machine share its cores; on a cluster each
    takes as many as this machine has.
    """
    workers = _workers_of(run)
    if recipe.train.threads or workers == 1 or settings.cluster:
        return recipe.train.threads or usable_cores()
    return max(1, usable_cores() // workers)


def _workers_of(run: Run) -> int:
    """Return how many processes share a run's training; one where it has no record."""
    return run.environment.workers if run.environment_file.is_file() else 1


def sharing_facts(run: Run) -> dict[str, str | int]:
    """Return what the last digits of a training depend on where several workers share it."""
    workers = _workers_of(run)
    return {"workers": workers} if workers > 1 else {}


def fit_of(run: Run, settings: Settings) -> Callable[..., Fitted]:
    """Return `training.fit.fit`, or what does the same by the workers that the run asks for."""
    from carina.training.fit import fit

    workers = _workers_of(run)
    return fit if workers == 1 else _Sharing(run, settings, workers)


class _Sharing:
    """Trains as `fit` does, by workers that Ray starts."""

    def __init__(self, run: Run, settings: Settings, workers: int) -> None:
        self._run = run
        self._settings = settings
        self._workers = workers

    def __call__(
        self,
        network: Network,
        films: TrainingFilms,
        *,
        train: TrainSection,
        augment: AugmentSection,
        precision: PrecisionChoice,
        cache_dir: Path,
        films_at_once: int,
        checkpoints: Checkpoints,
        progress: Progress,
    ) -> Fitted:
        """Return what came out; arguments and errors as those of `fit_distributed`."""
        from carina.training.distributed.fit import fit_distributed
        from carina.training.distributed.ray_workers import ray_workers

        place, spec = cache_dir.absolute(), films.spec

        def readable(part: FilmPart) -> FilmPart:
            return replace(part, read_levels=KeptLevels(place, spec))

        # Twice the network: one on its way to the workers, one that they read.
        n_bytes = 2 * sum(value.nbytes for value in network.state_dict().values())
        cores = self._workers * train.threads
        with ray_session(self._settings.cluster, cores=cores, store_bytes=n_bytes):
            fitted, n_lost = fit_distributed(
                network,
                replace(films, train=readable(films.train), validation=readable(films.validation)),
                train=train,
                augment=augment,
                precision=precision,
                cache_dir=place,
                films_at_once=-(-films_at_once // self._workers),
                checkpoints=checkpoints,
                folder=self._run.checkpoints_dir.absolute(),
                launch=ray_workers(self._workers, threads=train.threads),
                workers=self._workers,
                progress=progress,
            )
        if n_lost:
            self._note(f"workers were lost and began again {counted(n_lost, 'time')}")
        return fitted

    def _note(self, sentence: str) -> None:
        environment = self._run.environment
        notes = (*environment.notes, f"training by {self._workers} workers: {sentence}")
        write_document(self._run.environment_file, environment.model_copy(update={"notes": notes}))
