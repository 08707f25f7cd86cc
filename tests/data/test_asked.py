"""What is asked of columns: read, checked, told in words, placed in the encoded space."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from pushforward.data.asked import by_sample, event_of, from_text
from pushforward.data.encoding import Encoding
from pushforward.data.preimage import bounds_of
from pushforward.errors import InputError


def people(n=600, seed=0):
    """Every kind of column, with holes, heaps at the ends of ranges and an order."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "age": rng.integers(18, 90, n),
            "price": rng.normal(50, 10, n).round(1),
            "income": rng.gamma(2, 1, n),
            "spent": np.maximum(rng.normal(size=n), 0),
            "city": rng.choice(["Bern", "Basel", "Chur"], n),
            "member": rng.random(n) < 0.3,
            "grade": pd.Categorical(rng.choice(["low", "mid", "high"], n), ["low", "mid", "high"]),
            "rooms": rng.choice([2.0, 3.0], n),
            "since": pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 900, n), "D"),
            "country": "CH",
        }
    )
    frame["grade"] = frame["grade"].cat.as_ordered()
    frame.loc[rng.random(n) < 0.1, "income"] = np.nan
    frame.loc[rng.random(n) < 0.1, "city"] = None
    return frame


PEOPLE = people()
ENCODING = Encoding().fit(PEOPLE)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"age": 30}, PEOPLE["age"] == 30),
        ({"age": (30, 40)}, PEOPLE["age"].between(30, 40)),
        ({"age": (None, 40)}, PEOPLE["age"] <= 40),
        ({"age": {20, 30, (80, 200)}}, PEOPLE["age"].isin([20, 30]) | (PEOPLE["age"] >= 80)),
        ({"price": (49.95, 50.1)}, PEOPLE["price"].isin([50.0, 50.1])),
        ({"income": None}, PEOPLE["income"].isna()),
        ({"income": {np.nan, (0, 1)}}, PEOPLE["income"].isna() | (PEOPLE["income"] <= 1)),
        ({"spent": 0}, PEOPLE["spent"] == 0),
        ({"city": "bern"}, PEOPLE["city"] == "Bern"),
        ({"city": {"Bern", None}}, (PEOPLE["city"] == "Bern") | PEOPLE["city"].isna()),
        (
            {"city": "Bern", "age": (30, 40)},
            (PEOPLE["city"] == "Bern") & PEOPLE["age"].between(30, 40),
        ),
        ({"member": "true"}, PEOPLE["member"]),
        ({"grade": ("mid", None)}, PEOPLE["grade"] >= "mid"),
        ({"rooms": (2.5, 9)}, PEOPLE["rooms"] == 3),
        ({"since": "2021-03"}, PEOPLE["since"].between("2021-03-01", "2021-03-31")),
        ({"since": ("2021", None)}, PEOPLE["since"] >= "2021-01-01"),
        ({"since": date(2020, 5, 6)}, PEOPLE["since"] == "2020-05-06"),
        ({"country": "CH"}, PEOPLE["age"] > 0),
    ],
)
def test_an_event_holds_for_the_rows_that_are_meant(given, expected):
    event = event_of(given, ENCODING)
    np.testing.assert_array_equal(event.holds(PEOPLE), expected.to_numpy())
    assert expected.any()


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"aeg": 3}, "no column 'aeg' .did you mean 'age'... its columns are age, price"),
        ({"city": "Bernn"}, "'Bernn' was not seen in training .did you mean 'Bern'.*Basel, Bern"),
        ({"age": (95, 120)}, "age from 18 to 89, as in training, got 95 to 120"),
        ({"age": 17}, "age from 18 to 89, as in training, got 17"),
        ({"age": (40, 30)}, "from low to high, got 40 to 30, which is empty"),
        ({"age": 30.5}, r"whole numbers, and is never 30.5; .* around it, \(30, 31\)"),
        ({"age": (30.2, 30.8)}, "no value of age is from 30.2 to 30.8: it has whole numbers"),
        ({"price": 50.05}, "1 decimals, and is never 50.05"),
        ({"age": None}, "age has no missing values in training"),
        ({"member": None}, "member has no missing values"),
        ({"age": "old"}, "expected a number for age, got 'old'"),
        ({"age": True}, "expected a number for age, got True"),
        ({"age": (1, 2, 3)}, "a pair .low, high., .* give a set"),
        ({"city": ("Bern", "Basel")}, "for one of several values give a set, {'Bern', 'Basel'}"),
        ({"grade": ("high", "low")}, "no value from 'high' to 'low'"),
        ({"age": slice(30, 40)}, "a slice does not say whether its end is in it"),
        ({"age": set()}, "an empty set"),
        ({"age": {"from": 3}}, "expected a value of 'age', a pair .range. or a set"),
        ({"income": {1.5, None}}, r"1.5 has probability zero .* a range around it, \(1.4"),
        ({"since": 5}, "expected a date for since, like '2020-03-01', got 5"),
        ({"since": "then"}, "expected a date for since"),
        ({"since": "2025"}, "since from 2020-01-.* to 2022-06-.*, got 2025-01-01 to 2025-12-31"),
        ({"since": pd.Timestamp("2020-03-01 12:00")}, "its values are whole days"),
        ({"country": "DE"}, "'DE' was not seen"),
        ("Bern", "conditions by column"),
        ({}, "conditions by column"),
    ],
)
def test_what_cannot_be_is_told_in_words(given, words):
    with pytest.raises(InputError, match=words):
        event_of(given, ENCODING)


def test_columns_of_an_array_go_by_their_place():
    X = np.random.default_rng(0).normal(size=(50, 3))
    encoding = Encoding().fit(X)
    event = event_of({0: (0, None), "2": (None, 0)}, encoding)
    np.testing.assert_array_equal(event.holds(X), (X[:, 0] >= 0) & (X[:, 2] <= 0))
    assert str(event) == "column 0 from 0, column 2 up to 0"
    event_of({0: (50, 60)}, encoding)  # points of the plane have no ends
    for name in (3, -1, "a", 1.5, True):
        with pytest.raises(InputError, match="columns from 0 to 2, the array has 3"):
            event_of({name: 1}, encoding)
    with pytest.raises(InputError, match="column 0 twice"):
        event_of({0: 1, "0": 2}, encoding)


def test_images_are_refused():
    images = Encoding().fit(np.random.default_rng(0).random((9, 4, 4)))
    with pytest.raises(InputError, match="pixels is not supported; draw by label"):
        event_of({0: 1}, images)


def test_dates_are_read_in_the_zone_of_the_column():
    hours = pd.date_range("2020-01-01", periods=400, freq="h", tz="Europe/Zurich")
    encoding = Encoding().fit(pd.DataFrame({"at": hours}))
    held = event_of({"at": "2020-01-02"}, encoding).holds(pd.DataFrame({"at": hours}))
    assert [str(at.date()) for at in hours[held]] == ["2020-01-02"] * 24


def test_lists_have_one_value_for_each_sample():
    groups = by_sample({"city": ["Bern", None, "Bern"], "age": (30, 40)}, 3)
    assert [(values, index.tolist()) for values, index in groups] == [
        ({"city": "Bern", "age": (30, 40)}, [0, 2]),
        ({"city": None, "age": (30, 40)}, [1]),
    ]
    with pytest.raises(InputError, match="expected 1 or 4 values of 'age', got 2"):
        by_sample({"age": [1, 2]}, 4)


@pytest.mark.parametrize(
    ("text", "column", "meant"),
    [
        ("30..40", "age", ("30", "40")),
        ("..40", "age", (None, "40")),
        ("2020-03..", "since", ("2020-03", None)),
        ("Bern|Basel", "city", {"Bern", "Basel"}),
        ("20|80..90", "age", {"20", ("80", "90")}),
        ("missing", "income", None),
        ("", "income", None),
        ("Bern", "city", "Bern"),
    ],
)
def test_a_command_line_says_the_same_in_text(text, column, meant):
    assert from_text(text, column, ENCODING) == meant
    event_of({column: meant}, ENCODING)


def test_a_value_that_looks_like_a_range_is_a_value():
    encoding = Encoding().fit(pd.DataFrame({"x": ["1..2", "a|b", "missing"] * 3}))
    assert [from_text(t, "x", encoding) for t in ("1..2", "a|b", "missing")] == [
        "1..2",
        "a|b",
        "missing",
    ]


@pytest.mark.parametrize("numbers", ["standard", "quantile"])
@pytest.mark.parametrize(
    ("given", "tight"),
    [
        ({"age": (30, 40)}, True),
        ({"age": {20, (80, 200)}}, True),
        ({"price": (50, 50.3)}, True),
        ({"income": (0.5, 1.0)}, True),
        ({"income": (None, 0.3), "age": (80, None)}, True),
        ({"income": None}, True),
        ({"spent": 0}, True),
        ({"spent": (0, 0.4), "city": "Bern"}, True),
        ({"since": "2021-03"}, True),
        ({"member": True, "rooms": 2}, True),
        ({"city": {"Bern", "Chur"}}, False),
        ({"income": {None, (0, 1)}}, False),
    ],
)
def test_bounds_hold_for_every_row_of_the_event(numbers, given, tight):
    encoding = Encoding().fit(PEOPLE, numbers=numbers)
    rng = np.random.default_rng(0)
    encoding.offsets = [rng.uniform(-0.4, 0.4, len(b)) for b in encoding.offsets]
    Z = 1.5 * rng.normal(size=(20_000, encoding.width))
    event = event_of(given, encoding)
    held = event.holds(encoding.inverse_transform(Z))
    within = np.ones(len(Z), dtype=bool)
    for bound in bounds_of(event, encoding):
        for vector, region in zip(bound.vectors, bound.regions, strict=True):
            t = Z @ vector
            within &= np.any([(t >= low) & (t <= high) for low, high in region], axis=0)
    assert held.any()
    assert within[held].all()
    assert not tight or (within == held).all()
