"""Columns drawn independently: uniforms, holes, categories, the units of the data."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from pushforward.classical.columns import IndependentColumns, draw_one_hot, draw_uniforms
from pushforward.errors import InputError


class Exponentials(IndependentColumns):
    """Each column exponential with the mean of its present values."""

    def __init__(self, *, uniforms="random", random_state=None):
        self.uniforms = uniforms
        self.random_state = random_state

    def _learn(self, columns, effort):  # noqa: ARG002
        self.columns_ = columns
        self.means_ = np.array([x.mean() for x in columns.values()])

    def _quantile(self, j, u):
        return -self.means_[j] * np.log1p(-u)

    def _state(self):
        return {"means": self.means_}

    def _restore(self, state):
        self.means_ = state["means"]


def holed_table(n=2000, seed=0):
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "city": rng.choice(["Bern", "Basel", "Chur"], n, p=[0.7, 0.28, 0.02]),
            "price": rng.exponential(50, n),
            "constant": 3.5,
            "age": rng.integers(18, 90, n),
            "since": pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 900, n), "D"),
        }
    )
    frame.loc[rng.random(n) < 0.3, "price"] = np.nan
    return frame


def test_a_subclass_sees_present_values_in_the_units_of_the_data():
    frame = holed_table()
    columns = Exponentials().fit(frame).columns_
    assert list(columns) == ["price", "age", "since"]
    np.testing.assert_allclose(columns["price"], frame["price"].dropna(), rtol=1e-12)
    np.testing.assert_array_equal(columns["age"], frame["age"])
    days = (frame["since"] - pd.Timestamp(0)) / pd.Timedelta(1, "D")
    np.testing.assert_allclose(columns["since"], days, rtol=1e-12)


def test_columns_are_drawn_by_their_laws_independently():
    X = np.random.default_rng(0).exponential([1.0, 1e6], size=(500, 2))
    X[:, 1] = 1e6 * X[:, 0]
    drawn = Exponentials(random_state=0).fit(X).sample(3000, random_state=0)
    for j in range(2):
        assert stats.kstest(drawn[:, j], "expon", (0, X[:, j].mean())).pvalue > 1e-3
    assert stats.spearmanr(*drawn.T).pvalue > 1e-3


@pytest.mark.parametrize("uniforms", ["random", "sobol"])
def test_categories_and_holes_keep_their_shares(uniforms):
    frame = holed_table()
    drawn = Exponentials(uniforms=uniforms, random_state=0).fit(frame).sample(8192, random_state=1)
    error = 3e-3 if uniforms == "sobol" else 0.02
    assert drawn["price"].isna().mean() == pytest.approx(frame["price"].isna().mean(), abs=error)
    for city, share in frame["city"].value_counts(normalize=True).items():
        assert (drawn["city"] == city).mean() == pytest.approx(share, abs=error)
    assert (drawn["constant"] == 3.5).all()


def test_one_hot_rows_follow_the_shares_exactly_on_a_grid():
    share = np.array([0.2, 0.0, 0.5, 0.3])
    drawn = draw_one_hot(share, (np.arange(1000) + 0.5) / 1000)
    np.testing.assert_array_equal(drawn.sum(0), 1000 * share)
    np.testing.assert_array_equal(drawn.sum(1), 1)


def test_uniforms_are_open_and_a_sobol_sequence_is_its_own_beginning():
    for kind in ("random", "sobol"):
        U = draw_uniforms(5000, 3, np.random.default_rng(0), kind)
        assert U.min() > 0
        assert U.max() < 1
        assert all(stats.kstest(u, "uniform").pvalue > 1e-3 for u in U.T)
    first = draw_uniforms(100, 3, np.random.default_rng(0), "sobol")
    np.testing.assert_array_equal(first, U[:100])
    assert draw_uniforms(1, 2, np.random.default_rng(0), "sobol").shape == (1, 2)


def test_uniforms_that_cannot_be():
    with pytest.raises(InputError, match=r"expected uniforms among .*, got 'halton'"):
        Exponentials(uniforms="halton").fit(np.eye(3))
    with pytest.raises(InputError, match="at most 21201 dimensions"):
        draw_uniforms(2, 21202, np.random.default_rng(0), "sobol")
