"""The Fréchet distance between two Gaussians fitted to rows, and its bias for few rows."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.linalg import LinAlgError, eigh, qr

from pushforward.errors import InputError
from pushforward.evaluation.distances import to_unit_scale
from pushforward.evaluation.features import Rows, as_row_pair, as_rows
from pushforward.evaluation.moments import Moments

EPSILON = float(np.finfo(np.float64).eps)
TOLERANCE = 1e-9  # relative error that the fast way may have


def frechet_distance(real: Any, fake: Any) -> float:
    """Return the squared Fréchet (2-Wasserstein) distance between the rows' Gaussian fits.

    d² = ‖μ_r − μ_g‖² + tr(Σ_r + Σ_g − 2 (Σ_r Σ_g)^½)

    `real` is (n, p) and `fake` (m, p), or either is the `Moments` of such rows; the result is in
    squared units of the rows and never negative, complex or NaN. For rows it is right to 1e-9 of
    itself or p·1e-16 of tr(Σ_r + Σ_g), whichever is more, singular covariances included: equal
    rows give 0 but for that. Moments alone say less: directions whose variance is below p·1e-16 of
    the largest count as having none. The expectation for equal laws is not 0: see `frechet_bias`.
    Raises `InputError` below two rows.

    Dowson and Landau 1982, J. Multivariate Anal. 12, 450; Heusel et al. 2017, arXiv:1706.08500.

    >>> import numpy as np
    >>> rows = np.random.default_rng(0).normal(size=(50, 4))
    >>> round(frechet_distance(rows, rows + 2.0), 9)
    16.0
    """
    if isinstance(real, Moments) or isinstance(fake, Moments):
        return _between_moments(_as_moments(real, "real"), _as_moments(fake, "fake"))
    return _between_rows(*as_row_pair(real, fake))


def frechet_bias(real: Any, n: int, m: int) -> float:
    """Return the expected Fréchet distance of `n` and `m` rows that have the law of `real`.

    tr Σ (1/n + 1/m) + ½ Σ_ij (λ_i λ_j + δ_ij λ_i²)/(λ_i + λ_j) · (1/(n−1) + 1/(m−1))

    with λ the eigenvalues of the covariance Σ of `real` (rows, p): second order in Σ's error, for
    Gaussian rows, so trust it where both sizes are well above p. For Σ = I and n = m it is
    2p/n + p(p+1)/(2(n−1)). Raises `InputError` below two rows.

    >>> import numpy as np
    >>> rows = np.array([[1.0], [-1.0], [1.0], [-1.0]]) * (3 / 4) ** 0.5      # variance 1
    >>> round(frechet_bias(rows, 101, 101), 6)                   # 2/101 + 2/200
    0.029802
    """
    exponent, (rows,) = to_unit_scale(as_rows(real, "real", at_least=2))
    root = _root_of_rows(rows, rows.mean(axis=0))
    # RᵀR and RRᵀ share what eigenvalues are not 0.
    eigenvalues = np.linalg.eigvalsh(root.T @ root if len(root) > root.shape[1] else root @ root.T)
    eigenvalues = eigenvalues[eigenvalues > 0]
    sums = np.add.outer(eigenvalues, eigenvalues)
    of_covariance = (np.outer(eigenvalues, eigenvalues) / sums).sum() + eigenvalues.sum() / 2
    means = eigenvalues.sum() * (1 / n + 1 / m)
    return _in_squared_units(means + of_covariance / 2 * (1 / (n - 1) + 1 / (m - 1)), exponent)


def split_half_bias(real: Any, n: int, m: int) -> float:
    """Return the expected Fréchet distance of `n` and `m` rows, measured on halves of `real`.

    The mean distance d² between two random halves of h rows, over a few fixed permutations, times
    (1/n + 1/m) / (2/h). Unlike `frechet_bias` it assumes no Gaussian law and holds for few rows
    too: with rare large values, as of standardised pixels, the bias is several times larger.
    Raises `InputError` below four rows.

    >>> import numpy as np
    >>> rows = np.random.default_rng(0).normal(size=(400, 16))
    >>> print(f"{split_half_bias(rows, 400, 400):.1f}, theory {32 / 400 + 16 * 17 / 2 / 399:.1f}")
    0.4, theory 0.4
    """
    rows = as_rows(real, "real", at_least=4)
    half = len(rows) // 2
    # Many columns average over themselves: there, a few splits vary as little and cost enough.
    splits = max(2, min(16, 256 // rows.shape[1]))
    rng = np.random.default_rng(0)
    orders = [rng.permutation(len(rows)) for _ in range(splits)]
    distances = [
        frechet_distance(rows[order[:half]], rows[order[half : 2 * half]]) for order in orders
    ]
    return float(np.mean(distances)) * (1 / n + 1 / m) * half / 2


def _between_rows(real: Rows, fake: Rows) -> float:
    exponent, (real, fake) = to_unit_scale(real, fake)  # copies, which may be overwritten
    mean_real, mean_fake = real.mean(axis=0), fake.mean(axis=0)
    shift = mean_real - mean_fake
    roots = _root_of_rows(real, mean_real), _root_of_rows(fake, mean_fake)
    squared = None
    if min(len(real), len(fake)) > len(shift):  # else a covariance is singular for sure
        squared = _by_product(shift, *(root.T @ root for root in roots))
    if squared is None:
        squared = _by_roots(shift, *roots)
    return _in_squared_units(squared, exponent)


def _between_moments(real: Moments, fake: Moments) -> float:
    p, q = len(real.unit_mean), len(fake.unit_mean)
    if p != q:
        raise InputError(
            f"real and fake must have the same columns, got {p} and {q}. Compare rows of one kind."
        )
    exponent = max(real.exponent, fake.exponent)
    real, fake = real.in_units_of(exponent), fake.in_units_of(exponent)
    shift = real.unit_mean - fake.unit_mean
    covariances = real.unit_covariance, fake.unit_covariance
    squared = None
    if min(real.n, fake.n) > p:
        squared = _by_product(shift, *covariances)
    if squared is None:
        squared = _by_roots(shift, *(_root_of_covariance(covariance) for covariance in covariances))
    return _in_squared_units(squared, exponent)


def _by_product(shift: Rows, real: Rows, fake: Rows) -> float | None:
    """d² from the eigenvalues of Σ_r Σ_g, or None where their rounding may be felt.

    tr (Σ_r Σ_g)^½ = Σ_i λ_i^½ with λ_i the eigenvalues of LᵀΣ_r L, Σ_g = LLᵀ. An error δ of λ is
    one of (λ + δ)^½ − λ^½ of its root: the product squares the condition number.
    """
    try:
        eigenvalues = eigh(real, fake, type=2, eigvals_only=True, check_finite=False)
    except LinAlgError:  # Σ_g is singular
        return None
    eigenvalues = eigenvalues.clip(min=0)
    roots = np.sqrt(eigenvalues)
    spread = np.trace(real) + np.trace(fake)
    squared = _sum_of(shift, spread, roots.sum())
    rounding = EPSILON * np.linalg.norm(real) * np.linalg.norm(fake)
    # Errors of either sign add up like independent ones.
    error = 2 * np.linalg.norm(np.sqrt(eigenvalues + rounding) - roots)
    return squared if error <= max(TOLERANCE * squared, len(shift) * EPSILON * spread) else None


def _by_roots(shift: Rows, real: Rows, fake: Rows) -> float:
    """d² from any roots RᵀR = Σ of the covariances: tr (Σ_r Σ_g)^½ = ‖R_r R_gᵀ‖_*.

    Singular values are real, never negative, and right to 1e-16 of the largest.
    """
    p = len(shift)
    if min(len(real), len(fake)) > p:
        real, fake = (qr(rows, mode="r", check_finite=False)[0][:p] for rows in (real, fake))
    overlap = np.linalg.svd(real @ fake.T, compute_uv=False).sum()
    return _sum_of(shift, np.vdot(real, real) + np.vdot(fake, fake), overlap)


def _sum_of(shift: Rows, spread: Any, overlap: Any) -> float:
    return max(float(shift @ shift + spread - 2 * overlap), 0.0)


def _root_of_rows(rows: Rows, mean: Rows) -> Rows:
    """R (n, p) with RᵀR the sample covariance, put in the place of the rows."""
    rows -= mean
    rows /= np.sqrt(len(rows) - 1)
    return rows


def _root_of_covariance(covariance: Rows) -> Rows:
    """R (rank, p) with RᵀR the covariance, but for eigenvalues that are rounding."""
    values, vectors = np.linalg.eigh(covariance)
    kept = values > len(values) * EPSILON * values[-1]
    return np.sqrt(values[kept])[:, None] * vectors[:, kept].T


def _as_moments(values: Any, name: str) -> Moments:
    return values if isinstance(values, Moments) else Moments.of(as_rows(values, name, at_least=2))


def _in_squared_units(value: float, exponent: int) -> float:
    with np.errstate(over="ignore"):
        return float(np.ldexp(value, 2 * exponent))
