import copy

import numpy as np
import pytest
import torch
from torch import nn

from carina.domain.input_spec import InputSpec
from carina.domain.recipe import AugmentSection, NetworkSection, TrainSection
from carina.errors import StoppedBySignal, TrainingError
from carina.files.memory import FreeMemory
from carina.models.architectures import ARCHITECTURES
from carina.models.build import build_network
from carina.models.network import set_memory_layout
from carina.training.checkpoints import Checkpoints
from carina.training.films import TrainingFilms
from carina.training.fit import fit
from carina.training.memory import (
    Work,
    choose_memory,
    memory_as_before,
    needed_bytes,
    telling_of_memory,
)
from carina.training.peak import HeldBytes, Sketches
from carina.training.precision import PrecisionChoice
from carina.training.step import adam, part_sizes, training_step
from making.training_films import SMALL, easy_films, easy_part, small_network

CPU = torch.device("cpu")
FP32 = PrecisionChoice("fp32", "the test says so")
LARGE = InputSpec(height=256, width=256)


def work(network=None, *, batch=32, precision="fp32", spec=LARGE, augment=None):
    return Work(
        network or small_network(spec=spec),
        spec,
        TrainSection(batch_size=batch),
        augment or AugmentSection(),
        precision,
    )


def free(n_bytes):
    return FreeMemory(round(n_bytes), "of the test")


# What a step holds.


def step(network, images, labels):
    nn.functional.cross_entropy(network(images), labels, reduction="sum").backward()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["two-conv", "conv-stack", "vgg16"])
def test_a_sketched_step_holds_what_a_real_one_does(name):
    spec = InputSpec(height=64, width=64, channels=3)
    network = build_network(NetworkSection(architecture=name), spec=spec, n_classes=2, seed=0)
    set_memory_layout(network.train(), torch.channels_last)
    sketches = Sketches(CPU)
    sketch = sketches.network(network, training=True)
    images, labels = sketches.images(spec, 3), sketches.values(3, dtype=torch.int64)
    with sketches.held(*sketch.parameters(), *sketch.buffers(), images, labels) as sketched:
        step(sketch, images, labels)
    assert all(parameter.grad is None for parameter in network.parameters())
    images, labels = torch.rand(3, 1, 64, 64).expand(-1, 3, -1, -1), torch.tensor([0, 1, 0])
    with HeldBytes((*network.parameters(), *network.buffers(), images, labels)) as real:
        step(network, images, labels)
    # A real operation may ask for a place to work in that its sketch has no need of.
    assert sketched.most == pytest.approx(real.most, rel=0.02)


@pytest.mark.slow
@pytest.mark.parametrize("name", ARCHITECTURES.names())
def test_every_architecture_can_be_sketched(name):
    spec = InputSpec(height=64, width=64, channels=3)
    network = build_network(NetworkSection(architecture=name), spec=spec, n_classes=2, seed=0)
    for precision in ("fp32", "bf16"):
        assert needed_bytes(work(network, spec=spec, precision=precision, batch=4), 2) > 0


def test_neither_the_network_nor_chance_are_touched_and_the_number_is_always_the_same():
    network = small_network(spec=LARGE)
    state, chance = copy.deepcopy(network.state_dict()), torch.get_rng_state()
    numbers = {needed_bytes(work(network), 8) for _ in range(2)}
    assert len(numbers) == 1
    assert torch.equal(chance, torch.get_rng_state())
    assert all(torch.equal(state[name], one) for name, one in network.state_dict().items())


def test_more_films_at_once_need_more_and_bf16_needs_less():
    network = build_network(
        NetworkSection(architecture="conv-stack"), spec=LARGE, n_classes=2, seed=0
    )
    few, many = (needed_bytes(work(network), n) for n in (16, 32))
    assert few < many
    assert needed_bytes(work(network, precision="bf16"), 32) < many


# What is chosen.


def test_where_there_is_room_or_nobody_knows_whole_batches_are_taken():
    for there in (free(1e12), None):
        choice = choose_memory(work(), there)
        assert not choice.is_split
        assert choice.at_once == 0
        assert choice.needed_bytes == choice.whole_bytes
        assert choice.cautions == ()


def test_a_batch_is_split_into_the_largest_equal_parts_that_fit_and_that_is_said():
    there = free((needed_bytes(work(), 11) + 1000) / 0.95)
    choice = choose_memory(work(), there)
    assert choice.films_at_once == choice.at_once == 8  # 9, 10 and 11 do not divide 32
    assert choice.needed_bytes <= there.n_bytes < choice.whole_bytes
    assert choice.sentence.startswith("batch 32 is taken in 4 parts of 8: one of 32 needs about ")
    assert "of the test are free" in choice.sentence
    assert choice.cautions == ("dropout draws other values than for a whole batch",)
    assert choice.facts()["films_at_once"] == 8


def test_a_batch_that_has_no_equal_parts_is_split_into_nearly_equal_ones():
    there = free((needed_bytes(work(batch=17), 6) + 1000) / 0.95)
    choice = choose_memory(work(batch=17), there)
    assert choice.films_at_once == 6
    assert "3 parts of 6 at most" in choice.sentence


def test_batch_normalisation_by_parts_is_a_caution():
    section = NetworkSection(
        architecture="conv-stack", options={"filters": (8, 8), "batch_norm": True}
    )
    network = build_network(section, spec=LARGE, n_classes=2, seed=0)
    choice = choose_memory(work(network), free((needed_bytes(work(network), 16) + 1000) / 0.95))
    assert choice.cautions[0].startswith(
        "batch normalisation sees 16 films at a time instead of 32"
    )


def test_too_little_for_one_film_is_refused_with_what_is_needed_and_what_to_do():
    with pytest.raises(
        TrainingError, match=r"for one film at a time.*input\.height=128"
    ) as refused:
        choose_memory(work(), free(1e6))
    assert "0.001 GB of the test are free" in str(refused.value)
    assert refused.value.exit_code == 1


def test_what_was_chosen_before_is_kept_whatever_there_is_now():
    assert memory_as_before(work(), 0, free(1e12)).at_once == 0
    kept = memory_as_before(work(), 8, free(1e6))
    assert kept.at_once == 8
    assert "give it more memory" in kept.cautions[0]
    assert memory_as_before(work(), 8, free(1e12)).cautions == ()


def test_memory_that_runs_out_all_the_same_is_told_with_what_to_do():
    choice = choose_memory(work(), free(1e12))
    for error in (
        MemoryError(),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"),
    ):
        said = pytest.raises(TrainingError, match=r"ran out.*CARINA_MEMORY_MB=")
        with said, telling_of_memory(choice):
            raise error
    with pytest.raises(RuntimeError, match="else"), telling_of_memory(choice):
        raise RuntimeError("something else")


# What parts compute.


@pytest.mark.parametrize(
    ("dtype", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 1e-6)]
)  # fmt: skip
@pytest.mark.parametrize("n_films", [32, 13])  # a whole batch, and a last one
def test_parts_give_the_gradients_of_the_whole_batch(monkeypatch, dtype, tolerance, n_films):
    monkeypatch.setattr(torch.Tensor, "float", lambda values: values)  # the step's own rounding
    weights = torch.tensor([0.3, 1.7], dtype=dtype)
    chance = torch.Generator().manual_seed(1)
    images = torch.rand(n_films, 1, 32, 32, generator=chance, dtype=dtype)
    labels = torch.randint(0, 2, (n_films,), generator=chance)
    taken = []
    for films_at_once in (0, 8):
        network = small_network(dropout_maps=0.0, dropout_features=0.0).to(dtype).train()
        optimizer = adam(network, TrainSection())
        loss, logits = training_step(
            network, optimizer, images=images, labels=labels, weights=weights, bf16=False,
            films_at_once=films_at_once,
        )  # fmt: skip
        taken.append((loss, logits, [one.grad for one in network.parameters()]))
    (loss, logits, whole), (other_loss, other_logits, parts) = taken
    assert other_loss == pytest.approx(float(loss), rel=tolerance)
    assert torch.allclose(logits, other_logits, rtol=0, atol=tolerance)
    for one, other in zip(whole, parts, strict=True):
        assert float((one - other).abs().max()) <= tolerance * max(1.0, float(one.abs().max()))


def test_parts_differ_by_one_film_at_most():
    for n, at_once in ((32, 8), (13, 8), (17, 6), (9, 8), (1, 8), (5, 5)):
        sizes = part_sizes(n, at_once)
        assert sum(sizes) == n
        assert max(sizes) <= at_once
        assert max(sizes) - min(sizes) <= 1
        assert len(sizes) == -(-n // at_once)


def trained(films_at_once, *, checkpoints=None, network=None, **sections):
    return fit(
        network or small_network(dropout_maps=0.0, dropout_features=0.0),
        easy_films(40, 20),
        train=TrainSection(epochs=2, batch_size=16, threads=1),
        augment=sections.get("augment", AugmentSection(zoom=0.1, horizontal_flip=True)),
        precision=FP32,
        films_at_once=films_at_once,
        checkpoints=checkpoints,
    )


def distance(one, other):
    return max(float((one[n] - other[n]).abs().max()) for n in one)


def test_as_many_at_once_as_a_batch_has_changes_no_bit():
    whole, at_once = trained(0), trained(16)
    assert distance(whole.last_state, at_once.last_state) == 0
    assert distance(whole.best_state, at_once.best_state) == 0


def test_a_training_by_parts_sees_the_same_films_and_learns_the_same():
    whole, parts = trained(0), trained(4)
    assert 0 < distance(whole.last_state, parts.last_state) < 1e-4
    for one, other in zip(whole.history, parts.history, strict=True):
        assert one["loss"] == pytest.approx(other["loss"], abs=1e-4)


class StopsOnce:
    """A clock that asks for the end at one of its strokes."""

    def __init__(self, at):
        self.at, self.strokes, self.checkpoints = at, 0, None

    def __call__(self):
        self.strokes += 1
        if self.strokes == self.at:
            self.checkpoints.stop_signal = 15
        return 1e6 * self.strokes


def kept_in(folder, *, stop_at=0):
    clock = StopsOnce(stop_at)
    clock.checkpoints = Checkpoints(folder, identity={}, circumstances={}, clock=clock)
    return clock.checkpoints


def test_a_training_by_parts_that_is_stopped_ends_with_the_same_bits(tmp_path):
    def network():
        return small_network(dropout_features=0.3)

    whole = trained(5, network=network())
    with pytest.raises(StoppedBySignal):
        trained(5, network=network(), checkpoints=kept_in(tmp_path, stop_at=5))
    resumed = trained(5, network=network(), checkpoints=kept_in(tmp_path))
    assert distance(whole.last_state, resumed.last_state) == 0
    assert distance(whole.best_state, resumed.best_state) == 0


@pytest.mark.slow
@pytest.mark.parametrize("zoom", [0.0, 0.1])
def test_fixed_layers_see_as_few_films_at_a_time(zoom):
    spec = InputSpec(height=32, width=32, channels=3)
    network = build_network(
        NetworkSection(architecture="vgg16"), spec=spec, n_classes=2, seed=0
    )  # fmt: skip
    network.freeze("last-block")
    most = []
    network.stages[0].register_forward_hook(lambda _, inputs, __: most.append(len(inputs[0])))
    films = TrainingFilms(easy_part(8, spec=SMALL), easy_part(6, seed=2, spec=SMALL), spec)
    fit(
        network,
        films,
        train=TrainSection(epochs=1, batch_size=8, threads=1),
        augment=AugmentSection(zoom=zoom),
        precision=FP32,
        films_at_once=2,
    )
    assert max(most) == 2
    assert np.sum(most) >= 14
