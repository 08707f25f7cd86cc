"""Precision, recall, density and coverage against the definition, and their known means."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from pushforward.errors import InputError
from pushforward.evaluation import expected_coverage, prdc


def by_definition(real, fake, k):
    """All four, with loops over balls."""

    def radii(rows):
        return [np.sort(np.delete(cdist([row], rows)[0], i))[k - 1] for i, row in enumerate(rows)]

    of_real, of_fake = radii(real), radii(fake)
    distance = cdist(real, fake)
    in_real = np.array([row < radius for row, radius in zip(distance, of_real, strict=True)])
    in_fake = np.array([row < radius for row, radius in zip(distance.T, of_fake, strict=True)])
    return (
        in_real.any(axis=0).mean(),
        in_fake.any(axis=0).mean(),
        in_real.sum() / (k * len(fake)),
        in_real.any(axis=1).mean(),
    )


@pytest.mark.parametrize("k", [1, 5])
@pytest.mark.parametrize("p", [1, 6])
@pytest.mark.parametrize("rounded", [False, True])
def test_equals_the_definition(rng, k, p, rounded):
    real, fake = rng.normal(size=(400, p)), rng.normal(size=(300, p)) * 1.5 + 0.3
    if rounded:
        real, fake = np.round(8 * real) / 8, np.round(8 * fake) / 8  # so that ties are exact
    fake[:4] = real[:4]
    expected = by_definition(real, fake, k)
    assert min(expected) > 0
    assert prdc(real, fake, k) == pytest.approx(expected)


def test_published_example_on_a_smaller_scale(rng):
    """N(0, I₁₀₀₀) twice, k = 5: the full 10 000 rows each are in the benchmark."""
    real, fake = rng.normal(size=(2, 600, 1000))
    assert prdc(real, fake) == pytest.approx(by_definition(real, fake, 5))


@pytest.mark.parametrize("p", [2, 10, 64])
@pytest.mark.parametrize(("m", "n"), [(200, 200), (100, 250)])
def test_means_of_density_and_coverage(rng, p, m, n):
    draws = [prdc(rng.normal(size=(m, p)), rng.normal(size=(n, p))) for _ in range(60)]
    density = np.array([draw.density for draw in draws])
    coverage = np.array([draw.coverage for draw in draws])
    error = 4 / np.sqrt(len(draws))
    assert density.mean() == pytest.approx(1, abs=error * density.std())
    expected = expected_coverage(m, n)
    assert coverage.mean() == pytest.approx(expected, abs=error * coverage.std())


def test_expected_coverage_of_few_rows_by_counting():
    """Two real rows and one generated: of the others of a real row, the nearest is it by ½."""
    assert expected_coverage(2, 1, k=1) == pytest.approx(0.5)
    assert expected_coverage(10_000, 10_000) == pytest.approx(0.96877, abs=5e-6)


def test_a_row_on_the_surface_is_outside():
    real = np.array([[0.0], [1.0], [5.0], [6.0]])
    assert prdc(real, np.array([[2.0], [0.5]]), k=1).precision == 0.5


def test_spurious_rows_cost_precision_and_missed_rows_cost_recall(rng):
    left, right = rng.normal(size=(2, 200, 2))
    right = right + 50
    spurious = prdc(left, np.concatenate([left[:100] + 0.01, right[:100]]))
    missed = prdc(np.concatenate([left, right]), left + 0.01)
    assert spurious.precision == pytest.approx(0.5, abs=0.05)
    assert missed.recall == pytest.approx(0.5, abs=0.05)
    assert missed.coverage == pytest.approx(0.5, abs=0.05)
    assert missed.precision > 0.9


def test_an_outlier_lifts_precision_but_not_density(rng):
    """Of real rows: the reason to have density."""
    real, fake = rng.normal(size=(2, 300, 2))
    outlier = np.concatenate([real, [[60.0, 0.0]]])
    assert prdc(outlier, fake + 20).precision == 1
    assert prdc(outlier, fake + 20).density < 0.3


def test_fewer_rows_than_neighbours():
    real = np.array([[0.0], [2.0]])
    assert prdc(real, np.array([[1.0], [9.0]]))[:2] == (0.5, 1.0)
    assert prdc(real, np.zeros((2, 1)))[:2] == (1.0, 0.0)


@pytest.mark.parametrize("k", [0, -1, 1.5, "five"])
def test_refuses_a_wrong_k(rng, k):
    with pytest.raises(InputError, match="k must be an integer from 1 on"):
        prdc(*rng.normal(size=(2, 9, 2)), k=k)
