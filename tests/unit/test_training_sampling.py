import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.utils.class_weight import compute_class_weight

from carina.domain.recipe import TrainSection
from carina.training.chance import derived_rng, derived_seed
from carina.training.loading import times_shown
from carina.training.sampling import class_weights, epoch_order, loss_weights


@given(labels=st.lists(st.integers(0, 3), min_size=4, max_size=50))
def test_class_weights_are_scikit_learns_balanced_ones(labels):
    labels = np.array([*labels, 0, 1, 2, 3])
    wanted = compute_class_weight("balanced", classes=np.arange(4), y=labels)
    np.testing.assert_allclose(class_weights(labels, 4), wanted)


def test_a_class_without_films_weighs_nothing():
    assert class_weights(np.array([0, 0, 2, 2]), 3).tolist() == [2 / 3, 0, 2 / 3]


def test_weights_are_taken_only_where_the_recipe_asks():
    labels = np.array([0, 0, 0, 1])
    assert loss_weights(labels, 2, TrainSection()) is None
    assert loss_weights(labels, 2, TrainSection(weighting="balanced-sampling")) is None
    asked = loss_weights(labels, 2, TrainSection(weighting="class-weights"))
    assert asked.tolist() == pytest.approx([2 / 3, 2])


@pytest.mark.parametrize("weighting", ["none", "class-weights"])
def test_an_epoch_shows_every_film_once_in_another_order_each_time(weighting):
    labels = np.arange(50) % 2
    orders = [
        epoch_order(labels, derived_rng(0, "order", epoch), weighting=weighting)
        for epoch in (1, 2, 1)
    ]
    assert all(sorted(order) == list(range(50)) for order in orders)
    assert orders[0].tolist() == orders[2].tolist() != orders[1].tolist()


@given(counts=st.lists(st.integers(1, 30), min_size=2, max_size=4), seed=st.integers(0, 99))
def test_balanced_sampling_shows_the_classes_equally_often(counts, seed):
    labels = np.repeat(np.arange(len(counts)), counts)
    order = epoch_order(labels, np.random.default_rng(seed), weighting="balanced-sampling")
    assert order.size == labels.size
    shown = np.bincount(labels[order], minlength=len(counts))
    assert shown.max() - shown.min() <= 1
    for label in range(len(counts)):
        times = np.bincount(order, minlength=labels.size)[labels == label]
        assert times.max() - times.min() <= 1


def test_a_film_shown_again_in_an_epoch_is_told_apart():
    assert times_shown(np.array([5, 2, 5, 5, 2])).tolist() == [0, 0, 1, 2, 1]


def test_derived_seeds_tell_their_facts_apart():
    seeds = {
        derived_seed(*facts) for facts in [(1, 23), (12, 3), (1, "2", 3), (1, 2, "3x"), (0, 1, 23)]
    }
    assert len(seeds) == 5
    assert all(0 <= seed < 2**63 for seed in seeds)
