"""evaluate(): every kind of data, every score, and inputs left as they were."""

import json
import re
import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from pushforward.errors import DataWarning, EvaluationWarning, InputError
from pushforward.evaluation import (
    evaluate,
    frechet_distance,
    leave_one_out,
    near_copies,
    pixels,
    prdc,
    ranking_distance,
    verdict,
)

ALWAYS = [
    "frechet",
    "nn_accuracy",
    "nn_real",
    "nn_fake",
    "neighbour_spread",
    "precision",
    "recall",
    "density",
    "coverage",
]


class Signs:
    n_modes = 2
    weights = np.array([0.5, 0.5])

    def assign(self, X):
        return (X[:, 0] > 0).astype(int), np.abs(np.abs(X[:, 0]) - 1) < 1


@pytest.fixture
def table(rng):
    def draw(n):
        city = rng.choice(["Bern", "Basel", "Chur"], size=n)
        age = rng.normal(40.0, 10.0, size=n)
        age[::7] = np.nan
        return pd.DataFrame({"age": age, "city": city, "income": rng.normal(size=n)})

    return draw


def test_scores_are_those_of_standardised_rows(rng):
    real, fake = rng.normal(size=(2, 120, 3)) * [1.0, 100.0, 0.01] + 5
    evaluation = evaluate(real, fake)
    a, b = ((rows - real.mean(0)) / real.std(0) for rows in (real, fake))
    assert list(evaluation) == ALWAYS
    assert evaluation["frechet"].value == pytest.approx(frechet_distance(a, b))
    neighbours = leave_one_out(a, b)
    assert evaluation["nn_accuracy"].p_value == pytest.approx(neighbours.accuracy.p_value)
    assert evaluation["nn_fake"].value == neighbours.fake_half.value
    assert evaluation["precision"].value == prdc(a, b).precision
    assert {score.features for score in evaluation.values()} == {"standardised"}
    assert evaluation["recall"].sizes == {"real": 120, "fake": 120}


def test_train_sets_the_scale_and_adds_copies(rng):
    train, real, fake = rng.normal(size=(3, 100, 2))
    fake[:50] = train[:50]
    evaluation = evaluate(real, fake, train)
    assert list(evaluation) == [*ALWAYS, "copies", "near_copies", "closest_record"]
    copies = evaluation["copies"]
    assert copies.value == pytest.approx(0.5, abs=0.05)
    assert copies.target == pytest.approx(0.0, abs=0.06)
    assert copies.interval[0] < copies.value < copies.interval[1]
    assert copies.sizes == {"real": 100, "fake": 100, "train": 100}
    a, b, c = ((rows - train.mean(0)) / train.std(0) for rows in (real, fake, train))
    assert evaluation["frechet"].value == pytest.approx(frechet_distance(a, b))
    # Neighbours are found once for all scores: they must not depend on who else asks for them.
    assert evaluation["nn_fake"].value == leave_one_out(a, b).fake_half.value
    near = near_copies(b, c, a)
    assert near.fake > 0.5
    assert (evaluation["near_copies"].value, evaluation["near_copies"].p_value) == (
        near.fake,
        pytest.approx(near.p_value),
    )
    assert evaluation["near_copies"].target == near.expected


def test_source_adds_modes(rng):
    real = rng.choice([-1.0, 1.0], size=(200, 1)) + 0.2 * rng.normal(size=(200, 1))
    even = evaluate(real, np.resize([-1.0, 1.1], (200, 1)) + real / 9, source=Signs())
    assert list(even) == [*ALWAYS, "modes", "high_quality", "mode_kl"]
    assert (even["modes"].value, even["modes"].target) == (2, 2.0)
    assert even["mode_kl"].p_value > 0.5
    lost = evaluate(real, real + 50, source=Signs())
    assert lost["modes"].value == 0
    assert lost["mode_kl"].value == np.inf
    assert lost.to_dict()["mode_kl"]["value"] is None
    one = evaluate(real, np.abs(real), source=Signs())
    assert one["mode_kl"].value == pytest.approx(np.log(2))
    assert one["mode_kl"].p_value < 1e-6


def test_tables_with_categories_and_holes(rng, table):
    real, fake = table(150), table(140)
    evaluation = evaluate(real, fake[["income", "age", "city"]], table(200))
    assert evaluation["nn_accuracy"].p_value > 0.001
    assert evaluation["copies"].sizes == {"real": 150, "fake": 140, "train": 200}
    moved = fake.assign(city=rng.choice(["Chur", "Basel"], size=140))
    assert evaluate(real, moved)["frechet"].value > 2 * evaluation["frechet"].value


def test_unequal_sizes_are_centred(rng):
    evaluation = evaluate(rng.normal(size=(300, 2)), rng.normal(size=(60, 2)))
    assert evaluation["nn_real"].target == pytest.approx(299 / 359)
    assert evaluation["nn_accuracy"].p_value > 0.001
    assert ranking_distance(evaluation) < 0.2


def test_ranking_distance_sees_halves_that_the_accuracy_hides(rng):
    evaluation = evaluate(rng.normal(size=(200, 20)), 0.8 * rng.normal(size=(200, 20)))
    halves = (evaluation["nn_real"], evaluation["nn_fake"])
    expected = max(abs(half.value - 199 / 399) for half in halves)
    assert ranking_distance(evaluation) == pytest.approx(expected)
    assert expected > 2 * abs(evaluation["nn_accuracy"].value - 199 / 399)


def test_images_are_compared_by_their_pixels(rng):
    real, fake = rng.random(size=(2, 60, 4, 5))
    evaluation = evaluate(real, fake)
    assert evaluation["frechet"].features == "pixels"
    flat = frechet_distance(real.reshape(60, 20), fake.reshape(60, 20))
    assert evaluation["frechet"].value == pytest.approx(flat)
    np.testing.assert_array_equal(pixels(real), real.reshape(60, 20))


def test_a_users_features_are_named(rng):
    def first_two(rows):
        return rows[:, :2]

    real, fake = rng.normal(size=(2, 50, 4))
    evaluation = evaluate(real, fake, real + 1, features=first_two)
    assert evaluation["copies"].features == "first_two"
    assert evaluation["frechet"].value == pytest.approx(frechet_distance(real[:, :2], fake[:, :2]))
    for wrong, came in ((lambda rows: rows[:1], "(1, 4)"), (lambda _: None, "NoneType")):
        with pytest.raises(InputError, match=re.escape(f"got {came} for 50 samples")):
            evaluate(real, fake, features=wrong)
    with pytest.raises(InputError, match=r"function or a torch\.nn\.Module, got int"):
        evaluate(real, fake, features=3)


@pytest.mark.filterwarnings("ignore::pushforward.errors.EvaluationWarning")
def test_principal_components_favour_neither_side(rng, table):
    """Rows spread most along their own components; half of 20 p-values are below 1/2, about."""
    p_values = np.array(
        [
            [scores[half].p_value for half in ("nn_real", "nn_fake")]
            for _ in range(20)
            for scores in [evaluate(*rng.normal(size=(2, 60, 64)), features="pca:5")]
        ]
    )
    assert ((p_values < 0.5).sum(axis=0) < 18).all()
    assert (p_values > 1e-3).all()
    of_table = evaluate(table(90), table(80), features="pca:2")["frechet"]
    assert of_table.features.endswith("of 170 rows)")
    with_train = evaluate(table(90), table(80), table(50), features="pca:2")["frechet"]
    assert with_train.features.endswith("of 50 rows)")


def test_lists_and_single_columns(rng):
    real, fake = rng.normal(size=(2, 40))
    expected = evaluate(real[:, None], fake[:, None]).to_dict()
    assert evaluate(real.tolist(), fake.tolist()).to_dict() == expected
    assert evaluate([["a", 1.0], ["b", 2.0]] * 9, [["a", 1.5], ["b", 2.0]] * 9)["frechet"].value > 0


@pytest.mark.parametrize("kind", ["array", "frame", "images"])
def test_inputs_are_left_as_they_were_and_repeats_agree(rng, table, kind):
    make = {
        "array": lambda: rng.normal(size=(50, 2)),
        "frame": lambda: table(50),
        "images": lambda: rng.random(size=(50, 3, 3)),
    }[kind]
    inputs = [make(), make(), make()]
    before = [data_bytes(data) for data in inputs]
    first, second = evaluate(*inputs), evaluate(*inputs)
    assert [data_bytes(data) for data in inputs] == before
    assert first.to_dict() == second.to_dict()


def data_bytes(data):
    return data.to_csv().encode() if isinstance(data, pd.DataFrame) else data.tobytes()


@pytest.mark.filterwarnings("always")
@pytest.mark.parametrize("n", [2, 3, 4, 5])
def test_tiny_and_singular_input_gives_json(n):
    varying = np.arange(2.0 * n).reshape(n, 2)
    evaluation = evaluate(varying, np.zeros((n, 2)), varying, source=Signs())
    text = json.dumps(evaluation.to_dict(), allow_nan=False)
    assert "NaN" not in text
    assert not any(np.isnan(score.value) for score in evaluation.values())
    assert "nn_real" in str(evaluation)


def test_few_rows_are_warned_of(rng):
    real, fake = rng.normal(size=(2, 30, 16))
    with pytest.warns(EvaluationWarning, match="30 rows in 16 columns") as record:
        evaluation = evaluate(real, fake)
    assert record[0].filename == __file__
    assert evaluation["frechet"].value == pytest.approx(
        evaluation["frechet"].expected_bias, rel=0.3
    )


def test_refusals_name_what_differs(rng, table):
    real = table(20)
    with pytest.raises(InputError, match=r"fake lacks 'city' .* 'town'"):
        evaluate(real, real.rename(columns={"city": "town"}))
    with pytest.raises(InputError, match="train lacks 'age'"):
        evaluate(real, real, real.drop(columns="age"))
    with pytest.raises(InputError, match="of one kind, got DataFrame and ndarray"):
        evaluate(real, np.zeros((20, 3)))
    with pytest.raises(InputError, match=r"\(20, 3\) and \(20, 2\)"):
        evaluate(np.zeros((20, 3)), np.zeros((20, 2)))
    with pytest.raises(InputError, match="fake must have at least 2 rows, got 1"):
        evaluate(real, real[:1])
    with pytest.raises(InputError, match=r"real must be an array, .* got list"):
        evaluate([[1.0], [1.0, 2.0]], real)
    with pytest.raises(InputError, match=r"fake must be an array, .* got str"):
        evaluate(real, "digits")
    with pytest.raises(InputError, match="different names, got 'a' more than once"):
        evaluate(pd.DataFrame(np.zeros((20, 2)), columns=["a", "a"]), real)
    with pytest.raises(InputError, match="real must be real numbers, got complex"):
        evaluate(np.zeros((20, 3)) + 1j, np.zeros((20, 3)))
    with pytest.raises(InputError, match=r"columns, got shape \(20, 0\)"):
        evaluate(np.zeros((20, 0)), np.zeros((20, 0)))
    infinite = rng.normal(size=(20, 3))
    infinite[[1, 2], 0] = np.inf, -np.inf
    with pytest.raises(InputError, match="fake must be finite, got 2 infinite"):
        evaluate(rng.normal(size=(20, 3)), infinite)
    with pytest.raises(InputError, match="train must be finite, got 1 infinite"):
        evaluate(real, real, real.assign(age=[np.inf] + [1.0] * 19))


def test_what_breaks_a_constant_or_fills_a_hole_is_seen(rng):
    real = pd.DataFrame({"a": rng.normal(size=200), "k": 5.0})
    fake = real.assign(a=rng.normal(size=200))
    assert evaluate(real, fake)["nn_accuracy"].value < 0.6
    assert evaluate(real, fake.assign(k=700.0))["nn_accuracy"].value == 1.0
    holes = fake.assign(a=fake["a"].mask(np.arange(200) % 2 == 0))
    assert evaluate(real, holes)["nn_fake"].value > 0.7


CELLS = st.sampled_from([None, 0, 1, 2.5, -1e300, 1e-300, True, "a", "b", ""])


@st.composite
def three_arrays(draw):
    """Mostly of the same columns."""
    p = draw(st.integers(0, 3))
    kinds = st.sampled_from([np.float64, np.float32, np.int64, np.uint8, np.bool_])
    return [
        draw(arrays(draw(kinds), (draw(st.integers(1, 6)), draw(st.sampled_from([p] * 5 + [1])))))
        for _ in range(3)
    ]


@st.composite
def three_tables(draw):
    names = draw(st.sampled_from(["x", "xy", "xyz"]))
    cells = {
        name: draw(st.sampled_from([CELLS, st.floats(), st.integers(-9, 9)])) for name in names
    }
    tables = []
    for _ in range(3):
        n = draw(st.integers(1, 6))
        columns = {
            name: draw(st.lists(cell, min_size=n, max_size=n)) for name, cell in cells.items()
        }
        tables.append(pd.DataFrame(columns))
    return tables


@pytest.mark.parametrize("kind", [three_arrays, three_tables])
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_any_rows_are_refused_or_scored(kind, data):
    inputs = data.draw(kind())
    with warnings.catch_warnings():
        for category in (EvaluationWarning, DataWarning):
            warnings.simplefilter("ignore", category)
        try:
            evaluation = evaluate(*inputs)
        except InputError:
            return
    for score in evaluation.values():
        assert not np.isnan(score.value)
        assert score.p_value is None or 0 <= score.p_value <= 1
        low, high = score.interval or (score.value, score.value)
        assert low <= score.value + 1e-9
        assert score.value <= high + 1e-9
    assert json.loads(evaluation.to_json()).keys() == evaluation.keys()
    assert "features: standardised" in str(evaluation)
    assert verdict(evaluation).reason
