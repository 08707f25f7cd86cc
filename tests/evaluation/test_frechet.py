"""The Fréchet distance against closed forms, other formulas and Monte Carlo."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from scipy.linalg import sqrtm
from scipy.stats import ortho_group

from pushforward.errors import InputError
from pushforward.evaluation import frechet_bias, frechet_distance, split_half_bias
from pushforward.evaluation.moments import Moments

SHAPES = [(50, 4), (30, 30), (12, 40), (2, 1), (2, 5)]


def gaussian(rng, n, p):
    return rng.normal(size=(n, p)) @ rng.normal(size=(p, p)) + rng.normal(size=p)


def by_eigenvalues(real, fake):
    """tr(Σ_r^½ Σ_g Σ_r^½)^½ by clipped eigenvalues."""
    a, b = np.cov(real.T), np.cov(fake.T)
    values, vectors = np.linalg.eigh(a)
    root = vectors * np.sqrt(values.clip(0)) @ vectors.T
    overlap = np.sqrt(np.linalg.eigvalsh(root @ b @ root).clip(0)).sum()
    shift = real.mean(0) - fake.mean(0)
    return shift @ shift + np.trace(a) + np.trace(b) - 2 * overlap


def by_cross_gram(real, fake):
    """The nuclear norm of the centred cross-Gram matrix, as it is used for n < p."""
    a, b = real - real.mean(0), fake - fake.mean(0)
    n, m = len(a), len(b)
    overlap = np.linalg.norm(a @ b.T / np.sqrt((n - 1) * (m - 1)), "nuc")
    shift = real.mean(0) - fake.mean(0)
    spread = (a**2).sum() / (n - 1) + (b**2).sum() / (m - 1)
    return shift @ shift + spread - 2 * overlap


def by_product(real, fake):
    """The formula of torch-fidelity and torchmetrics: tr (Σ_r Σ_g)^½ = Σ √λ(Σ_r Σ_g)."""
    a, b = np.cov(real.T), np.cov(fake.T)
    overlap = np.sqrt(np.linalg.eigvals(a @ b).astype(complex)).real.sum()
    shift = real.mean(0) - fake.mean(0)
    return shift @ shift + np.trace(a) + np.trace(b) - 2 * overlap


@pytest.mark.parametrize(("n", "p"), SHAPES)
def test_is_zero_on_itself(rng, n, p):
    rows = gaussian(rng, n, p)
    total = np.trace(np.atleast_2d(np.cov(rows.T)))
    assert frechet_distance(rows, rows) == pytest.approx(0, abs=1e-13 * max(total, 1))


@pytest.mark.parametrize(("n", "p"), SHAPES)
def test_is_symmetric_and_rotation_invariant(rng, n, p):
    real, fake = gaussian(rng, n, p), gaussian(rng, n + 3, p)
    expected = frechet_distance(real, fake)
    assert expected > 0
    assert frechet_distance(fake, real) == pytest.approx(expected, rel=1e-9)
    if p > 1:
        rotation = ortho_group.rvs(p, random_state=0)
        assert frechet_distance(real @ rotation, fake @ rotation) == pytest.approx(expected)


@pytest.mark.parametrize(("n", "p"), [(60, 5), (8, 20)])
def test_is_exact_for_shift_and_scale(rng, n, p):
    rows = gaussian(rng, n, p)
    assert frechet_distance(rows, rows + 1.7) == pytest.approx(p * 1.7**2)
    centred = rows - rows.mean(0)
    total = np.trace(np.atleast_2d(np.cov(rows.T)))
    assert frechet_distance(centred, 2.5 * centred) == pytest.approx(total * 1.5**2)


def test_scale_of_whitened_rows_is_p_times_the_square(rng):
    rows = rng.normal(size=(100, 6))
    white, _ = np.linalg.qr(rows - rows.mean(0))
    white *= np.sqrt(99)
    assert frechet_distance(white, 3.0 * white) == pytest.approx(6 * 2.0**2)


@pytest.mark.parametrize(("n", "m", "p"), [(200, 300, 6), (40, 90, 40), (15, 20, 60)])
def test_agrees_with_other_formulas(rng, n, m, p):
    real, fake = gaussian(rng, n, p), gaussian(rng, m, p)
    value = frechet_distance(real, fake)
    assert value == pytest.approx(by_cross_gram(real, fake), rel=1e-8)
    assert value == pytest.approx(by_eigenvalues(real, fake), rel=1e-4)


def test_agrees_with_the_matrix_square_root(rng):
    real, fake = gaussian(rng, 300, 5), gaussian(rng, 200, 5)
    a, b = np.cov(real.T), np.cov(fake.T)
    shift = real.mean(0) - fake.mean(0)
    expected = shift @ shift + np.trace(a + b - 2 * sqrtm(a @ b).real)
    assert frechet_distance(real, fake) == pytest.approx(expected, rel=1e-8)


def test_agrees_with_the_eigenvalues_of_the_product(rng):
    for n, p in [(300, 5), (1000, 30)]:
        real, fake = gaussian(rng, n, p), gaussian(rng, n + 50, p)
        assert frechet_distance(real, fake) == pytest.approx(by_product(real, fake), rel=1e-7)


@pytest.mark.parametrize("decay", [0.0, 0.6, 2.0, 6.0])
@pytest.mark.parametrize("near", [False, True])
def test_is_right_to_nine_digits_however_ill_conditioned(rng, decay, near):
    """The fast way squares the condition number; where that is felt it is not taken."""
    p = 40
    scales = np.arange(1, p + 1) ** -decay  # condition number of the covariance: up to 1e19
    rotation = ortho_group.rvs(p, random_state=1)
    real = rng.normal(size=(200, p)) * scales @ rotation
    fake = real * (1 + 1e-3) if near else 1.1 * rng.normal(size=(150, p)) * scales @ rotation
    spread = np.var(real, axis=0).sum() + np.var(fake, axis=0).sum()
    expected = by_cross_gram(real, fake)
    assert frechet_distance(real, fake) == pytest.approx(expected, rel=2e-9, abs=1e-13 * spread)


def test_one_side_may_be_singular(rng):
    real, fake = rng.normal(size=(100, 6)), rng.normal(size=(100, 6))
    fake[:, 4:] = fake[:, :2]
    expected = by_cross_gram(real, fake)
    assert frechet_distance(real, fake) == pytest.approx(expected, rel=1e-10)
    assert frechet_distance(fake, real) == pytest.approx(expected, rel=1e-10)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_is_a_number_that_is_not_negative_for_any_finite_rows(data):
    n, m, p = (data.draw(st.integers(low, 7)) for low in (2, 2, 1))
    dtype = data.draw(st.sampled_from([np.float64, np.float32, np.float16, np.int32, np.uint8]))
    kind = np.dtype(dtype).kind
    anything = (
        st.floats(allow_nan=False, allow_infinity=False, width=8 * np.dtype(dtype).itemsize)
        if kind == "f"
        else st.integers(np.iinfo(dtype).min, np.iinfo(dtype).max)
    )
    elements = data.draw(st.sampled_from([anything, st.sampled_from([0, 1])]))
    real = data.draw(arrays(dtype, (n, p), elements=elements))
    fake = data.draw(arrays(dtype, (m, p), elements=elements))
    before = real.copy(), fake.copy()
    assert frechet_distance(real, fake) >= 0  # which NaN is not
    assert frechet_distance(Moments.of(real), Moments.of(fake)) >= 0
    np.testing.assert_array_equal(real, before[0])
    np.testing.assert_array_equal(fake, before[1])


@settings(max_examples=60, deadline=None)
@given(
    arrays(np.float64, array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4)),
    st.sampled_from([np.nan, np.inf, -np.inf]),
)
def test_refuses_all_that_is_no_finite_rows(values, hole):
    good = values.ndim == 2 and values.shape[0] >= 2 and values.shape[1] >= 1
    if good:
        values[0, 0] = hole
    other = np.zeros((3, values.shape[1] if good else 2))
    with pytest.raises(InputError):
        frechet_distance(values, other)


@pytest.mark.parametrize("scale", [1e-200, 1e-8, 1.0, 1e100])
def test_singular_rows_give_the_distance_of_their_means(scale):
    real, fake = np.zeros((5, 3)), np.full((4, 3), scale)
    assert frechet_distance(real, fake) == pytest.approx(3 * scale * scale, rel=1e-12)


def test_overflows_to_infinity_not_to_nan():
    assert frechet_distance(np.zeros((3, 2)), np.full((3, 2), 1e250)) == np.inf


@pytest.mark.parametrize("rank", [0, 1, 3])
def test_is_finite_on_collapsed_rows(rng, rank):
    real = gaussian(rng, 80, 10)
    fake = rng.normal(size=(80, rank)) @ rng.normal(size=(rank, 10))
    value = frechet_distance(real, fake)
    assert value == pytest.approx(by_cross_gram(real, fake), rel=1e-7)


@pytest.mark.parametrize("bias", [frechet_bias, split_half_bias])
@pytest.mark.parametrize(("n", "m", "p"), [(400, 400, 8), (300, 600, 4)])
def test_bias_is_the_mean_distance_of_equal_laws(rng, bias, n, m, p):
    scales = np.linspace(0.5, 3.0, p)

    def draw(rows):
        return rng.normal(size=(rows, p)) * scales

    truth = np.mean([frechet_distance(draw(n), draw(m)) for _ in range(300)])
    estimates = [bias(draw(n), n, m) for _ in range(10)]
    assert np.mean(estimates) == pytest.approx(truth, rel=0.1)


@pytest.mark.parametrize(("p", "n", "measured"), [(2, 100, 0.0703), (8, 200, 0.2609)])
def test_bias_of_unit_covariance(p, n, measured):
    """Measured means of the distance between two standard normal samples."""
    white, _ = np.linalg.qr(np.random.default_rng(0).normal(size=(1000, p)))
    white = (white - white.mean(0)) @ np.linalg.inv(np.linalg.cholesky(np.cov(white.T))).T
    expected = 2 * p / n + p * (p + 1) / (2 * (n - 1))
    assert frechet_bias(white, n, n) == pytest.approx(expected, rel=1e-9)
    assert expected == pytest.approx(measured, rel=0.02)


def test_split_half_bias_sees_heavy_tails_where_theory_does_not(rng):
    def draw(n):
        return rng.standard_t(3, size=(n, 30)) * (rng.random((n, 30)) < 0.05)

    truth = np.mean([frechet_distance(draw(200), draw(200)) for _ in range(40)])
    rows = [draw(200) for _ in range(10)]
    measured = np.mean([split_half_bias(sample, 200, 200) for sample in rows])
    theory = np.mean([frechet_bias(sample, 200, 200) for sample in rows])
    assert measured == pytest.approx(truth, rel=0.3)
    assert theory < 0.7 * truth


def test_bias_of_constant_rows_is_zero():
    assert frechet_bias(np.ones((5, 3)), 5, 5) == 0
    assert split_half_bias(np.ones((5, 3)), 5, 5) == 0


def test_refuses_what_has_no_covariance():
    with pytest.raises(InputError, match="at least 2 rows, got 1"):
        frechet_distance(np.zeros((1, 3)), np.zeros((5, 3)))
    with pytest.raises(InputError, match="got 3 and 2"):
        frechet_distance(np.zeros((5, 3)), np.zeros((5, 2)))
    with pytest.raises(InputError, match="1 missing or infinite"):
        frechet_distance(np.array([[0.0], [np.nan]]), np.zeros((5, 1)))
    with pytest.raises(InputError, match="at least 4 rows"):
        split_half_bias(np.zeros((3, 2)), 3, 3)
