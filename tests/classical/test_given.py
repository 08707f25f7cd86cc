"""Normals under conditions: against closed forms, and every native law against rejection."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import pushforward as pf
from pushforward.classical.given import Normals, log_measure, truncated
from pushforward.data.asked import event_of
from pushforward.data.preimage import Bound
from pushforward.errors import InputError

pytestmark = pytest.mark.filterwarnings("ignore:a saved .* contains training rows")
RNG = np.random.default_rng(0)
POINTS = RNG.normal(size=(500, 3)) @ np.array([[2.0, 0, 0], [1, 1, 0], [0, 3, 0.5]]) + 7


def table(n=500, seed=0):
    """Columns that depend on each other: whole numbers, a heap at 0, holes, categories, dates."""
    rng = np.random.default_rng(seed)
    z = rng.normal(size=n)
    frame = pd.DataFrame(
        {
            "age": np.clip(rng.normal(45, 15, n) + 5 * z, 18, 90).round().astype(int),
            "income": np.exp(0.5 * z + 0.3 * rng.normal(size=n)),
            "spent": np.maximum(rng.normal(size=n) + z, 0),
            "city": np.where(z > 1, "Bern", np.where(rng.random(n) < 0.5, "Basel", "Chur")),
            "member": rng.random(n) < 0.3,
        }
    )
    frame.loc[rng.random(n) < 0.1, "income"] = np.nan
    return frame


def closed_form(value):
    """Mean and covariance of columns 0 and 1 of the fitted normal given column 2."""
    mean, S = POINTS.mean(0), np.cov(POINTS.T, bias=True)
    gain = S[:2, 2] / S[2, 2]
    return mean[:2] + gain * (value - mean[2]), S[:2, :2] - np.outer(gain, S[2, :2])


def test_a_gaussian_given_a_value_has_the_closed_form():
    gaussian = pf.Gaussian().fit(POINTS)
    drawn = gaussian.sample(100_000, given={2: 8.5}, random_state=0)
    assert (drawn[:, 2] == 8.5).all()
    mean, covariance = closed_form(8.5)
    np.testing.assert_allclose(drawn[:, :2].mean(0), mean, atol=0.03)
    np.testing.assert_allclose(np.cov(drawn[:, :2].T), covariance, rtol=0.03, atol=0.03)
    assert gaussian.sample_acceptance_.rate == 1


def test_a_gaussian_given_a_range_has_a_truncated_normal():
    gaussian = pf.Gaussian().fit(POINTS)
    drawn = gaussian.sample(20_000, given={2: (9.0, 40.0)}, random_state=0)
    m, s = POINTS[:, 2].mean(), POINTS[:, 2].std()
    law = stats.truncnorm((9 - m) / s, (40 - m) / s, m, s)
    assert stats.kstest(drawn[:, 2], law.cdf).pvalue > 0.01
    # What the others have beside their regression on it is as it was.
    mean, covariance = closed_form(drawn[:, 2][:, None])
    rest = (drawn[:, :2] - mean) @ np.linalg.inv(np.linalg.cholesky(covariance)).T
    assert stats.kstest(rest.ravel(), stats.norm.cdf).pvalue > 0.01
    assert abs(np.corrcoef(rest.T, drawn[:, 2])[:2, 2]).max() < 0.03
    share = stats.norm.sf(9, m, s) - stats.norm.sf(40, m, s)
    assert gaussian.sample_acceptance_.native == pytest.approx(share, rel=1e-4)


def test_a_mixture_weighs_its_components_by_what_is_given():
    X = np.concatenate([RNG.normal(m, 0.5, (300, 2)) for m in (0.0, 3.0)])
    mixture = pf.Mixture(n_components=2, covariance="full", random_state=0).fit(X)
    drawn = mixture.sample(40_000, given={0: 1.2}, random_state=0)
    assert (drawn[:, 0] == 1.2).all()
    numbers = mixture.encoding_.numbers
    z = (1.2 - numbers.mean[0]) / numbers.scale[0]
    S = mixture.covariances_
    density = mixture.weights_ * stats.norm.pdf(z, mixture.means_[:, 0], np.sqrt(S[:, 0, 0]))
    means = mixture.means_[:, 1] + S[:, 0, 1] / S[:, 0, 0] * (z - mixture.means_[:, 0])
    expected = numbers.mean[1] + numbers.scale[1] * (density @ means) / density.sum()
    assert drawn[:, 1].mean() == pytest.approx(expected, abs=4 * drawn[:, 1].std() / 200)


def test_a_kernel_density_given_a_value_is_the_weighted_regression():
    kde = pf.KernelDensity(bandwidth=0.3).fit(POINTS)
    drawn = kde.sample(40_000, given={2: 8.5}, random_state=0)
    Z = (POINTS - POINTS.mean(0)) / POINTS.std(0)
    weights = np.exp(
        -0.5 * (((8.5 - POINTS[:, 2].mean()) / POINTS[:, 2].std() - Z[:, 2]) / 0.3) ** 2
    )
    expected = weights @ POINTS[:, :2] / weights.sum()  # Nadaraya and Watson's
    np.testing.assert_allclose(drawn[:, :2].mean(0), expected, atol=0.05)


@pytest.mark.parametrize("low", [-8.0, 0.0, 3.0, 12.0, 30.0])
def test_tails_are_drawn_as_far_out_as_they_are_asked_for(low):
    u = np.random.default_rng(0).random((4000, 2))
    m, s = np.zeros(4000), np.ones(4000)
    for region in (((low, np.inf),), ((low, low + 0.3), (low + 1, low + 2))):
        t = truncated(region, m, s, u)
        assert np.isfinite(t).all()
        inside = [(t >= a) & (t <= b) for a, b in region]
        assert np.any(inside, axis=0).all()
        logs = np.array([log_normal(a, b) for a, b in region])
        expected = np.logaddexp.reduce(logs)
        assert log_measure(region, m[:1], s[:1])[0] == pytest.approx(expected, rel=1e-6, abs=1e-12)
        assert inside[0].mean() == pytest.approx(np.exp(logs[0] - expected), abs=0.03)
    beyond = stats.norm.logsf(low) - stats.norm.logsf(truncated(((low, np.inf),), m, s, u))
    assert stats.kstest(beyond, stats.expon.cdf).pvalue > 1e-3


def log_normal(a, b):
    """log(Φ(b) − Φ(a))."""
    upper, lower = stats.norm.logsf(a), stats.norm.logsf(b)
    return upper + np.log1p(-np.exp(lower - upper))


def test_bounds_that_depend_on_each_other_are_kept_one_at_a_time():
    factor = np.linalg.cholesky([[1.0, 0.8], [0.8, 1.0]])
    normals = Normals(np.zeros(1), np.zeros((1, 2)), factor[None])
    e = np.eye(2)
    rare, common = Bound(e[:1], (((2.0, np.inf),),)), Bound(e[1:], (((0.0, np.inf),),))
    law = normals.given([common, rare])
    assert law.share == pytest.approx(stats.norm.sf(2))
    assert law.draw(1000, np.random.default_rng(0))[:, 0].min() >= 2
    apart = Normals(np.zeros(1), np.zeros((1, 2)), np.eye(2)[None]).given([common, rare])
    assert apart.share == pytest.approx(stats.norm.sf(2) / 2)


CONDITIONS = [
    {"age": 40, "city": "Bern"},
    {"income": (0.2, 0.5), "member": True},
    {"income": None, "age": (60, None)},
    {"spent": 0, "city": "Chur"},
    {"age": {20, (70, 200)}, "city": {"Bern", "Basel"}},
]


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("gaussian", {}),
        ("mixture", {"n_components": 3}),
        ("mixture", {"n_components": 3, "covariance": "diag"}),
        ("kernel-density", {"bandwidth": 0.2}),
        ("kernel-density", {"bandwidth": "scott"}),
        ("kernel-density", {"bandwidth": 0.2, "pca": 4}),
        ("copula", {}),
    ],
)
def test_rows_drawn_natively_have_the_law_of_rows_that_were_accepted(name, options):
    sampler = pf.METHODS[name].make(**options, random_state=0).fit(table())
    pool = sampler.sample(120_000, random_state=1)
    for given in CONDITIONS:
        drawn = sampler.sample(1500, given=given, random_state=0)
        took = sampler.sample_acceptance_
        assert took.native < 1
        event = event_of(given, sampler.encoding_)
        held = event.holds(pool)
        rejected = pool[held]
        assert event.holds(drawn).all()
        # The probability of the event, by the bounds and by counting.
        low, high = stats.binomtest(int(held.sum()), len(pool)).proportion_ci(0.9999)
        share = took.native * np.array(took.interval)
        assert low < share[1]
        assert share[0] < high
        for column in pool:
            assert same_law(drawn[column], rejected[column]) > 1e-4, (given, column)


def same_law(a, b):
    """The p-value that two columns have the same law."""
    if not pd.api.types.is_numeric_dtype(a) or a.dtype == bool:
        counts = pd.concat([a.value_counts(), b.value_counts()], axis=1).fillna(0).to_numpy()
        return stats.chi2_contingency(counts).pvalue if len(counts) > 1 else 1.0
    return stats.ks_2samp(a.fillna(-9), b.fillna(-9), method="asymp").pvalue


@pytest.mark.parametrize(
    "sampler",
    [pf.Gaussian(), pf.Mixture(n_components=3), pf.KernelDensity(), pf.GaussianCopula()],
    ids=lambda sampler: type(sampler).__name__,
)
def test_a_single_value_of_a_column_without_steps(sampler):
    sampler.set_params(random_state=0).fit(table())
    drawn = sampler.sample(2000, given={"spent": 0.4, "city": "Bern"}, random_state=0)
    assert (drawn["spent"] == 0.4).all()
    assert (drawn["city"] == "Bern").all()
    near = sampler.sample(2000, given={"spent": (0.39, 0.41), "city": "Bern"}, random_state=0)
    for column in ("age", "income"):
        assert same_law(drawn[column], near[column]) > 1e-3
    assert sampler.sample(2, given={"spent": [0.4, 0.7]})["spent"].tolist() == [0.4, 0.7]
    pca = pf.KernelDensity(pca=1, bandwidth=0.1).fit(POINTS)
    assert (pca.sample(5, given={0: 9.0}, random_state=0)[:, 0] == 9.0).all()


def test_what_has_probability_zero_is_refused_where_no_law_is_known():
    sampler = pf.METHODS["copycat"].make(random_state=0).fit(table())
    with pytest.raises(InputError, match=r"0.4 has probability zero.* a range around it, \(0"):
        sampler.sample(3, given={"spent": 0.4})
    assert (sampler.sample(3, given={"spent": 0}, random_state=0)["spent"] == 0).all()
