import json

import pytest
import torch

from carina.domain.recipe import TrainSection
from carina.training import precision
from carina.training.precision import (
    PrecisionChoice,
    choose_precision,
    cpu_has_bf16,
    expected_step_seconds,
    step_seconds,
)
from making.backbones import tiny_backbone
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


def batch_sizes_of_the_probe(network, **train):
    """Return how many films each step of the probe took."""
    seen = []
    whole = type(network).forward

    class Watched(type(network)):
        def forward(self, images):
            seen.append(len(images))
            return whole(self, images)

    network.__class__ = Watched
    seconds = step_seconds(network, SMALL, train=TRAIN.model_copy(update=train))
    return seen, seconds


def test_a_small_network_is_timed_on_whole_batches(monkeypatch):
    monkeypatch.setattr(precision, "_DECISIVE", 1e9)
    seen, seconds = batch_sizes_of_the_probe(small_network(), batch_size=64)
    assert seen[:4] == [2] * 4
    assert seen[4:] == [64] * 2 * (1 + 3)
    assert seconds["fp32"] > 0


def test_nothing_more_is_timed_once_one_precision_is_far_ahead(monkeypatch):
    monkeypatch.setattr(precision, "_DECISIVE", 0.0)
    assert batch_sizes_of_the_probe(small_network(), batch_size=64)[0] == [2] * 4 + [64] * 4
    monkeypatch.setattr(precision, "_TELLING_S", 0.0)
    assert batch_sizes_of_the_probe(small_network(), batch_size=64)[0] == [2] * 4


def test_without_time_left_each_precision_takes_a_step_of_few_films_and_one_that_counts(
    monkeypatch,
):
    monkeypatch.setattr(precision, "_BUDGET_S", 0.0)
    seen, _ = batch_sizes_of_the_probe(small_network(), batch_size=64)
    assert seen == [2] * 4


def test_seconds_of_few_films_are_scaled_to_the_batch(monkeypatch):
    monkeypatch.setattr(precision, "_BUDGET_S", 0.0)
    rounds = {"fp32": [0.5], "bf16": [0.25]}
    monkeypatch.setattr(precision, "_rounds", lambda *_, **__: rounds)
    train = TRAIN.model_copy(update={"batch_size": 64})
    assert step_seconds(small_network(), SMALL, train=train) == {"fp32": 16.0, "bf16": 8.0}


def test_one_thread_is_timed_on_films_enough_for_torch_to_take_its_quick_way():
    def narrow_convolution():
        network = small_network()
        network.conv_2 = torch.nn.Conv2d(4, 8, 1)
        network.dense = torch.nn.Linear(7 * 7 * 8, 16)
        return network

    assert batch_sizes_of_the_probe(narrow_convolution(), batch_size=64)[0][0] == 16
    assert batch_sizes_of_the_probe(narrow_convolution(), batch_size=8)[0][0] == 8
    assert batch_sizes_of_the_probe(narrow_convolution(), batch_size=64, threads=2)[0][0] == 2


def probed_behind_fixed_layers(trained):
    """Return the precision of the first fixed layer and of the output, step by step."""
    network, first, last = tiny_backbone(trained), [], []
    network.stages[0][0].register_forward_hook(lambda *seen: first.append(seen[2].dtype))
    network.head.output.register_forward_hook(lambda *seen: last.append(seen[2].dtype))
    step_seconds(network, SMALL, train=TRAIN)
    return set(first), set(last)


def test_fixed_layers_are_timed_in_both_precisions_and_new_dense_layers_in_fp32():
    both = {torch.float32, torch.bfloat16}
    assert probed_behind_fixed_layers("head") == (both, {torch.float32})
    assert probed_behind_fixed_layers("last-block") == (both, both)


def test_the_timing_leaves_fixed_layers_as_they_were(with_bf16):
    network = tiny_backbone("last-block")
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    choose_precision(network, SMALL, train=TRAIN, n_fixed=10)
    assert all(torch.equal(before[n], t) for n, t in network.state_dict().items())


def test_other_trained_layers_are_another_timing(with_bf16, tmp_path):
    cache = tmp_path / "precision.json"
    assert "timed now" in chosen(cache, network=tiny_backbone("head")).reason
    assert "timed now" in chosen(cache, network=tiny_backbone("last-block")).reason
    assert "timed earlier" in chosen(cache, network=tiny_backbone("head", seed=3)).reason


def test_the_expected_seconds_are_those_of_the_precision_that_will_be_chosen(
    with_bf16, tmp_path, monkeypatch
):
    times = {"fp32": 2.0, "bf16": 1.0}
    monkeypatch.setattr(precision, "step_seconds", lambda *_, **__: times)

    def expected(**train):
        section = TRAIN.model_copy(update=train)
        return expected_step_seconds(
            small_network(), SMALL, train=section, cache_file=tmp_path / "p.json"
        )

    assert expected() == expected(precision="bf16") == 1.0
    assert expected(precision="fp32") == 2.0
    assert "timed earlier" in chosen(tmp_path / "p.json").reason


def test_the_facts_of_a_choice_are_plain_values():
    choice = PrecisionChoice(
        "bf16", "why", {"fp32": 2.0, "bf16": 1.0}, "openvino", "it pays", {"start": 3.0}
    )
    assert choice.facts() == {
        "chosen": "bf16",
        "reason": "why",
        "fp32_step_seconds": 2.0,
        "bf16_step_seconds": 1.0,
        "fixed_layers": "openvino",
        "fixed_layers_reason": "it pays",
        "fixed_layers_start_s": 3.0,
    }
    assert PrecisionChoice("fp32", "why").facts() == {"chosen": "fp32", "reason": "why"}


def test_the_cpu_says_whether_it_has_bf16():
    assert cpu_has_bf16() in (True, False)
