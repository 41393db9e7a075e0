"""Shortcuts planted into many data sets; `benchmarks/planted_shortcuts.py` has the full counts."""

import numpy as np
import pytest

from making.planted import CLEAN, SIGNAL_OF, deal, phantom_pool, real_pool
from making.real_films import REAL_FILMS, needs_real_films

N_TRIALS = 10
N_RELABELLINGS = 60
# 1.5 are expected; 5 and more come with two of a hundred seeds.
MOST_ALARMS = 4

every_shortcut = pytest.mark.parametrize(("shortcut", "signal"), SIGNAL_OF.items())


@pytest.fixture(scope="module")
def phantoms():
    return phantom_pool(120)


@pytest.fixture(scope="module")
def films_of_one_hospital():
    return real_pool(REAL_FILMS / "nih", 160, patient_digits=8)


def n_found(pool, shortcut, signal):
    rng = np.random.default_rng(21)
    trials = [deal(pool, shortcut, strength=1, rng=rng) for _ in range(N_TRIALS)]
    return sum(trial.confounders()[signal].tells for trial in trials)


every_share = pytest.mark.parametrize(
    "shares",
    [
        (0.5, 0.5),
        pytest.param((0.9, 0.1), marks=pytest.mark.nightly),
        pytest.param((0.55, 0.35, 0.1), marks=pytest.mark.nightly),
    ],
)


def n_alarms(pool, shares):
    rng = np.random.default_rng(23)
    trials = [deal(pool, CLEAN, strength=0, rng=rng, shares=shares) for _ in range(N_RELABELLINGS)]
    return sum(any(one.tells for one in trial.confounders().values()) for trial in trials)


@pytest.mark.slow
@every_shortcut
def test_a_shortcut_in_every_phantom_of_a_class_is_found_each_time(shortcut, signal, phantoms):
    assert n_found(phantoms, shortcut, signal) == N_TRIALS


@needs_real_films
@pytest.mark.slow
@every_shortcut
def test_a_shortcut_in_every_real_film_of_a_class_is_found_each_time(
    shortcut, signal, films_of_one_hospital
):
    assert n_found(films_of_one_hospital, shortcut, signal) == N_TRIALS


@pytest.mark.slow
@every_share
def test_labels_dealt_at_random_are_hardly_ever_told_from_phantoms(shares, phantoms):
    assert n_alarms(phantoms, shares) <= MOST_ALARMS


@needs_real_films
@pytest.mark.slow
@every_share
def test_labels_dealt_at_random_are_hardly_ever_told_from_real_films(shares, films_of_one_hospital):
    assert n_alarms(films_of_one_hospital, shares) <= MOST_ALARMS
