"""What a training's workers are given."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from carina.domain.recipe import AugmentSection, TrainSection
from carina.models.network import Network
from carina.training.checkpoints import Checkpoints
from carina.training.films import TrainingFilms
from carina.training.precision import PrecisionChoice


@dataclass(frozen=True, slots=True, eq=False)
class Job:
    """A training that several workers share; it can be sent to other processes.

    Attributes:
        network: as it begins, on the CPU.
        films: their `read_levels` find the films on the worker's machine.
        train: its `threads` are those of one worker, its `batch_size` is of all together.
        augment: random changes of the training films.
        precision: fp32 or bf16, chosen before.
        cache_dir: where what fixed layers make of films is kept, on every machine the same.
        films_at_once: the most films that a worker computes at a time; 0 for its whole share.
        checkpoints: of the leading worker.
        channel: folder of the `Channel`.
    """

    network: Network
    films: TrainingFilms
    train: TrainSection
    augment: AugmentSection
    precision: PrecisionChoice
    cache_dir: Path | None
    films_at_once: int
    checkpoints: Checkpoints
    channel: Path
