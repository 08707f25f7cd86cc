"""Inverse transform sampling: every route against a known law, and what cannot be inverted."""

import functools
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy import stats

import pushforward as pf
from pushforward.classical.inverse_transform import InverseTransform
from pushforward.classical.quantiles import RESOLUTION, Empirical, InverseCDF, InverseDensity
from pushforward.errors import InputError

N = 20_000
ROUTES = {
    "quantile": ({"quantile": lambda u: -2 * np.log1p(-u)}, stats.expon(scale=2)),
    "cdf": (
        {"cdf": lambda x: 1 - np.exp(-x / 2), "support": (0, np.inf)},
        stats.expon(scale=2),
    ),
    "cdf on the whole line": ({"cdf": lambda x: 1 / (1 + np.exp(-x))}, stats.logistic()),
    "density": ({"density": lambda x: 7 * np.exp(-abs(x))}, stats.laplace()),
    "density on an interval": (
        {"density": lambda x: x * (1 - x) ** 2, "support": (0, 1)},
        stats.beta(2, 3),
    ),
    "quantile of scipy": ({"quantile": stats.gamma(3.0)}, stats.gamma(3.0)),
    "cdf of scipy": ({"cdf": stats.t(3.0)}, stats.t(3.0)),
    "density of scipy": ({"density": stats.gamma(3.0)}, stats.gamma(3.0)),
}


@functools.cache
def fitted(route):
    return InverseTransform(**ROUTES[route][0], random_state=0).fit()


@pytest.mark.parametrize("route", ROUTES)
def test_draws_follow_the_law(route):
    law = ROUTES[route][1]
    drawn = fitted(route).sample(N, random_state=1)
    assert drawn.shape == (N, 1)
    assert stats.kstest(drawn[:, 0], law.cdf).pvalue > 1e-3
    assert drawn.mean() == pytest.approx(law.mean(), abs=4 * law.std() / np.sqrt(N))
    assert np.median(drawn) == pytest.approx(law.median(), abs=0.05)


@pytest.mark.parametrize("route", ROUTES)
def test_the_error_in_u_is_measured_and_below_what_was_asked(route):
    law, sampler = ROUTES[route][1], fitted(route)
    u = np.random.default_rng(2).uniform(1e-6, 1 - 1e-6, 2000)
    assert np.abs(law.cdf(sampler.quantiles_[0](u)) - u).max() < 1.5 * RESOLUTION
    assert sampler.u_error_[0] < 1.5 * RESOLUTION
    if not route.startswith("quantile"):
        assert sampler.u_error_[0] > 0


def test_an_error_is_seen_where_there_is_one():
    """A cdf that belies its density: the inversion follows the density, the error says so."""
    with pytest.raises(InputError, match=r"wrong by 0\.1"):
        InverseDensity(stats.norm.pdf, cdf=lambda x: stats.norm.cdf(x - 0.4))


@pytest.mark.parametrize(
    "law",
    [
        stats.poisson(3.3),
        stats.binom(10, 0.3),
        stats.geom(0.2),
        stats.randint(-5, 6),
        stats.poisson(1e5),
    ],
    ids=lambda law: law.dist.name,
)
def test_steps_are_inverted_to_the_last_bit(law):
    u = np.random.default_rng(0).uniform(1e-9, 1 - 1e-9, 2000)
    for support in (law.support(), (-np.inf, np.inf)):
        quantile = InverseCDF(law.cdf, support)
        np.testing.assert_array_equal(quantile(u), law.ppf(u))
        assert quantile.error == 0


@pytest.mark.parametrize(
    "law",
    [
        stats.norm(1e6, 1e-2),
        stats.cauchy(),
        stats.gamma(0.05),
        stats.pareto(0.2),
        stats.uniform(2, 1e-3),
        stats.beta(0.5, 0.5),
    ],
    ids=lambda law: law.dist.name,
)
def test_cdfs_of_any_place_and_scale_are_inverted(law):
    u = np.random.default_rng(0).uniform(1e-6, 1 - 1e-6, 1000)
    x = InverseCDF(law.cdf)(u)
    steps = law.cdf(x) - law.cdf(np.nextafter(x, -np.inf))  # u cannot be met more closely
    assert np.all(np.abs(law.cdf(x) - u) <= RESOLUTION + steps)


def test_a_law_with_a_gap_and_an_atom():
    """Half of it is the number 1, half is uniform on (3, 4)."""
    cdf = lambda x: 0.5 * (x >= 1) + 0.5 * np.clip(x - 3, 0, 1)  # noqa: E731
    drawn = InverseTransform(cdf=cdf).fit().sample(4000, random_state=0)[:, 0]
    assert (drawn == 1).mean() == pytest.approx(0.5, abs=0.03)
    assert stats.kstest(drawn[drawn != 1], "uniform", (3, 1)).pvalue > 1e-3


@pytest.mark.parametrize(("interpolate", "method"), [(True, "linear"), (False, "inverted_cdf")])
def test_from_data_it_is_numpys_quantile_function(interpolate, method):
    X = np.random.default_rng(0).normal(size=(41, 2)).round(1)
    sampler = InverseTransform(interpolate=interpolate).fit(X)
    u = np.random.default_rng(1).random(500)
    for j in range(2):
        expected = np.quantile(X[:, j], u, method=method)
        np.testing.assert_allclose(sampler.quantiles_[j](u), expected, atol=1e-12)


def test_from_data_the_law_and_its_range_come_back():
    X = np.random.default_rng(0).gamma(2.0, size=(3000, 1))
    sampler = InverseTransform(random_state=0).fit(X)
    drawn = sampler.sample(3000, random_state=1)
    assert stats.ks_2samp(drawn[:, 0], X[:, 0]).pvalue > 1e-3
    assert X.min() <= drawn.min()
    assert drawn.max() <= X.max()
    assert "nothing is drawn beyond" in sampler.tails_
    steps = InverseTransform(interpolate=False, random_state=0).fit(X).sample(500, random_state=1)
    assert np.abs(steps - X.T).min(1).max() < 1e-12
    assert np.abs(drawn - X.T).min(1).max() > 1e-6


@given(
    arrays.arrays(float, st.integers(1, 30), elements=st.floats(-1.5e308, 1.5e308)),
    st.booleans(),
)
@settings(deadline=None, max_examples=50)
def test_quantiles_of_any_data_rise_and_stay_in_its_range(values, interpolate):
    u = np.array([2.0**-54, 1e-9, 0.3, 0.5, 0.9, 1 - 2.0**-53])
    x = Empirical(values, interpolate=interpolate)(u)
    slack = 1e-15 * np.abs(values).max() + 1e-323  # rounding, of subnormal numbers too
    assert np.all(np.diff(x) >= -slack)
    assert x.min() >= values.min()
    assert x.max() <= values.max()


def test_several_columns_are_independent_each_by_its_law():
    laws = [stats.norm(5, 2), stats.expon()]
    sampler = InverseTransform(cdf=laws, random_state=0).fit()
    drawn = sampler.sample(5000, random_state=0)
    assert all(stats.kstest(x, law.cdf).pvalue > 1e-3 for x, law in zip(drawn.T, laws, strict=True))
    assert abs(stats.spearmanr(*drawn.T).statistic) < 4 / np.sqrt(5000)
    density = InverseTransform(
        density=lambda x: np.exp(-x), support=[(0, 1), (2, 5)], correlation=np.eye(2)
    )
    drawn = density.fit().sample(3000, random_state=0)
    for x, low, width in ((drawn[:, 0], 0, 1), (drawn[:, 1], 2, 3)):
        assert stats.kstest(x, stats.truncexpon(width, low).cdf).pvalue > 1e-3


@pytest.mark.parametrize("uniforms", ["random", "sobol"])
def test_a_gaussian_copula_joins_columns_and_leaves_their_laws(uniforms):
    r = 0.8
    laws = [stats.expon(), stats.lognorm(1.0), stats.norm()]
    R = np.array([[1, r, 0], [r, 1, 0], [0, 0, 1]])
    sampler = InverseTransform(quantile=laws, correlation=R, uniforms=uniforms, random_state=0)
    drawn = sampler.fit().sample(8000, random_state=0)
    assert all(stats.kstest(x, law.cdf).pvalue > 1e-3 for x, law in zip(drawn.T, laws, strict=True))
    tau = stats.kendalltau(drawn[:, 0], drawn[:, 1]).statistic
    assert tau == pytest.approx(2 / np.pi * np.arcsin(r), abs=0.025)
    assert abs(stats.kendalltau(drawn[:, 0], drawn[:, 2]).statistic) < 0.03


def test_a_singular_copula_and_one_function_for_all_columns():
    sampler = InverseTransform(quantile=stats.norm(), correlation=np.ones((3, 3))).fit()
    drawn = sampler.sample(100, random_state=0)
    np.testing.assert_allclose(drawn, drawn[:, :1] @ np.ones((1, 3)), atol=1e-6)


def test_from_data_joined_by_a_given_copula():
    X = np.random.default_rng(0).exponential(size=(400, 3))
    X[:, 1] = 7.0  # a constant has no part in the correlation, but a place in the matrix
    R = np.array([[1, 0.2, -0.9], [0.2, 1, 0], [-0.9, 0, 1]])
    drawn = InverseTransform(correlation=R, random_state=0).fit(X).sample(4000, random_state=0)
    tau = stats.kendalltau(drawn[:, 0], drawn[:, 2]).statistic
    assert tau == pytest.approx(2 / np.pi * np.arcsin(-0.9), abs=0.03)
    assert (drawn[:, 1] == 7.0).all()


def test_a_sobol_sequence_errs_less():
    def error(uniforms):
        sampler = InverseTransform(quantile=stats.norm(), uniforms=uniforms).fit()
        means = [sampler.sample(1000, random_state=seed).mean() for seed in range(10)]
        return np.sqrt(np.mean(np.square(means)))

    assert error("sobol") < 0.2 * error("random")


def test_functions_are_code_and_handed_in_again(tmp_path):
    options = {"cdf": [stats.expon(), lambda x: x**2], "support": [(0, np.inf), (0, 1)]}
    sampler = InverseTransform(**options, correlation=[[1, 0.5], [0.5, 1]], random_state=0).fit()
    path = sampler.save(tmp_path / "model")
    loaded = pf.load_model(path, cdf=options["cdf"])
    np.testing.assert_array_equal(
        loaded.sample(50, random_state=3), sampler.sample(50, random_state=3)
    )
    np.testing.assert_array_equal(loaded.u_error_, sampler.u_error_)
    with pytest.raises(InputError, match=r"load_model\(path, cdf=\.\.\.\)"):
        pf.load_model(path)


@pytest.mark.filterwarnings("ignore:a saved InverseTransform contains training rows")
def test_what_was_learnt_is_saved(tmp_path):
    frame = pd.DataFrame({"a": [1.0, 2.0, np.nan, 5.0], "b": ["x", "y", "x", "x"]})
    sampler = InverseTransform(random_state=0).fit(frame)
    assert sampler.stores_rows
    loaded = pf.load_model(sampler.save(tmp_path / "model"))
    pd.testing.assert_frame_equal(
        loaded.sample(50, random_state=3), sampler.sample(50, random_state=3)
    )
    assert not fitted("cdf").stores_rows


def test_rows_name_the_columns_of_a_given_law():
    X = pd.DataFrame({"a": [0.0, 1.0], "b": [5.0, 5.0]})
    drawn = InverseTransform(quantile=[stats.norm(), stats.norm(9)]).fit(X).sample(99)
    assert list(drawn.columns) == ["a", "b"]
    assert drawn["b"].mean() == pytest.approx(9, abs=0.5)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "InverseTransform learns from rows"),
        ({"cdf": stats.norm(), "quantile": stats.norm()}, "one of quantile, cdf and density"),
        ({"quantile": 3.0}, "expected quantile to be a function"),
        ({"quantile": []}, "expected one quantile for each of 1 columns, got 0"),
        ({"quantile": lambda u: u[:2]}, r"shape \(1004,\), got shape \(2,\)"),
        ({"quantile": lambda u: -u}, "never falls, got -1e-09 at 1e-09"),
        ({"quantile": lambda u: 1 / (u > 0.5)}, "expected finite numbers, got inf at 1e-09"),
        (
            {"quantile": lambda u: u + 1 // 0},
            "failed on an array of numbers, with ZeroDivisionError",
        ),
        ({"quantile": float}, "failed on an array of numbers, with TypeError"),
        ({"quantile": stats.norm(), "support": (0, 1)}, "support goes with a cdf or a density"),
        ({"quantile": stats.gamma}, "failed on an array"),
        ({"cdf": stats.gamma}, r"with its parameters, e\.g\. scipy\.stats\.gamma\(2\.0\)"),
        ({"cdf": lambda x: stats.norm.sf(x)}, "never falls"),
        ({"cdf": lambda x: stats.norm.cdf(x) / 2}, r"from 0 to 1, got .* at -8 and 0\.5 at"),
        (
            {"cdf": lambda x: x + 0.1 * np.sin(18 * x), "support": (0, 1)},
            "function that never falls",
        ),
        ({"cdf": lambda x: x * np.nan}, "from 0 to 1 on its support, got nan"),
        ({"cdf": lambda x: 0.5 * x, "support": (0, 3)}, "0 to 1 on its support, got 1.00"),
        ({"cdf": stats.norm(), "support": (1, -1)}, "low < high"),
        ({"cdf": stats.norm(), "support": (1, np.nan)}, "low < high"),
        ({"cdf": stats.norm(), "support": "wide"}, "low < high"),
        ({"cdf": stats.norm(), "support": (0, 1, 2)}, "low < high"),
        ({"density": stats.poisson(3)}, "to be a function, or a distribution with .pdf"),
        ({"density": lambda _: -1.0}, "finite numbers from 0, got -1"),
        ({"density": lambda x: x, "support": (-1, 1)}, "finite numbers from 0, got -0.99"),
        ({"density": lambda _: np.nan}, "finite numbers from 0, got nan"),
        ({"density": lambda x: [x, x]}, r"shape \(\), got shape \(2,\)"),
        ({"density": lambda _: 0.0}, "it is 0 wherever it was looked at"),
        ({"density": lambda _: 1.0}, r"cannot be inverted: give a support=\(low, high\)"),
        ({"density": lambda x: 1 / abs(x)}, "without that point"),
        (
            {"density": lambda x: np.exp(-((abs(x) - 50) ** 2))},
            r"positive without gaps, .* \(it would be wrong by 0\.49",
        ),
        ({"quantile": stats.norm(), "correlation": 0.5}, "one row and column for each of 1"),
        ({"quantile": stats.norm(), "correlation": [[1, 2], [2, 1]]}, "no negative eigenvalue"),
        ({"quantile": stats.norm(), "correlation": [[1, 0], [0.5, 1]]}, "symmetric, got 0 and 0.5"),
        ({"quantile": stats.norm(), "correlation": [[2, 0], [0, 1]]}, "ones on the diagonal"),
        ({"quantile": stats.norm(), "correlation": [[np.nan]]}, "finite"),
        ({"quantile": stats.norm(), "correlation": [["a"]]}, "matrix of numbers"),
        ({"quantile": [stats.norm()] * 2, "correlation": [[1]]}, "each of 2 numeric columns"),
        ({"quantile": stats.norm(), "uniforms": "halton"}, "expected uniforms among"),
        ({"quantile": stats.norm(), "interpolate": "no"}, "interpolate to be True or False"),
    ],
)
def test_what_is_no_law_is_told_in_words(options, words):
    with pytest.raises(InputError, match=words):
        InverseTransform(**options).fit()


def test_rows_that_do_not_go_with_the_functions():
    with pytest.raises(InputError, match="one quantile for each of 3 columns, got 2"):
        InverseTransform(quantile=[stats.norm()] * 2).fit(np.eye(3))
    with pytest.raises(InputError, match="support goes with a cdf or a density"):
        InverseTransform(support=(0, 1)).fit(np.eye(3))


ODD = st.sampled_from([0.0, -1.0, 1e300, -np.inf, np.inf, np.nan, 0.5, 2.0])


@given(st.sampled_from(["quantile", "cdf", "density"]), st.lists(ODD, min_size=1, max_size=4))
@settings(deadline=None, max_examples=100)
def test_any_odd_function_gives_draws_or_words(kind, levels):
    """Step functions of any values at all: a sampler with finite draws, or an `InputError`."""

    def function(x):
        return np.asarray(levels)[np.searchsorted(np.linspace(0, 1, len(levels) + 1)[1:-1], x)]

    try:
        drawn = InverseTransform(**{kind: function}).fit().sample(20, random_state=0)
    except InputError:
        return
    assert np.isfinite(drawn).all()
    rises = all(low <= high for low, high in pairwise(levels))
    assert rises or kind == "density"
