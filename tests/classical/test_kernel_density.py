"""Kernel density estimation against closed forms, brute force, scikit-learn and scipy."""

import contextlib
import math
import runpy
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from scipy import integrate, stats
from scipy.special import logsumexp
from sklearn.decomposition import PCA
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KernelDensity as PeerKernelDensity

import pushforward as pf
from pushforward.classical import bandwidth, kernels
from pushforward.classical.bandwidth import GRID, left_out_likelihoods, peak
from pushforward.classical.kernels import log_kernel_sums
from pushforward.errors import InputError, TrainingWarning
from pushforward.sampler import Effort, Sampler

RNG = np.random.default_rng(0)
CORRELATED = RNG.normal(size=(300, 3)) @ np.array([[2.0, 0, 0], [1, 1, 0], [0, 3, 0.5]]) + 7
WEIGHTS = RNG.uniform(0.1, 4.0, size=300)


def standardised(X):
    return (X - X.mean(0)) / X.std(0)


def brute_force(Y, X, weights=None):
    """log Σ wᵢ N(y; xᵢ, I), by differences."""
    weights = np.full(len(X), 1 / len(X)) if weights is None else weights / np.sum(weights)
    squared = np.stack([((y - X) ** 2).sum(1) for y in Y])
    return logsumexp(-0.5 * squared, axis=1, b=weights) - 0.5 * X.shape[1] * math.log(2 * math.pi)


# The density


def test_in_one_dimension_it_integrates_to_one_and_its_samples_follow_it():
    X = np.random.default_rng(2).normal(5.0, 3.0, size=(40, 1))
    w = np.random.default_rng(3).uniform(size=40)
    kde = pf.KernelDensity(bandwidth=0.4, weights=w).fit(X)
    total, _ = integrate.quad(
        lambda x: math.exp(kde.score_samples([[x]])[0]), -20, 30, limit=200, epsabs=1e-9
    )
    assert total == pytest.approx(1.0, abs=1e-7)
    normals = stats.norm(X[:, 0], 0.4 * X.std())
    drawn = kde.sample(4000, random_state=0)[:, 0]
    cdf = lambda x: normals.cdf(np.asarray(x)[:, None]) @ w / w.sum()  # noqa: E731
    assert stats.kstest(drawn, cdf).pvalue > 1e-3


@pytest.mark.parametrize("bandwidth", [0.5, "scott", "likelihood"])
def test_in_two_dimensions_it_integrates_to_one(bandwidth):
    X = CORRELATED[:30, :2]
    kde = pf.KernelDensity(bandwidth=bandwidth).fit(X)
    x = np.linspace(-12, 26, 400)
    y = np.linspace(-22, 36, 400)
    mesh = np.stack(np.meshgrid(x, y, indexing="ij"), axis=-1).reshape(-1, 2)
    density = np.exp(kde.score_samples(mesh)).reshape(400, 400)
    # The trapezoidal rule is exact to many digits for a smooth density that vanishes at the ends.
    assert integrate.trapezoid(integrate.trapezoid(density, y), x) == pytest.approx(1.0, abs=1e-6)


def test_it_agrees_with_scikit_learn():
    kde = pf.KernelDensity(bandwidth=0.3, weights=WEIGHTS).fit(CORRELATED)
    peer = PeerKernelDensity(bandwidth=0.3, rtol=1e-12)
    peer.fit(standardised(CORRELATED), sample_weight=WEIGHTS)
    expected = peer.score_samples(standardised(CORRELATED)) - np.log(CORRELATED.std(0)).sum()
    np.testing.assert_allclose(kde.score_samples(CORRELATED), expected, rtol=1e-9)


@pytest.mark.parametrize("rule", ["scott", "silverman"])
@pytest.mark.parametrize("weights", [None, WEIGHTS])
def test_the_rules_of_thumb_are_those_of_scipy(rule, weights):
    kde = pf.KernelDensity(bandwidth=rule, weights=weights).fit(CORRELATED)
    peer = stats.gaussian_kde(CORRELATED.T, bw_method=rule, weights=weights)
    new = np.random.default_rng(3).normal(7, 4, size=(200, 3))
    assert kde.bandwidth_ == pytest.approx(peer.factor, rel=1e-12)
    np.testing.assert_allclose(kde.score_samples(new), peer.logpdf(new.T), rtol=1e-10)
    drawn = kde.sample(100_000, random_state=0)
    mean = np.average(CORRELATED, axis=0, weights=weights)
    kernel = np.cov(CORRELATED.T, aweights=weights, bias=True) + peer.covariance
    np.testing.assert_allclose(drawn.mean(0), mean, atol=0.05)
    np.testing.assert_allclose(np.cov(drawn.T), kernel, rtol=0.03, atol=0.1)


def test_a_singular_covariance_has_a_kernel():
    X = np.column_stack([CORRELATED, CORRELATED @ [1.0, -2.0, 1.0]])
    kde = pf.KernelDensity(bandwidth="scott").fit(X)
    drawn = kde.sample(1000, random_state=0)
    np.testing.assert_allclose(drawn[:, 3], drawn[:, :3] @ [1.0, -2.0, 1.0], atol=0.01)
    assert np.isfinite(kde.score_samples(X + np.array([0, 0, 0, 1.0]))).all()


@pytest.mark.parametrize("h", [1e-3, 0.05, 1.0])
@pytest.mark.parametrize("k", [1, 15])
def test_sums_of_kernels_are_exact(h, k):
    rng = np.random.default_rng(4)
    X = rng.normal(size=(500, k))
    X[0] += 300.0  # an outlier moves the centre and must not blur the rest
    w = rng.uniform(size=500)
    Y = np.vstack([X[:50], X[:50] + h * rng.normal(size=(50, k)), rng.normal(size=(50, k))])
    expected = brute_force(Y / h, X / h, w)
    np.testing.assert_allclose(log_kernel_sums(Y / h, X / h, w / w.sum()), expected, rtol=1e-10)


def test_far_points_have_a_finite_density():
    kde = pf.KernelDensity(bandwidth=0.1).fit(CORRELATED)
    far = CORRELATED[:5] + np.array([1.0, 0, 0]) * 0.1 * CORRELATED.std(0) * 1e3
    h = 0.1 * CORRELATED.std(0)
    expected = brute_force(far / h, CORRELATED / h) - np.log(h).sum()
    assert expected.max() < -1e5
    np.testing.assert_allclose(kde.score_samples(far), expected, rtol=1e-12)
    assert np.isfinite(kde.score_samples(CORRELATED * 1e12)).all()
    assert (kde.score_samples(CORRELATED + 1e200) == -np.inf).all()  # below the least float


@pytest.mark.parametrize("pairs", [1, 300, 299, 301, 4 * 300])
def test_blocks_do_not_show(pairs, monkeypatch):
    kde = pf.KernelDensity(bandwidth=0.3).fit(CORRELATED)
    whole = kde.score_samples(CORRELATED), left_out(standardised(CORRELATED), GRID)
    monkeypatch.setattr(kernels, "BLOCK_PAIRS", pairs)
    np.testing.assert_allclose(kde.score_samples(CORRELATED), whole[0], rtol=1e-12)
    np.testing.assert_allclose(left_out(standardised(CORRELATED), GRID), whole[1], rtol=1e-12)


def test_inputs_are_left_as_they_were():
    X, w, grid = CORRELATED.copy(), WEIGHTS.copy(), GRID[::5].copy()
    kde = pf.KernelDensity(bandwidth=grid, weights=w).fit(X)
    kde.score_samples(X)
    assert np.array_equal(X, CORRELATED)
    assert np.array_equal(w, WEIGHTS)
    assert np.array_equal(grid, GRID[::5])


# The choice of the bandwidth


def left_out(X, grid, weights=None, folds=None, rng=None):
    weights = np.full(len(X), 1 / len(X)) if weights is None else weights / weights.sum()
    effort = Effort(rng or np.random.default_rng(0), progress=False)
    return left_out_likelihoods(X, weights, np.asarray(grid), folds=folds, effort=effort)


@pytest.mark.parametrize("weights", [None, WEIGHTS[:60]])
def test_the_leave_one_out_likelihood_is_that_of_refits(weights):
    X = CORRELATED[:60]
    kde = pf.KernelDensity(bandwidth=(0.2, 0.5, 0.9), weights=weights).fit(X)
    w = np.ones(60) if weights is None else weights
    for h, likelihood in zip(kde.grid_, kde.likelihoods_, strict=True):
        scale = h * X.std(0)
        scores = [
            brute_force(X[i : i + 1] / scale, np.delete(X, i, 0) / scale, np.delete(w, i))[0]
            - np.log(scale).sum()
            for i in range(60)
        ]
        assert likelihood == pytest.approx(np.average(scores, weights=w), rel=1e-10)
    assert kde.bandwidth_ == kde.grid_[np.argmax(kde.likelihoods_)]


def test_folds_choose_as_scikit_learn_does():
    grid = np.logspace(-1, 0.5, 12)
    for n in (300, 298):  # folds of equal sizes and of others
        X = CORRELATED[:n]
        kde = pf.KernelDensity(bandwidth=grid, folds=5).fit(X)
        peer = GridSearchCV(PeerKernelDensity(rtol=1e-10), {"bandwidth": grid}, cv=5)
        peer.fit(standardised(X))
        assert kde.bandwidth_ == peer.best_params_["bandwidth"]
        sums = np.stack([peer.cv_results_[f"split{i}_test_score"] for i in range(5)]).sum(0)
        expected = sums / n - np.log(X.std(0)).sum()
        # The peer's tree leaves out what is far, which is felt where h is small.
        np.testing.assert_allclose(kde.likelihoods_, expected, rtol=1e-4)
        np.testing.assert_allclose(kde.likelihoods_[4:], expected[4:], rtol=1e-9)


def test_a_parabola_finds_the_peak_between_the_bandwidths():
    exact = -3.0 * (np.log(GRID) - math.log(0.3)) ** 2
    assert peak(GRID, exact) == pytest.approx(0.3, rel=1e-9)
    assert peak(GRID, GRID) == GRID[-1]
    assert peak(GRID, -GRID) == GRID[0]
    assert peak(GRID, np.zeros(len(GRID))) == GRID[0]


def test_the_choice_is_near_the_best_on_fresh_rows():
    rng = np.random.default_rng(4)
    X, fresh = rng.normal(size=(300, 2)), rng.normal(size=(20_000, 2))
    kde = pf.KernelDensity().fit(X)
    scores = [pf.KernelDensity(bandwidth=h).fit(X).score_samples(fresh).mean() for h in GRID[8:]]
    assert kde.score_samples(fresh).mean() > max(scores) - 0.01


def test_the_choice_follows_the_scale_of_the_data():
    alone = pf.KernelDensity().fit(CORRELATED)
    scaled = pf.KernelDensity().fit(CORRELATED * [1000.0, 0.001, 1.0])
    assert scaled.bandwidth_ == pytest.approx(alone.bandwidth_, rel=1e-9)
    np.testing.assert_allclose(
        scaled.sample(50, random_state=0),
        alone.sample(50, random_state=0) * [1000.0, 0.001, 1.0],
        rtol=1e-6,
    )


@pytest.mark.parametrize("noise", [0.0, 1e-7])
@pytest.mark.parametrize("options", [{}, {"folds": 5}, {"pca": 2}])
def test_copies_do_not_drive_the_bandwidth_to_zero(noise, options):
    alone = pf.KernelDensity(**options).fit(CORRELATED)
    X = np.repeat(CORRELATED, 3, axis=0)
    X = X * (1 + noise * np.random.default_rng(5).normal(size=X.shape))
    repeated = pf.KernelDensity(**options).fit(X[np.random.default_rng(6).permutation(len(X))])
    assert repeated.bandwidth_ == pytest.approx(alone.bandwidth_, rel=0.1 if options else 1e-4)


def test_whole_numbers_and_categories_do_not_drive_it_to_zero():
    rng = np.random.default_rng(7)
    ages = rng.integers(20, 60, size=2000).astype(float)[:, None]
    # A kernel must reach the neighbouring year.
    assert pf.KernelDensity().fit(ages).bandwidth_ * ages.std() > 0.3
    frame = pd.DataFrame({"age": ages[:, 0].astype(int), "city": rng.choice(list("abc"), 2000)})
    assert pf.KernelDensity().fit(frame).bandwidth_ > 0.02


def test_copies_count_as_weights_do():
    X = CORRELATED.reshape(-1, 3, 1)  # images: their scale, the range, does not count rows
    times = np.random.default_rng(8).integers(1, 5, size=300)
    weighted = pf.KernelDensity(weights=times).fit(X)
    repeated = pf.KernelDensity().fit(np.repeat(X, times, axis=0))
    assert weighted.bandwidth_ == pytest.approx(repeated.bandwidth_, rel=1e-9)
    np.testing.assert_allclose(weighted.score_samples(X), repeated.score_samples(X), rtol=1e-10)


def test_only_copies_leave_the_smallest_bandwidth():
    X = np.array([[0.0, 1.0], [0.0, 1.0], [5.0, 3.0]])
    assert pf.KernelDensity(weights=[1, 2, 0]).fit(X).bandwidth_ == GRID[0]
    for options in ({"bandwidth": "scott"}, {"pca": 0.9}):
        kde = pf.KernelDensity(weights=[1, 2, 0], **options).fit(X)
        np.testing.assert_allclose(kde.sample(9, random_state=0), [X[0]] * 9, atol=0.1)


def test_of_many_rows_a_part_is_left_out(monkeypatch):
    X = standardised(np.random.default_rng(9).normal(size=(2000, 2)))
    whole = left_out(X, GRID)
    monkeypatch.setattr(bandwidth, "MOST_PAIRS", 2000 * 600)
    part = left_out(X, GRID)
    assert 0 < np.abs(part - whole)[10:].max() < 0.2
    assert peak(GRID, part) == pytest.approx(peak(GRID, whole), rel=0.15)
    assert np.array_equal(part, left_out(X, GRID))
    few = bandwidth.FEWEST_LEFT_OUT
    monkeypatch.setattr(bandwidth, "MOST_PAIRS", 1)
    rows = np.random.default_rng(0).choice(2000, few, replace=False)
    squared = ((X[rows][:, None] - X) ** 2).sum(2)
    squared[np.arange(few), rows] = np.inf
    expected = logsumexp(-squared / 0.18, axis=1) - math.log(1999 * 0.09 * 2 * math.pi)
    assert left_out(X, [0.3])[0] == pytest.approx(expected.mean(), rel=1e-10)


def test_a_budget_that_ends_leaves_out_fewer_rows(monkeypatch):
    monkeypatch.setattr(bandwidth, "MOST_PAIRS", 1)
    X = np.random.default_rng(9).normal(size=(2000, 2))
    rows = bandwidth.FEWEST_LEFT_OUT // bandwidth.PARTS
    with pytest.warns(TrainingWarning, match=f"the bandwidth rests on {rows} rows left out"):
        kde = pf.KernelDensity(random_state=0).fit(X, budget=1e-9)
    assert kde.bandwidth_ == pytest.approx(
        pf.KernelDensity(random_state=0).fit(X).bandwidth_, rel=0.5
    )


# Weights


def test_rows_of_weight_zero_are_not_there():
    w = np.where(np.arange(300) < 200, WEIGHTS, 0.0)
    kde = pf.KernelDensity(bandwidth=0.3, weights=w).fit(CORRELATED)
    assert len(kde.rows_) == 200
    scale = 0.3 * CORRELATED.std(0)
    expected = brute_force(CORRELATED / scale, CORRELATED[:200] / scale, w[:200])
    np.testing.assert_allclose(
        kde.score_samples(CORRELATED), expected - np.log(scale).sum(), rtol=1e-10
    )


def test_weighted_draws_hold_the_weighted_shares_of_categories():
    rng = np.random.default_rng(10)
    city = rng.choice(["Bern", "Basel"], size=1000, p=[0.8, 0.2])
    frame = pd.DataFrame({"x": rng.normal(size=1000), "city": city})
    kde = pf.KernelDensity(weights=np.where(city == "Bern", 1.0, 16.0), random_state=0).fit(frame)
    drawn = kde.sample(5000, random_state=0)
    assert (drawn["city"] == "Basel").mean() == pytest.approx(0.8, abs=0.05)


def test_components_are_those_of_the_weighted_rows():
    times = np.random.default_rng(11).integers(1, 5, size=300)
    X = CORRELATED.reshape(-1, 3, 1)
    weighted = pf.KernelDensity(pca=2, bandwidth=0.1, weights=times).fit(X)
    repeated = pf.KernelDensity(pca=2, bandwidth=0.1).fit(np.repeat(X, times, axis=0))
    np.testing.assert_allclose(weighted.score_samples(X), repeated.score_samples(X), rtol=1e-8)


# Principal components


@pytest.mark.parametrize("pca", [15, 0.8])
def test_a_pca_in_front_names_the_space_of_its_density(pca):
    X = pf.load_data("digits").X[:500]
    kde = pf.KernelDensity(pca=pca, bandwidth=0.5).fit(X)
    Z = kde.encoding_.transform(X)
    peer = PCA(pca, svd_solver="full").fit(Z)
    k = peer.n_components_
    space = f"the first {k} principal components, in units of "
    assert kde.density_space_ == space + "standardised columns"
    expected = brute_force(peer.transform(Z) / 0.5, peer.transform(Z) / 0.5) - k * math.log(0.5)
    np.testing.assert_allclose(kde.score_samples(X), expected, rtol=1e-9)
    drawn = kde.encoding_.transform(kde.sample(200, random_state=0))
    np.testing.assert_allclose(peer.inverse_transform(peer.transform(drawn)), drawn, atol=1e-6)
    assert pf.KernelDensity(bandwidth=0.5).fit(X).density_space_ == "columns"
    images = pf.KernelDensity(pca=pca, bandwidth=0.5).fit(X.reshape(-1, 8, 8))
    assert images.density_space_.endswith("in units of the data")


def test_the_classic_demonstration_on_digits():
    """scikit-learn's page: PCA(15), five unshuffled folds, logspace(−1, 1, 20), h = 3.79269."""
    images = pf.load_data("digits").X.reshape(-1, 8, 8)
    grid = np.logspace(-1, 1, 20)  # in grey levels; half their range of 16 is one unit of h
    kde = pf.KernelDensity(pca=15, bandwidth=grid / 8, folds=5).fit(images)
    assert kde.bandwidth_ * 8 == pytest.approx(3.79269019073225, rel=1e-9)
    assert kde.likelihoods_.max() == pytest.approx(-46.526, abs=1e-3)
    assert kde.likelihoods_.max() * 1797 / 5 == pytest.approx(-16721.45, abs=0.01)
    assert kde.score_samples(images).mean() == pytest.approx(-41.183, abs=1e-3)
    left_out = pf.KernelDensity(pca=15, bandwidth=grid / 8).fit(images)
    at_379 = left_out.likelihoods_[np.argmax(kde.likelihoods_)]
    assert at_379 == pytest.approx(-45.183, abs=1e-3)
    best = pf.KernelDensity(pca=15).fit(images)
    assert best.bandwidth_ * 8 == pytest.approx(3.05, abs=0.1)
    fine = pf.KernelDensity(pca=15, bandwidth=(best.bandwidth_,)).fit(images)
    assert fine.likelihoods_[0] == pytest.approx(-44.668, abs=0.01)


def test_the_example_prints_its_numbers_and_draws(tmp_path, capsys, monkeypatch):
    script = Path(__file__).parents[2] / "examples" / "digits_kernel_density.py"
    monkeypatch.setattr("sys.argv", [script.name, "--out", str(tmp_path / "digits.png")])
    runpy.run_path(str(script), run_name="__main__")
    printed = capsys.readouterr().out.splitlines()
    assert printed[3].split()[-2:] == ["3.79269", "3.79269"]
    assert printed[4].split()[-2:] == ["-46.526", "-46.526"]
    assert printed[-3].split()[-2:] == ["-44.673", "-45.183"]
    width, height = Image.open(tmp_path / "digits.png").size
    assert width > 3 * height


# Files and bad input


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"bandwidth": "silverman", "weights": WEIGHTS},
        {"weights": pd.Series(WEIGHTS)},
        {"bandwidth": (0.2, 0.4), "folds": 3, "pca": 2, "weights": tuple(WEIGHTS)},
    ],
)
@pytest.mark.filterwarnings("ignore:a saved .* contains training rows")
def test_saved_and_loaded_it_is_the_same(options, tmp_path):
    kde = pf.KernelDensity(**options, random_state=0).fit(CORRELATED)
    loaded = pf.load_model(kde.save(tmp_path / "kde"))
    assert np.array_equal(loaded.sample(9, random_state=1), kde.sample(9, random_state=1))
    assert np.array_equal(loaded.score_samples(CORRELATED), kde.score_samples(CORRELATED))
    assert loaded.bandwidth_ == kde.bandwidth_
    assert np.array_equal(loaded.likelihoods_, kde.likelihoods_)
    assert loaded.density_space_ == kde.density_space_
    assert loaded.fit(CORRELATED).bandwidth_ == kde.bandwidth_


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"bandwidth": 0}, "expected bandwidth to be .* got 0"),
        ({"bandwidth": -1.0}, "got -1.0"),
        ({"bandwidth": math.nan}, "got nan"),
        ({"bandwidth": 1e200}, r"from 1e-09 to 1e\+09, or several, got 1e\+200"),
        ({"bandwidth": True}, "got True"),
        ({"bandwidth": None}, "got None"),
        ({"bandwidth": "skott"}, "got 'skott'"),
        ({"bandwidth": ()}, r"got \(\)"),
        ({"bandwidth": (0.1, 0.0)}, r"got \(0.1, 0.0\)"),
        ({"bandwidth": [[0.1, 0.2]]}, "got"),
        ({"folds": 1}, "expected folds to be None or from 2 to the 300 rows, got 1"),
        ({"folds": 301}, "got 301"),
        ({"folds": 2.5}, "got 2.5"),
        ({"weights": [1.0, 2.0]}, r"300 numbers, one for each row, got list of shape \(2,\)"),
        ({"weights": "equal"}, r"got str of shape \(\)"),
        ({"weights": -WEIGHTS}, "at least 0"),
        ({"weights": np.eye(300)[0]}, "got 1 above 0, from 0 to 1"),
        ({"weights": np.full(300, np.nan)}, "finite"),
        ({"pca": 0}, "expected pca"),
        ({"pca": 4}, "from 1 to 3"),
        ({"pca": 1.5}, "expected pca"),
        ({"pca": True}, "expected pca"),
        ({"pca": "many"}, "expected pca"),
    ],
)
def test_bad_parameters_are_told_in_words(options, words):
    with pytest.raises(InputError, match=words):
        pf.KernelDensity(**options).fit(CORRELATED)


numbers = st.floats(allow_nan=True, allow_infinity=True, width=64)
anything = st.one_of(st.none(), st.booleans(), numbers, st.text(max_size=9), st.lists(numbers))


@settings(deadline=None, max_examples=60)
@given(bandwidth=anything, weights=st.one_of(anything, st.lists(numbers, min_size=8, max_size=8)))
def test_any_parameters_are_fitted_or_refused_in_words(bandwidth, weights):
    kde = pf.KernelDensity(bandwidth=bandwidth, weights=weights, random_state=0)
    with contextlib.suppress(InputError):
        kde.fit(CORRELATED[:8])
        assert kde.bandwidth_ > 0
        assert not np.isnan(kde.score_samples(CORRELATED)).any()
        assert kde.sample(3, random_state=0).shape == (3, 3)


@settings(deadline=None, max_examples=60)
@given(
    rows=st.lists(st.tuples(*[st.floats(-1e150, 1e150)] * 2), min_size=2, max_size=12),
    rule=st.sampled_from(["likelihood", "scott", "silverman", 0.3]),
)
def test_any_rows_are_fitted(rows, rule):
    X = np.array(rows)
    kde: Sampler = pf.KernelDensity(bandwidth=rule, random_state=0).fit(X)
    assert np.isfinite(kde.sample(5, random_state=0)).all()
    assert np.isfinite(kde.score_samples(X)).all()
