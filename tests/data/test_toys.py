"""Toy sources against closed forms, scipy and quadrature."""

import numpy as np
import pytest
from scipy import stats
from scipy.spatial.distance import pdist
from sklearn.linear_model import LinearRegression

from pushforward.data.toys import GaussianModes, grid, manifold, ring
from pushforward.errors import InputError

SOURCES = [ring, grid, manifold]
IDEAL_SHARE = 1 - np.exp(-4.5)  # of a Gaussian in two dimensions within 3σ


@pytest.fixture
def wide():
    means = np.array([[0.0, 0.0], [2.0, 1.0], [-1.0, 2.0]])
    return GaussianModes(means, 0.7, np.array([0.5, 0.3, 0.2]))


def area_element(source, U, h=1e-6):
    """√det JᵀJ of the embedding by central differences, (n,)."""
    steps = h * np.eye(2)
    J = np.stack([(source.embed(U + s) - source.embed(U - s)) / (2 * h) for s in steps], axis=-1)
    return np.sqrt(np.linalg.det(np.swapaxes(J, 1, 2) @ J))


def lattice(low, high, step):
    axis = np.arange(low, high, step)
    return np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)


def test_log_density_is_the_mixture_of_scipy(wide):
    X = np.random.default_rng(0).normal(size=(50, 2)) * 3
    pairs = zip(wide.weights, wide.means, strict=True)
    expected = sum(w * stats.multivariate_normal(m, 0.49 * np.eye(2)).pdf(X) for w, m in pairs)
    np.testing.assert_allclose(wide.log_density(X), np.log(expected), rtol=1e-12)


def test_density_integrates_to_one(wide):
    mass = np.exp(wide.log_density(lattice(-8, 9, 0.05))).sum() * 0.05**2
    assert mass == pytest.approx(1, abs=1e-9)


def test_log_density_stays_finite_far_away():
    assert np.isfinite(ring().log_density(np.array([[1e3, 1e3]]))).all()


def test_manifold_density_integrates_to_one_over_the_surface():
    source = manifold()
    U = lattice(-3.5, 3.5, 0.03)
    density = np.exp(source.log_density(source.embed(U)))
    assert (density * area_element(source, U)).sum() * 0.03**2 == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("make", SOURCES)
def test_draws_have_equal_modes_and_the_ideal_share_of_high_quality(make):
    source, n = make(), 100_000
    mode, high_quality = source.assign(source.draw(n, np.random.default_rng(1)))
    counts = np.bincount(mode, minlength=source.n_modes)
    assert len(counts) == source.n_modes == len(source.weights)
    assert stats.chisquare(counts, n * source.weights).pvalue > 1e-3
    standard_error = np.sqrt(IDEAL_SHARE * (1 - IDEAL_SHARE) / n)
    assert high_quality.mean() == pytest.approx(IDEAL_SHARE, abs=4 * standard_error)


@pytest.mark.parametrize(("make", "sigma"), [(ring, 0.01), (grid, 0.05)])
def test_draws_follow_the_density(make, sigma):
    source, n = make(), 50_000
    X = source.draw(n, np.random.default_rng(2))
    mode, _ = source.assign(X)
    scaled = (X - source.means[mode]) / sigma
    assert stats.kstest((scaled**2).sum(1), stats.chi2(2).cdf).pvalue > 1e-3
    # Modes that do not overlap: entropy log K + 1 + log 2πσ², standard deviation of log p is 1.
    entropy = np.log(source.n_modes) + 1 + np.log(2 * np.pi * sigma**2)
    assert source.log_density(X).mean() == pytest.approx(-entropy, abs=4 / np.sqrt(n))


def test_manifold_draws_follow_the_density():
    source, n = manifold(), 50_000
    X = source.draw(n, np.random.default_rng(3))
    U = source.coordinates(X)
    scaled = (U - source.latent.means[source.assign(X)[0]]) / 0.25
    assert stats.kstest((scaled**2).sum(1), stats.chi2(2).cdf).pvalue > 1e-3
    in_coordinates = source.log_density(X) + np.log(area_element(source, U))
    entropy = np.log(4) + 1 + np.log(2 * np.pi * 0.25**2)
    assert in_coordinates.mean() == pytest.approx(-entropy, abs=4 / np.sqrt(n))


def test_ring_has_eight_distinct_modes_on_the_unit_circle():
    means = ring().means
    assert means.shape == (8, 2)
    np.testing.assert_allclose(np.linalg.norm(means, axis=1), 1)
    assert pdist(means).min() == pytest.approx(2 * np.sin(np.pi / 8))


def test_grid_has_its_25_modes():
    expected = {(float(a), float(b)) for a in (-4, -2, 0, 2, 4) for b in (-4, -2, 0, 2, 4)}
    assert set(map(tuple, grid().means)) == expected


def test_assign_at_three_sigma_and_at_what_is_not_finite():
    X = np.array([[1.0299, 0.0], [1.0301, 0.0], [0.0, -1.0], [np.nan, 0.0]])
    mode, high_quality = ring().assign(X)
    assert mode[:3].tolist() == [0, 0, 6]
    assert high_quality.tolist() == [True, False, True, False]


def test_draws_repeat_for_a_seed():
    for make in SOURCES:
        a, b, c = (make().draw(20, np.random.default_rng(seed)) for seed in (5, 5, 6))
        np.testing.assert_array_equal(a, b)
        assert not np.array_equal(a, c)
        assert a.dtype == np.float64


def test_manifold_coordinates_are_recovered_exactly():
    source = manifold()
    U = np.random.default_rng(0).uniform(-3, 3, size=(200, 2))
    X = source.embed(U)
    assert X.shape == (200, 32)
    np.testing.assert_allclose(source.coordinates(X), U, atol=1e-13)
    np.testing.assert_allclose(source.Q.T @ source.Q, np.eye(8), atol=1e-13)


def test_manifold_is_curved_in_every_direction_beside_the_coordinates():
    source = manifold()
    X = source.draw(2000, np.random.default_rng(0))
    U, beside = source.coordinates(X), (X @ source.Q)[:, 2:]
    residual = beside - LinearRegression().fit(U, beside).predict(U)
    assert (residual.std(axis=0) > 0.15).all()


def test_manifold_has_no_density_off_the_surface():
    source = manifold()
    X = source.draw(5, np.random.default_rng(0))
    normal = source.Q[:, 7]  # moves no coordinate
    assert np.isneginf(source.log_density(X + 1e-3 * normal)).all()
    assert np.isfinite(source.log_density(X + 1e-7 * normal)).all()
    assert np.isfinite(source.log_density(X.astype(np.float32))).all()


def test_manifold_assigns_by_coordinates_and_distance_from_the_surface():
    source = manifold()
    centres = source.embed(source.latent.means)
    normal = source.Q[:, 7]
    for shift, good in [(0.74, True), (0.76, False)]:
        mode, high_quality = source.assign(centres + shift * normal)
        assert mode.tolist() == [0, 1, 2, 3]
        assert (high_quality == good).all()
    between = source.embed(np.array([[0.0, 1.4]]))
    assert not source.assign(between)[1].any()


@pytest.mark.parametrize(
    ("sigma", "weights", "words"),
    [(0.0, [0.5, 0.5], "sigma"), (1.0, [0.5, 0.6], "sum to 1"), (1.0, [1.0], "means must be")],
)
def test_modes_that_are_no_distribution_are_refused(sigma, weights, words):
    with pytest.raises(InputError, match=words):
        GaussianModes(np.zeros((2, 2)), sigma, np.array(weights))
