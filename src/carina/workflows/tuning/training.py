"""One setting of a search, trained on some folds and validated on another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from carina.domain.progress import Progress, Step
from carina.domain.recipe import Recipe
from carina.domain.record import Record
from carina.domain.search_range import Choice
from carina.errors import RecipeError, TrainingError
from carina.files.recipes import with_settings
from carina.settings import Settings
from carina.workflows.environment import machine_facts
from carina.workflows.going_on import identity_of, stopping_at_signals
from carina.workflows.tuning.films import SearchFilms

if TYPE_CHECKING:
    from carina.models.network import Network
    from carina.training.precision import PrecisionChoice

MEMORY_STAGE = "memory"
"""The stage of a step whose message says that a batch is computed in parts."""


@dataclass(frozen=True, slots=True)
class Trainings:
    """What all trainings of a search share.

    Attributes:
        films: what they train and validate on.
        base: the recipe as it was.
        circumstances: what all trainings compute in, chosen once for the search; as
            `circumstances_of` has it.
        folder: where trainings keep their checkpoints.
        settings: caches.
    """

    films: SearchFilms
    base: Recipe
    circumstances: Mapping[str, Any]
    folder: Path
    settings: Settings

    def figure(
        self,
        settings: Mapping[str, Choice],
        folds: Sequence[Sequence[Record]],
        held_out: int,
        *,
        seed: int,
        place: str,
        progress: Progress,
    ) -> float:
        """Return what a setting reaches on a fold: the figure of its best epoch.

        Args:
            settings: full name of each searched setting -> its value.
            folds: of `SearchFilms.folds`.
            held_out: the fold that is validated on.
            seed: decides start weights, order, dropout and augmentation.
            place: the name of this training; a checkpoint under it is taken up.
            progress: told as the training goes on.

        Raises:
            TrainingError: if it diverges, there is not enough memory, or the settings cannot be
                had together.
            StoppedBySignal: once its state is kept.
            StorageError: if a checkpoint cannot be written.
        """
        try:
            recipe = with_settings(self.base, {**settings, "train.seed": seed})
            return self._trained(recipe, folds, held_out, place=place, progress=progress)
        except RecipeError as error:
            raise TrainingError(str(error)) from error

    def _trained(
        self,
        recipe: Recipe,
        folds: Sequence[Sequence[Record]],
        held_out: int,
        *,
        place: str,
        progress: Progress,
    ) -> float:
        from carina.training.checkpoints import Checkpoints, remove_checkpoints
        from carina.training.fit import fit
        from carina.training.memory import Work, choose_memory, telling_of_memory, training_memory

        films = self.films.training_films(folds, held_out, recipe)
        network = self._network(recipe, progress)
        precision = _precision(self.circumstances)
        memory = choose_memory(
            Work(network, recipe.input, recipe.train, recipe.augment, precision.name),
            training_memory(self.settings.memory_bytes),
        )
        if memory.is_split:
            progress(Step(MEMORY_STAGE, message=memory.sentence))
        folder = self.folder / place
        checkpoints = Checkpoints(
            folder,
            identity=identity_of(recipe, films),
            circumstances=circumstances_here(self.circumstances),
        )
        try:
            with stopping_at_signals(checkpoints), telling_of_memory(memory):
                fitted = fit(
                    network,
                    films,
                    train=recipe.train.model_copy(
                        update={"threads": self.circumstances["threads"]}
                    ),
                    augment=recipe.augment,
                    precision=precision,
                    cache_dir=self.settings.cache_dir,
                    films_at_once=memory.at_once,
                    checkpoints=checkpoints,
                    progress=progress,
                )
        except TrainingError:
            remove_checkpoints(folder)  # from there it would not work out again
            raise
        remove_checkpoints(folder)
        with suppress(OSError):
            folder.rmdir()
        return fitted.history[fitted.best_epoch - 1][recipe.train.choose_by]

    def _network(self, recipe: Recipe, progress: Progress) -> Network:
        """Return the network with its start weights."""
        from carina.models.build import build_network
        from carina.models.pretrained import load_pretrained

        section, n_classes = recipe.network, len(self.films.dataset.labels)
        network = build_network(
            section, spec=recipe.input, n_classes=n_classes, seed=recipe.train.seed
        )
        if section.weights != "none":
            load_pretrained(
                network,
                section.weights,
                architecture=section.architecture,
                cache_dir=self.settings.cache_dir,
                progress=progress,
            )
        return network


def chosen_circumstances(
    films: SearchFilms, recipe: Recipe, n_folds: int, settings: Settings
) -> dict[str, str | int]:
    """Return what all trainings of a search compute in: the precision and the threads that a
    training by the recipe would.

    Args:
        films: what is searched with.
        recipe: as it was.
        n_folds: how many folds the films are cut into.
        settings: where timings are kept.

    Raises:
        RecipeError: if the recipe's network cannot be had.
        TrainingError: if there is not enough memory for one film.
    """
    from carina.models.build import build_network
    from carina.training.device import usable_threads
    from carina.training.feed import epochs_through_fixed_layers
    from carina.training.memory import Work, films_to_time, training_memory
    from carina.training.precision import choose_precision

    labels = films.dataset.labels
    network = build_network(recipe.network, spec=recipe.input, n_classes=len(labels), seed=0)
    work = Work(network, recipe.input, recipe.train, recipe.augment, "fp32")
    n_timed = films_to_time(work, training_memory(settings.memory_bytes))
    n_trained_on = len(films.dataset.records) * (n_folds - 1) // n_folds
    choice = choose_precision(
        network,
        recipe.input,
        train=recipe.train.model_copy(update={"batch_size": n_timed}),
        cache_file=settings.cache_dir / "precision.json",
        n_fixed=n_trained_on * epochs_through_fixed_layers(recipe.train, recipe.augment),
    )
    return circumstances_here(
        {
            "precision": choice.name,
            "fixed layers": choice.runtime,
            "threads": usable_threads(recipe.train.threads),
        }
    )


def circumstances_here(chosen: Mapping[str, Any]) -> dict[str, str | int]:
    """Return what trainings compute in by this process: versions and hardware as they are
    here, precision and threads as they were chosen.

    Args:
        chosen: "precision", "fixed layers" and "threads".
    """
    from carina.training.circumstances import circumstances_of

    processor = str(machine_facts()["processor"])
    return circumstances_of(_precision(chosen), threads=chosen["threads"], processor=processor)


def _precision(chosen: Mapping[str, Any]) -> PrecisionChoice:
    from carina.training.precision import PrecisionChoice

    return PrecisionChoice(
        chosen["precision"], "as chosen for the whole search", runtime=chosen["fixed layers"]
    )
