"""Bins that differ: known modes, other formulas, and what equal laws give."""

import numpy as np
import pytest
from scipy.spatial.distance import jensenshannon
from scipy.stats import chi2_contingency

from pushforward.errors import InputError
from pushforward.evaluation.bins import bin_differences

ANGLES = 2 * np.pi * np.arange(8) / 8
MODES = np.stack([np.cos(ANGLES), np.sin(ANGLES)], axis=1)


def ring(rng, n, modes=MODES):
    return modes[rng.integers(len(modes), size=n)] + 0.02 * rng.normal(size=(n, 2))


def test_dropped_modes_are_bins_without_generated_rows(rng):
    real, fake = ring(rng, 1600), ring(rng, 800, MODES[2:])
    result = bin_differences(real, fake, n_bins=40)
    assert result.p_value == 0.001
    # Centres fall on modes in proportion to their rows: a quarter of the real rows are missed.
    missed = result.fake_shares == 0
    assert result.real_shares[missed].sum() == pytest.approx(0.25, abs=0.06)
    assert result.value > 4 * result.null_value
    assert result.divergence > 5 * result.null_divergence
    equal = bin_differences(real, ring(rng, 800), n_bins=40)
    assert equal.p_value > 0.01
    assert equal.value < 0.2


def test_values_equal_their_definitions(rng):
    """From the shares that are handed back, by other code."""
    real, fake = rng.normal(size=(900, 2)), 1.2 * rng.normal(size=(700, 2))
    result = bin_differences(real, fake, n_bins=12)
    m, n = result.counted
    assert (m, n) == (450, 700)
    a, b = np.rint(result.real_shares * m), np.rint(result.fake_shares * n)
    assert (a.sum(), b.sum()) == (m, n)
    differs = 0
    for x, y in zip(a, b, strict=True):
        s = (x + y) / (m + n)
        differs += abs(x / m - y / n) / np.sqrt(s * (1 - s) * (1 / m + 1 / n)) > 1.959964
    assert result.value == pytest.approx(differs / 12)
    assert result.divergence == pytest.approx(jensenshannon(a / m, b / n) ** 2, rel=1e-9)


def test_p_value_agrees_with_chi_square_for_large_counts(rng):
    real, fake = rng.normal(size=(4000, 1)), 1.06 * rng.normal(size=(2000, 1))
    result = bin_differences(real, fake, n_bins=6, permutations=4999)
    m, n = result.counted
    table = np.rint([result.real_shares * m, result.fake_shares * n])
    asymptotic = chi2_contingency(table, correction=False).pvalue
    assert result.p_value == pytest.approx(asymptotic, abs=0.03)


def test_null_values_are_the_means_of_equal_laws(rng):
    results = [
        bin_differences(rng.normal(size=(300, 2)), rng.normal(size=(150, 2)), 10, permutations=199)
        for _ in range(150)
    ]
    for value, null in (("value", "null_value"), ("divergence", "null_divergence")):
        values = np.array([getattr(result, value) for result in results])
        expected = np.mean([getattr(result, null) for result in results])
        error = values.std() / np.sqrt(len(values))
        assert expected == pytest.approx(values.mean(), abs=4 * error)
    assert np.mean([result.null_value for result in results]) == pytest.approx(0.05, abs=0.01)


def test_bins_are_as_many_as_rows_allow(rng):
    rows = rng.normal(size=(4000, 2))
    assert len(bin_differences(rows, rows).real_shares) == 100
    assert len(bin_differences(rows[:400], rows).real_shares) == 20
    assert len(bin_differences(rows[:400], rows[:50]).real_shares) == 5
    assert len(bin_differences(rows[:2], rows[:2]).real_shares) == 1


def test_equal_rows_share_one_bin():
    result = bin_differences(np.ones((50, 3)), np.ones((30, 3)), n_bins=7)
    assert len(result.real_shares) == 1
    assert (result.value, result.divergence, result.p_value) == (0, 0, 1)


@pytest.mark.parametrize("n_bins", [0, 26])
def test_refuses_other_numbers_of_bins(n_bins):
    with pytest.raises(InputError, match=f"from 1 to half of the real rows, 25, got {n_bins}"):
        bin_differences(np.zeros((50, 1)), np.zeros((50, 1)), n_bins)
