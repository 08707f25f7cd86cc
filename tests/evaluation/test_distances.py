"""Exact nearest rows against brute force, also when blocks are small."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from pushforward.evaluation import distances
from pushforward.evaluation.distances import inside_balls, nearest, to_unit_scale


@pytest.fixture(params=[2 * 2**20, 50])
def block_entries(request, monkeypatch):
    monkeypatch.setattr(distances, "BLOCK_ENTRIES", request.param)


@pytest.mark.usefixtures("block_entries")
@pytest.mark.parametrize("k", [1, 3])
@pytest.mark.parametrize("offset", [0.0, 1e6])
def test_nearest_is_the_kth_smallest_distance(rng, k, offset):
    rows, points = rng.normal(size=(40, 3)) + offset, rng.normal(size=(70, 3)) + offset
    expected = np.sort(cdist(rows, points, "sqeuclidean"), axis=1)[:, k - 1]
    found = nearest(rows, points, k)
    np.testing.assert_allclose(found.squared, expected, rtol=1e-12)
    np.testing.assert_array_equal(np.bincount(found.row), k)


@pytest.mark.usefixtures("block_entries")
def test_nearest_is_exact_where_a_matrix_product_is_not(rng):
    """Spacings of 1e-9 at distance 10: the product's rounding error is of the same size."""
    points = 10.0 + 1e-9 * rng.integers(0, 4, size=(60, 4))
    points[0] = -points[0]
    squared = cdist(points, points, "sqeuclidean")
    np.fill_diagonal(squared, np.inf)
    found = nearest(points, points, exclude_self=True)
    np.testing.assert_array_equal(found.squared == 0, squared.min(axis=1) == 0)
    np.testing.assert_allclose(found.squared, squared.min(axis=1), rtol=1e-12)


@pytest.mark.usefixtures("block_entries")
def test_all_ties_on_a_lattice_are_found():
    lattice = np.stack(np.meshgrid(*[np.arange(4.0)] * 3), axis=-1).reshape(-1, 3)
    found = nearest(lattice, lattice, exclude_self=True)
    adjacent = cdist(lattice, lattice, "cityblock") == 1
    np.testing.assert_array_equal(np.bincount(found.row), adjacent.sum(axis=1))


@pytest.mark.usefixtures("block_entries")
def test_balls_exclude_their_surface(rng):
    rows, centres = rng.normal(size=(50, 2)), rng.normal(size=(30, 2))
    squared = cdist(rows, centres, "sqeuclidean")
    radii = rng.uniform(0.0, 0.1, size=30)
    expected = (squared < radii).any(axis=1)
    assert 0 < expected.sum() < 50
    np.testing.assert_array_equal(inside_balls(rows, centres, radii), expected)
    square = np.array([[0.0, 1.0], [1.0, 0.0], [0.0, 0.5]])
    on_surface = inside_balls(square, np.zeros((1, 2)), np.ones(1))
    np.testing.assert_array_equal(on_surface, [False, False, True])


@pytest.mark.parametrize("largest", [1e-300, 3.0, 1e300])
def test_unit_scale_is_a_power_of_two(largest):
    exponent, (a, b) = to_unit_scale(np.array([[largest]]), np.array([[-largest / 3]]))
    assert 0.5 <= a[0, 0] < 1
    assert np.ldexp(a[0, 0], exponent) == largest
    assert np.ldexp(b[0, 0], exponent) == -largest / 3
