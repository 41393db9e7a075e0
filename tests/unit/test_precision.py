import json

import pytest
import torch

from carina.domain.recipe import TrainSection
from carina.training import precision
from carina.training.precision import choose_precision, cpu_has_bf16, step_seconds
from making.training_films import SMALL, small_network

TRAIN = TrainSection(batch_size=8, threads=1)


def chosen(cache_file=None, network=None, **train):
    return choose_precision(
        network or small_network(),
        SMALL,
        train=TRAIN.model_copy(update=train),
        cache_file=cache_file,
    )


@pytest.fixture
def with_bf16(monkeypatch):
    monkeypatch.setattr(precision, "cpu_has_bf16", lambda: True)


@pytest.fixture
def without_bf16(monkeypatch):
    monkeypatch.setattr(precision, "cpu_has_bf16", lambda: False)


def test_what_the_recipe_names_is_taken_untimed():
    choice = chosen(precision="fp32")
    assert (choice.name, choice.step_seconds) == ("fp32", {})
    assert "train.precision = fp32" in choice.reason


def test_bf16_that_the_cpu_lacks_is_taken_with_a_word(without_bf16):
    choice = chosen(precision="bf16")
    assert choice.name == "bf16"
    assert "slower" in choice.reason


def test_a_cpu_without_bf16_computes_in_fp32(without_bf16):
    assert chosen().name == "fp32"
    assert "no bf16 instructions" in chosen().reason


def test_auto_takes_the_faster_and_records_both_times(with_bf16):
    choice = chosen()
    assert set(choice.step_seconds) == {"fp32", "bf16"}
    assert choice.name == min(choice.step_seconds, key=choice.step_seconds.__getitem__)
    assert "timed now" in choice.reason


def test_the_timing_touches_neither_weights_nor_chance_nor_threads(with_bf16):
    network = small_network().train()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    chance, threads = torch.get_rng_state(), torch.get_num_threads()
    step_seconds(network, SMALL, train=TRAIN)
    assert all(torch.equal(before[n], t) for n, t in network.state_dict().items())
    assert torch.equal(chance, torch.get_rng_state())
    assert torch.get_num_threads() == threads
    assert network.training
    assert all(p.grad is None for p in network.parameters())


def test_a_timing_is_made_once_for_a_machine_network_and_batch(with_bf16, tmp_path):
    cache = tmp_path / "cache" / "precision.json"
    first = chosen(cache)
    again = chosen(cache)
    assert again.step_seconds == first.step_seconds
    assert again.name == first.name
    assert "timed earlier" in again.reason
    assert "timed now" in chosen(cache, batch_size=4).reason
    assert "timed now" in chosen(cache, network=small_network(3)).reason
    assert len(json.loads(cache.read_text())) == 3


@pytest.mark.parametrize("content", ["", "{", "[]", '{"x": 1}', '{"x": {"fp32": "fast"}}'])
def test_a_damaged_cache_is_written_anew(with_bf16, tmp_path, content):
    cache = tmp_path / "precision.json"
    cache.write_text(content)
    assert "timed now" in chosen(cache).reason
    assert "timed earlier" in chosen(cache).reason


def test_the_cpu_says_whether_it_has_bf16():
    assert cpu_has_bf16() in (True, False)
