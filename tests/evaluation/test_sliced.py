"""The sliced Wasserstein distance against scipy, closed forms and Monte Carlo."""

import numpy as np
import pytest
from scipy.stats import wasserstein_distance

from pushforward.errors import InputError
from pushforward.evaluation.sliced import sliced_wasserstein


@pytest.mark.parametrize(("m", "n"), [(50, 50), (60, 37), (2, 30)])
def test_order_one_is_scipys_in_one_dimension(rng, m, n):
    real, fake = rng.normal(size=m), rng.normal(size=n) ** 2
    result = sliced_wasserstein(real[:, None], fake[:, None], 1)
    assert result.value == pytest.approx(wasserstein_distance(real, fake), rel=1e-12)
    assert result.standard_error == pytest.approx(0, abs=1e-15)


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize(("m", "n"), [(6, 4), (5, 10), (7, 3)])
def test_unequal_sizes_are_rows_repeated(rng, order, m, n):
    """m rows n times each, and n rows m times each, have the same quantile functions."""
    real, fake = rng.normal(size=(m, 3)), rng.normal(size=(n, 3)) + 0.2
    repeated = np.repeat(real, n, axis=0), np.repeat(fake, m, axis=0)
    expected = sliced_wasserstein(*repeated, order, permutations=1).value
    assert sliced_wasserstein(real, fake, order).value == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("scale", [1e-250, 1.0, 1e250])
def test_shift_gives_its_length_over_the_root_of_p(rng, scale):
    """Along θ every quantile moves by θ·s, and E (θ·s)² = ‖s‖²/p."""
    rows, shift = rng.normal(size=(100, 5)), np.array([3.0, 0, -1, 2, 0])
    result = sliced_wasserstein(scale * rows, scale * (rows + shift), directions=2000)
    expected = scale * np.sqrt(shift @ shift / 5)
    assert result.value == pytest.approx(expected, abs=4 * result.standard_error)
    assert result.standard_error < 0.02 * expected
    first = sliced_wasserstein(rows, rows + shift, 1)
    assert first.value < result.value / scale


def test_scale_of_gaussians(rng):
    """W₂ between N(0, 1) and N(0, σ²) is |σ − 1| along every direction."""
    real, fake = rng.normal(size=(20_000, 3)), 1.5 * rng.normal(size=(20_000, 3))
    value = sliced_wasserstein(real, fake, directions=100, permutations=1).value
    assert value == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize("order", [1, 2])
def test_standard_error_is_the_deviation_over_directions(rng, order):
    real, fake = rng.normal(size=(60, 8)), rng.normal(size=(40, 8)) * np.linspace(1, 3, 8)
    results = [
        sliced_wasserstein(real, fake, order, directions=50, permutations=1, seed=seed)
        for seed in range(150)
    ]
    deviation = np.std([result.value for result in results])
    assert np.mean([r.standard_error for r in results]) == pytest.approx(deviation, rel=0.2)


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize(("m", "n"), [(100, 60), (3000, 2000)])
def test_null_mean_is_the_mean_of_equal_laws(rng, order, m, n):
    """Of so many rows that only some are permuted, too."""
    results = [
        sliced_wasserstein(
            rng.normal(size=(m, 4)), rng.normal(size=(n, 4)), order, directions=30, permutations=9
        )
        for _ in range(40)
    ]
    values = np.array([result.value for result in results])
    null_means = np.array([result.null_mean for result in results])
    error = np.hypot(values.std(), null_means.std()) / np.sqrt(len(results))
    assert null_means.mean() == pytest.approx(values.mean(), abs=4 * error, rel=0.0)
    assert error < 0.05 * values.mean()


def test_directions_do_not_come_from_the_generator_that_drew_the_rows():
    """Rows equal to the directions would look alike in none of them."""
    real, fake = np.random.default_rng(0).normal(size=(2, 1000, 64))
    result = sliced_wasserstein(real, fake, seed=0)
    assert result.value == pytest.approx(result.null_mean, rel=0.15)


def test_of_equal_rows_is_zero(rng):
    rows = rng.normal(size=(30, 2))
    result = sliced_wasserstein(rows, rows)
    assert (result.value, result.standard_error) == (0, 0)
    assert result.null_mean > 0


def test_refuses_other_orders_and_too_few_directions():
    with pytest.raises(InputError, match="order must be 1 or 2, got 3"):
        sliced_wasserstein(np.zeros((5, 2)), np.zeros((5, 2)), 3)
    with pytest.raises(InputError, match="directions must be at least 2, got 1"):
        sliced_wasserstein(np.zeros((5, 2)), np.zeros((5, 2)), directions=1)
