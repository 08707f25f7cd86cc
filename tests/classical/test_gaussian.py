"""The multivariate normal against closed forms, scipy and repeated experiments."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import pushforward as pf
from pushforward.errors import InputError

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


def test_criteria_are_in_the_units_of_the_data(tmp_path):
    gaussian = pf.Gaussian().fit(CORRELATED)
    n, p = CORRELATED.shape
    # The likelihood at its top: −(n/2)(p log 2π + log |Σ̂| + p).
    _, log_determinant = np.linalg.slogdet(np.cov(CORRELATED.T, bias=True))
    expected = -n / 2 * (p * np.log(2 * np.pi) + log_determinant + p)
    assert gaussian.log_likelihood_ == pytest.approx(expected, abs=0.1)
    assert gaussian.n_parameters_ == 3 + 6
    assert gaussian.aic_ == pytest.approx(18 - 2 * gaussian.log_likelihood_)
    assert gaussian.bic_ == pytest.approx(9 * np.log(n) - 2 * gaussian.log_likelihood_)
    scaled = pf.Gaussian().fit(CORRELATED * 10)
    assert scaled.log_likelihood_ == pytest.approx(gaussian.log_likelihood_ - n * p * np.log(10))
    loaded = pf.load_model(gaussian.save(tmp_path / "model"))
    assert (loaded.aic_, loaded.bic_) == (gaussian.aic_, gaussian.bic_)
    pd.testing.assert_frame_equal(loaded.parameters_, gaussian.parameters_)


def test_a_table_with_categories_has_no_criteria():
    gaussian = pf.Gaussian().fit(pf.load_data("wine").X)
    assert gaussian.log_likelihood_ is gaussian.aic_ is gaussian.bic_ is None
    assert gaussian.parameters_ is None
    constant = pf.Gaussian().fit(np.ones((5, 2)))
    assert constant.bic_ is constant.parameters_ is None


def test_rows_with_holes_have_no_density():
    always = np.column_stack([CORRELATED, np.full(500, np.nan)])
    for X in (always, pd.DataFrame(always, columns=list("abcd"))):
        gaussian = pf.Gaussian().fit(X)
        assert np.isfinite(gaussian.score_samples(X)).all()  # a column that is always missing
        X = X.copy()
        X[:2] = np.nan
        with pytest.raises(InputError, match="without missing values"):
            gaussian.score_samples(X)


def test_intervals_are_those_of_t_and_chi_square():
    frame = pd.DataFrame(CORRELATED, columns=["a", "b", "c"])
    table = pf.Gaussian().fit(frame).parameters_.set_index("parameter")
    peer = stats.ttest_1samp(CORRELATED[:, 0], 0).confidence_interval(0.95)
    assert table.loc["mean of a", "low"] == pytest.approx(peer.low, rel=1e-5)
    assert table.loc["mean of a", "high"] == pytest.approx(peer.high, rel=1e-5)
    squares = ((CORRELATED[:, 1] - CORRELATED[:, 1].mean()) ** 2).sum()
    ends = squares / stats.chi2(499).ppf([0.975, 0.025])
    row = table.loc["variance of b"]
    np.testing.assert_allclose([row["low"], row["high"]], ends, rtol=1e-5)
    row = table.loc["covariance of a and b"]
    assert row["estimate"] == pytest.approx(np.cov(CORRELATED.T, bias=True)[0, 1], rel=1e-5)
    assert table["by"].value_counts().to_dict() == {"t": 3, "chi-square": 3, "normal": 3}


def test_variances_beyond_the_floats_are_infinite():
    table = pf.Gaussian().fit(CORRELATED * 1e200).parameters_
    assert (table.loc[table["by"] == "chi-square", "estimate"] == np.inf).all()
    assert np.isfinite(table.loc[table["by"] == "t", "estimate"]).all()


def test_intervals_cover():
    truth = np.array([0.0, 1.0, 1.0, 0.6, 4.0])  # means, then the covariance by rows
    factor = np.linalg.cholesky([[1.0, 0.6], [0.6, 4.0]])
    rng, covered = np.random.default_rng(1), []
    for _ in range(300):
        X = rng.normal(size=(60, 2)) @ factor.T + [0.0, 1.0]
        table = pf.Gaussian().fit(X).parameters_
        covered.append((table["low"] <= truth) & (truth <= table["high"]))
    share = np.mean(covered, axis=0)
    assert (np.abs(share - 0.95) < 4 * (0.95 * 0.05 / 300) ** 0.5).all(), share


def test_the_rosenblatt_transform_is_uniform():
    gaussian = pf.Gaussian().fit(CORRELATED)
    U = gaussian._uniform(gaussian._draw(4000, np.random.default_rng(2)))
    for u in U.T:
        assert stats.kstest(u, "uniform").pvalue > 1e-3
    assert np.abs(np.corrcoef(U.T) - np.eye(3)).max() < 0.06
