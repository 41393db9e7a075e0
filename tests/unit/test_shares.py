"""How several workers share a batch, in one process."""

import copy

import numpy as np
import pytest
import torch
import torch.distributed as dist

from carina.domain.input_spec import InputSpec
from carina.domain.recipe import AugmentSection, NetworkSection, TrainSection
from carina.errors import (
    CarinaError,
    ClassifierError,
    StorageError,
    TrainingError,
    UsageError,
    error_of_code,
)
from carina.imaging.prepare import from_levels
from carina.models.build import build_network
from carina.models.weights import weights_from_bytes
from carina.training.checkpoints import Checkpoints
from carina.training.distributed.channel import Channel, Ended
from carina.training.distributed.fit import fit_distributed
from carina.training.distributed.layers import BatchInHand, share_layers
from carina.training.distributed.loop import work
from carina.training.distributed.together import leave_group
from carina.training.divergence import DivergedError
from carina.training.fit import fit
from carina.training.precision import PrecisionChoice
from carina.training.share import Share
from carina.training.step import add_gradients
from making.training_films import easy_films, small_network

FP32 = PrecisionChoice("fp32", "a test")


@pytest.mark.parametrize("n", [1, 2, 3, 7, 32])
@pytest.mark.parametrize("size", [1, 2, 3])
def test_every_film_of_a_batch_counts_as_much_as_every_other(n, size):
    shares = [Share(rank, size) for rank in range(size)]
    counted = np.zeros(n)
    for share in shares:
        counted[share.rows(n)] += share.weight(n) / share.n_rows(n)
    assert np.allclose(counted, 1 / n)


def test_the_batches_of_all_workers_are_those_of_one_process():
    every = [Share(rank, 3).of_batches(20, 8) for rank in range(3)]
    shown = [
        sorted(place for own in step for place in range(20)[own])
        for step in zip(*every, strict=True)
    ]
    assert shown == [list(range(8)), list(range(8, 16)), list(range(16, 20))]


@pytest.mark.parametrize("films_at_once", [0, 3])
def test_the_gradient_of_all_workers_is_that_of_one_process_with_its_dropout(films_at_once):
    films = easy_films(15).train
    images = torch.from_numpy(from_levels(films.read_levels(films.keys))).unsqueeze(1)
    labels = torch.from_numpy(films.labels)
    network = small_network().train()
    one = _gradients(network, images, labels, n=15)
    summed = {name: torch.zeros_like(value) for name, value in one.items()}
    for share in (Share(0, 2), Share(1, 2)):
        own, batch = copy.deepcopy(network), BatchInHand(share)
        share_layers(own, batch)
        batch.n = 15
        rows = share.rows(15)
        found = _gradients(
            own, images[rows], labels[rows], n=share.n_rows(15), at_once=films_at_once
        )
        for name, value in summed.items():
            value.add_(found[name], alpha=share.weight(15))
    for name, value in one.items():
        # Sums of 15 films in another order; a mask of another film would be off by 1e-3.
        assert torch.allclose(value, summed[name], atol=1e-6), name


def test_an_error_of_a_worker_keeps_its_kind_and_its_sentence(tmp_path):
    channel = Channel(tmp_path)
    channel.end(Ended("failed", "storage", "no room"))
    channel.end(Ended("failed", "training", "said too late"))
    error = channel.ended.error()
    assert isinstance(error, StorageError)
    assert str(error) == "no room"
    assert type(error_of_code("classifier", "x")) is ClassifierError
    assert type(error_of_code("image", "needs a code of its own")) is CarinaError


def test_more_workers_than_films_in_a_batch_are_refused(tmp_path):
    with pytest.raises(UsageError, match="at most as many workers as films"):
        _fit(tmp_path, small_network(), workers=9, batch_size=8)


def test_shares_that_do_not_fit_at_once_are_refused_where_batches_are_normalised(tmp_path):
    section = NetworkSection(architecture="efficientnet-lite0")
    network = build_network(section, spec=InputSpec(height=64, width=64), n_classes=2, seed=0)
    with pytest.raises(UsageError, match="normalises by whole batches"):
        _fit(tmp_path, network, workers=2, batch_size=8, films_at_once=2)


def test_workers_that_end_without_a_word_are_an_error_and_leave_no_folder(tmp_path):
    with pytest.raises(TrainingError, match="without a word"):
        _fit(tmp_path, small_network(), workers=2, batch_size=8)
    assert list(tmp_path.iterdir()) == []


def test_the_last_checkpoint_holds_nothing_that_steps_need(tmp_path):
    """As that of one process does; it is read by whoever waits for the workers."""
    folder, films = tmp_path / "checkpoints", easy_films(8, 4)
    section = TrainSection(batch_size=4, epochs=1, threads=1)
    checkpoints = Checkpoints(folder, identity={}, circumstances={})
    fitted, _ = fit_distributed(
        small_network(), films, train=section, augment=AugmentSection(), precision=FP32,
        cache_dir=None, checkpoints=checkpoints, folder=folder, launch=here, workers=1,
    )  # fmt: skip
    alone = tmp_path / "alone"
    one = fit(
        small_network(), films, train=section, augment=AugmentSection(), precision=FP32,
        checkpoints=Checkpoints(alone, identity={}, circumstances={}),
    )  # fmt: skip
    kept, wanted = (
        weights_from_bytes(max(place.glob("*.safetensors")).read_bytes(), name="it")[0]
        for place in (folder, alone)
    )
    assert kept.keys() == wanted.keys()
    assert not any(name.startswith("exp_avg") for name in kept)
    assert fitted.best_epoch == one.best_epoch == 1
    for name, values in one.best_state.items():
        assert torch.equal(fitted.best_state[name], values), name


def test_weights_that_are_no_numbers_are_noticed_as_by_one_process(tmp_path):
    section = TrainSection(batch_size=8, epochs=1, threads=1, learning_rate=1e39)
    own, checkpoints = (
        Checkpoints(tmp_path / name, identity={}, circumstances={}) for name in ("one", "workers")
    )
    shared = {"train": section, "augment": AugmentSection(), "precision": FP32}
    with pytest.raises(DivergedError, match="no finite numbers after epoch 1") as by_one:
        fit(small_network(), easy_films(8, 4), checkpoints=own, **shared)
    with pytest.raises(DivergedError) as by_workers:
        fit_distributed(
            small_network(), easy_films(8, 4), cache_dir=None, checkpoints=checkpoints,
            folder=tmp_path / "workers", launch=here, workers=1, **shared,
        )  # fmt: skip
    assert str(by_workers.value) == str(by_one.value)


def here(job, look):
    """Launch a group of one in this process."""
    meeting = f"file://{job.channel / 'meeting'}"
    dist.init_process_group("gloo", init_method=meeting, rank=0, world_size=1)
    try:
        work(job, Share(0, 1))
    finally:
        leave_group()
    look()


def _fit(folder, network, *, workers, batch_size, films_at_once=0):
    return fit_distributed(
        network,
        easy_films(8, 4),
        train=TrainSection(batch_size=batch_size),
        augment=None,
        precision=FP32,
        cache_dir=None,
        films_at_once=films_at_once,
        checkpoints=Checkpoints(folder, identity={}, circumstances={}),
        folder=folder,
        launch=lambda job, look: look(),
        workers=workers,
    )


def _gradients(network, images, labels, *, n, at_once=0):
    torch.manual_seed(5)
    size = at_once or len(labels)
    for some, truth in zip(images.split(size), labels.split(size), strict=True):
        add_gradients(network, some, labels=truth, weights=None, n_films=n, bf16=False)
    return {name: value.grad for name, value in network.named_parameters()}
