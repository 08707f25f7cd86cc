"""Conditions: what is a class and what a number, what is drawn, what is refused."""

import numpy as np
import pandas as pd
import pytest

from pushforward.data.conditions import Conditions
from pushforward.errors import DataWarning, InputError


def people(n=400, seed=0):
    rng = np.random.default_rng(seed)
    city = rng.choice(["Bern", "Basel", "Chur"], n, p=[0.6, 0.3, 0.1])
    return pd.DataFrame(
        {
            "city": city,
            "age": rng.integers(18, 90, n),
            "size": np.where(city == "Bern", "big", "small"),
            "since": pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 900, n), "D"),
        }
    )


def rng(seed=0):
    return np.random.default_rng(seed)


@pytest.mark.parametrize(
    ("y", "classes"),
    [
        (np.arange(200) % 10, True),
        (np.arange(200) % 10 / 1.0, True),
        (np.arange(200), False),  # too many whole numbers to be labels
        (np.arange(200) / 7, False),
        (np.array(["a", "b"] * 100), True),
        (np.array([True, False] * 100), True),
        (pd.Series(np.arange(200), dtype="category"), True),  # as asked for
    ],
)
def test_what_is_a_class_and_what_is_a_number(y, classes):
    assert (Conditions.learn(y).continuous == []) == classes


def test_labels_are_one_hot_and_come_back_as_they_were():
    y = np.array([3, 7, 3, 5])
    conditions = Conditions.learn(y)
    C = conditions.encode(y, 4)
    assert C.tolist() == [[1, 0, 0], [0, 0, 1], [1, 0, 0], [0, 1, 0]]
    assert conditions.decode(C).tolist() == y.tolist()


def test_nothing_given_draws_conditions_as_often_as_they_occurred():
    y = people()["city"]
    conditions = Conditions.learn(y)
    drawn = pd.Series(conditions.decode(conditions.draw(20_000, rng())))
    expected = y.value_counts(normalize=True)
    found = drawn.value_counts(normalize=True)
    pd.testing.assert_series_equal(
        found.sort_index(), expected.sort_index(), atol=0.015, check_names=False, rtol=0
    )


def test_what_is_not_given_is_drawn_from_rows_that_agree():
    frame = people()
    conditions = Conditions.learn(frame)
    drawn = conditions.decode(conditions.asked({"city": "Bern", "age": 40}, 300, rng()))
    assert set(drawn["city"]) == {"Bern"}
    assert set(drawn["size"]) == {"big"}  # goes with the city in every training row
    assert (drawn["age"] == 40).all()
    near = frame[frame["city"] == "Bern"].assign(away=lambda f: (f["age"] - 40).abs())
    nearest = near.sort_values("away")["since"].head(60)
    assert set(drawn["since"]) <= set(nearest)
    assert drawn["since"].nunique() > 10


def test_a_value_for_each_sample():
    conditions = Conditions.learn(people())
    given = {"city": ["Bern", "Chur", "Bern"], "age": [20, 30, 40]}
    drawn = conditions.decode(conditions.asked(given, 3, rng()))
    assert drawn["age"].tolist() == [20, 30, 40]
    labels = Conditions.learn(np.arange(30) % 3)
    assert labels.decode(labels.asked([2, 0], 2, rng())).tolist() == [2, 0]
    assert labels.decode(labels.asked("2", 1, rng())).tolist() == [2]  # as a command line has it


def test_continuous_conditions_as_a_matrix():
    y = rng().normal(size=(100, 2))
    conditions = Conditions.learn(y)
    C = conditions.asked(y[:3], 3, rng())
    np.testing.assert_allclose(conditions.decode(C).to_numpy(), y[:3])
    np.testing.assert_allclose(C, (y[:3] - y.mean(0)) / y.std(0), atol=1e-12)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"city": "Berne"}, r"city 'Berne' was not seen in training \(did you mean 'Bern'\?\)"),
        ({"age": 200}, "age from 18 to 89, as in training, got 200"),
        ({"age": "old"}, "age from 18 to 89"),
        ({"since": "1999-01-01"}, "since from 2020"),
        ({"town": "Bern"}, "columns among 'city', 'age', 'size', 'since', got 'town'"),
        ({}, "got none"),
        ("Bern", "given={'city': ..."),
        ({"age": [20, 30]}, "1 or 5 values of 'age', got 2"),
        ({"city": "Chur", "size": "big"}, "no training row has city='Chur', size='big'"),
    ],
)
def test_what_cannot_be_given(given, words):
    with pytest.raises(InputError, match=words):
        Conditions.learn(people()).asked(given, 5, rng())


def test_classes_that_never_came_together_are_warned_of():
    frame = people()[["city", "size"]]
    conditions = Conditions.learn(frame)
    with pytest.warns(DataWarning, match="1 combination"):
        conditions.asked({"city": "Chur", "size": "big"}, 5, rng())


@pytest.mark.parametrize(
    ("y", "words"),
    [
        ([1, None, 2], "1 of 3 are missing"),
        (["a", np.nan, "b"], "1 of 3 are missing"),
        (pd.DataFrame([[1, 2]] * 3, columns=["a", "a"]), "names of their own"),
        (np.array([1.0, np.nan, 2.0]), "1 of 3 are missing"),
        (np.zeros((3, 2, 2)), r"shape \(n,\) or \(n, q\)"),
        ([1, 2], "each of 3 rows, got 2"),
    ],
)
def test_labels_that_cannot_be(y, words):
    with pytest.raises(InputError, match=words):
        Conditions.learn(y, 3)


@pytest.mark.parametrize(
    ("y", "given", "expected"),
    [
        ([True, False] * 5, 1, True),
        ([0, 1] * 5, True, 1),
        ([True, False] * 5, "true", True),  # from here on as a command line has it
        (["yes", "no"] * 5, "yes", "yes"),
        (["Smith, John", "no"] * 5, "Smith, John", "Smith, John"),
        ([1.0, 2.0] * 5, "2", 2.0),
        (np.array([b"a", b"b"] * 5), "b", "b"),
        (pd.cut(np.arange(10.0), [-1, 4, 9]), "(4, 9]", "(4, 9]"),
        (np.array([3, 4] * 5), np.array(4), 4),
    ],
)
def test_a_class_is_found_in_whatever_form_it_is_asked_for(y, given, expected):
    conditions = Conditions.learn(y)
    (found,) = conditions.decode(conditions.asked(given, 1, rng()))
    assert found == expected
    assert isinstance(found, (type(expected), np.generic))


def test_numbers_and_dates_may_come_as_text():
    conditions = Conditions.learn(people())
    given = {"age": "40", "since": ["2020-02-03", "2020-02-03 12:00"]}
    assert conditions.decode(conditions.asked(given, 2, rng()))["age"].tolist() == [40, 40]
    frame = people().assign(since=lambda f: f["since"].dt.tz_localize("Europe/Zurich"))
    C = Conditions.learn(frame).asked({"since": "2021-01-01"}, 1, rng())
    assert np.isfinite(C).all()


def test_held_out_labels_may_come_without_the_name():
    y = np.array([0, 1, 2] * 5)
    conditions = Conditions.learn(pd.Series(y, name="kind"))
    assert np.array_equal(conditions.encode(y[:4], 4), np.eye(3)[y[:4]])


def test_columns_named_by_numbers():
    frame = pd.DataFrame({0: [1, 2] * 5, 1: [3, 4] * 5})
    conditions = Conditions.learn(frame)
    assert np.array_equal(conditions.asked(frame, 10, rng()), conditions.encode(frame, 10))


def test_they_come_back_from_a_file():
    conditions = Conditions.learn(people())
    again = Conditions.from_dict(conditions.to_dict())
    assert np.array_equal(again.draw(20, rng()), conditions.draw(20, rng()))
