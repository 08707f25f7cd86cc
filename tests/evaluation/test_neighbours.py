"""The leave-one-out 1-NN test: graph, exact null moments, limits and p-values."""

import time

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from scipy.stats import kstest

from pushforward.errors import InputError
from pushforward.evaluation import (
    leave_one_out,
    nearest_distance,
    neighbour_gap,
    neighbour_graph,
    neighbour_spread,
)


def brute_graph(rows):
    distance = cdist(rows, rows)
    np.fill_diagonal(distance, np.inf)
    ties = distance == distance.min(axis=1, keepdims=True)
    return ties / ties.sum(axis=1, keepdims=True)


def with_duplicates(rng, n, p):
    rows = rng.normal(size=(n, p)) + 10.0
    rows[5] = rows[1]
    rows[[7, 8, 9]] = rows[2]
    return rows


@pytest.mark.parametrize("p", [1, 2, 30])
def test_graph_equals_brute_force(rng, p):
    rows = with_duplicates(rng, 120, p)
    graph = neighbour_graph(rows).toarray()
    np.testing.assert_array_equal(graph, brute_graph(rows))
    assert graph[1, 5] == graph[5, 1] == 1
    assert graph[2, 7] == graph[8, 9] == pytest.approx(1 / 3)


def test_graph_of_equal_rows_is_complete():
    graph = neighbour_graph(np.full((4, 2), 0.1)).toarray()
    np.testing.assert_allclose(graph, (1 - np.eye(4)) / 3)


@pytest.mark.parametrize(
    ("m", "n", "duplicated"), [(60, 60, False), (90, 30, False), (50, 50, True), (80, 25, True)]
)
def test_moments_are_those_of_permuted_labels(rng, m, n, duplicated):
    rows = with_duplicates(rng, m + n, 3) if duplicated else rng.normal(size=(m + n, 3))
    result = leave_one_out(rows[:m], rows[m:])
    weights = brute_graph(rows)
    draws = np.empty((4000, 3))
    for draw in draws:
        real = np.zeros(m + n)
        real[rng.permutation(m + n)[:m]] = 1
        of_real, of_fake = real @ weights @ real, (1 - real) @ weights @ (1 - real)
        draw[:] = (of_real + of_fake) / (m + n), of_real / m, of_fake / n
    shares = (result.accuracy, result.real_half, result.fake_half)
    for share, sample in zip(shares, draws.T, strict=True):
        assert share.null_mean == pytest.approx(
            sample.mean(), abs=5 * sample.std() / np.sqrt(len(sample))
        )
        assert share.variance == pytest.approx(sample.var(), rel=0.12)


def test_null_means_are_those_of_unequal_sizes(rng):
    result = leave_one_out(rng.normal(size=(150, 2)), rng.normal(size=(50, 2)))
    assert result.accuracy.null_mean == pytest.approx(0.6231, abs=5e-5)
    assert result.real_half.null_mean == pytest.approx(149 / 199)
    assert result.fake_half.null_mean == pytest.approx(49 / 199)


def test_values_are_counts_of_nearest_neighbours(rng):
    real, fake = rng.normal(size=(40, 2)), rng.normal(size=(70, 2)) + 0.5
    own_real = nearest_distance(real, real, exclude_self=True) < nearest_distance(real, fake)
    own_fake = nearest_distance(fake, fake, exclude_self=True) < nearest_distance(fake, real)
    result = leave_one_out(real, fake)
    assert result.real_half.value == pytest.approx(own_real.mean())
    assert result.fake_half.value == pytest.approx(own_fake.mean())
    both = np.concatenate([own_real, own_fake])
    assert result.accuracy.value == pytest.approx(both.mean())


def test_limits(rng):
    real, fake = rng.normal(size=(2, 300, 4))
    equal = leave_one_out(real, fake).accuracy
    assert equal.value == pytest.approx(0.5, abs=0.08)
    assert equal.p_value > 0.01
    distant = leave_one_out(real, fake + 50)
    assert distant.accuracy.value == distant.real_half.value == distant.fake_half.value == 1
    assert distant.accuracy.p_value < 1e-10
    copies = leave_one_out(real, real)
    assert copies.accuracy.value == copies.real_half.value == copies.fake_half.value == 0
    assert copies.accuracy.p_value < 1e-10
    assert copies.real_half.interval[1] < 0.1 < distant.fake_half.interval[0]


def test_two_copies_of_one_row_share_it(rng):
    """Each of two equal fakes has the real row and the other fake at distance 0: a half each."""
    real = rng.normal(size=(50, 3))
    result = leave_one_out(real, np.repeat(real[:20], 2, axis=0))
    assert result.fake_half.value == pytest.approx(0.5)


def test_p_value_is_uniform_under_the_null(rng):
    p_values = [
        leave_one_out(*np.split(rng.normal(size=(110, 3)), [60])).accuracy.p_value
        for _ in range(200)
    ]
    assert kstest(p_values, "uniform").pvalue > 0.001


def test_intervals_cover_the_mean_of_a_half(rng):
    results = [
        leave_one_out(rng.normal(size=(80, 2)), rng.normal(size=(80, 2)) + 0.7).real_half
        for _ in range(200)
    ]
    values = np.array([result.value for result in results])
    covered = np.mean([low <= values.mean() <= high for low, high in (r.interval for r in results)])
    assert 0.90 <= covered <= 0.99
    errors = np.mean([result.standard_error for result in results])
    assert errors == pytest.approx(values.std(), rel=0.2)


@pytest.mark.parametrize("rows", [np.zeros((2, 1)), np.zeros((3, 4)), np.array([[0.0], [1e-200]])])
def test_tiny_or_equal_rows_give_finite_results(rows):
    for share in vars(leave_one_out(rows, rows.copy())).values():
        assert np.isfinite([share.value, share.variance, share.p_value, *share.interval]).all()
        assert share.standard_error > 0
    assert np.isfinite(neighbour_gap(rows, rows)).all()


def test_labels_cannot_matter_where_all_rows_are_equal():
    share = leave_one_out(np.zeros((4, 2)), np.zeros((6, 2))).accuracy
    assert share.value == pytest.approx(share.null_mean)
    assert share.p_value == 1


@pytest.mark.parametrize("k", [1, 4])
def test_nearest_distance_equals_brute_force(rng, k):
    rows, points = rng.normal(size=(30, 5)), rng.normal(size=(40, 5))
    rows[3] = points[8]
    found = nearest_distance(rows, points, k)
    np.testing.assert_allclose(found, np.sort(cdist(rows, points))[:, k - 1], rtol=1e-12)
    assert (found[3] == 0) == (k == 1)
    among = nearest_distance(points, points, k, exclude_self=True)
    np.testing.assert_allclose(among, np.sort(cdist(points, points))[:, k], rtol=1e-12)


@pytest.mark.parametrize("scale", [1e-250, 1e250])
def test_nearest_distance_of_extreme_numbers(scale):
    found = nearest_distance(scale * np.array([[0.0, 0.0]]), scale * np.array([[3.0, 4.0]]))
    assert found == pytest.approx(5 * scale)


def test_gap_equals_its_definition(rng):
    real, fake = rng.normal(size=(60, 4)), rng.normal(size=(45, 4)) * 1.3
    fake[0] = real[0]
    across = cdist(real, fake)
    within_real, within_fake = cdist(real, real), cdist(fake, fake)
    np.fill_diagonal(within_real, np.inf)
    np.fill_diagonal(within_fake, np.inf)
    other, own = across.min(axis=1), within_real.min(axis=1)
    expected_real = ((other - own) / (other + own)).mean()
    other, own = across.min(axis=0), within_fake.min(axis=1)
    expected_fake = ((other - own) / (other + own)).mean()
    assert neighbour_gap(real, fake) == pytest.approx((expected_real, expected_fake), rel=1e-9)


def test_gap_limits(rng):
    real, fake = rng.normal(size=(2, 400, 3))
    assert neighbour_gap(real, fake) == pytest.approx((0, 0), abs=0.06)
    assert neighbour_gap(real, real) == (-1, -1)
    assert min(neighbour_gap(real, fake + 1e4)) > 0.999
    assert neighbour_gap(np.zeros((3, 2)), np.zeros((3, 2))) == (0, 0)


def test_gap_is_fast(rng):
    real, fake = rng.normal(size=(2, 1000, 64))
    times = []
    for _ in range(5):
        start = time.perf_counter()
        neighbour_gap(real, fake)
        times.append(time.perf_counter() - start)
    assert min(times) < 0.25  # about 0.03 on two idle cores


def test_spread_is_the_ratio_of_scales(rng):
    real = rng.normal(size=(100, 3))
    assert neighbour_spread(real, 0.25 * real + 3) == pytest.approx(0.25)
    assert neighbour_spread(real, np.zeros((5, 3))) == 0
    assert neighbour_spread(np.zeros((5, 3)), real) == np.inf
    assert neighbour_spread(np.zeros((5, 3)), np.ones((5, 3))) == 1


def test_refuses_too_few_points(rng):
    points = rng.normal(size=(3, 2))
    with pytest.raises(InputError, match="points must have at least 4 rows, got 3"):
        nearest_distance(points, points, 3, exclude_self=True)
    with pytest.raises(InputError, match="fake must have at least 2 rows, got 1"):
        leave_one_out(points, points[:1])
