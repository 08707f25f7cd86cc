"""Associations of pairs: closed forms, scipy's coefficients, and what real rows give."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy.stats import kruskal, spearmanr

from pushforward.evaluation import associations
from pushforward.evaluation.mixed import judged_columns
from pushforward.evaluation.pairwise import pairwise


def mixed(rng, n):
    x = rng.normal(size=n)
    k = np.where(x + rng.normal(size=n) > 0, "up", "down")
    return pd.DataFrame(
        {
            "x": x,
            "y": x**3 + rng.normal(size=n),
            "k": k,
            "m": rng.choice(["a", "b", "c"], n),
            "z": rng.normal(size=n),
        }
    )


def test_two_numbers_have_spearmans_correlation_with_its_sign(rng):
    frame = mixed(rng, 200)
    frame["down"] = -frame["y"].rank()
    found = associations(frame)
    for a, b in (("x", "y"), ("x", "z"), ("x", "down")):
        assert found.loc[a, b] == pytest.approx(spearmanr(frame[a], frame[b]).statistic)
    assert found.loc["y", "down"] == pytest.approx(-1)


def test_rows_that_lack_a_number_do_not_count_for_its_pairs(rng):
    frame = mixed(rng, 400)
    frame.loc[rng.random(400) < 0.3, "y"] = np.nan
    both = frame.dropna()
    # Ranks of x are among all of its rows: no more than a hair beside those among the pairs.
    expected = spearmanr(both["x"], both["y"]).statistic
    assert associations(frame).loc["x", "y"] == pytest.approx(expected, abs=0.01)


@pytest.mark.parametrize("counts", [(30, 20, 10, 40), (25, 25, 25, 25), (50, 0, 0, 50)])
def test_two_by_two_categories_have_bergsmas_v(counts):
    a, b, c, d = counts
    cells = [("u", "s")] * a + [("u", "t")] * b + [("v", "s")] * c + [("v", "t")] * d
    frame = pd.DataFrame(cells, columns=["p", "q"])
    n = len(frame)
    square = (a * d - b * c) ** 2 / ((a + b) * (c + d) * (a + c) * (b + d))
    size = 2 - 1 / (n - 1)
    expected = math.sqrt(max(0.0, square - 1 / (n - 1)) / (size - 1))
    assert associations(frame).loc["p", "q"] == pytest.approx(min(expected, 1.0), abs=1e-6)


def test_a_category_and_a_number_have_the_correlation_ratio_of_kruskals_test(rng):
    frame = mixed(rng, 150)
    groups = [rows["x"].to_numpy() for _, rows in frame.groupby("m")]
    frame["m"] = frame["m"].where(frame["x"] < 1, "high")
    groups = [rows["x"].to_numpy() for _, rows in frame.groupby("m")]
    H, k, n = kruskal(*groups).statistic, len(groups), len(frame)
    expected = math.sqrt((H - k + 1) / (n - k))
    assert associations(frame).loc["m", "x"] == pytest.approx(expected, rel=1e-5)


def test_columns_that_have_nothing_to_do_with_each_other_have_none(rng):
    found = associations(
        pd.DataFrame(
            {
                "x": rng.normal(size=4000),
                "y": rng.normal(size=4000),
                "k": rng.choice(list("abcdefghij"), 4000),
                "m": rng.choice(list("pqr"), 4000),
                "constant": 1.0,
            }
        )
    )
    off = found.to_numpy()[~np.eye(5, dtype=bool)]
    assert np.abs(off).max() < 0.06


def test_equal_laws_give_what_is_said_and_broken_pairs_more(rng):
    real, train = mixed(rng, 300), mixed(rng, 600)
    columns = judged_columns(train)
    found = [pairwise(mixed(rng, 300), mixed(rng, 200), columns, train) for _ in range(25)]
    values, expected = (np.mean([getattr(f, k) for f in found]) for k in ("value", "expected"))
    assert values == pytest.approx(expected, rel=0.25)
    shuffled = mixed(rng, 300).apply(lambda column: rng.permutation(column))
    broken = pairwise(real, shuffled, columns, train)
    assert broken.value > 3 * broken.expected
    assert set(broken.to_frame().loc[0, ["first", "second"]]) == {"x", "y"}


def test_wide_tables_and_many_categories_are_bounded(rng):
    frame = pd.DataFrame({f"c{i}": rng.normal(size=30) for i in range(103)})
    found = pairwise(frame, frame, judged_columns(frame))
    assert (len(found.columns), found.left_out, found.value) == (100, 3, 0.0)
    assert pairwise(frame[["c0"]], frame[["c0"]], judged_columns(frame[["c0"]])) is None
    many = pd.DataFrame({"x": rng.normal(size=900), "k": rng.integers(300, size=900)})
    many["k"] = many["k"].astype("category")
    assert associations(many).loc["x", "k"] < 0.2
