"""What the trained layers of a network are shown: films, or what its fixed layers made of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from carina.domain.progress import Progress
from carina.domain.recipe import AugmentSection, TrainSection
from carina.models.network import Network
from carina.training.augment import changes_films
from carina.training.features import Features, Views
from carina.training.films import FilmPart, TrainingFilms
from carina.training.frozen_part import FrozenPart, with_frozen_part
from carina.training.loading import Batch, epoch_batches
from carina.training.precision import PrecisionChoice
from carina.training.scoring import logits_of, torch_logits
from carina.training.share import WHOLE, Share


@dataclass(frozen=True, slots=True)
class Plan:
    """How a network is to be trained.

    Attributes:
        train, augment: of the recipe.
        precision: fp32 or bf16, and what computes the fixed layers.
        device: where.
        cache_dir: where features of fixed layers are kept; None: in memory.
        progress: told what is going on.
        share: which films of each batch are shown here, where several workers share them.
        films_at_once: the most films that are computed at a time; 0 for whole batches.
    """

    train: TrainSection
    augment: AugmentSection
    precision: PrecisionChoice
    device: torch.device
    cache_dir: Path | None
    progress: Progress
    share: Share = WHOLE
    films_at_once: int = 0


class Feed:
    """Batches of training films and answers to validation films, the shortest way.

    Where layers are held fixed, what they make of the validation films is computed once, in
    float32; so it is of the training films, in the precision of the training, if nothing
    changes them or each has a few views. With fresh changes the fixed layers compute in
    every epoch, without gradients.

    Attributes:
        answer: values as `batches` yields them -> logits; the layers that are trained.
        bf16: whether these compute in bfloat16.
    """

    def __init__(self, network: Network, films: TrainingFilms, plan: Plan) -> None:
        """Get ready; nothing is computed yet."""
        self._network = network
        self._films = films
        self._plan = plan
        self.answer: Callable[[Tensor], Tensor] = network
        self.bf16 = plan.precision.name == "bf16"
        self._frozen: FrozenPart | None = None
        self._train_features: Features | None = None
        self._validation_features: Features | None = None
        backbone = with_frozen_part(network)
        if backbone is not None:
            self.answer = backbone.from_frozen
            precision = plan.precision
            self._frozen = FrozenPart(
                backbone, films.spec, self.bf16, precision.runtime, precision.compiled
            )
            self.bf16 = self._frozen.trained_in_bf16
            exact = replace(self._frozen, bf16=False)
            self._validation_features = self._features(exact, films.validation)
            if keeps_features(plan.augment):
                views = Views(plan.augment, plan.train.seed)
                self._train_features = self._features(self._frozen, films.train, views)

    @property
    def labels(self) -> NDArray[np.int64]:
        """int64 `[n]`; the class of each training film, as an index."""
        return self._films.train.labels

    @contextmanager
    def batches(
        self, order: NDArray[np.int64], epoch: int, *, begin: int = 0
    ) -> Iterator[Iterator[Batch]]:
        """Yield an epoch's training batches, on the device, ready for `answer`.

        Args:
            order: int64 `[m]`; indices into the training films, as they are shown.
            epoch: from 1.
            begin: the first batch that is wanted.
        """
        batch_size, seed, share = (
            self._plan.train.batch_size, self._plan.train.seed, self._plan.share,
        )  # fmt: skip
        if self._train_features is not None:
            coming = self._train_features.batches(
                order, batch_size=batch_size, epoch=epoch, begin=begin, share=share
            )
        else:
            coming = epoch_batches(
                self._films.train,
                order,
                batch_size=batch_size,
                augment=self._plan.augment,
                seed=seed,
                epoch=epoch,
                begin=begin,
                share=share,
            )
        with coming as batches:
            yield (
                Batch(
                    images=self._shown(to_device(batch.images, self._plan.device)),
                    labels=to_device(batch.labels, self._plan.device),
                )
                for batch in batches
            )

    def validation_logits(self) -> NDArray[np.float64]:
        """Return the network's logits of the validation films as `torch_logits` does."""
        batch_size = self._plan.films_at_once or self._plan.train.batch_size
        if self._validation_features is None:
            return torch_logits(self._network, self._films.validation, batch_size=batch_size)
        order = np.arange(len(self._films.validation))
        with self._validation_features.batches(order, batch_size=batch_size) as batches:
            values = (to_device(batch.images, self._plan.device) for batch in batches)
            return logits_of(self._network, self.answer, values)

    def _shown(self, values: Tensor) -> Tensor:
        """Return what the trained layers take of a batch."""
        if self._frozen is None:
            return values.expand(-1, self._network.channels, -1, -1)
        if self._train_features is None:
            few = torch.split(values, self._plan.films_at_once or len(values))
            made = [self._frozen(some) for some in few]
            values = made[0] if len(made) == 1 else torch.cat(made)
        return self._frozen.for_trained_layers(values)

    def _features(self, frozen: FrozenPart, part: FilmPart, views: Views | None = None) -> Features:
        return Features(
            frozen,
            part,
            views=views,
            cache_dir=self._plan.cache_dir,
            films_at_once=self._plan.films_at_once,
            progress=self._plan.progress,
        )


def keeps_features(augment: AugmentSection) -> bool:
    """Return whether fixed layers see each training film, or each of its views, only once."""
    return augment.views > 0 or not changes_films(augment)


def epochs_through_fixed_layers(train: TrainSection, augment: AugmentSection) -> int:
    """Return in how many epochs of a training the fixed layers are shown the training films."""
    if not keeps_features(augment):
        return train.epochs
    return min(train.epochs, augment.views) if changes_films(augment) else 1


def n_through_fixed_layers(
    films: TrainingFilms, train: TrainSection, augment: AugmentSection
) -> int:
    """Return how many training films the fixed layers are shown in all."""
    return epochs_through_fixed_layers(train, augment) * len(films.train)


def to_device(values: Tensor, device: torch.device) -> Tensor:
    """Return values on a device; a GPU takes them while it computes."""
    if device.type == "cpu":
        return values
    return values.pin_memory().to(device, non_blocking=True)
