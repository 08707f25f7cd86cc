"""Curves of the best against a budget: exact against every subset, and bands that cover."""

from itertools import combinations

import numpy as np
import pytest

from pushforward.errors import InputError
from pushforward.study.curves import (
    best_in_seconds,
    best_of_trials,
    best_quantile,
    expected_best,
)

VALUES = [0.7, 0.1, 0.4, 0.4, 2.5, 0.2, 0.9]


def least_of_all_subsets(values, k):
    return [min(subset) for subset in combinations(values, k)]


@pytest.mark.parametrize("k", range(1, len(VALUES) + 1))
def test_the_expected_best_is_the_mean_over_all_subsets(k):
    assert expected_best(VALUES)[k - 1] == pytest.approx(np.mean(least_of_all_subsets(VALUES, k)))


@pytest.mark.parametrize("k", range(1, len(VALUES) + 1))
@pytest.mark.parametrize("q", [0.1, 0.5, 0.8])
def test_quantiles_are_those_over_all_subsets_also_where_trials_failed(k, q):
    values = [*VALUES[:-2], np.inf, np.inf]
    expected = np.quantile(least_of_all_subsets(values, k), q, method="inverted_cdf")
    assert best_quantile(values, q)[k - 1] == expected


def test_the_expected_best_is_that_of_random_subsets():
    rng = np.random.default_rng(0)
    values = rng.lognormal(size=60)
    drawn = rng.permuted(np.tile(values, (20_000, 1)), axis=1)
    for k in (1, 5, 20):
        least = drawn[:, :k].min(axis=1)
        error = least.std() / np.sqrt(len(least))
        assert abs(expected_best(values)[k - 1] - least.mean()) < 4 * error + 1e-12


def test_thousands_of_trials_stay_exact_at_both_ends_and_never_rise():
    values = np.random.default_rng(1).normal(size=3000)
    found = expected_best(values)
    assert found[0] == pytest.approx(values.mean(), abs=1e-12)
    assert found[-1] == pytest.approx(values.min(), abs=1e-12)
    assert np.all(np.diff(found) <= 1e-12)
    # Of normal values the best of k is known: E[min of 2] = −1/√π.
    assert found[1] == pytest.approx(-1 / np.sqrt(np.pi), abs=0.06)


def test_the_band_covers_where_it_is_called_firm_and_not_at_the_last_trial():
    rng = np.random.default_rng(2)
    n, studies = 30, 150
    firm = last = 0
    for seed in range(studies):
        curve = best_of_trials(rng.exponential(size=n), seed=seed, resamples=200)
        k = np.flatnonzero(curve.firm)[-1]
        assert curve.budget[k] == n // 3
        firm += curve.low[k] <= 1 / (k + 1) <= curve.high[k]  # the mean of the least of k + 1
        last += curve.low[-1] <= 1 / n <= curve.high[-1]
    assert firm / studies > 0.83
    assert last / studies < 0.75


def test_where_all_trials_cost_the_same_seconds_are_trials():
    trials = best_of_trials(VALUES, seed=3)
    seconds = best_in_seconds(VALUES, [2.5] * 7, 2.5 * trials.budget, orders=20_000, seed=3)
    assert seconds.mean == pytest.approx(trials.mean, abs=0.02)
    assert seconds.low == pytest.approx(trials.low, abs=0.1)
    assert np.array_equal(seconds.firm, trials.firm)
    between = best_in_seconds(VALUES, [2.5] * 7, [2.4, 4.9, 99.0])
    assert np.isnan([between.mean[0], between.low[0], between.high[0]]).all()
    assert between.mean[1] == pytest.approx(np.mean(VALUES), abs=0.05)
    assert between.mean[2] == pytest.approx(min(VALUES))


def test_what_ends_sooner_is_found_sooner():
    # In 3 s the orders end A, B; A, C; B, A; B, C; C, A; C, B.
    found = best_in_seconds([5.0, 2.0, 3.0], [2, 1, 1], [3], orders=6000, seed=0)
    assert found.mean[0] == pytest.approx((2 + 3 + 2 + 2 + 3 + 2) / 6, abs=0.03)


def test_the_same_seed_gives_the_same_band():
    first, again, other = (best_of_trials(VALUES, seed=s, resamples=50) for s in (0, 0, 1))
    assert np.array_equal(first.low, again.low)
    assert not np.array_equal(first.low, other.low) or not np.array_equal(first.high, other.high)


def test_what_cannot_be_a_curve_is_refused_in_words():
    with pytest.raises(InputError, match="at least one trial"):
        expected_best([])
    with pytest.raises(InputError, match="the worst value of those that did not"):
        expected_best([1.0, np.inf])
    with pytest.raises(InputError, match="quantile between 0 and 1"):
        best_quantile([1.0], 1.5)
    with pytest.raises(InputError, match="seconds above 0 for each of 2 trials"):
        best_in_seconds([1.0, 2.0], [1.0, 0.0], [1.0])
