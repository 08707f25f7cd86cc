"""Triangles: as published with its two faults, and without them."""

import numpy as np
import pytest

from pushforward.data.triangles import triangles
from pushforward.errors import InputError


def gaps(factors):
    """Degrees between neighbouring corners, `(n, 3)`."""
    angles = factors.to_numpy()
    return np.diff(np.column_stack([angles, angles[:, 0] + 360]), axis=1)


def test_they_are_turned_by_any_angle_and_corners_are_apart():
    factors = triangles(3000, 8, seed=0).factors
    assert np.ptp(factors["corner_1"]) > 400
    assert gaps(factors).min() >= 20
    assert gaps(factors).min() < 25


def test_as_published_they_are_hardly_turned_and_corners_are_half_as_far_apart():
    factors = triangles(3000, 8, seed=0, as_published=True).factors
    assert factors["corner_1"].between(10 - 2 * np.pi, 120).all()
    assert 10 <= gaps(factors).min() < 15


def test_the_area_of_a_triangle_is_what_geometry_says():
    dataset = triangles(200, 28, seed=0)
    angles = np.radians(gaps(dataset.factors))
    radius = 0.75 * 28 / 2
    area = radius**2 / 2 * np.abs(np.sin(angles).sum(1))
    black = (1 - dataset.X).sum(1)
    edge = 0.15 * 28  # a pixel of the fine drawing along three sides of some 20 pixels
    assert np.abs(black - area).max() < edge


def test_the_mean_of_its_corners_is_in_the_middle_and_seeds_repeat():
    dataset = triangles(20, 28, seed=3)
    assert np.array_equal(dataset.X, triangles(20, 28, seed=3).X)
    images = 1 - dataset.X.reshape(20, 28, 28)
    for image in images:  # the centroid of a triangle is the mean of its corners
        rows, columns = (np.average(np.arange(28), weights=image.sum(axis)) for axis in (1, 0))
        assert rows == pytest.approx(13.5, abs=0.3)
        assert columns == pytest.approx(13.5, abs=0.3)


def test_what_cannot_be_drawn_is_told():
    with pytest.raises(InputError, match="at least 1 image of at least 8 pixels, got 0 of 28"):
        triangles(0)
