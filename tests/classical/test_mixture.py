"""Mixtures of normals against a known law, scikit-learn and numerical integration."""

import numpy as np
import pytest
from scipy import integrate
from scipy.stats import norm
from sklearn.mixture import GaussianMixture

import pushforward as pf
from pushforward.data.toys import GaussianModes
from pushforward.errors import InputError

RNG = np.random.default_rng(0)
CORRELATED = RNG.normal(size=(500, 3)) @ np.array([[2.0, 0, 0], [1, 1, 0], [0, 3, 0.5]]) + 7


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
def test_mixture_agrees_with_scikit_learn(covariance, tmp_path):
    mixture = pf.Mixture(n_components=3, covariance=covariance, random_state=0).fit(CORRELATED)
    mean, scale = CORRELATED.mean(0), CORRELATED.std(0)
    Z = (CORRELATED - mean) / scale
    peer = GaussianMixture(3, covariance_type=covariance, random_state=0)
    peer.weights_, peer.means_ = mixture.weights_, mixture.means_
    variances = np.stack([np.diag(c) for c in mixture.covariances_])
    if covariance == "diag":
        peer.precisions_cholesky_ = 1 / np.sqrt(variances)
        peer.covariances_ = variances
    else:
        peer.precisions_cholesky_ = np.stack(
            [np.linalg.inv(np.linalg.cholesky(c)).T for c in mixture.covariances_]
        )
        peer.covariances_ = mixture.covariances_
    expected = peer.score_samples(Z) - np.log(scale).sum()
    np.testing.assert_allclose(mixture.score_samples(CORRELATED), expected, rtol=1e-10)
    # In the units of the data −2 log L is larger by 2n log |det|.
    jacobian = 2 * len(Z) * np.log(scale).sum()
    assert mixture.log_likelihood_ == pytest.approx(expected.sum(), rel=1e-9)
    assert mixture.bic_ == pytest.approx(peer.bic(Z) + jacobian, rel=1e-9)
    assert mixture.aic_ == pytest.approx(peer.aic(Z) + jacobian, rel=1e-9)
    loaded = pf.load_model(mixture.save(tmp_path / "model"))
    assert loaded.bic_ == mixture.bic_
    assert loaded.n_parameters_ == mixture.n_parameters_


def test_a_table_with_categories_has_no_criteria():
    mixture = pf.Mixture(n_components=1, random_state=0).fit(pf.load_data("wine").X)
    assert mixture.log_likelihood_ is mixture.bic_ is None


def test_the_rosenblatt_transform_is_the_conditional_distribution_function():
    X = RNG.normal(size=(300, 2)) @ [[1.0, 0.5], [0.0, 1.0]] + RNG.choice([-2.0, 2.0], (300, 1))
    mixture = pf.Mixture(n_components=3, covariance="full", random_state=0).fit(X)
    Z = mixture.encoding_.transform(X)[:5]
    U = mixture._uniform(Z)

    def density(a, b):
        return np.exp(mixture._log_density(np.array([[a, b]]))[0])

    for (a, b), (u, v) in zip(Z, U, strict=True):
        below, all_of_it = (
            integrate.quad(lambda t, a=a: density(a, t), -9, end, limit=200)[0] for end in (b, 9)
        )
        assert v == pytest.approx(below / all_of_it, abs=1e-5)
        marginal = norm(mixture.means_[:, 0], mixture.covariances_[:, 0, 0] ** 0.5)
        assert u == pytest.approx(mixture.weights_ @ marginal.cdf(a))


def test_mixture_refuses_what_it_cannot_fit():
    for options, words in (
        ({"n_components": 0}, "between 1 and the 500 rows"),
        ({"n_components": 501}, "between 1 and the 500 rows"),
        ({"n_components": True}, "between 1 and the 500 rows"),
        ({"max_components": 0}, "expected max_components to be a whole number from 1, got 0"),
        ({"max_components": 2.5}, "expected max_components to be a whole number from 1, got 2.5"),
        ({"covariance": "round"}, "expected covariance among"),
    ):
        with pytest.raises(InputError, match=words):
            pf.Mixture(**options).fit(CORRELATED)
