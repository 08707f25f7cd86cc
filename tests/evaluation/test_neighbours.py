"""The leave-one-out 1-NN test: graph, exact null moments, limits and p-values."""

import itertools
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.spatial.distance import cdist
from scipy.stats import kstest

from pushforward.errors import InputError
from pushforward.evaluation import (
    leave_one_out,
    nearest_distance,
    neighbour_gap,
    neighbour_graph,
    neighbour_spread,
    prdc,
)


def brute_graph(rows, k=1):
    distance = cdist(rows, rows)
    np.fill_diagonal(distance, np.inf)
    reach = np.sort(distance, axis=1)[:, k - 1 : k]
    nearer, tied = distance < reach, distance == reach
    left = k - nearer.sum(axis=1, keepdims=True)
    return nearer / k + tied * left / (k * tied.sum(axis=1, keepdims=True))


def with_duplicates(rng, n, p):
    rows = rng.normal(size=(n, p)) + 10.0
    rows[5] = rows[1]
    rows[[7, 8, 9]] = rows[2]
    return rows


@pytest.mark.parametrize("p", [1, 2, 30])
@pytest.mark.parametrize("k", [1, 3])
def test_graph_equals_brute_force(rng, p, k):
    rows = with_duplicates(rng, 120, p)
    np.testing.assert_allclose(neighbour_graph(rows, k).toarray(), brute_graph(rows, k))


def test_duplicates_share_their_places(rng):
    graph = neighbour_graph(with_duplicates(rng, 120, 3)).toarray()
    assert graph[1, 5] == graph[5, 1] == 1
    assert graph[2, 7] == graph[8, 9] == pytest.approx(1 / 3)


def test_graph_of_equal_rows_is_complete():
    graph = neighbour_graph(np.full((4, 2), 0.1)).toarray()
    np.testing.assert_allclose(graph, (1 - np.eye(4)) / 3)


@pytest.mark.parametrize(
    ("m", "n", "k", "kind"),
    [
        (60, 60, 1, "distinct"),
        (90, 30, 1, "distinct"),
        (50, 50, 1, "duplicates"),
        (80, 25, 3, "duplicates"),
        (60, 40, 3, "discrete"),
    ],
)
def test_moments_are_those_of_permuted_labels(rng, m, n, k, kind):
    rows = {
        "distinct": lambda: rng.normal(size=(m + n, 3)),
        "duplicates": lambda: with_duplicates(rng, m + n, 3),
        "discrete": lambda: rng.integers(0, 3, size=(m + n, 2)).astype(float),
    }[kind]()
    result = leave_one_out(rows[:m], rows[m:], k, permutations=0)
    weights = brute_graph(rows, k)
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


@pytest.mark.parametrize(("m", "n", "k"), [(60, 60, 1), (80, 30, 1), (60, 50, 3), (30, 90, 3)])
@pytest.mark.parametrize("permutations", [0, pytest.param(199, marks=pytest.mark.slow)])
@pytest.mark.parametrize("kind", ["distinct", "duplicates"])
def test_p_values_are_uniform_under_the_null(rng, m, n, k, permutations, kind):
    p_values = []
    for _ in range(150):
        rows = rng.normal(size=(m + n, 3))
        if kind == "duplicates":
            rows = rows[rng.integers(0, m, size=m + n)]
        result = leave_one_out(rows[:m], rows[m:], k, permutations=permutations)
        p_values.append([share.p_value for share in vars(result).values()])
    assert kstest([of_all for of_all, *_ in p_values], "uniform").pvalue > 1e-4
    for level in (0.1, 0.5):  # halves of few rows take few values
        rejected = np.mean(np.array(p_values) <= level, axis=0)
        np.testing.assert_allclose(rejected, level, atol=0.14)


def test_few_rows_are_tested_by_permutations_and_many_by_the_normal_law(rng):
    few, many = (leave_one_out(*rng.normal(size=(2, n, 2))).accuracy for n in (99, 100))
    assert (few.p_value_by, many.p_value_by) == ("permutations", "normal approximation")
    real, fake = rng.normal(size=(300, 2)), rng.normal(size=(300, 2)) + 0.25
    normal, drawn = (leave_one_out(real, fake, permutations=n).accuracy for n in (0, 9999))
    assert drawn.p_value == pytest.approx(normal.p_value, rel=0.25, abs=2e-3)
    assert drawn == leave_one_out(real, fake, permutations=9999).accuracy
    assert (drawn.value, drawn.variance) == (normal.value, normal.variance)


def test_p_value_of_five_rows_is_that_of_all_labellings():
    """Of the 10 ways to call two of (0, 1, 5, 6, 20) real, those as far from the mean as this."""
    rows = np.array([[0.0], [1.0], [5.0], [6.0], [20.0]])
    weights = brute_graph(rows)
    shares = []
    for chosen in itertools.combinations(range(5), 2):
        real = np.isin(np.arange(5), chosen).astype(float)
        shares.append((real @ weights @ real + (1 - real) @ weights @ (1 - real)) / 5)
    far = np.abs(np.array(shares) - np.mean(shares))
    result = leave_one_out(rows[:2], rows[2:]).accuracy
    assert result.value == pytest.approx(shares[0])
    assert result.p_value == pytest.approx(np.mean(far >= far[0] - 1e-9), abs=0.02)


def test_k_neighbours_share_the_vote(rng):
    real, fake = rng.normal(size=(40, 2)), rng.normal(size=(70, 2)) + 0.5
    order = cdist(*[np.concatenate([real, fake])] * 2).argsort(axis=1)[:, 1:6]
    own = (order < 40) == (np.arange(110) < 40)[:, None]
    assert leave_one_out(real, fake, 5).accuracy.value == pytest.approx(own.mean())
    assert leave_one_out(real, fake, 109).real_half.value == pytest.approx(39 / 109)
    with pytest.raises(InputError, match="k must be below the 110 rows, got 110"):
        leave_one_out(real, fake, 110)


def test_equal_rows_take_memory_for_one(rng):
    """8 000 rows of 27 kinds: a graph of rows would have two million weights."""
    rows = rng.integers(0, 3, size=(2, 4000, 3)).astype(float)
    tracemalloc.start()
    share = leave_one_out(*rows).accuracy
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 5e6
    assert share.value == pytest.approx(share.null_mean, abs=0.01)


def test_intervals_cover_the_mean_of_a_half(rng):
    results = [
        leave_one_out(rng.normal(size=(100, 2)), rng.normal(size=(100, 2)) + 0.7).real_half
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


numbers = st.one_of(
    st.floats(allow_nan=True, allow_infinity=True),
    st.sampled_from([0.0, -0.0, 5e-324, 1e-300, 1e300, 1.7e308, 1.0, 1.0 + 2e-16]),
)
anything = st.one_of(
    arrays(np.float64, st.tuples(st.integers(0, 6), st.integers(0, 3)), elements=numbers),
    arrays(np.int8, st.tuples(st.integers(0, 6), st.integers(0, 3))),
    arrays(np.bool_, st.integers(0, 6)),
    st.sampled_from([None, "rows", [], [[1, 2], [3]], [["a"]], np.zeros((2, 2, 2)), {}]),
)


@settings(max_examples=80, deadline=None)
@given(anything, anything, st.integers(0, 3))
def test_any_input_is_refused_or_scored(real, fake, k):
    try:
        shares = vars(leave_one_out(real, fake, k, permutations=0)).values()
        gaps, spread, found = (
            neighbour_gap(real, fake),
            neighbour_spread(real, fake),
            prdc(real, fake),
        )
    except InputError:
        return
    for share in shares:
        assert -1e-12 <= share.value <= 1 + 1e-12
        assert 0 <= share.p_value <= 1
    assert np.isfinite([*gaps, *found]).all()
    assert spread >= 0
