"""Column by column: distances and p-values against scipy's, and what equal laws give."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import chi2_contingency, fisher_exact, ks_2samp

from pushforward.errors import InputError
from pushforward.evaluation import compare_columns


def test_numbers_have_the_distance_and_p_of_kolmogorov_and_smirnov(rng):
    real, fake = rng.normal(size=300), rng.normal(0.2, 1.1, size=200)
    found = compare_columns({"x": real}, {"x": fake}).loc["x"]
    expected = ks_2samp(real, fake)
    assert found["distance"] == expected.statistic
    assert found["p_value"] == pytest.approx(expected.pvalue)
    many = rng.normal(size=(2, 3000))
    asymptotic = compare_columns({"x": many[0]}, {"x": many[1]})["p_value"].item()
    assert asymptotic == pytest.approx(ks_2samp(*many).pvalue, rel=0.1)


def test_dates_are_compared_by_their_order(rng):
    days = rng.integers(0, 4000, size=(2, 150))
    real, fake = (pd.Timestamp("2015-01-01") + pd.to_timedelta(d, "D") for d in days)
    found = compare_columns({"x": real}, {"x": fake}).loc["x"]
    assert found["kind"] == "date"
    assert found["distance"] == ks_2samp(*days).statistic


def test_categories_have_total_variation_and_the_usual_p():
    real = pd.DataFrame({"k": ["a"] * 60 + ["b"] * 40, "m": ["x", "y", "z", None] * 25})
    fake = pd.DataFrame({"k": ["a"] * 30 + ["b"] * 50, "m": ["x", "y"] * 25 + ["z", None] * 15})
    found = compare_columns(real, fake)
    assert found.loc["k", "distance"] == pytest.approx(0.6 - 30 / 80)
    assert found.loc["k", "p_value"] == pytest.approx(fisher_exact([[60, 40], [30, 50]]).pvalue)
    shares = np.array([[25, 25, 25, 25], [25, 25, 15, 15]])
    halved = np.abs(shares[0] / 100 - shares[1] / 80).sum() / 2
    assert found.loc["m", "distance"] == pytest.approx(halved)  # a hole is a category
    chi2 = chi2_contingency(shares, correction=False).pvalue
    assert found.loc["m", "p_value"] == pytest.approx(chi2)


def test_holes_of_numbers_are_a_test_of_their_own():
    real, fake = pd.DataFrame({"x": np.arange(100.0)}), pd.DataFrame({"x": np.arange(100.0)})
    fake.loc[::4, "x"] = np.nan
    found = compare_columns(real, fake).set_index("of")
    assert found.loc["missing", "distance"] == 0.25
    assert found.loc["missing", "differs"]
    assert not found.loc["values", "differs"]
    nothing = compare_columns(real, real.assign(x=np.nan)).set_index("of")
    assert list(nothing.index) == ["missing"]
    assert nothing.loc["missing", "distance"] == 1.0


def test_a_category_that_was_never_seen_counts_once_it_is_frequent():
    real, few, many = (pd.DataFrame({"k": ["a"] * (90 - n) + ["new"] * n}) for n in (0, 1, 20))
    assert compare_columns(real, few)["p_value"].item() == 1.0
    found = compare_columns(real, many)
    assert found["distance"].item() == pytest.approx(20 / 90)
    assert found["differs"].item()


def test_what_equal_laws_would_give_is_what_they_give(rng):
    def draw(n):
        return pd.DataFrame(
            {
                "x": rng.normal(size=n),
                "few": rng.integers(0, 4, size=n),
                "k": rng.choice(["a", "b", "c", "d"], n, p=[0.5, 0.3, 0.15, 0.05]),
            }
        )

    found = [compare_columns(draw(300), draw(200)) for _ in range(80)]
    distance, expected = (sum(f[name] for f in found) / 80 for name in ("distance", "expected"))
    np.testing.assert_allclose(distance, expected, rtol=0.12)
    # At 5 %, adjusted for three tests, one table in twenty may be accused.
    assert sum(f["differs"].any() for f in found) <= 9


def test_identifiers_are_left_out_inputs_are_left_alone_and_columns_must_agree(rng):
    real = pd.DataFrame({"id": range(50), "x": rng.normal(size=50), "k": ["a", None] * 25})
    before = real.copy()
    assert list(compare_columns(real, real).index.unique()) == ["x", "k"]
    pd.testing.assert_frame_equal(real, before)
    with pytest.raises(InputError, match="fake lacks 'k'"):
        compare_columns(real, real.drop(columns="k"))
