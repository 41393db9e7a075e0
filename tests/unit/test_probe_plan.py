"""How much of a training its masked probe repeats."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from carina.workflows.probe_plan import ProbePlan, Sizes, Work, evenly_chosen, plan_probe

FILMS = Sizes(train=1000, validation=200, test=300)


def work_of(plan: ProbePlan, work: Work, films: Sizes) -> float:
    """What a plan takes, in the training's unit."""
    share = plan.films.train / films.train
    return share * sum(work.epochs[: plan.epochs]) + plan.films.test * work.answer


@given(
    epochs=st.lists(st.floats(0.5, 500), min_size=1, max_size=60),
    answer=st.floats(0, 0.2),
    n_train=st.integers(400, 100_000),
)
def test_a_probe_takes_at_most_a_quarter_of_the_trainings_work(epochs, answer, n_train):
    films = Sizes(n_train, n_train // 5, n_train // 5)
    work = Work(tuple(epochs), answer)
    plan = plan_probe(work, films)
    is_the_least = plan.films.train <= 64 or plan.films.test <= 100
    assert work_of(plan, work, films) <= 0.25 * sum(work.epochs) or is_the_least


@pytest.mark.parametrize(
    ("n_epochs", "probe_epochs", "n_train"),
    [(1, 1, 188), (2, 1, 375), (4, 1, 750), (5, 1, 1000), (8, 2, 750), (20, 4, 1000)],
)
def test_epochs_are_cut_first_and_films_where_one_epoch_is_too_much(
    n_epochs, probe_epochs, n_train
):
    plan = plan_probe(Work((10.0,) * n_epochs, 0.001), FILMS)
    assert (plan.epochs, plan.films.train) == (probe_epochs, n_train)
    assert plan.films.validation == max(64, round(200 * n_train / 1000))
    assert plan.films.test == 300


def test_an_epoch_that_only_the_first_time_is_long_is_counted_with_its_own_work():
    """Layers that are held fixed see each film once: later epochs cost next to nothing."""
    plan = plan_probe(Work((100.0, *(1.0,) * 10), 0.0), FILMS)
    assert plan == ProbePlan(6, Sizes(250, 64, 300))


def test_test_films_are_cut_where_answering_them_takes_half_of_it():
    films = Sizes(1000, 200, 2000)
    plan = plan_probe(Work((200.0,) * 5, 0.2), films)
    assert plan.films.test == 600
    assert plan_probe(Work((20.0,) * 5, 0.2), films).films.test == 100


def test_a_tiny_training_has_a_probe_of_few_films_but_not_of_none():
    assert plan_probe(Work((0.1,), 0.01), Sizes(24, 8, 12)) == ProbePlan(1, Sizes(24, 8, 12))
    assert plan_probe(Work((10.0,), 0.01), Sizes(200, 70, 12)).films == Sizes(64, 64, 12)


def test_chosen_films_keep_the_shares_of_the_classes_and_none_is_lost():
    labels = np.array([0] * 80 + [1] * 17 + [2] * 3)
    chosen = evenly_chosen(labels, 20, np.random.default_rng(0))
    assert np.bincount(labels[chosen]).tolist() == [15, 4, 1]
    assert evenly_chosen(labels, 3, np.random.default_rng(0)).size == 3
    assert set(labels[evenly_chosen(labels, 3, np.random.default_rng(0))]) == {0, 1, 2}


def test_all_films_stay_in_their_order_and_fewer_films_are_among_more():
    labels = np.arange(50) % 3
    assert evenly_chosen(labels, 50, np.random.default_rng(1)).tolist() == list(range(50))
    few, more = (set(evenly_chosen(labels, n, np.random.default_rng(1))) for n in (12, 30))
    assert few < more
