"""The classical samplers against closed forms and scikit-learn."""

import numpy as np
import pytest
from scipy import stats
from sklearn.mixture import GaussianMixture

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
