"""What evaluate says of tables."""

import json

import numpy as np
import pandas as pd
import pytest

from pushforward.errors import InputError
from pushforward.evaluation import evaluate

ALWAYS = ["columns", "columns_different", "associations"]
WITH_TRAIN = ["utility", "membership", "members_found"]


@pytest.fixture
def table(rng):
    def draw(n):
        age = rng.gamma(9, 5, size=n).round()
        frame = pd.DataFrame({"age": age, "income": rng.normal(50, 10, size=n) + age / 5})
        frame["city"] = rng.choice(["Bern", "Basel", "Chur"], n)
        frame["since"] = pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 900, n), "D")
        frame["member"] = rng.random(n) < 1 / (1 + np.exp(-(age - 45) / 5))
        frame.loc[rng.random(n) < 0.1, "income"] = np.nan
        frame.loc[rng.random(n) < 0.1, "since"] = pd.NaT
        return frame

    return draw


def test_tables_have_scores_of_their_own_and_arrays_have_not(rng, table):
    real, fake, train = table(200), table(200), table(400)
    plain, whole = evaluate(real, fake), evaluate(real, fake, train)
    assert [name for name in plain if name in ALWAYS + WITH_TRAIN] == ALWAYS
    assert list(whole)[-6:] == ALWAYS + WITH_TRAIN
    assert whole["columns"].p_value > 0.01
    assert whole["columns"].value == pytest.approx(whole.columns["distance"].mean())
    assert whole["columns_different"].value == 0
    assert set(whole.columns.index) == set(real.columns)
    assert len(whole.associations) == 10
    assert "predict" not in whole["utility"].meaning
    assert "'member'" in whole["utility"].meaning
    assert whole["membership"].interval[0] < 0.5 < whole["membership"].interval[1]
    array = evaluate(*rng.normal(size=(2, 50, 3)))
    assert "columns" not in array
    assert array.columns is None
    with pytest.raises(InputError, match="target names a column of a table"):
        evaluate(np.eye(9), np.eye(9), target="x")


def test_a_copier_is_caught_by_the_rows_that_it_releases(table):
    real, train = table(200), table(300)
    fake = train.sample(200, replace=True, random_state=0)
    few = evaluate(real, fake, train)
    all_of_them = evaluate(real, fake, train, released=pd.concat([train] * 2))
    assert 0.6 < few["membership"].value < 0.85
    assert all_of_them["membership"].value > 0.99
    assert all_of_them["members_found"].value > 0.99
    assert all_of_them["members_found"].target < 0.07
    assert all_of_them["columns"].value == few["columns"].value


def test_what_differs_is_named_and_counted(rng, table):
    real, fake, train = table(300), table(300), table(300)
    wrong = fake.assign(city=rng.choice(["Bern", "Chur"], 300), age=fake["age"] * 1.3)
    found = evaluate(real, wrong, train, target="city")
    differ = found.columns[found.columns["differs"]]
    assert set(differ.index) == {"age", "city"}
    assert found["columns_different"].value == 2
    assert found["columns"].p_value < 1e-6
    assert "'city'" in found["utility"].meaning
    json.dumps(found.to_dict(), allow_nan=False)


def test_what_is_declared_a_category_is_one_whatever_the_training_rows_say(rng):
    def draw(n):
        return pd.DataFrame({"code": rng.integers(4, size=n), "x": rng.normal(size=n)})

    real, fake, train = draw(90), draw(90), draw(90)
    assert evaluate(real, fake, train).columns.loc["code", "kind"] == "number"
    declared = real.astype({"code": "category"})
    assert evaluate(declared, fake, train).columns.loc["code", "kind"] == "category"


@pytest.mark.parametrize("n", [2, 3, 9])
@pytest.mark.filterwarnings("ignore::pushforward.errors.EvaluationWarning")
def test_tiny_tables_and_constants_have_what_can_be_told(n):
    frame = pd.DataFrame({"x": np.arange(n) + 0.5, "k": ["a", None, "b"][:n] * max(1, n // 3)})
    assert len(frame) == n
    found = evaluate(frame, frame, frame)
    assert found["columns"].value == 0
    assert "utility" not in found
    assert "membership" not in found
    constant = pd.DataFrame({"x": np.arange(12.0), "c": 1.0})
    assert np.isfinite(
        [score.value for score in evaluate(constant, constant, constant).values()]
    ).all()
