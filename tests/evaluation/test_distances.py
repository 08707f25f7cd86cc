"""Exact nearest rows against brute force, whatever products of few bits leave open."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from pushforward.evaluation import distances
from pushforward.evaluation.distances import (
    across,
    nearest_across,
    nearest_among,
    points_of,
    to_unit_scale,
)


@pytest.fixture(params=["numpy", "torch", "bfloat16"], autouse=True)
def engine(request, monkeypatch):
    """All ways to multiply; small blocks, so that there are many of them."""
    monkeypatch.setattr(distances, "WORTH_TORCH", 2**60 if request.param == "numpy" else 0)
    monkeypatch.setattr(distances, "WORTH_BFLOAT16", 0 if request.param == "bfloat16" else 2**60)
    monkeypatch.setattr(distances, "_bfloat16_is_quick", lambda: True)
    monkeypatch.setattr(distances, "BLOCK", 128)
    monkeypatch.setattr(distances, "ENTRIES", 500)


def sets(rng, kind):
    """Two sets of rows, of kinds that are hard for one of the stages."""
    a, b = rng.normal(size=(230, 4)), rng.normal(size=(300, 4)) + 0.2
    if kind == "far from the origin":
        a, b = a + 1e3, b + 1e3
    elif kind == "repeated":
        a, b = np.round(a), np.round(b)
    elif kind == "collapsed":
        b = a[0] + 1e-7 * b
    elif kind == "heavy tails":
        a, b = np.exp(6 * a), np.exp(6 * b)
    elif kind == "tiny":
        a, b = 1e-25 * a, np.concatenate([1e-25 * b[1:], b[:1]])
    elif kind == "copies":
        b = np.concatenate([a, a + 1e-4 * rng.normal(size=a.shape)])
    elif kind == "many columns":
        a, b = rng.normal(size=(230, 600)), 1.02 * rng.normal(size=(300, 600))
    return to_unit_scale(a, b)[1]


KINDS = [
    "normal",
    "far from the origin",
    "repeated",
    "collapsed",
    "heavy tails",
    "tiny",
    "copies",
    "many columns",
]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("k", [1, 4])
def test_nearest_are_those_of_brute_force(rng, kind, k):
    rows = sets(rng, kind)
    _, (a, b) = points_of(*rows)
    squares = cdist(*rows, "sqeuclidean")
    among = cdist(rows[0], rows[0], "sqeuclidean")
    np.fill_diagonal(among, np.inf)
    found = across(a, b, k)
    for nearest, points, expected in (
        (nearest_among(a, k), a, among),
        (nearest_across(a, b, k), a, squares),
        (found.to_b, a, squares),
        (found.to_a, b, squares.T),
    ):
        expected = np.sort(expected, axis=1)[:, k - 1]
        kth = nearest.kth(k)[points.which]
        np.testing.assert_allclose(kth, expected, rtol=1e-11)
        np.testing.assert_array_equal(kth == 0, expected == 0)


@pytest.mark.parametrize("kind", KINDS)
def test_balls_are_counted_as_by_brute_force(rng, kind):
    rows = sets(rng, kind)
    _, (a, b) = points_of(*rows)
    radii = nearest_among(a, 3).kth(3), nearest_among(b, 3).kth(3)
    found = across(a, b, 1, radii)
    squares = cdist(*rows, "sqeuclidean")
    squares = squares * (1 + 1e-12)  # what is on a surface is outside, however sums are rounded
    around_a = squares < radii[0][a.which][:, None]
    around_b = squares < radii[1][b.which]
    np.testing.assert_array_equal(found.balls_of_a[b.which], around_a.sum(axis=0))
    np.testing.assert_array_equal(found.balls_of_b[a.which], around_b.sum(axis=1))


@pytest.mark.parametrize("kind", ["normal", "repeated", "copies"])
def test_runs_may_be_longer_than_blocks(rng, monkeypatch, kind):
    monkeypatch.setattr(distances, "MOST_RUNS", 8)
    monkeypatch.setattr(distances, "BLOCK", 16)
    monkeypatch.setattr(distances, "SHORTEST_RUN", 8)
    rows = sets(rng, kind)
    _, (a, b) = points_of(*rows)
    assert min(a.run, b.run) > distances.BLOCK
    among, squares = (cdist(rows[0], other, "sqeuclidean") for other in rows)
    np.fill_diagonal(among, np.inf)
    found = across(a, b, 2)
    for nearest, points, expected in (
        (nearest_among(a, 2), a, among),
        (found.to_b, a, squares),
        (found.to_a, b, squares.T),
    ):
        expected = np.sort(expected, axis=1)[:, 1]
        np.testing.assert_allclose(nearest.kth(2)[points.which], expected, rtol=1e-11)


def test_nearest_is_exact_where_a_matrix_product_is_not(rng):
    """Spacings of 1e-9 at distance 10: a float64 product's rounding error is of the same size."""
    rows = 10.0 + 1e-9 * rng.integers(0, 4, size=(60, 4))
    rows[0] = -rows[0]
    squares = cdist(rows, rows, "sqeuclidean")
    np.fill_diagonal(squares, np.inf)
    _, (points,) = points_of(rows)
    found = nearest_among(points, 1).kth(1)[points.which]
    np.testing.assert_array_equal(found == 0, squares.min(axis=1) == 0)
    np.testing.assert_allclose(found, squares.min(axis=1), rtol=1e-12)


def test_all_ties_on_a_lattice_are_found():
    lattice = np.stack(np.meshgrid(*[np.arange(6.0)] * 3), axis=-1).reshape(-1, 3)
    _, (points,) = points_of(lattice)
    found = nearest_among(points, 1)
    adjacent = cdist(lattice, lattice, "cityblock") == 1
    np.testing.assert_array_equal(np.bincount(found.row)[points.which], adjacent.sum(axis=1))


def test_a_row_on_the_surface_of_a_ball_is_outside():
    _, (a, b) = points_of(np.array([[0.0, 1.0], [1.0, 0.0], [0.0, 0.5]]), np.zeros((1, 2)))
    held = across(a, b, 1, (np.zeros(3), np.ones(1))).balls_of_b
    np.testing.assert_array_equal(held[a.which], [0, 0, 1])


def test_distinct_rows_stand_for_those_that_equal_them(rng):
    rows = rng.integers(0, 3, size=(500, 2)).astype(float)
    rows[rows == 0] *= rng.choice([-1.0, 1.0], size=(rows == 0).sum())  # −0 is 0
    _, (points,) = points_of(rows)
    assert len(points) == 9
    np.testing.assert_array_equal(rows[points.first][points.which], rows)
    np.testing.assert_array_equal(points.count[points.which] == 1, np.zeros(500))


def test_rows_that_share_a_hash_stay_apart(monkeypatch):
    class Blind:
        def integers(self, *_, size, dtype):
            return np.full(size, 2**63 - 1, dtype) * 0

    rows = np.repeat(np.arange(8.0), 2)[:, None] * 1024  # few bits, whose sums may coincide
    monkeypatch.setattr(distances.np.random, "default_rng", lambda _: Blind())
    _, (points,) = points_of(rows)
    assert len(points) == 8


@pytest.mark.parametrize("p", [1, 30, 3000])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_rounding_stays_within_its_bound(rng, p, dtype):
    rows = rng.normal(size=(150, p)) * np.exp(3 * rng.normal(size=(150, 1)))
    _, (points,) = points_of(rows)
    places = np.arange(150)
    left = points.centred(places).astype(dtype)
    half = points.half.astype(dtype)
    product = (
        np.column_stack([left, -half, np.ones(150, dtype)])
        @ np.column_stack([left, np.ones(150, dtype), -half]).T
    )
    exact = cdist(points.centred(places), points.centred(places), "sqeuclidean") / -2
    error = distances._error(points, points.half[:, None], points.half, dtype)
    assert (np.abs(product - exact) <= error).all()


@pytest.mark.parametrize("p", [1, 4, 30, 3000])
@pytest.mark.parametrize("kind", ["uneven", "short", "cancelling", "near", "multiples"])
def test_rounding_to_bfloat16_stays_within_its_bound(rng, monkeypatch, p, kind):
    pytest.importorskip("torch")
    monkeypatch.setattr(distances, "SHORTEST_RUN", 1)  # so that each row has its own bound
    monkeypatch.setattr(distances, "WORTH_TORCH", 0)
    rows = rng.normal(size=(150, p)) * np.exp(3 * rng.normal(size=(150, 1)))
    if kind == "cancelling":  # in sums that grow at first
        rows[:75] = 1 + 2.0**-9 * rng.random(size=(75, p))
        rows[75:] = np.where(np.arange(p) < p / 2, 1, -1) * rows[:75]
    elif kind == "near":
        rows = rows[:1] + 1e-3 * rows
    elif kind == "short":  # entries of few bits, which do not round: only their norms do
        rows[:75] = 127 - rng.integers(0, 3, size=(75, p))
        rows[75:] = -rows[:75]
    elif kind == "multiples":
        rows[1:] = rows[0] * 2.0 ** rng.integers(-2, 2, size=(149, 1))
    _, (points,) = points_of(rows)
    product = np.empty((len(points), len(points)))
    for i, j, block in distances._products(points, points, coarse=True):
        product[i, j], product[j, i] = block, block.T
    x = points.centred(slice(None))
    exact = cdist(x, x, "sqeuclidean") / -2
    for y in range(len(points)):
        for this, other in ((exact[:, y], product[:, y]), (product[:, y], exact[:, y])):
            least = distances._reached(points, points, other, y, coarse=True)
            assert (this >= least).all()


def test_bfloat16_changes_no_bit_of_the_answer(rng, monkeypatch):
    rows = sets(rng, "many columns")
    answers = []
    for worth in (0, 2**60):
        monkeypatch.setattr(distances, "WORTH_BFLOAT16", worth)
        _, (a, b) = points_of(*rows)
        answers.append([nearest_among(a, 3), nearest_across(a, b, 3), across(a, b, 1).to_a])
    for coarse, fine in zip(*answers, strict=True):
        for one, other in zip(coarse, fine, strict=True):
            np.testing.assert_array_equal(one, other)


def test_bfloat16_is_not_even_tried_for_few_rows(rng, monkeypatch):
    monkeypatch.setattr(distances, "WORTH_BFLOAT16", 500**2)
    monkeypatch.setattr(distances, "_bfloat16_is_quick", lambda: pytest.fail("tried"))
    _, (few,) = points_of(rng.normal(size=(300, 3)))
    assert not distances._bfloat16_pays(few, few)


@pytest.mark.parametrize("sums_to", [126.0, 128.0])
def test_bfloat16_that_sums_wrongly_is_not_taken(monkeypatch, sums_to):
    torch = pytest.importorskip("torch")
    monkeypatch.undo()
    seconds = iter(range(10**6))  # of a clock for which all that comes later takes longer
    monkeypatch.setattr(distances.time, "perf_counter", lambda: next(seconds) ** 2)
    monkeypatch.setattr(
        torch.Tensor, "__matmul__", lambda left, _: torch.full((2, 2), sums_to, dtype=left.dtype)
    )
    assert distances._bfloat16_is_quick.__wrapped__() is (sums_to == 126)


def test_bits_of_products_that_the_user_gave_up_are_not_trusted():
    torch = pytest.importorskip("torch")
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("medium")
    try:
        assert distances._torch() is None
    finally:
        torch.set_float32_matmul_precision(before)


@pytest.mark.parametrize("largest", [1e-300, 3.0, 1e300])
def test_unit_scale_is_a_power_of_two(largest):
    exponent, (a, b) = to_unit_scale(np.array([[largest]]), np.array([[-largest / 3]]))
    assert 0.5 <= a[0, 0] < 1
    assert np.ldexp(a[0, 0], exponent) == largest
    assert np.ldexp(b[0, 0], exponent) == -largest / 3
