"""Laws that every two-sample measure keeps: valid p-values, power, honest answers to bad input."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import binom, kstest

from pushforward.errors import InputError
from pushforward.evaluation.bins import bin_differences
from pushforward.evaluation.c2st import classifier_test
from pushforward.evaluation.energy import energy_distance
from pushforward.evaluation.kernel import kid, mmd
from pushforward.evaluation.sliced import sliced_wasserstein


def quick_kid(real, fake, seed=0):
    return kid(real, fake, subsets=2, permutations=99, seed=seed)


def quick_sliced(real, fake, seed=0):
    return sliced_wasserstein(real, fake, directions=5, permutations=99, seed=seed)


def quick_sliced_1(real, fake, seed=0):
    return sliced_wasserstein(real, fake, 1, directions=5, permutations=99, seed=seed)


def quick_mmd(real, fake, seed=0):
    return mmd(real, fake, permutations=99, seed=seed)


def quick_energy(real, fake, seed=0):
    return energy_distance(real, fake, permutations=99, seed=seed)


def quick_bins(real, fake, seed=0):
    return bin_differences(real, fake, min(4, len(real) // 2), permutations=99, seed=seed)


def nearest_test(real, fake, seed=0):
    return classifier_test(real, fake, "knn", seed=seed)


def logistic_test(real, fake, seed=0):
    return classifier_test(real, fake, "logistic", seed=seed)


EXACT = [quick_mmd, quick_kid, quick_energy, quick_sliced, quick_sliced_1]
TESTS = [*EXACT, quick_bins, nearest_test, logistic_test]


def normal(rng, m, n):
    return np.split(rng.normal(size=(m + n, 3)), [m])


def with_duplicates(rng, m, n):
    """Few values, most of them shared by many rows."""
    return np.split(rng.integers(3, size=(m + n, 2)).astype(float), [m])


@pytest.mark.parametrize("test", TESTS)
@pytest.mark.parametrize(
    ("draw", "m", "n"),
    [
        (normal, 30, 30),
        pytest.param(normal, 45, 20, marks=pytest.mark.slow),
        (with_duplicates, 25, 40),
    ],
)
@pytest.mark.slow
def test_p_value_is_valid_under_the_null(rng, test, draw, m, n):
    replicates = 100 if test in (quick_bins, logistic_test) else 200  # those start slowly
    p_values = np.array([test(*draw(rng, m, n), seed).p_value for seed in range(replicates)])
    for level in (0.05, 0.1, 0.25, 0.5):
        rejected = (p_values <= level).sum()
        assert binom.sf(rejected - 1, replicates, level) > 1e-4
    assert p_values.min() > 0
    if test in EXACT and draw is normal:
        assert kstest(p_values, "uniform").pvalue > 1e-3


@pytest.mark.parametrize("test", [*TESTS, lambda r, f: classifier_test(r, f, "neural")])
@pytest.mark.parametrize(("m", "n"), [(200, 200), (150, 300)])
def test_p_value_is_small_for_a_shift(rng, test, m, n):
    real, fake = normal(rng, m, n)
    assert test(real, fake + 1.0).p_value <= 0.01


@pytest.mark.parametrize("test", TESTS)
def test_seed_repeats_and_inputs_stay(rng, test):
    real, fake = normal(rng, 40, 30)
    kept = real.copy(), fake.copy()
    first, again = test(real, fake, 3), test(real, fake, 3)
    assert str(first) == str(again)
    np.testing.assert_array_equal(real, kept[0])
    np.testing.assert_array_equal(fake, kept[1])


@pytest.mark.parametrize("test", TESTS)
@pytest.mark.parametrize(
    ("real", "fake"),
    [
        (np.zeros((5, 2)), np.zeros((5, 3))),
        (np.zeros((5, 2)), np.zeros((0, 2))),
        (np.zeros((5, 2)), np.zeros((1, 2))),
        (np.zeros((5, 0)), np.zeros((5, 0))),
        (np.zeros(5), np.zeros(5)),
        (np.zeros((5, 2)), np.array([[0.0, np.nan]] * 5)),
        (np.array([[0.0, np.inf]] * 5), np.zeros((5, 2))),
        (np.zeros((5, 2)), [["a", "b"]] * 5),
    ],
)
def test_refuses_what_is_not_two_samples(test, real, fake):
    with pytest.raises(InputError):
        test(real, fake)


@pytest.mark.parametrize("test", TESTS)
def test_refuses_what_is_no_seed(test):
    with pytest.raises(InputError, match="seed must be an integer"):
        test(np.zeros((5, 2)), np.zeros((5, 2)), -1)


@pytest.mark.parametrize(
    "measure", [mmd, kid, energy_distance, sliced_wasserstein, bin_differences]
)
def test_refuses_no_permutations(measure):
    with pytest.raises(InputError, match="permutations must be at least 1, got 0"):
        measure(np.zeros((5, 2)), np.zeros((5, 2)), permutations=0)


@pytest.mark.parametrize("test", TESTS)
def test_equal_rows_show_no_difference(test):
    """Labels cannot matter, so that no permutation does better; a classifier must guess."""
    result = test(np.full((12, 3), 0.1), np.full((9, 3), 0.1))
    assert result.p_value > 0.05 if hasattr(result, "accuracy") else result.p_value == 1


ROWS = arrays(
    st.sampled_from([np.float64, np.float32, np.int64, np.bool_]),
    st.tuples(st.integers(4, 9), st.integers(1, 3)),
)


@pytest.mark.parametrize("test", TESTS)
@settings(max_examples=40, deadline=None)
@given(real=ROWS, fake=ROWS, data=st.data())
def test_any_numbers_are_refused_or_answered(test, real, fake, data):
    """Without a warning, which would be an error; p-values stay probabilities."""
    usable = real.shape[1] == fake.shape[1] and np.isfinite(real).all() and np.isfinite(fake).all()
    if not usable:
        with pytest.raises(InputError):
            test(real, fake)
        return
    seed = data.draw(st.integers(0, 5))
    result = test(real, fake, seed)
    assert 0 < result.p_value <= 1
    numbers = [value for value in vars(result).values() if isinstance(value, float)]
    assert not np.isnan(numbers).any()


@pytest.mark.parametrize("test", TESTS)
@pytest.mark.parametrize("scale", [1e-300, 1e-150, 1e150, 1e305])
def test_scale_decides_nothing(rng, test, scale):
    if test is quick_kid and scale < 1:
        pytest.skip("the cubic kernel of numbers far below 1 is 1")
    real, fake = normal(rng, 60, 60)
    assert test(scale * real, scale * (fake + 3.0)).p_value <= 0.01
