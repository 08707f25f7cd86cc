"""p-values that know of the fit: uniform where the model is right, small where it is wrong."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import pushforward as pf
from pushforward.classical.goodness_of_fit import (
    anderson_darling,
    cramer_von_mises,
    goodness_of_fit,
    henze_zirkler,
)
from pushforward.classical.maximum_likelihood import MaximumLikelihood
from pushforward.errors import EvaluationWarning, InputError

REFITS = 19  # few are enough: a p-value is as uniform on 20 steps as on 1000


def p_values(make, draw, repeats):
    out = []
    for seed in range(repeats):
        X = draw(np.random.default_rng([seed, 7]))
        X = X[:, None] if X.ndim == 1 else X
        model = make().fit(X)
        out.append(goodness_of_fit(model, X, n_bootstrap=REFITS, random_state=seed).p_value)
    return np.array(out)


def is_uniform(p):
    """On the grid 1/(B+1), ..., 1, whose steps a Kolmogorov–Smirnov test must not see."""
    jitter = np.random.default_rng(0).random(len(p)) / (REFITS + 1)
    return stats.kstest(p - jitter, "uniform").pvalue > 1e-3


@pytest.mark.parametrize(
    ("make", "draw", "repeats"),
    [
        (pf.Gaussian, lambda rng: rng.normal(3.0, 2.0, 40), 60),
        (pf.Gaussian, lambda rng: rng.normal(size=(40, 3)) @ np.diag([1.0, 5.0, 9.0]) + 1, 60),
        (lambda: MaximumLikelihood("gamma"), lambda rng: rng.gamma(2.0, 3.0, 40), 20),
        (lambda: MaximumLikelihood("poisson"), lambda rng: rng.poisson(3.0, 60).astype(float), 20),
    ],
    ids=["normal", "normal in three columns", "gamma", "poisson"],
)
@pytest.mark.slow
def test_p_values_are_uniform_where_the_model_is_right(make, draw, repeats):
    assert is_uniform(p_values(make, draw, repeats))


def test_the_naive_p_value_is_not():
    """Lilliefors 1967: with fitted parameters Kolmogorov's table accepts nearly everything."""
    rng = np.random.default_rng(0)
    naive = []
    for _ in range(200):
        x = rng.normal(3.0, 2.0, 40)
        naive.append(stats.kstest(x, stats.norm(x.mean(), x.std()).cdf).pvalue)
    assert not is_uniform(np.array(naive))
    assert np.mean(np.array(naive) < 0.1) < 0.02


def test_the_null_law_has_the_known_critical_values():
    """D'Agostino & Stephens 1986, table 4.7: A²(1 + 0.75/n + 2.25/n²), both parameters fitted."""
    n, rng = 50, np.random.default_rng(1)
    X = rng.normal(size=(4000, n))
    U = stats.norm.cdf((X - X.mean(1, keepdims=True)) / X.std(1, ddof=1, keepdims=True))
    values = np.array([anderson_darling(u) for u in U]) * (1 + 0.75 / n + 2.25 / n**2)
    for level, critical in ((0.10, 0.631), (0.05, 0.752), (0.01, 1.035)):
        share = np.mean(values > critical)
        assert abs(share - level) < 4 * (level * (1 - level) / 4000) ** 0.5 + 0.1 * level


def test_it_agrees_with_scipy():
    x = np.random.default_rng(2).logistic(size=60)
    model = MaximumLikelihood("norm", random_state=0).fit(x[:, None])
    ours = goodness_of_fit(model, x[:, None], n_bootstrap=99)
    peer = stats.goodness_of_fit(
        stats.norm, x, statistic="ad", n_mc_samples=999, rng=np.random.default_rng(0)
    )
    assert ours.statistic == "Anderson-Darling"
    # scipy estimates with n − 1.
    assert ours.value == pytest.approx(peer.statistic, rel=0.02)
    assert ours.p_value == pytest.approx(peer.pvalue, abs=0.12)


def test_statistics_agree_with_scipy():
    u = np.random.default_rng(3).random(30) ** 1.3
    assert cramer_von_mises(u) == pytest.approx(stats.cramervonmises(u, "uniform").statistic)
    known = {"loc": 0, "scale": 1}
    peer = stats.goodness_of_fit(
        stats.uniform, u, known_params=known, statistic="ad", n_mc_samples=9
    )
    assert anderson_darling(u) == pytest.approx(peer.statistic)


def test_mean_ranks_leave_nothing_of_a_discrete_law_that_fits():
    values = np.repeat([0, 1, 2], [50, 30, 20])
    shares = np.array([0.5, 0.3, 0.2])
    middle = np.cumsum(shares) - shares / 2
    assert cramer_von_mises(middle[values]) == pytest.approx(1 / 1200)


def test_henze_zirkler_is_a_distance_of_characteristic_functions():
    """n ∫ |φₙ(t) − exp(−‖t‖²/2)|² N(t; 0, β²I) dt, by Monte Carlo over t."""
    Z = np.random.default_rng(4).exponential(size=(25, 2)) - 1
    n, p = Z.shape
    beta = ((2 * p + 1) * n / 4) ** (1 / (p + 4)) / 2**0.5
    T = beta * np.random.default_rng(5).normal(size=(100_000, p))
    phi = np.exp(1j * T @ Z.T).mean(1)
    terms = n * np.abs(phi - np.exp(-(T**2).sum(1) / 2)) ** 2
    error = terms.std() / len(terms) ** 0.5
    assert henze_zirkler(Z) == pytest.approx(terms.mean(), abs=5 * error)


def test_the_test_of_normality_is_affine_invariant():
    rng = np.random.default_rng(6)
    X = rng.normal(size=(80, 3)) ** 2
    Y = X @ rng.normal(size=(3, 3)) * 1000 + 5
    results = [goodness_of_fit(pf.Gaussian().fit(D), D, n_bootstrap=1) for D in (X, Y)]
    assert results[0].statistic == "Henze-Zirkler"
    assert results[0].value == pytest.approx(results[1].value, rel=1e-3)


@pytest.mark.parametrize(
    ("make", "X"),
    [
        (pf.Gaussian, np.random.default_rng(0).exponential(size=(60, 1))),
        (pf.Gaussian, np.random.default_rng(0).standard_t(2, size=(80, 3))),
        (
            lambda: MaximumLikelihood("poisson"),
            np.random.default_rng(0).negative_binomial(2, 0.3, (100, 1)).astype(float),
        ),
        # Normal columns with |x| = |y|: uncorrelated, but not independent.
        (
            lambda: MaximumLikelihood("norm"),
            np.random.default_rng(0).normal(size=(150, 1))
            * np.random.default_rng(1).choice([-1.0, 1.0], size=(150, 2)),
        ),
        (
            lambda: pf.Mixture(n_components=1),
            np.random.default_rng(0).choice([-3.0, 3.0], size=(80, 2))
            + np.random.default_rng(1).normal(size=(80, 2)),
        ),
        (
            lambda: pf.KernelDensity(bandwidth=1.0),
            np.random.default_rng(0).choice([-9.0, 9.0], size=(80, 2))
            + np.random.default_rng(1).normal(size=(80, 2)),
        ),
    ],
    ids=["skew", "heavy tails", "overdispersed", "dependent", "two modes", "oversmoothed"],
)
def test_what_does_not_fit_is_found(make, X):
    model = make().set_params(random_state=0).fit(X)
    result = goodness_of_fit(model, X, n_bootstrap=39)
    assert result.p_value <= 2 / 40, result


def test_a_mixture_fits_a_mixture():
    rng = np.random.default_rng(0)
    X = rng.choice([-3.0, 3.0], size=(150, 1)) + rng.normal(size=(150, 2))
    model = pf.Mixture(n_components=2, random_state=0).fit(X)
    assert goodness_of_fit(model, X, n_bootstrap=39).p_value > 0.05


def test_draws_are_rounded_as_the_rows_are_and_leave_their_range():
    """Ages of a table are whole numbers; a normal that is rounded still fits them."""
    ages = np.round(np.random.default_rng(7).normal(40, 3, 300)).astype(int)
    frame = pd.DataFrame({"age": ages})
    model = MaximumLikelihood("norm", random_state=0).fit(frame)
    result = goodness_of_fit(model, frame, n_bootstrap=59)
    assert result.statistic == "Cramér-von Mises"
    assert result.p_value > 0.05
    assert goodness_of_fit(model, frame, n_bootstrap=59) == result
    assert "refits" in str(result)


def test_what_cannot_be_tested_is_told():
    X = np.random.default_rng(8).normal(size=(30, 2))
    frame = pd.DataFrame({"a": X[:, 0], "b": ["x", "y"] * 15})
    for sampler, rows, words in (
        (pf.Copycat().fit(X), X, "expected a sampler with a density, got Copycat"),
        (pf.Gaussian().fit(frame), frame, "numbers without missing values"),
        (pf.Gaussian().fit(np.ones((5, 1))), np.ones((5, 1)), "no column varies"),
        (pf.Gaussian().fit(X), X[:1], r"no column varies in the 1 row\(s\)"),
        (pf.Gaussian().fit(X), np.ones((5, 2)), "no column varies"),
        (pf.Gaussian().fit(X), np.where(X > 1, np.nan, X), "numbers without missing values"),
        (pf.KernelDensity(weights=np.arange(30)).fit(X), X, "counts all rows alike"),
    ):
        with pytest.raises(InputError, match=words):
            goodness_of_fit(sampler, rows)
    for n_bootstrap in (0, 2.5, True):
        with pytest.raises(InputError, match="n_bootstrap"):
            goodness_of_fit(pf.Gaussian().fit(X), X, n_bootstrap=n_bootstrap)


def test_refits_that_fail_are_counted():
    """A binomial near its Poisson limit: many draws have no maximum."""
    expected = 80 * stats.binom(100, 0.03).pmf(np.arange(14))
    x = np.repeat(np.arange(14.0), np.round(expected).astype(int))[:, None]
    model = MaximumLikelihood("binom", random_state=0).fit(x)
    with pytest.warns(EvaluationWarning, match="of 39 refits failed"):
        result = goodness_of_fit(model, x, n_bootstrap=39)
    assert result.failed > 3
    assert result.n_bootstrap + result.failed == 39
