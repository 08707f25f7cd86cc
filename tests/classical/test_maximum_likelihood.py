"""Maximum likelihood against closed forms, scipy's own fits, and repeated experiments."""

import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special, stats

import pushforward as pf
from pushforward.classical.families import (
    COUNTS,
    POSITIVE,
    REAL_LINE,
    best_family,
    bootstrap_intervals,
    fit_family,
)
from pushforward.classical.maximum_likelihood import MaximumLikelihood
from pushforward.errors import DataWarning, InputError, TrainingWarning

RNG = np.random.default_rng(0)
NORMAL, GAMMA = RNG.normal(5.0, 2.0, 400), RNG.gamma(3.0, 2.0, 400)


def named(law):
    return dict(zip(law.names, law.values, strict=True))


def errors(law):
    return dict(zip(law.names, law.standard_errors, strict=True))


def test_normal_has_the_closed_form():
    n, law = len(NORMAL), fit_family(NORMAL, "norm")
    sigma = NORMAL.std()
    np.testing.assert_allclose(law.values, [NORMAL.mean(), sigma], rtol=1e-9)
    np.testing.assert_allclose(
        law.standard_errors, [sigma / n**0.5, sigma / (2 * n) ** 0.5], rtol=2e-3
    )
    z = stats.norm.ppf(0.975)
    half = z * sigma / n**0.5
    factor = np.exp(z / (2 * n) ** 0.5)  # the interval of log σ
    np.testing.assert_allclose(law.low, [NORMAL.mean() - half, sigma / factor], rtol=1e-3)
    np.testing.assert_allclose(law.high, [NORMAL.mean() + half, sigma * factor], rtol=1e-3)
    expected = -n / 2 * (np.log(2 * np.pi * sigma**2) + 1)
    assert law.log_likelihood == pytest.approx(expected, rel=1e-9)


def test_exponential_and_poisson_have_the_closed_form():
    law = fit_family(GAMMA, "expon")
    assert named(law)["scale"] == pytest.approx(GAMMA.mean(), rel=1e-9)
    assert errors(law)["scale"] == pytest.approx(GAMMA.mean() / 20, rel=2e-3)
    counts = RNG.poisson(4.0, 400).astype(float)
    law = fit_family(counts, "poisson")
    assert named(law)["mu"] == pytest.approx(counts.mean(), rel=1e-6)
    assert errors(law)["mu"] == pytest.approx((counts.mean() / 400) ** 0.5, rel=2e-3)


def test_gamma_errors_are_those_of_the_fisher_information():
    law = fit_family(GAMMA, "gamma")
    a, scale = named(law)["a"], named(law)["scale"]
    assert np.log(a) - special.digamma(a) == pytest.approx(
        np.log(GAMMA.mean()) - np.log(GAMMA).mean(), rel=1e-6
    )
    assert a * scale == pytest.approx(GAMMA.mean(), rel=1e-6)
    information = [[special.polygamma(1, a), 1 / scale], [1 / scale, a / scale**2]]
    expected = np.sqrt(np.diag(np.linalg.inv(information)) / len(GAMMA))
    np.testing.assert_allclose(law.standard_errors[[0, 2]], expected, rtol=5e-3)
    assert law.given.tolist() == [False, True, False]
    assert law.n_parameters == 2


def test_uniform_ends_at_its_extreme_rows():
    x = RNG.uniform(2.0, 7.0, 200)
    law = fit_family(x, "uniform")
    np.testing.assert_allclose(law.values, [x.min(), np.ptp(x)], rtol=1e-12)
    assert law.top == "edge"
    assert np.isnan(law.standard_errors).all()
    assert np.isfinite(law.log_density(x)).all()


@pytest.mark.parametrize("name", [*REAL_LINE, *POSITIVE, "cauchy", "gennorm", "rayleigh", "pareto"])
def test_no_other_search_finds_a_higher_likelihood(name):
    """scipy's own optimiser, and any small step, do no better."""
    family = getattr(stats, name)
    x = stats.t(4).rvs(300, random_state=np.random.default_rng(1)) * 2 + 1
    fixed = {}
    if name in (*POSITIVE, "rayleigh", "pareto"):
        x, fixed = np.exp(x / 4), {"floc": 0}
    law = fit_family(x, name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        peer = family.logpdf(x, *family.fit(x, **fixed)).sum()
    assert law.log_likelihood >= peer - 1e-3
    assert law.log_likelihood == pytest.approx(family.logpdf(x, *law.values).sum(), abs=1e-6)
    for j in np.flatnonzero(~law.given):
        for step in (0.999, 1.001):
            near = law.values.copy()
            near[j] *= step
            with np.errstate(all="ignore"):
                assert not family.logpdf(x, *near).sum() > law.log_likelihood + 1e-6


def test_discrete_families_agree_with_a_fine_grid():
    x = np.random.default_rng(2).negative_binomial(2.5, 0.3, 400).astype(float)
    n, p, loc = fit_family(x, "nbinom").values
    assert loc == 0
    assert p == pytest.approx(n / (n + x.mean()), rel=1e-4)
    grid = np.linspace(n * 0.8, n * 1.2, 401)
    heights = [stats.nbinom.logpmf(x, m, m / (m + x.mean())).sum() for m in grid]
    assert grid[np.argmax(heights)] == pytest.approx(n, rel=2e-3)
    x = np.random.default_rng(2).binomial(12, 0.4, 400).astype(float)
    n, p, _ = fit_family(x, "binom").values
    grid = np.arange(x.max(), 300)
    assert n == grid[np.argmax([stats.binom.logpmf(x, m, x.mean() / m).sum() for m in grid])]
    assert p == pytest.approx(x.mean() / n, rel=1e-6)
    law = fit_family(x, "binom", fixed={"fn": 12})
    assert errors(law)["p"] == pytest.approx(
        (p * n / 12 * (1 - p * n / 12) / 4800) ** 0.5, rel=0.01
    )
    assert fit_family(x, "geom").values[1] == -1 + (x.min() > 0)


@pytest.mark.parametrize(
    ("law", "expected"),
    [
        (stats.norm(3, 2), "norm"),
        (stats.gamma(2, scale=5), "gamma"),
        (stats.lognorm(0.8, scale=4), "lognorm"),
        (stats.t(2.5), "t"),
        (stats.uniform(2, 5), "uniform"),
        (stats.beta(2, 3), "beta"),
        (stats.poisson(4), "poisson"),
        (stats.nbinom(2, 0.2), "nbinom"),
        (stats.randint(0, 10), "randint"),
    ],
)
def test_best_finds_the_family(law, expected):
    x = law.rvs(2000, random_state=np.random.default_rng(3)).astype(float)
    assert best_family(x).family == expected


def test_on_whole_numbers_a_density_does_not_pass_for_a_probability():
    """Salaries are no counts; a die is, though the density of U(1, 6) is above 1/6."""
    rng = np.random.default_rng(4)
    assert best_family(np.round(rng.lognormal(10, 0.5, 1000))).family == "lognorm"
    assert best_family(rng.integers(1, 7, 1000).astype(float)).family == "randint"
    assert best_family(np.round(rng.normal(0, 30, 1000))).family == "norm"


def test_the_pixels_of_digits_are_fitted_quietly():
    """Counts that heap up at both ends, where scipy's functions overflow; no warning may escape."""
    pixels = pf.load_data("digits").X[:300, [2, 3, 12, 59]]
    model = MaximumLikelihood(random_state=0).fit(pixels)
    assert np.isfinite(model.score_samples(pixels)).all()
    assert np.isfinite(model.sample(500, random_state=0)).all()


def test_intervals_cover():
    """Of 95 % intervals by the information, over repeated experiments, 95 % cover the truth."""
    rng = np.random.default_rng(5)
    truth = np.array([2.0, 0.0, 3.0])
    covered = []
    for _ in range(300):
        law = fit_family(rng.gamma(2.0, 3.0, 80), "gamma")
        covered.append((law.low <= truth) & (truth <= law.high))
    share = np.mean(covered, axis=0)[[0, 2]]
    assert (np.abs(share - 0.95) < 4 * (0.95 * 0.05 / 300) ** 0.5).all(), share


@pytest.mark.parametrize("name", ["uniform", pytest.param("laplace", marks=pytest.mark.slow)])
def test_bootstrap_intervals_cover(name):
    """At an edge and at a kink there is no information to use."""
    family, truth = getattr(stats, name), np.array([1.0, 2.0])
    covered = []
    rng = np.random.default_rng(6)
    for _ in range(30):
        law = fit_family(family(*truth).rvs(60, random_state=rng), name)
        assert law.top != "smooth"
        law = bootstrap_intervals(law, range(40), rng)
        covered.append((law.low <= truth) & (truth <= law.high))
    share = np.mean(covered, axis=0)
    assert (share > 0.93 - 4 * (0.95 * 0.05 / 30) ** 0.5).all(), share


def test_units_of_the_data_change_nothing():
    law = fit_family(GAMMA, "gamma")
    for unit in (1e-200, 1e-3, 1e200):
        scaled = fit_family(GAMMA * unit, "gamma")
        np.testing.assert_allclose(scaled.values, law.values * [1, 1, unit], rtol=1e-6)
        np.testing.assert_allclose(
            scaled.standard_errors, law.standard_errors * [1, 1, unit], rtol=1e-3
        )
        expected = law.log_likelihood - len(GAMMA) * np.log(unit)
        assert scaled.log_likelihood == pytest.approx(expected, rel=1e-9)


def test_likelihoods_without_a_top_are_told():
    heaped = np.r_[NORMAL[:100], np.zeros(200)]
    with pytest.raises(InputError, match="grows without bound for column 'x', as the law shrinks"):
        fit_family(heaped, "t")
    poisson = np.random.default_rng(7).negative_binomial(2, 0.3, 300).astype(float)
    with pytest.raises(InputError, match=r"binomial has no maximum.*\"nbinom\""):
        fit_family(poisson, "binom")
    with pytest.warns(DataWarning, match="df of 't' ran to the end of the search"):
        law = fit_family(RNG.uniform(size=300), "t")
    assert law.top == "rough"


@pytest.mark.parametrize(
    ("x", "name", "fixed", "words"),
    [
        (NORMAL - 9, "gamma", None, r"values from 0 on in column 'height' for the family 'gamma'"),
        (NORMAL, "beta", None, "values between 0 and 1 in column 'height'"),
        (NORMAL, "poisson", None, r"expected whole numbers .up to 2\^53. in column 'height'"),
        (NORMAL, "gama", None, "no family 'gama' in scipy.stats .did you mean 'gamma'"),
        (NORMAL, "pi", None, "no family 'pi'"),
        (NORMAL, None, None, "no family None"),
        (NORMAL, "norm", {"loc": 0}, "norm has no 'loc' to fix; it has floc, fscale"),
        (NORMAL, "norm", {"floc": "a"}, "expected floc to be a number, got 'a'"),
        (np.round(GAMMA), "hypergeom", None, 'give them: fixed={"fM": ...'),
    ],
)
def test_what_cannot_be_is_told_in_words(x, name, fixed, words):
    with pytest.raises(InputError, match=words):
        fit_family(x, name, fixed=fixed, column="height")


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.floats(-1e300, 1e300), min_size=2, max_size=12),
    st.sampled_from(["norm", "expon", "t", "best", "poisson"]),
)
def test_any_numbers_are_fitted_or_refused_in_words(values, name):
    x = np.array(values)[:, None]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)
        try:
            model = MaximumLikelihood(name, random_state=0).fit(x)
        except InputError as error:
            assert "column '0'" in str(error)  # noqa: PT017
            return
    drawn = model.sample(5, random_state=0)
    assert drawn.shape == (5, 1)
    if model.encoding_.width:
        assert np.isfinite(model.log_likelihood_)


def test_a_table_has_a_family_for_each_column():
    rng = np.random.default_rng(8)
    frame = pd.DataFrame({"wait": rng.gamma(2, 3, 300), "visits": rng.poisson(3, 300)})
    frame["gain"] = rng.normal(size=300)
    model = MaximumLikelihood({"wait": "gamma"}, random_state=0).fit(frame)
    assert {name: law.family for name, law in model.laws_.items()} == {
        "wait": "gamma",
        "visits": "poisson",
        "gain": "norm",
    }
    expected = (
        stats.gamma(*model.laws_["wait"].values).logpdf(frame["wait"])
        + stats.poisson(*model.laws_["visits"].values).logpmf(frame["visits"])
        + stats.norm(*model.laws_["gain"].values).logpdf(frame["gain"])
    )
    np.testing.assert_allclose(model.score_samples(frame), expected, rtol=1e-9)
    assert model.log_likelihood_ == pytest.approx(expected.sum(), rel=1e-9)
    assert model.n_parameters_ == 2 + 1 + 2
    assert model.aic_ == pytest.approx(10 - 2 * expected.sum())
    assert model.bic_ == pytest.approx(5 * np.log(300) - 2 * expected.sum())
    # Beyond the fitted range the density is that of the family, not of what is drawn there.
    far = frame.head(1).assign(gain=50.0)
    change = model.score_samples(far) - model.score_samples(frame.head(1))
    law = stats.norm(*model.laws_["gain"].values)
    assert change[0] == pytest.approx(law.logpdf(50.0) - law.logpdf(frame["gain"][0]))


def test_holes_and_categories_leave_no_common_likelihood():
    frame = pd.DataFrame({"wait": GAMMA, "city": ["Bern", "Chur"] * 200})
    frame.loc[:40, "wait"] = np.nan
    model = MaximumLikelihood("gamma", random_state=0).fit(frame)
    assert model.laws_["wait"].n == 359
    np.testing.assert_allclose(
        model.laws_["wait"].values, fit_family(GAMMA[41:], "gamma").values, rtol=1e-6
    )
    assert model.log_likelihood_ is model.aic_ is model.bic_ is None
    assert "no common likelihood" in model.summary()
    drawn = model.sample(2000, random_state=0)
    assert drawn["wait"].isna().mean() == pytest.approx(41 / 400, abs=0.03)
    assert (drawn["city"] == "Bern").mean() == pytest.approx(0.5, abs=0.05)


def test_samples_follow_the_law():
    model = MaximumLikelihood("weibull_min", random_state=0).fit(GAMMA[:, None])
    drawn = model.sample(3000, random_state=0)[:, 0]
    assert stats.kstest(drawn, model.laws_["0"].frozen.cdf).pvalue > 1e-3


def test_zeros_and_whole_numbers_of_an_array_keep_their_last_bits():
    x = np.random.default_rng(9).poisson(0.7, size=(500, 3)).astype(float) / [1, 1, 3]
    model = MaximumLikelihood(["poisson", "geom", "expon"], random_state=0).fit(x)
    expected = (
        stats.poisson(*model.laws_["0"].values).logpmf(x[:, 0])
        + stats.geom(*model.laws_["1"].values).logpmf(x[:, 1])
        + stats.expon(*model.laws_["2"].values).logpdf(x[:, 2])
    )
    np.testing.assert_allclose(model.score_samples(x), expected, rtol=1e-9)


def test_the_table_says_what_an_interval_rests_on():
    X = np.column_stack([GAMMA, RNG.uniform(size=400)])
    model = MaximumLikelihood(["gamma", "uniform"], random_state=0).fit(X)
    table = model.parameters_
    by = ["information", "given", "information", "bootstrap", "bootstrap"]
    assert table["by"].tolist() == by
    known = table.loc[table["by"] != "given", ["standard_error", "low", "high"]]
    assert np.isfinite(known.to_numpy()).all()
    pd.testing.assert_frame_equal(table, model.parameters_)
    low, high = model.laws_["1"].values @ [[1, 1], [0, 1]]
    assert table["low"][3] < low == table["estimate"][3]  # the true end lies outside
    assert high < 1
    text = model.summary()
    assert f"{named(model.laws_['0'])['a']:.5g}" in text
    assert "log-likelihood" in text


def test_saved_without_code_it_knows_the_same(tmp_path):
    frame = pd.DataFrame({"wait": GAMMA, "gain": NORMAL})
    model = MaximumLikelihood({"wait": "gamma"}, random_state=0).fit(frame)
    loaded = pf.load_model(model.save(tmp_path / "model"))
    assert loaded.family == {"wait": "gamma"}
    pd.testing.assert_frame_equal(loaded.parameters_, model.parameters_)
    assert (loaded.log_likelihood_, loaded.bic_) == (model.log_likelihood_, model.bic_)
    fixed = MaximumLikelihood("norm", fixed={"floc": 5.0}).fit(NORMAL[:, None])
    loaded = pf.load_model(fixed.save(tmp_path / "fixed"))
    assert loaded.fixed == {"floc": 5.0}
    assert loaded.laws_["0"].values[0] == 5.0
    assert loaded.n_parameters_ == 1


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"family": "nrom"}, "did you mean 'norm'"),
        ({"family": ["norm"]}, "expected a family for each of the 2 numeric columns"),
        ({"family": {"c": "norm"}}, "family names 'c', which is no numeric column"),
        ({"fixed": {"floc": 0}}, "fixed= gives parameters of a named family"),
        ({"family": "norm", "fixed": 0}, "expected fixed to be a dictionary"),
        ({"family": "norm", "fixed": {0: 1.0}}, "norm has no 0 to fix; it has floc, fscale"),
        ({"family": "norm", "fixed": {"floc": None}}, "expected floc to be a number, got None"),
        ({"family": "norm", "fixed": {"floc": [0]}}, "expected floc to be a number"),
        ({"family": "norm", "fixed": {"fscale": 0}}, "expected fscale to be above 0, got 0"),
    ],
)
def test_options_that_cannot_be_are_told(options, words):
    with pytest.raises(InputError, match=words):
        MaximumLikelihood(**options).fit(np.column_stack([NORMAL, GAMMA]))


def test_a_budget_that_ends_leaves_normal_columns():
    message = r"before all families were tried on 2 column\(s\), 0, 1"
    with pytest.warns(TrainingWarning, match=message):
        model = MaximumLikelihood(random_state=0).fit(np.c_[NORMAL, GAMMA], budget=1e-9)
    assert [law.family for law in model.laws_.values()] == ["norm", "norm"]


def test_a_budget_ends_within_a_column_too():
    asked = []

    def time_is_up():
        asked.append(1)
        return len(asked) > 2

    assert best_family(GAMMA, time_is_up=time_is_up).family in REAL_LINE[:3]
    assert len(asked) == 3


def test_a_quantile_function_that_scipy_cannot_compute_is_inverted(monkeypatch):
    """As happens to families whose cdf is an integral, e.g. norminvgauss near the normal."""

    def fails(*_):
        raise RuntimeError("Failed to converge after 100 iterations.")

    law, u = fit_family(GAMMA, "gamma"), np.linspace(1e-4, 1 - 1e-4, 201)
    expected = law.quantile(u)
    monkeypatch.setattr(type(stats.gamma), "_ppf", fails)
    np.testing.assert_allclose(law.quantile(u), expected, rtol=1e-7)


def test_families_in_an_array_are_a_list():
    model = MaximumLikelihood(np.array(["norm", "gamma"])).fit(np.c_[NORMAL, GAMMA])
    assert [law.family for law in model.laws_.values()] == ["norm", "gamma"]


def test_a_law_with_all_parameters_given_is_only_evaluated():
    fixed = {"floc": 5.0, "fscale": 2.0}
    model = MaximumLikelihood("norm", fixed=fixed).fit(NORMAL[:, None])
    assert model.log_likelihood_ == pytest.approx(stats.norm(5, 2).logpdf(NORMAL).sum())
    assert model.n_parameters_ == 0
    assert (model.parameters_["by"] == "given").all()
    assert model.parameters_[["standard_error", "low", "high"]].isna().all(axis=None)


def test_a_binomial_has_intervals():
    """Its number of trials is whole, so they come from the bootstrap."""
    x = np.random.default_rng(3).binomial(1, 0.3, (200, 1)).astype(float)
    table = MaximumLikelihood("binom", random_state=0).fit(x).parameters_.set_index("parameter")
    p = x.mean()
    assert table.loc["p", "estimate"] == pytest.approx(p)
    error = (p * (1 - p) / 200) ** 0.5
    assert table.loc["p", "standard_error"] == pytest.approx(error, rel=0.2)


@pytest.mark.parametrize("X", [np.ones((5, 2)), pd.DataFrame({"c": ["a", "b"] * 5})])
def test_without_a_column_to_fit_the_summary_says_so(X):
    model = MaximumLikelihood(random_state=0).fit(X)
    assert model.summary().startswith("no family was fitted")
    assert len(model.parameters_) == 0


def test_a_second_fit_forgets_the_likelihood_of_the_first():
    model = MaximumLikelihood("norm").fit(NORMAL[:, None])
    model.fit(pd.DataFrame({"x": NORMAL[:40], "c": ["a", "b"] * 20}))
    assert model.log_likelihood_ is None
    assert model.aic_ is None


def test_every_common_family_is_one_of_scipys():
    for name in (*REAL_LINE, *POSITIVE, *COUNTS):
        assert isinstance(getattr(stats, name), stats.rv_continuous | stats.rv_discrete)
