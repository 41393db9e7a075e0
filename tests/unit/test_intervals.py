"""95 % intervals: published values, and the cases where the usual forms fail."""

import numpy as np
import pytest
from scipy import stats

from carina.evaluation.intervals import (
    accelerated,
    acceleration,
    bias_corrected,
    expanded_quantile,
    hull,
    newcombe,
    open_ended,
    skew_corrected,
    t_quantile,
    wilson,
)


@pytest.mark.parametrize(
    ("hits", "of", "low", "high"),
    [
        # Newcombe, Stat Med 17 (1998) 857-872, table I, method 3
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
        # the design's own example
        (64, 66, 0.896, 0.992),
    ],
)
def test_wilson_gives_the_published_intervals(hits, of, low, high):
    assert wilson(hits, of) == (pytest.approx(low, abs=5e-4), pytest.approx(high, abs=5e-4))


@pytest.mark.parametrize(("hits", "of"), [(7, 9), (400, 411), (0, 3), (3, 3)])
def test_wilson_is_scipys(hits, of):
    theirs = stats.binomtest(hits, of).proportion_ci(method="wilson")
    assert wilson(hits, of) == pytest.approx((theirs.low, theirs.high), abs=1e-9)


def test_newcombe_has_a_width_at_a_perfect_area_and_shrinks_with_the_films():
    few, many = (newcombe(1.0, n_positive=n, n_negative=n) for n in (10, 100))
    assert few[1] == many[1] == 1.0
    assert few[0] < many[0] < 1.0


def test_newcombe_is_a_mirror():
    low, high = newcombe(0.8, n_positive=26, n_negative=40)
    assert newcombe(0.2, n_positive=26, n_negative=40) == pytest.approx((1 - high, 1 - low))


def test_newcombe_reaches_as_far_as_the_standard_error_of_its_own_ends():
    area, m, n = 0.9, 20, 30
    spread = (m + n) / 2 - 1
    for end in newcombe(area, n_positive=m, n_negative=n):
        shape = 1 + spread * (1 - end) / (2 - end) + spread * end / (1 + end)
        error = (end * (1 - end) * shape / (m * n)) ** 0.5
        assert abs(area - end) == pytest.approx(1.959964 * error, abs=1e-6)


def test_an_area_of_one_over_twenty_pairs_rules_out_what_would_rarely_give_it():
    low, high = open_ended(1.0, n_units=20)
    assert high == 1.0
    assert low**20 == pytest.approx(0.025)


def test_open_ended_is_a_mirror_and_has_one_end_at_the_ends():
    assert open_ended(0.0, n_units=20) == pytest.approx((0.0, 1 - 0.025 ** (1 / 20)))
    low, high = open_ended(0.3, n_units=20)
    assert open_ended(0.7, n_units=20) == pytest.approx((1 - high, 1 - low))


def test_units_that_agree_rule_out_a_share_of_others_and_no_value_of_these():
    low, high = open_ended(2.0, n_units=50, highest=36.0)
    others = 1 - 0.025 ** (1 / 50)
    assert low == pytest.approx((1 - others) * 2.0 + others * 0.0)
    assert high == pytest.approx((1 - others) * 2.0 + others * 36.0)


def test_a_skewed_bootstrap_is_corrected_towards_the_value():
    draws = np.random.default_rng(0).beta(8, 2, size=4000)
    plain = np.quantile(draws, [0.025, 0.975])
    low, high = bias_corrected(float(np.quantile(draws, 0.6)), draws)
    assert low > plain[0]
    assert high > plain[1]


def test_hull_holds_both():
    assert hull((0.2, 0.4), (0.3, 0.9)) == (0.2, 0.9)


def test_students_quantile_is_scipys():
    for freedom in (1, 5, 200):
        assert t_quantile(freedom) == pytest.approx(stats.t.ppf(0.975, freedom), abs=1e-9)
    assert expanded_quantile(10) == pytest.approx(stats.t.ppf(0.975, 9) * (10 / 9) ** 0.5)


def test_halls_interval_is_students_where_nothing_is_skewed():
    added = np.tile([0.1, -0.1], 8)
    half = stats.t.ppf(0.975, 15) * np.sqrt((added**2).sum() * 16 / 15)
    assert skew_corrected(1.0, added) == pytest.approx((1 - half, 1 + half))


def test_halls_interval_solves_his_cubic():
    # Hall (1992), (2.1): g(T) = T + a T^2 / sqrt n + a^2 T^3 / 3 n + b / sqrt n with the
    # skewness g, a = g / 3, b = g / 6; the ends are where it is plus or minus the quantile
    added = np.r_[np.full(19, -1.0), 19.0] / 20
    n = added.size
    skew = stats.skew(added)
    error = (added.var(ddof=1) * n) ** 0.5
    a, b = skew / 3, skew / 6
    quantiles = []
    for end in skew_corrected(2.0, added):
        t = (2.0 - end) / error
        quantiles.append(t + a * t**2 / n**0.5 + a**2 * t**3 / (3 * n) + b / n**0.5)
    assert quantiles == pytest.approx([stats.t.ppf(0.975, n - 1), -stats.t.ppf(0.975, n - 1)])


def test_bca_is_scipys():
    values = np.random.default_rng(0).exponential(size=30)
    rng = np.random.default_rng(1)
    theirs = stats.bootstrap((values,), np.mean, n_resamples=4000, method="BCa", rng=rng)
    draws = theirs.bootstrap_distribution
    low, high = accelerated(
        float(values.mean()),
        draws,
        skew=acceleration(values - values.mean()),
        quantile=float(stats.norm.ppf(0.975)),
    )
    # theirs counts draws below the value only and takes another kind of quantile
    assert low == pytest.approx(theirs.confidence_interval.low, abs=0.01)
    assert high == pytest.approx(theirs.confidence_interval.high, abs=0.01)
