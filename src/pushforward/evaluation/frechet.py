"""The Fréchet distance between two Gaussians fitted to rows, and its bias for few rows."""

from __future__ import annotations

from typing import Any

import numpy as np

from pushforward.evaluation.distances import to_unit_scale
from pushforward.evaluation.features import Rows, as_row_pair, as_rows


def frechet_distance(real: Any, fake: Any) -> float:
    """Return the squared Fréchet (2-Wasserstein) distance between the rows' Gaussian fits.

    d² = ‖μ_r − μ_g‖² + tr(Σ_r + Σ_g − 2 (Σ_r Σ_g)^½),   tr (Σ_r Σ_g)^½ = ‖R_r R_gᵀ‖_*

    with any roots RᵀR = Σ: singular values are real and never negative, so that neither singular
    covariances nor fewer rows than columns can make the result complex or NaN.

    `real` is (n, p) and `fake` (m, p); the result is in squared units of the rows and never
    negative. Its expectation for equal laws is not 0: see `frechet_bias`. Raises `InputError`
    below two rows.

    Dowson and Landau 1982, J. Multivariate Anal. 12, 450; Heusel et al. 2017, arXiv:1706.08500.

    >>> import numpy as np
    >>> rows = np.random.default_rng(0).normal(size=(50, 4))
    >>> round(frechet_distance(rows, rows + 2.0), 9)
    16.0
    """
    exponent, (real, fake) = to_unit_scale(*as_row_pair(real, fake))
    shift = real.mean(axis=0) - fake.mean(axis=0)
    root_real, root_fake = _covariance_root(real), _covariance_root(fake)
    overlap = np.linalg.svd(root_real @ root_fake.T, compute_uv=False).sum()
    spread = (root_real**2).sum() + (root_fake**2).sum()
    return _in_squared_units(max(shift @ shift + spread - 2 * overlap, 0.0), exponent)


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
    eigenvalues = np.linalg.svd(_covariance_root(rows), compute_uv=False) ** 2
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


def _covariance_root(rows: Rows) -> Rows:
    """R (min(n, p), p) with RᵀR the sample covariance of the rows."""
    centred = (rows - rows.mean(axis=0)) / np.sqrt(len(rows) - 1)
    n, p = centred.shape
    if n <= p:
        return centred
    values, vectors = np.linalg.eigh(centred.T @ centred)
    return np.sqrt(values.clip(min=0))[:, None] * vectors.T


def _in_squared_units(value: float, exponent: int) -> float:
    with np.errstate(over="ignore"):
        return float(np.ldexp(value, 2 * exponent))
