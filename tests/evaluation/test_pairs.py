"""Permutations: exact against all labellings of a few rows."""

from itertools import combinations

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from scipy.stats import kstest

from pushforward.evaluation.pairs import kernel_products, pair_means, pair_test, squared_distances
from pushforward.evaluation.permutation import permutation_p_value, rows_to_test


def minus_distance(x, y):
    return -cdist(x, y)


def labellings(rows, m):
    for chosen in combinations(range(len(rows)), m):
        real = np.isin(np.arange(len(rows)), chosen)
        yield rows[real], rows[~real]


@pytest.mark.parametrize("integers", [False, True])
def test_p_value_is_that_of_all_labellings(rng, integers):
    """Ties among them, as integers give, count as not better."""
    rows = rng.integers(3, size=(9, 1)).astype(float) if integers else rng.normal(size=(9, 2))
    rows[:4] += 1
    observed = pair_means(minus_distance, rows[:4], rows[4:]).difference
    every = np.array(
        [pair_means(minus_distance, real, fake).difference for real, fake in labellings(rows, 4)]
    )
    assert every.mean() == pytest.approx(0, abs=1e-12)
    expected = np.mean(every >= observed - 1e-9)
    p_value = pair_test(minus_distance, rows[:4], rows[4:], 20_000, rng)
    assert p_value == pytest.approx(expected, abs=4 * np.sqrt(expected * (1 - expected) / 20_000))


def test_products_in_tiles_are_products(rng, monkeypatch):
    rows, weights = rng.normal(size=(23, 3)), rng.normal(size=(23, 4))
    matrix = cdist(rows, rows) + 1
    np.fill_diagonal(matrix, 0)
    monkeypatch.setattr("pushforward.evaluation.pairs.TILE", 5)
    products = kernel_products(lambda x, y: cdist(x, y) + 1, rows, weights)
    np.testing.assert_allclose(products, matrix @ weights, rtol=1e-12)


def test_squared_distances_are_never_negative(rng):
    rows = rng.normal(size=(40, 7))
    squared = squared_distances(rows, rows)
    assert squared.min() >= 0
    np.testing.assert_allclose(squared, cdist(rows, rows) ** 2, atol=1e-12)


def test_equal_statistics_count_against_the_observed_one():
    assert permutation_p_value(np.array([1.0, 1.0 + 1e-14, 1.0 - 1e-14, 0.5])) == 0.75
    assert permutation_p_value(np.zeros(5)) == 1


def test_the_rows_that_are_tested_are_a_random_choice(rng):
    real, fake = np.arange(5000.0)[:, None], np.arange(3000.0)[:, None]
    few_real, few_fake = rows_to_test(real, fake, rng)
    assert len(np.unique(few_real)) == len(np.unique(few_fake)) == 1000
    assert kstest(few_real[:, 0] / 5000, "uniform").pvalue > 1e-3
