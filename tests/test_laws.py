"""Laws that hold for every method of the registry: a new row is tested by being there."""

import json
import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.utils.estimator_checks import parametrize_with_checks

import pushforward as pf
from helpers import CLASSES, NAMES, fit, tiny
from pushforward.data.encoding import ONE_HOT
from pushforward.errors import DataWarning, InputError
from pushforward.methods import METHODS
from pushforward.sampler import FORMAT_VERSION, HasCodes, HasDensity

# Saving a copycat or a kernel density warns; one test looks at that.
pytestmark = pytest.mark.filterwarnings("ignore:a saved .* contains training rows")


def rows(n=60, p=3, seed=0):
    return np.random.default_rng(seed).normal(2.0, 3.0, size=(n, p))


def mixed_table(n=120, seed=0):
    """Every dtype that a table may have, with holes in each that can hold them."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "price": rng.normal(50, 10, n).round(2),
            "age": rng.integers(18, 90, n),
            "member": rng.random(n) < 0.3,
            "city": rng.choice(["Bern", "Basel", "Chur"], n),
            "grade": pd.Categorical(
                rng.choice([1, 2, 3], n), categories=[1, 2, 3, 4], ordered=True
            ),
            "visits": pd.array(rng.integers(0, 9, n), dtype="Int64"),
            "weight": rng.normal(size=n).astype("float32"),
            "since": pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 900, n), "D"),
            "country": "CH",
        }
    )
    frame.loc[rng.random(n) < 0.2, "price"] = np.nan
    frame.loc[rng.random(n) < 0.2, "city"] = None
    frame.loc[rng.random(n) < 0.2, "visits"] = pd.NA
    return frame


# Skipped by scikit-learn itself, unless SCIPY_ARRAY_API is set: check_array_api_input. Nothing is
# excluded by us.
@pytest.mark.filterwarnings("ignore")
@parametrize_with_checks(
    [
        tiny(name, random_state=0, **{k: 3 for k in ("max_rounds",) if hasattr(tiny(name), k)})
        for name in {METHODS[name].sampler: name for name in CLASSES}.values()
    ]
)
def test_scikit_learns_contract(estimator, check):
    check(estimator)


@pytest.mark.parametrize("name", NAMES)
def test_same_seed_same_samples(name):
    X = rows()
    a, b = (fit(tiny(name, random_state=5), X) for _ in range(2))
    assert np.array_equal(a.sample(20, random_state=1), b.sample(20, random_state=1))
    assert not np.array_equal(a.sample(20, random_state=1), a.sample(20, random_state=2))


@pytest.mark.parametrize("name", CLASSES)
def test_no_seed_draws_afresh_and_records_what_it_drew(name):
    sampler = fit(tiny(name), rows())
    fresh = sampler.sample(30)
    assert np.array_equal(fresh, sampler.sample(30, random_state=sampler.sample_seed_))
    sampler.sample(30)
    assert not np.array_equal(fresh, sampler.sample(30))
    again = fit(tiny(name, random_state=sampler.seed_), rows())
    assert np.array_equal(again.sample(3, random_state=0), sampler.sample(3, random_state=0))


@pytest.mark.parametrize("name", NAMES)
def test_saved_and_loaded_it_draws_the_same(name, tmp_path):
    sampler = fit(tiny(name, random_state=0), rows())
    loaded = pf.load_model(sampler.save(tmp_path / "model", about={"data": "test"}))
    assert type(loaded) is type(sampler)
    assert loaded.about_ == {"data": "test"}
    assert repr(loaded.get_params()) == repr(sampler.get_params())
    assert np.array_equal(loaded.sample(10, random_state=3), sampler.sample(10, random_state=3))
    X = rows(seed=1)
    if isinstance(sampler, HasDensity):
        assert np.array_equal(loaded.score_samples(X), sampler.score_samples(X))
    if isinstance(sampler, HasCodes):
        assert np.array_equal(loaded.transform(X), sampler.transform(X))
    description = json.loads((tmp_path / "model" / "model.json").read_text())
    assert description["format_version"] == FORMAT_VERSION


@pytest.mark.parametrize("name", CLASSES)
def test_a_mixed_table_comes_back_as_it_was(name, tmp_path):
    frame = mixed_table()
    before = frame.copy(deep=True)
    sampler = fit(tiny(name, random_state=0), frame)
    pd.testing.assert_frame_equal(frame, before)
    drawn = sampler.sample(200, random_state=0)
    assert list(drawn.columns) == list(frame.columns)
    assert drawn.dtypes.to_dict() == frame.dtypes.to_dict()
    for column in ("city", "grade", "member", "country"):
        assert set(drawn[column].dropna()) <= set(frame[column].dropna())
    for column in ("price", "age", "visits", "weight", "since"):
        assert drawn[column].min() >= frame[column].min()
        assert drawn[column].max() <= frame[column].max()
    assert (drawn["price"].dropna() == drawn["price"].dropna().round(2)).all()
    for column in ("price", "city", "visits"):
        assert abs(drawn[column].isna().mean() - frame[column].isna().mean()) < 0.15
    for column in ("age", "member", "grade", "weight", "since", "country"):
        assert not drawn[column].isna().any()
    loaded = pf.load_model(sampler.save(tmp_path / "model"))
    pd.testing.assert_frame_equal(loaded.sample(200, random_state=0), drawn)


@pytest.mark.parametrize("name", CLASSES)
def test_integers_and_images_come_back_as_they_were(name):
    whole = np.random.default_rng(0).integers(0, 10, size=(50, 4)).astype(np.int16)
    drawn = fit(tiny(name, random_state=0), whole).sample(30, random_state=0)
    assert drawn.dtype == np.int16
    assert drawn.min() >= 0
    assert drawn.max() <= 9
    images = np.random.default_rng(0).integers(0, 256, size=(40, 5, 4), dtype=np.uint8)
    drawn = fit(tiny(name, random_state=0), images).sample(7, random_state=0)
    assert drawn.shape == (7, 5, 4)
    assert drawn.dtype == np.uint8


@pytest.mark.parametrize("name", CLASSES)
def test_a_constant_column_is_reproduced(name):
    X = rows()
    X[:, 1] = 0.1
    drawn = fit(tiny(name, random_state=0), X).sample(20, random_state=0)
    assert (drawn[:, 1] == 0.1).all()
    assert np.isfinite(drawn).all()
    if tiny(name).takes == "other rows":
        return  # between rows that do not vary there is nothing to translate
    constant = fit(tiny(name, random_state=0), np.full((5, 2), 7.0)).sample(3, random_state=0)
    assert (constant == 7.0).all()


@pytest.mark.parametrize("name", CLASSES)
def test_bad_input_is_told_in_words(name):
    X = rows()
    with pytest.raises(ValueError, match="minimum of 2"):
        fit(tiny(name), X[:1])
    with pytest.raises(InputError, match="at least 2 sample"):
        fit(tiny(name), pd.DataFrame({"a": [1.0]}))
    X[3, 1] = np.inf
    with pytest.raises(InputError, match=r"1 infinite in column\(s\) 1; replace"):
        fit(tiny(name), X)
    sampler = fit(tiny(name, random_state=0), rows())
    for n in (0, -3, 2.5, True):
        with pytest.raises(InputError, match="n_samples"):
            sampler.sample(n)
    with pytest.raises(InputError, match="budget"):
        fit(tiny(name), rows(), budget=0)
    with pytest.raises(InputError, match="random_state"):
        fit(tiny(name, random_state="zero"), rows())


@pytest.mark.parametrize("name", NAMES)
def test_two_rows_are_enough(name):
    X = np.array([[0.0, 1.0], [1.0, 0.0]])
    assert fit(tiny(name, random_state=0), X).sample(5, random_state=0).shape == (5, 2)


@pytest.mark.parametrize("name", CLASSES)
def test_identifiers_many_categories_and_text(name):
    rng = np.random.default_rng(0)
    frame = mixed_table()[["age", "city", "since"]].assign(
        order=[f"C-{i:04d}" for i in range(120)],
        street=pd.Series((rng.permutation(120) % 80).astype(str)).astype("category"),
        comment=[f"text of {i} words" for i in range(120)],
    )
    frame.loc[rng.random(120) < 0.2, ["since", "street"]] = None
    assert frame["street"].nunique(dropna=False) > ONE_HOT
    with pytest.warns(DataWarning, match="'comment' is left out.*numbered anew.*'order'"):
        sampler = fit(tiny(name, random_state=0), frame)
    drawn = sampler.sample(40, random_state=0)
    assert list(drawn) == ["age", "city", "since", "order", "street"]
    assert drawn.dtypes.to_dict() == frame[list(drawn)].dtypes.to_dict()
    assert drawn["order"].tolist() == [f"C-{i:04d}" for i in range(120, 160)]
    assert set(drawn["street"].dropna()) <= set(frame["street"].dropna())
    assert (drawn["since"].dropna() == drawn["since"].dropna().dt.normalize()).all()
    pd.testing.assert_frame_equal(sampler.sample(40, random_state=0), drawn)


@pytest.mark.parametrize("name", NAMES)
def test_a_clone_is_unfitted_and_configured_alike(name):
    sampler = fit(tiny(name, random_state=1), rows())
    copy = clone(sampler)
    assert not hasattr(copy, "n_rows_")
    assert np.array_equal(
        fit(copy, rows()).sample(4, random_state=0), sampler.sample(4, random_state=0)
    )


def test_an_unknown_option_lists_the_known_ones():
    with pytest.raises(InputError, match="gan has no option 'lr'; it has augment, average"):
        pf.METHODS["gan"].make(lr=1)
    with pytest.raises(InputError, match="beta_1 is the first of betas; give one of both"):
        pf.METHODS["gan"].make(beta_1=0.5, betas=(0.5, 0.9))


@pytest.mark.parametrize("name", CLASSES)
def test_what_stores_training_rows_says_so(name, tmp_path):
    stores = name in ("kernel-density", "copycat", "inverse-transform", "copula", "cycle-gan")
    sampler = fit(tiny(name, random_state=0), rows())
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        path = sampler.save(tmp_path / name)
    assert any("contains training rows" in str(w.message) for w in caught) == stores
    assert json.loads((path / "model.json").read_text())["stores_training_rows"] == stores


@pytest.mark.parametrize("name", CLASSES)
def test_the_registry_tells_what_a_method_gives(name):
    sampler, gives = tiny(name), pf.METHODS[name].gives
    assert isinstance(sampler, HasDensity) == ("density" in gives)
    assert isinstance(sampler, HasCodes) == ("codes" in gives)


def rare_table(n=4000):
    """Shares of one per cent and less, which rounding and argmax lose."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "x": rng.normal(size=n),
            "fraud": rng.random(n) < 0.01,
            "target": (rng.random(n) < 0.03).astype(int),
            "kind": rng.choice(list("abcd"), n, p=[0.7, 0.28, 0.015, 0.005]),
        }
    )
    frame.loc[rng.random(n) < 0.005, "x"] = np.nan
    return frame


@pytest.mark.parametrize("name", CLASSES)
def test_rare_values_and_holes_keep_their_shares(name):
    frame = rare_table()
    drawn = fit(tiny(name, random_state=0), frame).sample(20_000, random_state=0)
    assert drawn["target"].dtype == frame["target"].dtype
    pairs = [
        (frame["x"].isna(), drawn["x"].isna()),
        (frame["fraud"], drawn["fraud"]),
        (frame["target"], drawn["target"]),
        *((frame["kind"] == k, drawn["kind"] == k) for k in "abcd"),
    ]
    for real, fake in pairs:
        share = real.mean()
        # Calibrated on tens of draws of the rarest value, so to about a quarter of its share.
        assert abs(fake.mean() - share) < 0.5 * share + 0.002, (share, fake.mean())


def test_a_fit_that_fails_leaves_no_half_of_an_earlier_one():
    sampler = fit(tiny("vae", random_state=0), rows())
    with pytest.raises(InputError, match="learning_rate"):
        sampler.set_params(learning_rate=-1.0).fit(rows(seed=1))
    with pytest.raises(NotFittedError):
        sampler.sample(2)


def test_every_column_is_taken_when_asked():
    frame = pd.DataFrame({"v": rows()[:, 0], "name": [f"n{i}" for i in range(60)]})
    sampler = fit(tiny("gaussian", random_state=0), frame, every_column=True)
    assert set(sampler.sample(9, random_state=0)["name"]) <= set(frame["name"])


@pytest.mark.parametrize(
    ("frame", "words"),
    [
        (pd.DataFrame({0: [1.0, 2.0]}), "columns named by text, got 0"),
        (pd.DataFrame([[1.0, 2.0], [3.0, 4.0]], columns=["a", "a"]), "more than one column"),
        (pd.DataFrame({"a": [1.0, np.inf]}), "1 infinite values in 'a'"),
    ],
)
def test_tables_that_cannot_be(frame, words):
    with pytest.raises(InputError, match=words):
        fit(tiny("gaussian"), frame)
    with pytest.raises(InputError, match=words):
        pf.compare(frame)


def test_whole_numbers_beyond_a_float_are_not_bent():
    big = np.array([[2**62, 1], [2**62 + 1, 2]])
    with pytest.raises(InputError, match=r"2\^53"):
        fit(tiny("gaussian"), big)
    frame = pd.DataFrame({"big": 2**60 + np.arange(50) ** 2, "v": rows(50)[:, 0]})
    with pytest.warns(DataWarning, match=r"'big' is left out: whole numbers beyond 2\^53"):
        assert list(fit(tiny("gaussian", random_state=0), frame).sample(2).columns) == ["v"]
