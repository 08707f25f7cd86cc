"""Columns of many categories: places in a few dimensions, with shares that survive."""

import time

import numpy as np
import pandas as pd
import pytest

import pushforward as pf
from pushforward.data.embedded import Embedded
from pushforward.data.encoding import Encoding
from pushforward.errors import DataWarning, FileError, InputError


def cities(n=3000, K=200, seed=0):
    """A column of K values with shares as of cities, and what depends on it."""
    rng = np.random.default_rng(seed)
    share = 1 / np.arange(1, K + 1) ** 0.8
    city = rng.choice(K, n, p=share / share.sum())
    north = np.sin(city * 0.7)
    return pd.DataFrame(
        {
            "city": pd.Series([f"city {k}" for k in city]).astype("category"),
            "north": north + 0.2 * rng.normal(size=n),
            "language": np.where(north + 0.3 * rng.normal(size=n) > 0, "de", "fr"),
        }
    )


def distance(a, b):
    """Total variation between the shares of the values of two columns."""
    a, b = (x.astype(object).value_counts(normalize=True) for x in (a, b))
    return a.sub(b, fill_value=0.0).abs().sum() / 2


def test_places_are_few_and_decode_to_what_was_encoded():
    frame = cities()
    frame.loc[::50, "city"] = None
    encoding = Encoding().fit(frame)
    assert list(encoding.embedded) == ["city"]
    assert encoding.width <= 1 + 2 + 8
    Z = encoding.transform(frame)
    pd.testing.assert_frame_equal(encoding.inverse_transform(Z), frame, rtol=1e-12)
    assert encoding.transform(frame.assign(city="nowhere"))[:, 1:-2].tolist() == [
        [0.0] * (encoding.width - 3)
    ] * len(frame)


def test_the_mass_of_a_box_under_the_normal_law_is_the_share_of_its_value():
    frame = cities()
    encoding = Encoding().fit(frame)
    Z = np.random.default_rng(1).normal(size=(40_000, encoding.width))
    drawn = encoding.inverse_transform(Z)["city"]
    assert set(drawn) <= set(frame["city"])
    fresh = frame["city"].sample(40_000, replace=True, random_state=1)
    assert distance(drawn, frame["city"]) < 1.2 * distance(fresh, frame["city"])
    most = frame["city"].value_counts(normalize=True).iloc[:5]
    found = drawn.value_counts(normalize=True)[most.index]
    np.testing.assert_allclose(found, most, rtol=0.1)


def test_values_with_similar_rows_have_similar_places():
    frame = cities(n=6000)
    places = Encoding().fit(frame).transform(frame)[:, 1]
    means = frame.assign(place=places).groupby("city", observed=True)[["north", "place"]].mean()
    assert abs(means.corr(method="spearman").iloc[0, 1]) > 0.5
    alone = Encoding().fit(frame[["city"]]).transform(frame[["city"]])[:, 0]
    means = frame.assign(place=alone).groupby("city", observed=True)[["north", "place"]].mean()
    assert abs(means.corr(method="spearman").iloc[0, 1]) < 0.3


def test_two_such_columns_that_determine_each_other_lie_alike():
    rng = np.random.default_rng(0)
    zip_code = rng.integers(0, 300, 6000)
    frame = pd.DataFrame({"zip": zip_code, "district": zip_code // 3}).astype("category")
    encoding = Encoding().fit(frame)
    Z = encoding.transform(frame)
    q = encoding.embedded["zip"].width
    # Least squares from the places of one to those of the other, against shuffled rows.
    places = np.hstack([Z[:, :q], Z[:, :q] ** 2, np.ones((len(Z), 1))])

    def explained(target):
        rest = target - places @ np.linalg.lstsq(places, target, rcond=None)[0]
        return 1 - (rest**2).sum() / ((target - target.mean(0)) ** 2).sum()

    assert explained(Z[:, q:]) > 3 * explained(rng.permutation(Z[:, q:])) + 0.05


@pytest.mark.parametrize("name", ["kernel-density", "copula", "inverse-transform", "gaussian"])
def test_shares_survive_a_fit_and_no_value_is_made_up(name):
    frame = cities()
    options = {"bandwidth": 0.1} if name == "kernel-density" else {}
    sampler = pf.METHODS[name].make(random_state=0, **options).fit(frame)
    drawn = sampler.sample(9000, random_state=0)
    assert set(drawn["city"]) <= set(frame["city"])
    assert drawn.dtypes.to_dict() == frame.dtypes.to_dict()
    limit = 0.15 if name == "kernel-density" else 0.3
    assert distance(drawn["city"], frame["city"]) < limit


def test_what_depends_on_the_column_still_does():
    frame = cities(n=4000)
    drawn = pf.KernelDensity(bandwidth=0.1, random_state=0).fit(frame).sample(4000, random_state=0)
    means = frame.groupby("city", observed=True)["north"].mean()

    def explained(rows):
        return np.corrcoef(rows["north"], means[rows["city"]])[0, 1] ** 2

    assert explained(drawn) > 0.7 * explained(frame)


def test_a_density_is_refused_and_a_file_is_checked(tmp_path):
    frame = cities()[["city", "north"]]
    sampler = pf.Gaussian(random_state=0).fit(frame)
    with pytest.raises(InputError, match="no density"):
        sampler.score_samples(frame)
    loaded = pf.load_model(sampler.save(tmp_path / "model"))
    pd.testing.assert_frame_equal(
        loaded.sample(50, random_state=0), sampler.sample(50, random_state=0)
    )
    state = vars(sampler.encoding_.embedded["city"])
    parts = state["parts"].copy()
    parts[0, 3] = 3  # a walk without an end
    for wrong in ({"parts": parts}, {"axis": state["axis"] + 99}, {"values": ["a"]}):
        with pytest.raises(FileError, match="places of the values"):
            Embedded.from_dict(state | wrong)


def test_fifty_thousand_categories_are_encoded_in_seconds():
    n, rng = 100_000, np.random.default_rng(0)
    user = pd.Series(rng.permutation(np.arange(n) // 2).astype(str)).astype("category")
    frame = pd.DataFrame({"user": user, "x": rng.normal(size=n)})
    began = time.process_time()
    encoding = Encoding().fit(frame)
    Z = encoding.transform(frame)
    assert time.process_time() - began < 20
    assert Z.shape == (n, 9)
    assert Z.nbytes < 1e7
    assert encoding.inverse_transform(Z[:1000])["user"].equals(frame["user"][:1000])


def test_a_table_that_would_become_too_wide_is_told_before_it_is_made():
    wide = pd.DataFrame(np.random.default_rng(0).normal(size=(4, 2100))).add_prefix("x")
    with pytest.raises(InputError, match=r"2100 columns becomes 2100.*0 MB.*at most 2000.*drop"):
        Encoding().fit(wide, widest=2000)
    with pytest.warns(DataWarning, match=r"becomes 2100 encoded ones \(2100 for numbers\)"):
        assert Encoding().fit(wide).width == 2100

    class Narrow(pf.Gaussian):
        widest = 2099

    with pytest.raises(InputError, match="principal components first, or raise the bound: Sampler"):
        Narrow().fit(wide)
