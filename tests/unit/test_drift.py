"""Whether films that come look like those of the training."""

import numpy as np
import pytest

from carina.domain.gate import GateMeasures
from carina.domain.input_statistics import InputStatistics
from carina.inference.drift import (
    bin_of,
    bin_shares,
    expected_index,
    measures_of,
    n_bins,
    population_stability_index,
)


def statistics_of(values):
    deciles = tuple(map(float, np.quantile(values, np.linspace(0, 1, 11))))
    statistics = InputStatistics(
        n_films=len(values), deciles={"layout": deciles}, n_films_of={"layout": len(values)}
    )
    shares = bin_shares(statistics, "layout", np.asarray(values))
    return statistics.model_copy(update={"shares": {"layout": shares}})


def index_of(statistics, values):
    counts = np.bincount(
        [bin_of(statistics, "layout", value) for value in values],
        minlength=n_bins(statistics, "layout"),
    )
    return population_stability_index(statistics, {"layout": counts})["layout"]


def test_the_same_films_have_an_index_of_what_chance_makes_and_others_a_larger_one():
    rng = np.random.default_rng(8)
    statistics = statistics_of(rng.normal(size=500))
    same = [index_of(statistics, rng.normal(size=200)) for _ in range(40)]
    expected = expected_index(statistics, "layout", n_films=200)
    assert np.mean(same) == pytest.approx(expected, rel=0.35)
    assert index_of(statistics, rng.normal(1.0, size=200)) > 10 * expected


def test_the_index_is_the_sum_that_the_book_says():
    statistics = InputStatistics(n_films=10, deciles={"layout": tuple(map(float, range(11)))})
    counts = [30, 10, 10, 10, 10, 10, 10, 5, 4, 1]
    shares = np.array(counts) / 100
    by_hand = float(((shares - 0.1) * np.log(shares / 0.1)).sum())
    found = population_stability_index(statistics, {"layout": counts})["layout"]
    assert found == pytest.approx(by_hand)


def test_equal_deciles_make_one_bin_with_their_films():
    for films in (
        np.concatenate([np.zeros(60), np.arange(1, 41)]),
        np.concatenate([np.arange(30), np.full(40, 50), np.arange(60, 90)]),
    ):
        statistics = statistics_of(films)
        assert n_bins(statistics, "layout") < 10
        assert index_of(statistics, films) < 0.02


def test_an_empty_bin_is_no_infinity_and_no_films_no_number():
    statistics = statistics_of(np.arange(100.0))
    assert np.isfinite(population_stability_index(statistics, {"layout": [50, *[0] * 9]})["layout"])
    assert population_stability_index(statistics, {"layout": [0] * 10}) == {}
    with pytest.raises(ValueError, match="10 bins"):
        population_stability_index(statistics, {"layout": [1, 2]})


def test_only_measures_with_deciles_are_told():
    measures = GateMeasures(height=10, width=10, contrast=0.5, values={"layout": 0.3, "pose": -0.1})
    assert measures_of(measures, statistics_of(np.arange(100.0))) == {"layout": 0.3}
    assert measures_of(measures, InputStatistics()) == {}
