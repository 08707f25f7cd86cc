"""The classical samplers against closed forms and scikit-learn."""

import math

import numpy as np
import pytest
from scipy import integrate, stats
from scipy.special import logsumexp
from sklearn.mixture import GaussianMixture
from sklearn.neighbors import KernelDensity as PeerKernelDensity

import pushforward as pf
from pushforward.data.toys import GaussianModes
from pushforward.errors import InputError
from pushforward.evaluation.verdict import verdict

RNG = np.random.default_rng(0)
CORRELATED = RNG.normal(size=(500, 3)) @ np.array([[2.0, 0, 0], [1, 1, 0], [0, 3, 0.5]]) + 7


def test_gaussian_is_maximum_likelihood():
    gaussian = pf.Gaussian().fit(CORRELATED)
    peer = stats.multivariate_normal(CORRELATED.mean(0), np.cov(CORRELATED.T, bias=True))
    np.testing.assert_allclose(
        gaussian.score_samples(CORRELATED), peer.logpdf(CORRELATED), rtol=1e-3, atol=2e-3
    )
    drawn = gaussian.sample(200_000, random_state=0)
    np.testing.assert_allclose(drawn.mean(0), CORRELATED.mean(0), atol=0.03)
    np.testing.assert_allclose(np.cov(drawn.T), np.cov(CORRELATED.T), rtol=0.03, atol=0.05)


def test_gaussian_of_singular_data_still_draws():
    X = np.column_stack([CORRELATED, CORRELATED.sum(1)])
    drawn = pf.Gaussian().fit(X).sample(1000, random_state=0)
    np.testing.assert_allclose(drawn[:, 3], drawn[:, :3].sum(1), atol=0.2)


def test_mixture_finds_the_components_and_their_density():
    source = GaussianModes(np.array([[0.0, 0], [4, 0], [0, 4]]), 0.5, np.array([0.2, 0.3, 0.5]))
    X = source.draw(3000, np.random.default_rng(1))
    mixture = pf.Mixture(random_state=0).fit(X)
    assert mixture.n_components_ == 3
    assert np.abs(mixture.score_samples(X) - source.log_density(X)).mean() < 0.05
    drawn = mixture.sample(3000, random_state=0)
    shares = np.bincount(source.assign(drawn)[0], minlength=3) / 3000
    np.testing.assert_allclose(shares, source.weights, atol=0.04)


@pytest.mark.parametrize("covariance", ["full", "diag"])
def test_mixture_agrees_with_scikit_learn(covariance):
    mixture = pf.Mixture(n_components=3, covariance=covariance, random_state=0).fit(CORRELATED)
    mean, scale = CORRELATED.mean(0), CORRELATED.std(0)
    Z = (CORRELATED - mean) / scale
    peer = GaussianMixture(3, covariance_type=covariance, random_state=0)
    peer.weights_, peer.means_ = mixture.weights_, mixture.means_
    variances = np.stack([np.diag(c) for c in mixture.covariances_])
    if covariance == "diag":
        peer.precisions_cholesky_ = 1 / np.sqrt(variances)
    else:
        peer.precisions_cholesky_ = np.stack(
            [np.linalg.inv(np.linalg.cholesky(c)).T for c in mixture.covariances_]
        )
    expected = peer.score_samples(Z) - np.log(scale).sum()
    np.testing.assert_allclose(mixture.score_samples(CORRELATED), expected, rtol=1e-10)


def test_mixture_refuses_what_it_cannot_fit():
    for options, words in (
        ({"n_components": 0}, "between 1 and the 500 rows"),
        ({"n_components": 501}, "between 1 and the 500 rows"),
        ({"covariance": "round"}, "expected covariance among"),
    ):
        with pytest.raises(InputError, match=words):
            pf.Mixture(**options).fit(CORRELATED)


def test_kernel_density_integrates_to_one_and_its_samples_follow_it():
    X = np.random.default_rng(2).normal(5.0, 3.0, size=(40, 1))
    kde = pf.KernelDensity(bandwidth=0.4).fit(X)

    def density(x):
        return math.exp(kde.score_samples(np.array([[x]]))[0])

    total, _ = integrate.quad(density, -20, 30, limit=200)
    assert total == pytest.approx(1.0, abs=1e-6)
    h = 0.4 * X.std()
    cdf = lambda x: stats.norm.cdf((np.asarray(x)[:, None] - X[:, 0]) / h).mean(1)  # noqa: E731
    drawn = kde.sample(4000, random_state=0)[:, 0]
    assert stats.kstest(drawn, cdf).pvalue > 1e-3


def test_kernel_density_agrees_with_scikit_learn():
    kde = pf.KernelDensity(bandwidth=0.3).fit(CORRELATED)
    mean, scale = CORRELATED.mean(0), CORRELATED.std(0)
    peer = PeerKernelDensity(bandwidth=0.3).fit((CORRELATED - mean) / scale)
    new = np.random.default_rng(3).normal(7, 3, size=(50, 3))
    expected = peer.score_samples((new - mean) / scale) - np.log(scale).sum()
    near = expected > -20  # the peer's tree cuts off far tails
    assert near.sum() > 10
    np.testing.assert_allclose(kde.score_samples(new)[near], expected[near], rtol=1e-6)
    kernels = stats.norm.logpdf(new[:, None], CORRELATED, 0.3 * scale).sum(2)
    exact = logsumexp(kernels, axis=1) - math.log(len(CORRELATED))
    np.testing.assert_allclose(kde.score_samples(new), exact, rtol=1e-9)


def test_the_bandwidth_is_the_best_of_the_grid_on_held_out_folds():
    X = np.random.default_rng(4).normal(size=(300, 1))
    kde = pf.KernelDensity(random_state=0).fit(X)
    fresh = np.random.default_rng(5).normal(size=(5000, 1))

    def held_out(h):
        return pf.KernelDensity(bandwidth=h).fit(X).score_samples(fresh).mean()

    assert held_out(kde.bandwidth_) > held_out(kde.bandwidth_ * 2.5)
    assert held_out(kde.bandwidth_) > held_out(kde.bandwidth_ / 2.5)


def test_the_bandwidth_survives_duplicates_and_respects_scale():
    X = np.random.default_rng(6).normal(size=(200, 2))
    alone = pf.KernelDensity(random_state=0).fit(X)
    repeated = pf.KernelDensity(random_state=0).fit(np.repeat(X, 5, axis=0))
    assert repeated.bandwidth_ > 0.3 * alone.bandwidth_
    scaled = pf.KernelDensity(random_state=0).fit(X * [1000.0, 0.001])
    assert scaled.bandwidth_ == alone.bandwidth_
    np.testing.assert_allclose(
        scaled.sample(50, random_state=0), alone.sample(50, random_state=0) * [1000.0, 0.001]
    )


def test_a_pca_in_front_names_the_space_of_its_density():
    X = pf.load_data("digits").X[:500]
    kde = pf.KernelDensity(pca=15, random_state=0).fit(X)
    assert kde.density_space_ == "the first 15 principal components"
    assert kde.sample(5, random_state=0).shape == (5, 64)
    drawn = kde.encoding_.transform(kde.sample(200, random_state=0))
    outside = (drawn - kde.centre_) - (drawn - kde.centre_) @ kde.components_.T @ kde.components_
    assert np.abs(outside).max() < 1e-6  # nothing is drawn outside the components
    peer = PeerKernelDensity(bandwidth=kde.bandwidth_).fit(kde.rows_)
    codes = (kde.encoding_.transform(X) - kde.centre_) @ kde.components_.T
    np.testing.assert_allclose(kde.score_samples(X), peer.score_samples(codes), rtol=1e-9)
    for pca in (0, 100, 1.5, "many"):
        with pytest.raises(InputError, match="expected pca"):
            pf.KernelDensity(pca=pca).fit(X)


def test_a_table_with_categories_has_no_density():
    frame = pf.load_data("wine").X
    with pytest.raises(InputError, match="has no density"):
        pf.Gaussian().fit(frame).score_samples(frame)


@pytest.mark.parametrize("replace", [True, False])
def test_the_copycat_is_caught(replace):
    parts = pf.split(pf.load_data("digits"), seed=0)
    copycat = pf.Copycat(replace=replace).fit(parts.train)
    fake = copycat.sample(400, random_state=0)
    assert (len(np.unique(fake, axis=0)) == 400) != replace
    scores = pf.evaluate(parts.test, fake, train=parts.train)
    assert scores["copies"].value == 1.0
    assert scores["copies"].target < 0.02
    assert verdict(scores).name == "COPYING"
