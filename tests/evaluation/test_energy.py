"""The energy distance against scipy in one dimension, its definition, and all labellings."""

from itertools import combinations

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from scipy.stats import energy_distance as scipy_energy_distance

from pushforward.evaluation.energy import energy_distance


def by_definition(real, fake):
    return 2 * cdist(real, fake).mean() - cdist(real, real).mean() - cdist(fake, fake).mean()


@pytest.mark.parametrize(("m", "n"), [(50, 50), (90, 31), (2, 5)])
def test_is_the_square_of_scipys_in_one_dimension(rng, m, n):
    real, fake = rng.normal(size=m), rng.normal(size=n) + 0.5
    value = energy_distance(real[:, None], fake[:, None]).value
    assert value == pytest.approx(scipy_energy_distance(real, fake) ** 2, rel=1e-9)


@pytest.mark.parametrize("offset", [0.0, 1e6])
def test_equals_its_definition(rng, offset):
    real, fake = rng.normal(size=(80, 5)) + offset, 1.3 * rng.normal(size=(55, 5)) + offset
    assert energy_distance(real, fake).value == pytest.approx(by_definition(real, fake), rel=1e-6)


def test_is_zero_on_itself_and_positive_for_other_samples(rng):
    rows = rng.normal(size=(50, 3))
    assert energy_distance(rows, rows[::-1]).value == pytest.approx(0, abs=1e-7)
    assert energy_distance(rows, rng.normal(size=(50, 3))).value > 0


def test_null_mean_is_that_of_all_labellings(rng):
    rows = rng.normal(size=(8, 2))
    values = []
    for chosen in combinations(range(8), 3):
        real = np.isin(np.arange(8), chosen)
        values.append(by_definition(rows[real], rows[~real]))
    result = energy_distance(rows[:3], rows[3:])
    assert result.null_mean == pytest.approx(np.mean(values), rel=1e-9)


def test_standard_error_is_the_deviation_over_samples(rng):
    results = [
        energy_distance(rng.normal(size=(120, 2)), rng.normal(size=(80, 2)) + 1, permutations=1)
        for _ in range(200)
    ]
    deviation = np.std([result.value for result in results])
    assert np.mean([r.standard_error for r in results]) == pytest.approx(deviation, rel=0.15)


@pytest.mark.parametrize("scale", [1e-200, 1e200])
def test_is_in_units_of_the_rows(rng, scale):
    real, fake = rng.normal(size=(2, 30, 3))
    result, scaled = energy_distance(real, fake), energy_distance(scale * real, scale * fake)
    for name in ("value", "null_mean", "standard_error"):
        assert getattr(scaled, name) == pytest.approx(scale * getattr(result, name), rel=1e-7)
    assert scaled.p_value == result.p_value


def test_of_constant_rows_is_twice_their_distance():
    result = energy_distance(np.zeros((4, 2)), np.full((3, 2), 3.0))
    assert result.value == pytest.approx(2 * np.sqrt(18))
    assert energy_distance(np.zeros((4, 2)), np.full((3, 2), 1.7e308)).value == np.inf
