"""Pooled moments against those of all rows at once, and distances between them."""

import numpy as np
import pytest

from pushforward.errors import InputError
from pushforward.evaluation import frechet_distance
from pushforward.evaluation.moments import Moments


def assert_same(moments, rows, rtol=1e-12):
    scale = np.abs(np.cov(rows.T)).max()
    assert moments.n == len(rows)
    np.testing.assert_allclose(moments.mean, rows.mean(0), rtol=rtol)
    np.testing.assert_allclose(
        moments.covariance, np.atleast_2d(np.cov(rows.T)), rtol=rtol, atol=rtol * scale
    )


@pytest.mark.parametrize("cuts", [[1], [1, 2, 3], [40, 41, 90], list(range(1, 100))])
@pytest.mark.parametrize("p", [1, 4])
def test_batches_give_the_moments_of_all_rows(rng, cuts, p):
    rows = rng.normal(size=(100, p)) @ rng.normal(size=(p, p)) + 3.0
    assert_same(Moments.of_batches(np.split(rows, cuts)), rows)


def test_pooling_has_no_order(rng):
    parts = [Moments.of(rng.normal(size=(n, 3)) * n + n) for n in (5, 1, 30)]
    left, right = (parts[0] + parts[1]) + parts[2], parts[2] + (parts[1] + parts[0])
    np.testing.assert_allclose(left.mean, right.mean, rtol=1e-13)
    np.testing.assert_allclose(left.covariance, right.covariance, rtol=1e-12)


def test_no_digits_cancel_far_from_zero(rng):
    rows = rng.normal(size=(1000, 3))
    far = Moments.of_batches(np.split(rows + 2.0**30, 10))
    # 2^30 leaves 23 bits behind the point: the rows themselves are right to 1e-7.
    np.testing.assert_allclose(far.covariance, np.cov(rows.T), atol=1e-6)


@pytest.mark.parametrize("scale", [1e-200, 1e-150, 1.0, 1e140, 1e300])
def test_any_scale_can_be_pooled(rng, scale):
    rows = rng.normal(size=(30, 2))
    moments = Moments.of(rows[:10] * scale) + Moments.of(rows[10:] * scale)
    np.testing.assert_allclose(moments.mean / scale, rows.mean(0), rtol=1e-12)
    distance = frechet_distance(moments, Moments.of(2 * rows * scale))
    expected = frechet_distance(rows * scale, 2 * rows * scale)
    assert distance == pytest.approx(expected, rel=1e-9)


def test_rows_of_zero_do_not_drown_tiny_ones(rng):
    tiny = rng.normal(size=(20, 2)) * 1e-170
    moments = Moments.of(np.zeros((20, 2))) + Moments.of(tiny)
    np.testing.assert_allclose(moments.mean * 1e170, tiny.mean(0) * 1e170 / 2, rtol=1e-12)
    expected = np.cov(np.concatenate([np.zeros((20, 2)), tiny * 1e170]).T)
    covariance = moments.unit_covariance
    np.testing.assert_allclose(
        covariance / np.trace(covariance), expected / np.trace(expected), rtol=1e-9
    )


@pytest.mark.parametrize(("n", "m", "p"), [(200, 300, 6), (8, 100, 12), (8, 9, 12)])
def test_distances_from_moments_are_those_from_rows(rng, n, m, p):
    real, fake = rng.normal(size=(n, p)), 1.5 * rng.normal(size=(m, p)) + 0.3
    expected = frechet_distance(real, fake)
    moments = Moments.of(real), Moments.of_batches(np.array_split(fake, 7))
    assert frechet_distance(*moments) == pytest.approx(expected, rel=1e-8)
    assert frechet_distance(real, moments[1]) == pytest.approx(expected, rel=1e-8)
    assert frechet_distance(moments[0], fake) == pytest.approx(expected, rel=1e-8)


@pytest.mark.parametrize("n", [2, 7, 60])
def test_distance_to_itself_is_zero(rng, n):
    moments = Moments.of(rng.normal(size=(n, 7)))
    assert frechet_distance(moments, moments) == pytest.approx(0, abs=1e-12)


def test_singular_moments_are_those_of_their_rows(rng):
    real = rng.normal(size=(90, 10))
    fake = rng.normal(size=(90, 3)) @ rng.normal(size=(3, 10))
    value = frechet_distance(Moments.of(real), Moments.of(fake))
    assert value == pytest.approx(frechet_distance(real, fake), rel=1e-9)
    constant = Moments.of(np.full((4, 10), 2.0))
    assert frechet_distance(constant, constant) == 0


def test_refuses_what_cannot_be_pooled_or_compared():
    one, two = Moments.of(np.zeros((1, 2))), Moments.of(np.zeros((2, 3)))
    with pytest.raises(InputError, match="same columns, got 2 and 3"):
        one + two
    with pytest.raises(InputError, match="same columns, got 3 and 2"):
        frechet_distance(two, np.zeros((5, 2)))
    with pytest.raises(InputError, match="at least 2 rows, got 1"):
        frechet_distance(one, one)
    with pytest.raises(InputError, match="at least one batch"):
        Moments.of_batches([])
    with pytest.raises(InputError, match="1 missing or infinite"):
        Moments.of_batches([np.zeros((2, 1)), np.array([[np.nan]])])
