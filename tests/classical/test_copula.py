"""The Gaussian copula: margins as they were, dependence as it was, of ties and categories too."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.covariance import ledoit_wolf

import pushforward as pf
from pushforward.classical import copula
from pushforward.classical.copula import GaussianCopula
from pushforward.classical.correlation import correlation_factor

R = np.array([[1.0, 0.8, -0.3], [0.8, 1.0, 0.0], [-0.3, 0.0, 1.0]])


def normals(n, r=R, seed=0):
    return np.random.default_rng(seed).multivariate_normal(np.zeros(len(r)), r, size=n)


def fitted(X):
    return GaussianCopula(random_state=0).fit(X)


def uncorrected(X, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(copula, "STEPS", 1)
        return fitted(X)


def table(n=4000, seed=0):
    """Ordered and unordered categories, ties and holes that all depend on the numbers a and b."""
    rng = np.random.default_rng(seed)
    a, b = rng.multivariate_normal([0, 0], [[1, 0.6], [0.6, 1]], size=n).T
    utilities = np.column_stack([np.ones(n), 1.5 * a, 1.5 * b, -1.5 * a]) + rng.gumbel(size=(n, 4))
    city = utilities.argmax(1)
    job = np.where(rng.random(n) < 0.8, city % 3, rng.integers(0, 3, n))
    frame = pd.DataFrame(
        {
            "a": np.exp(a),
            "b": b,
            "band": pd.cut(b, [-9, -1, 0, 1, 9], labels=["low", "mid", "more", "top"]).astype(str),
            "city": np.array(["Bern", "Basel", "Chur", "Genf"])[city],
            "job": np.array(["cook", "nurse", "clerk"])[job],
            "visits": rng.poisson(np.exp(0.5 * a)),
            "owner": rng.random(n) < 1 / (1 + np.exp(-2 * b)),
        }
    )
    frame.loc[rng.random(n) < 1 / (1 + np.exp(1 - 1.5 * b)), "a"] = np.nan
    return frame


def pairwise(sampler, real, n=20_000):
    """The root mean square and the largest gap of correlations, real to generated."""
    encoding = sampler.encoding_
    drawn = encoding.transform(sampler.sample(n, random_state=0))
    gap = np.corrcoef(encoding.transform(real).T) - np.corrcoef(drawn.T)
    return np.sqrt((gap**2).mean()), np.abs(gap).max()


def test_a_gaussian_copula_is_found_behind_any_margins():
    W = normals(8000)
    X = np.column_stack([np.exp(2 * W[:, 0]), W[:, 1] ** 3, stats.norm.cdf(W[:, 2])])
    sampler = fitted(X)
    np.testing.assert_allclose(sampler.correlation_, R, atol=0.03)
    drawn = sampler.sample(8000, random_state=1)
    for x, y in zip(X.T, drawn.T, strict=True):
        assert stats.ks_2samp(x, y).pvalue > 1e-3
    for i, j in ((0, 1), (0, 2), (1, 2)):
        tau = stats.kendalltau(drawn[:, i], drawn[:, j]).statistic
        assert tau == pytest.approx(2 / np.pi * np.arcsin(R[i, j]), abs=0.03)


def test_without_ties_r_is_the_shrunk_correlation_of_normal_scores():
    X = np.exp(normals(300))
    scores = stats.norm.ppf(stats.rankdata(X, axis=0) / 301)
    expected, shrinkage = ledoit_wolf(scores / scores.std(0), assume_centered=True)
    assert 0 < shrinkage < 0.1
    np.testing.assert_allclose(fitted(X).correlation_, expected, atol=1e-9)


def test_nothing_is_drawn_beyond_the_range():
    X = np.random.default_rng(0).standard_cauchy(size=(200, 2))
    drawn = fitted(X).sample(5000, random_state=0)
    assert (drawn >= X.min(0)).all()
    assert (drawn <= X.max(0)).all()


@pytest.mark.parametrize("kind", ["category", "ties"])
def test_the_correlation_behind_ties_and_categories_is_found(kind, monkeypatch):
    """Cut at the median, the signs of two normals correlate by 2/π arcsin r and not by r."""
    r = 0.7
    W = normals(8000, np.array([[1, r], [r, 1]]))
    if kind == "category":
        X = pd.DataFrame({c: np.where(w > 0, "up", "down") for c, w in zip("xy", W.T, strict=True)})
    else:
        X = np.digitize(W, [-0.5, 1.0])  # whole numbers 0, 1, 2
    assert abs(fitted(X).correlation_[0, 1]) == pytest.approx(r, abs=0.04)
    weak = abs(uncorrected(X, monkeypatch).correlation_[0, 1])
    if kind == "category":
        assert weak == pytest.approx(2 / np.pi * np.arcsin(r), abs=0.04)
    else:
        assert weak < r - 0.08


def test_dependence_comes_closer_by_the_correction(monkeypatch):
    train, fresh = table(), table(20_000, seed=1)
    mean, largest = pairwise(fitted(train), fresh)
    mean_without, largest_without = pairwise(uncorrected(train, monkeypatch), fresh)
    assert mean < 0.6 * mean_without
    assert largest < 0.6 * largest_without
    assert mean < 0.03
    # An independent copy of the columns, for the size of it.
    apart = fitted(train.apply(lambda x: x.sample(frac=1, random_state=len(x.name)).to_numpy()))
    assert pairwise(apart, fresh)[0] > 6 * mean


def test_a_table_of_two_categories_is_reproduced():
    train, fresh = table(), table(20_000, seed=1)
    drawn = fitted(train).sample(20_000, random_state=0)
    for pair in (["city", "job"], ["band", "owner"], ["city", "band"]):
        real, fake = (f.value_counts(pair, normalize=True) for f in (fresh, drawn))
        apart = 0.5 * real.sub(fake, fill_value=0).abs().sum()
        alone = [fresh[c].value_counts(normalize=True) for c in pair]
        product = np.outer(*alone)
        independent = (
            0.5
            * np.abs(
                pd.crosstab(fresh[pair[0]], fresh[pair[1]], normalize=True)
                .loc[alone[0].index, alone[1].index]
                .to_numpy()
                - product
            ).sum()
        )
        assert apart < 0.4 * independent
        assert apart < 0.1


def test_holes_depend_on_what_they_depended_on():
    train = table()
    drawn = fitted(train).sample(20_000, random_state=0)
    for frame in (train, drawn):
        difference = frame["b"][frame["a"].isna()].mean() - frame["b"][frame["a"].notna()].mean()
        assert difference == pytest.approx(1.1, abs=0.15)


def test_more_columns_than_rows():
    wide = np.random.default_rng(0).normal(size=(20, 60))
    sampler = fitted(wide)
    independent = np.abs(sampler.correlation_[~np.eye(60, dtype=bool)]).mean()
    noise = np.abs(np.corrcoef(wide.T)[~np.eye(60, dtype=bool)]).mean()
    assert independent < 0.2 * noise
    factor = np.random.default_rng(1).normal(size=(20, 1))
    together = fitted(factor + 0.3 * wide).correlation_
    assert together[~np.eye(60, dtype=bool)].mean() > 0.7
    assert np.isfinite(sampler.sample(10, random_state=0)).all()


def test_images_and_what_is_saved(tmp_path):
    images = pf.load_data("digits").X[:300].reshape(-1, 8, 8).astype(np.uint8)
    sampler = fitted(images)
    drawn = sampler.sample(50, random_state=0)
    assert drawn.shape == (50, 8, 8)
    assert drawn.dtype == np.uint8
    frame = table(300)
    sampler = fitted(frame)
    with pytest.warns(pf.errors.DataWarning, match="contains training rows"):
        path = sampler.save(tmp_path / "model")
    loaded = pf.load_model(path)
    pd.testing.assert_frame_equal(
        loaded.sample(50, random_state=3), sampler.sample(50, random_state=3)
    )
    np.testing.assert_array_equal(loaded.correlation_, sampler.correlation_)


def test_one_category_alone_and_a_constant_beside_it():
    frame = pd.DataFrame({"kind": list("aabbbc") * 20, "same": "x"})
    drawn = fitted(frame).sample(4000, random_state=0)
    assert (drawn["same"] == "x").all()
    shares = drawn["kind"].value_counts(normalize=True)[list("abc")]
    np.testing.assert_allclose(shares, [1 / 3, 1 / 2, 1 / 6], atol=0.05)


def test_the_factor_is_that_of_the_matrix_or_of_a_correlation_near_it():
    A = correlation_factor(R)
    np.testing.assert_allclose(A @ A.T, R, atol=1e-12)
    impossible = np.array([[1, 0.9, -0.9], [0.9, 1, 0.9], [-0.9, 0.9, 1]])
    B = correlation_factor(impossible)
    near = B @ B.T
    np.testing.assert_allclose(np.diag(near), 1)
    assert np.linalg.eigvalsh(near)[0] > -1e-12
    np.testing.assert_array_equal(np.sign(near), np.sign(impossible))
