"""Any table: what is encoded comes back, and what is decoded could have been there."""

import string
import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import pushforward as pf
from pushforward.data.encoding import Encoding
from pushforward.errors import InputError

ANY = settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
SIZES = st.floats(1e-200, 1e200).flatmap(lambda x: st.sampled_from([x, -x]))
NUMBERS = st.one_of(st.floats(-1e6, 1e6, width=32), SIZES, st.just(0.0))
TEXT = st.text(max_size=4).filter(lambda t: t.isprintable() or t == "")
DAYS = st.integers(-40_000, 40_000)


def column(kind, n, draw):
    """A column of n values, a third of them missing where the kind can be."""

    def some(values, holes=True):
        listed = st.lists(
            st.one_of(values, values, st.none()) if holes else values, min_size=n, max_size=n
        )
        return draw(listed)

    match kind:
        case "float":
            return pd.Series(some(NUMBERS), dtype=float)
        case "float32":
            return pd.Series(some(st.floats(-1e6, 1e6, width=32)), dtype="float32")
        case "money":
            return pd.Series([None if v is None else v / 100 for v in some(DAYS)], dtype=float)
        case "whole":
            return pd.Series(some(st.integers(-(2**53), 2**53), holes=False), dtype="int64")
        case "nullable":
            return pd.Series(some(st.integers(-3, 120)), dtype="Int16")
        case "bool":
            return pd.Series(some(st.booleans(), holes=False), dtype=bool)
        case "boolean":
            return pd.Series(some(st.booleans()), dtype="boolean")
        case "object":
            return pd.Series(some(st.booleans()), dtype=object)
        case "text":
            return pd.Series(some(TEXT), dtype="str")
        case "string":
            return pd.Series(some(TEXT), dtype="string")
        case "category":
            levels = list(string.ascii_letters)
            levels = pd.CategoricalDtype(levels, ordered=draw(st.booleans()))
            return pd.Series(some(st.sampled_from(string.ascii_letters[:30])), dtype=levels)
        case "date":
            days = [
                None if d is None else pd.Timestamp(0) + pd.Timedelta(d, "D") for d in some(DAYS)
            ]
            return pd.Series(days, dtype="datetime64[ns]")
        case "zoned":
            seconds = some(st.integers(0, 2**31))
            moments = [None if s is None else pd.Timestamp(s, unit="s", tz="UTC") for s in seconds]
            return pd.Series(moments, dtype="datetime64[s, UTC]").dt.tz_convert("Europe/Zurich")
        case "missing":
            return pd.Series([None] * n, dtype=float)
        case "constant":
            return pd.Series([draw(st.sampled_from([7, 0.1, "CH", ""]))] * n)
        case "repeated":
            return pd.Series([draw(NUMBERS)] * (n - 1) + [draw(NUMBERS)])


KINDS = [
    "float",
    "float32",
    "money",
    "whole",
    "nullable",
    "bool",
    "boolean",
    "object",
    "text",
    "string",
    "category",
    "date",
    "zoned",
    "missing",
    "constant",
    "repeated",
]


@st.composite
def frames(draw):
    n = draw(st.integers(2, 30))
    kinds = draw(st.lists(st.sampled_from(KINDS), min_size=1, max_size=6))
    frame = pd.DataFrame({f"{k} {i}": column(k, n, draw) for i, k in enumerate(kinds)})
    if draw(st.booleans()):  # one row again and again
        frame = frame.iloc[[0] * n + [n - 1]].reset_index(drop=True)
    return frame


def fitted(frame, numbers, one_hot):
    """The encoding; small bounds on one-hot groups so that few rows have places too."""
    return Encoding().fit(frame, every_column=True, numbers=numbers, one_hot=one_hot)


def same(got, frame):
    assert got.dtypes.to_dict() == frame.dtypes.to_dict()
    for name in frame:
        x = frame[name]
        if x.dtype.kind == "f":  # to rounding, beside the largest number of the column
            largest = x.abs().max()
            slack = 1e-10 * (0 if pd.isna(largest) else largest)
            np.testing.assert_allclose(got[name], x, rtol=1e-12, atol=slack)
        else:
            pd.testing.assert_series_equal(got[name], x)


ENCODED = pytest.mark.parametrize(("numbers", "one_hot"), [("standard", 64), ("quantile", 4)])


@ENCODED
@ANY
@given(frame=frames())
def test_encoding_and_decoding_any_table_is_the_identity(numbers, one_hot, frame):
    encoding = fitted(frame, numbers, one_hot)
    Z = encoding.transform(frame)
    assert Z.shape == (len(frame), encoding.width)
    assert np.isfinite(Z).all()
    same(encoding.inverse_transform(Z), frame)


@ENCODED
@ANY
@given(frame=frames(), seed=st.integers(0, 99), spread=st.sampled_from([0.1, 1.0, 1e3, 1e300]))
def test_what_is_decoded_could_have_been_there(numbers, one_hot, frame, seed, spread):
    encoding = fitted(frame, numbers, one_hot)
    Z = np.random.default_rng(seed).uniform(-spread, spread, (40, encoding.width))
    drawn = encoding.inverse_transform(Z)
    assert drawn.dtypes.to_dict() == frame.dtypes.to_dict()
    for name in frame:
        real, fake = frame[name].dropna(), drawn[name].dropna()
        if not frame[name].isna().any():
            assert len(fake) == len(drawn)
        if name in encoding.categories or name in encoding.embedded:
            assert set(fake) <= set(real)
        elif len(real):
            assert fake.min() >= real.min() if len(fake) else True
            assert fake.max() <= real.max() if len(fake) else True
        if name.startswith("money"):
            np.testing.assert_array_equal(fake, fake.round(2))
        if name.startswith("date"):
            assert (fake == fake.dt.normalize()).all()


@settings(ANY, max_examples=15)
@given(frame=frames(), first=st.integers(0, 2**40), n=st.integers(1, 50))
def test_identifiers_are_new_beside_any_columns(frame, first, n):
    frame = frame.assign(id=first + np.arange(len(frame)), v=np.arange(len(frame)) / 7)
    frame["nr"] = frame["id"].map("K-{}".format)
    frame = frame.rename(columns={"nr": "order_key"})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        encoding = Encoding().fit(frame)
    drawn = encoding.inverse_transform(np.zeros((n, encoding.width)))
    for name in ("id", "order_key"):
        assert drawn[name].is_unique
        assert not set(drawn[name]) & set(frame[name])
        assert drawn[name].dtype == frame[name].dtype
    assert [c for c in frame if c in drawn] == list(drawn)


@pytest.mark.parametrize("name", ["kernel-density", "copula", "vae"])
def test_holes_come_together_as_they_did(name):
    """Three columns are missing together or not at all; a fourth one on its own."""
    n, rng = 1500, np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(n, 3)), columns=list("abc"))
    frame["kind"] = rng.choice(["x", "y"], n)
    together, alone = rng.random(n) < 0.3, rng.random(n) < 0.3
    frame.loc[together, ["a", "b", "kind"]] = None
    frame.loc[alone, "c"] = None
    options = {"bandwidth": 0.2} if name == "kernel-density" else {}
    sampler = pf.METHODS[name].make(random_state=0, **options)
    budget = {"budget": 4} if name == "vae" else {}
    drawn = sampler.fit(frame, progress=False, **budget).sample(4000, random_state=0)
    real, fake = (f.isna().value_counts(normalize=True).rename("share") for f in (frame, drawn))
    assert real.sub(fake, fill_value=0.0).abs().sum() / 2 < 0.1


@pytest.mark.parametrize(
    ("column", "words"),
    [
        (pd.to_timedelta(range(5), unit="s"), "'x' cannot be learnt: values of type timedelta64"),
        ([[1], [2], [3], [4], [5]], "'x' cannot be learnt: its values are neither"),
        (np.arange(5) + 2**60, r"'x' cannot be learnt: whole numbers beyond 2\^53"),
        (pd.period_range("2020", periods=5), "its categories are of type Period"),
    ],
)
def test_types_that_no_encoding_has_are_refused_in_words(column, words):
    frame = pd.DataFrame({"a": np.arange(5) / 7}).assign(x=column)
    with pytest.raises(InputError, match=words):
        Encoding().fit(frame, every_column=True)
