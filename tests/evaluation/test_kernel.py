"""MMD and KID against closed forms and independent implementations."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist, pdist

from pushforward.errors import InputError
from pushforward.evaluation.kernel import kid, mmd
from pushforward.evaluation.permutation import own_generator


def unbiased(k_xx, k_yy, k_xy):
    m, n = k_xy.shape
    within_x = (k_xx.sum() - np.trace(k_xx)) / (m * (m - 1))
    within_y = (k_yy.sum() - np.trace(k_yy)) / (n * (n - 1))
    return within_x + within_y - 2 * k_xy.mean()


def polynomial(x, y):
    """As torch-fidelity: degree 3, gamma 1/p, coef0 1."""
    return (x @ y.T * (1 / x.shape[1]) + 1) ** 3


def gaussian(sigma):
    return lambda x, y: np.exp(-cdist(x, y, "sqeuclidean") / (2 * sigma**2))


@pytest.mark.parametrize(("m", "n", "p"), [(40, 40, 3), (70, 25, 1), (2, 3, 5)])
def test_mmd_equals_its_definition(rng, m, n, p):
    real, fake = rng.normal(size=(m, p)) + 100, rng.normal(size=(n, p)) * 1.5 + 100
    k = gaussian(0.8)
    expected = unbiased(k(real, real), k(fake, fake), k(real, fake))
    assert mmd(real, fake, 0.8).value == pytest.approx(expected, abs=1e-11)


def test_bandwidth_is_the_median_distance_in_units_of_the_rows(rng):
    real, fake = rng.normal(size=(50, 4)), rng.normal(size=(30, 4)) + 1
    result = mmd(real, fake)
    assert result.bandwidth == pytest.approx(np.median(pdist(np.concatenate([real, fake]))))
    larger = mmd(1000 * real, 1000 * fake)
    assert larger.bandwidth == pytest.approx(1000 * result.bandwidth)
    assert larger.value == pytest.approx(result.value, abs=1e-12)


def test_bandwidth_of_mostly_equal_rows_is_of_the_others():
    rows = np.zeros((30, 2))
    rows[0] = 3, 4
    assert mmd(rows, np.zeros((20, 2))).bandwidth == pytest.approx(5)


@pytest.mark.parametrize("shift", [0.0, 0.7])
def test_mmd_of_gaussians_has_a_closed_form(rng, shift):
    """E k = (σ²/(σ² + 2))^{p/2} exp(−‖δ‖²/2(σ² + 2)) between N(0, I) and N(δ, I)."""
    p, sigma = 3, 1.3
    delta = np.full(p, shift)
    squared = sigma**2
    peak = (squared / (squared + 2)) ** (p / 2)
    expected = 2 * peak * (1 - np.exp(-(delta @ delta) / (2 * (squared + 2))))
    results = [
        mmd(rng.normal(size=(150, p)), rng.normal(size=(90, p)) + delta, sigma, permutations=1)
        for _ in range(200)
    ]
    values = np.array([result.value for result in results])
    assert values.mean() == pytest.approx(expected, abs=4 * values.std() / np.sqrt(len(values)))
    errors = np.mean([result.standard_error for result in results])
    intervals = [result.interval for result in results]
    covered = np.mean([low <= expected <= high for low, high in intervals])
    assert covered >= 0.9
    assert all(low <= value <= high for value, (low, high) in zip(values, intervals, strict=True))
    if shift:
        assert errors == pytest.approx(values.std(), rel=0.15)
    else:
        assert values.std() < errors < 2 * values.std()


def test_far_row_costs_the_others_no_digits(rng):
    real, fake = rng.normal(size=(60, 2)), rng.normal(size=(60, 2)) + 1
    real = np.concatenate([real, [[1e12, 0.0]]])
    k = gaussian(1.0)
    expected = unbiased(k(real, real), k(fake, fake), k(real, fake))
    assert mmd(real, fake, 1.0).value == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("bandwidth", [1e-300, 1e300])
def test_any_bandwidth_gives_an_answer(rng, bandwidth):
    real, fake = 1e3 * rng.normal(size=(2, 20, 2))
    result = mmd(real, fake, bandwidth)
    assert (result.value, result.p_value) == (pytest.approx(0, abs=1e-12), 1)


@pytest.mark.parametrize("far", [1e100, 1e160, 1e300])
def test_one_row_beyond_all_measure_gives_an_answer(rng, far):
    real, fake = rng.normal(size=(2, 20, 2))
    real[0] = far
    result = mmd(real, fake)
    assert np.isfinite([result.value, result.standard_error, result.bandwidth]).all()
    assert 0 < result.p_value <= 1


@pytest.mark.parametrize("bandwidth", [0.0, -1.0, np.inf, np.nan])
def test_refuses_other_bandwidths(bandwidth):
    with pytest.raises(InputError, match="bandwidth must be a positive number"):
        mmd(np.zeros((5, 1)), np.zeros((5, 1)), bandwidth)


# The second size of subsets is small enough to be taken one by one.
@pytest.mark.parametrize("size", [60, 8])
@pytest.mark.parametrize("scale", [1.0, 37.0])
def test_kid_equals_its_definition_subset_by_subset(rng, size, scale):
    real, fake = scale * rng.normal(size=(150, 6)), scale * rng.normal(size=(120, 6)) + 0.3
    draws = own_generator(0)
    of_real = [draws.choice(150, size, replace=False) for _ in range(7)]
    of_fake = [draws.choice(120, size, replace=False) for _ in range(7)]
    expected = [
        unbiased(polynomial(x, x), polynomial(y, y), polynomial(x, y))
        for x, y in ((real[i], fake[j]) for i, j in zip(of_real, of_fake, strict=True))
    ]
    result = kid(real, fake, subsets=7, subset_rows=size)
    assert result.value == pytest.approx(np.mean(expected), rel=1e-9)
    assert result.deviation == pytest.approx(np.std(expected), rel=1e-9)
    assert (result.subsets, result.subset_rows) == (7, size)


def test_kid_of_a_shift_has_a_closed_form(rng):
    """In one dimension (xy + 1)³ = Σ_k C(3, k) xᵏyᵏ, so that MMD² = Σ_k C(3, k) (E xᵏ − E yᵏ)²."""
    shift = 0.5
    expected = 3 * shift**2 + 3 * shift**4 + (shift**3 + 3 * shift) ** 2
    samples = ((rng.normal(size=(400, 1)), rng.normal(size=(400, 1)) + shift) for _ in range(60))
    values = [kid(real, fake, subsets=10, permutations=1).value for real, fake in samples]
    assert np.mean(values) == pytest.approx(expected, abs=4 * np.std(values) / np.sqrt(60))


def test_subsets_are_at_most_half_of_the_rows(rng):
    result = kid(rng.normal(size=(5, 2)), rng.normal(size=(50, 2)))
    assert (result.subsets, result.subset_rows) == (100, 2)
    assert result.deviation > 0


def test_kid_overflows_to_infinity_not_to_nan(rng):
    rows = rng.normal(size=(40, 2))
    result = kid(1e200 * rows, 1e200 * (rows + 5))
    assert (result.value, result.p_value) == (np.inf, 0.001)
    assert kid(1e40 * rows, 1e40 * (rows + 5)).value == pytest.approx(
        1e240 * kid(1e6 * rows, 1e6 * (rows + 5)).value / 1e36, rel=1e-6
    )


def test_tests_look_at_two_thousand_rows_at_most(rng):
    rows = rng.normal(size=(2500, 1))
    assert mmd(rows[:300], rows, permutations=1).tested == (300, 1700)
    assert mmd(rows[:1200], rows[:1300], permutations=1).tested == (1000, 1000)
    assert kid(rows[:1999], rows[:4], 2, 2, permutations=1).tested == (1996, 4)


def test_kid_refuses_too_little():
    with pytest.raises(InputError, match="at least 4 rows, got 3"):
        kid(np.zeros((3, 2)), np.zeros((9, 2)))
    with pytest.raises(InputError, match="at least 2, got 1 and 1000"):
        kid(np.zeros((9, 2)), np.zeros((9, 2)), subsets=1)
