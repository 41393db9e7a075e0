"""Training behind fixed layers: from kept features as by passing every image through."""

import math

import pytest
import torch

from carina.domain.recipe import AugmentSection, TrainSection
from carina.training.fit import fit
from carina.training.frozen_part import FrozenPart
from carina.training.loading import view_shown
from carina.training.precision import PrecisionChoice
from carina.training.scoring import figures, torch_logits
from making.backbones import tiny_backbone
from making.training_films import easy_films

FP32 = PrecisionChoice("fp32", "the test says so")
BF16 = PrecisionChoice("bf16", "the test says so")
PLAIN = AugmentSection()
FRESH = AugmentSection(zoom=0.1, horizontal_flip=True)
VIEWS = AugmentSection(zoom=0.1, horizontal_flip=True, views=2)


def fitted(network, *, augment=PLAIN, precision=FP32, cache_dir=None, films=None, **train):
    section = TrainSection(**{"epochs": 4, "batch_size": 16, "threads": 1, **train})
    return fit(
        network,
        films or easy_films(40, 20),
        train=section,
        augment=augment,
        precision=precision,
        cache_dir=cache_dir,
    )


def through_the_whole_network(monkeypatch):
    """Let a training pass every image through every layer, in every epoch."""
    monkeypatch.setattr("carina.training.feed.with_frozen_part", lambda network: None)


def without_time(history):
    return [{**row, "seconds": 0.0} for row in history]


def assert_same_history(one, other, within):
    for row, again in zip(without_time(one), without_time(other), strict=True):
        for name, value in row.items():
            assert again[name] == pytest.approx(value, abs=within, nan_ok=True), name


@pytest.fixture
def films_computed(monkeypatch):
    counts = []
    whole = FrozenPart.__call__

    def counting(self, films):
        counts.append((len(films), self.bf16))
        return whole(self, films)

    monkeypatch.setattr(FrozenPart, "__call__", counting)
    return counts


@pytest.mark.parametrize("on_disk", [True, False])
@pytest.mark.parametrize("augment", [PLAIN, VIEWS, FRESH])
@pytest.mark.parametrize("trained", ["head", "last-block"])
def test_the_history_is_that_of_passing_every_image_through(
    trained, augment, on_disk, tmp_path, monkeypatch
):
    cache_dir = tmp_path if on_disk else None
    short = fitted(tiny_backbone(trained, dropout=0.3), augment=augment, cache_dir=cache_dir)
    through_the_whole_network(monkeypatch)
    long = fitted(tiny_backbone(trained, dropout=0.3), augment=augment)
    # 1e-5: a batch of another size may be added up in another order
    assert_same_history(short.history, long.history, within=1e-5)
    for name, values in long.last_state.items():
        torch.testing.assert_close(short.last_state[name], values, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("weighting", ["class-weights", "balanced-sampling"])
def test_weighting_works_from_features_as_from_films(weighting, monkeypatch):
    short = fitted(tiny_backbone(), augment=VIEWS, weighting=weighting)
    through_the_whole_network(monkeypatch)
    long = fitted(tiny_backbone(), augment=VIEWS, weighting=weighting)
    assert_same_history(short.history, long.history, within=1e-5)


def test_films_without_changes_are_computed_once_for_all_epochs(films_computed):
    fitted(tiny_backbone())
    assert sum(n for n, _ in films_computed) == 40 + 20


def test_films_with_views_are_computed_once_for_each(films_computed):
    fitted(tiny_backbone(), augment=VIEWS)
    assert sum(n for n, _ in films_computed) == 2 * 40 + 20


def test_with_fresh_changes_only_the_validation_films_are_kept(films_computed):
    fitted(tiny_backbone(), augment=FRESH)
    assert sum(n for n, _ in films_computed) == 4 * 40 + 20


def test_a_second_training_finds_the_features_of_the_first(films_computed, tmp_path):
    first = fitted(tiny_backbone(), cache_dir=tmp_path)
    n_first = sum(n for n, _ in films_computed)
    again = fitted(tiny_backbone(), cache_dir=tmp_path)
    assert sum(n for n, _ in films_computed) == n_first
    assert without_time(first.history) == without_time(again.history)


def test_validation_is_answered_in_fp32_and_training_films_in_the_chosen_precision(
    films_computed,
):
    network = tiny_backbone()
    result = fitted(network, precision=BF16)
    assert sum(n for n, bf16 in films_computed if bf16) == 40
    assert sum(n for n, bf16 in films_computed if not bf16) == 20
    films = easy_films(40, 20)
    answers = torch_logits(network, films.validation)
    found = figures(answers, films.validation.labels)
    assert result.history[-1]["val_loss"] == pytest.approx(found["loss"], abs=1e-5)


def test_new_dense_layers_compute_in_fp32_and_a_trained_block_in_the_chosen_precision():
    for trained, wanted in (("head", torch.float32), ("last-block", torch.bfloat16)):
        network, seen = tiny_backbone(trained), set()
        network.head.output.register_forward_hook(
            lambda module, _inputs, output, seen=seen, network=network: (
                seen.add(output.dtype) if network.training else None
            )
        )
        fitted(network, precision=BF16, epochs=1)
        assert seen == {wanted}


@pytest.mark.parametrize("augment", [PLAIN, FRESH])
def test_fixed_layers_are_left_as_they_were(augment):
    network = tiny_backbone("last-block")
    before = {name: tensor.clone() for name, tensor in network.stages[:2].state_dict().items()}
    fitted(network, augment=augment, precision=BF16)
    after = network.stages[:2].state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)


@pytest.mark.parametrize("trained", ["head", "last-block", "all"])
def test_the_trained_layers_learn(trained):
    result = fitted(tiny_backbone(trained), epochs=8, learning_rate=0.01)
    assert result.history[-1]["loss"] < result.history[0]["loss"]
    assert not math.isnan(result.history[-1]["val_auc_macro"])


def test_epochs_show_views_in_turn():
    assert [view_shown(VIEWS, epoch) for epoch in range(1, 6)] == [1, 2, 1, 2, 1]
    assert [view_shown(FRESH, epoch) for epoch in range(1, 4)] == [1, 2, 3]


def test_views_hold_for_networks_without_fixed_layers_too():
    """With as many views as epochs, they are those of fresh changes."""
    fresh = fitted(tiny_backbone("all"), augment=FRESH)
    as_many = fitted(tiny_backbone("all"), augment=FRESH.model_copy(update={"views": 4}))
    fewer = fitted(tiny_backbone("all"), augment=VIEWS)
    assert without_time(fresh.history) == without_time(as_many.history)
    assert without_time(fresh.history)[:2] == without_time(fewer.history)[:2]
    assert without_time(fresh.history)[2:] != without_time(fewer.history)[2:]


def test_a_part_of_the_films_may_be_known_before(tmp_path, films_computed):
    fitted(tiny_backbone(), cache_dir=tmp_path, films=easy_films(24, 20))
    fitted(tiny_backbone(), cache_dir=tmp_path, films=easy_films(24, 20), seed=4, epochs=2)
    assert sum(n for n, _ in films_computed) == 24 + 20
