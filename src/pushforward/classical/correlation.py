"""Correlation matrices: checked, made valid, and factored for drawing."""

from __future__ import annotations

from typing import Any

import numpy as np

from pushforward.errors import InputError

ROUNDING = 1e-8  # by which a given matrix may miss symmetry, its diagonal and its sign


def check_correlation(correlation: Any, p: int) -> np.ndarray:
    """A given correlation matrix as floats `(p, p)`.

    Raises:
        InputError: another shape, or not symmetric with a diagonal of ones and no negative
            eigenvalue.

    >>> check_correlation([[1, 0.5], [0.5, 1]], 2)
    array([[1. , 0.5], [0.5, 1. ]])
    """
    try:
        R = np.asarray(correlation, dtype=float)
    except (TypeError, ValueError) as error:
        raise InputError(f"expected correlation to be a matrix of numbers: {error}") from error
    if R.shape != (p, p):
        raise InputError(
            f"expected correlation to have one row and column for each of {p} numeric columns, "
            f"got shape {R.shape}"
        )
    if not np.isfinite(R).all():
        raise InputError("expected correlation to be finite, got NaN or infinite numbers")
    if np.abs(R - R.T).max() > ROUNDING:
        i, j = np.unravel_index(np.abs(R - R.T).argmax(), R.shape)
        raise InputError(
            f"expected correlation to be symmetric, got {R[i, j]:.6g} and {R[j, i]:.6g} for "
            f"columns {i} and {j}"
        )
    if np.abs(np.diag(R) - 1).max() > ROUNDING:
        i = int(np.abs(np.diag(R) - 1).argmax())
        raise InputError(f"expected ones on the diagonal of correlation, got {R[i, i]:.6g} at {i}")
    smallest = float(np.linalg.eigvalsh(R)[0])
    if smallest < -p * ROUNDING:
        raise InputError(
            f"expected correlation to have no negative eigenvalue, got {smallest:.3g}: no columns "
            "can be correlated so; correct it"
        )
    return R


def near_correlation(A: np.ndarray, floor: float = 0.0) -> np.ndarray:
    """A correlation matrix near a symmetric A: eigenvalues raised to `floor`, diagonal scaled to 1.

    >>> near_correlation(np.array([[1.0, 2.0], [2.0, 1.0]])).round(6)
    array([[1., 1.], [1., 1.]])
    """
    values, vectors = np.linalg.eigh(A)
    B = (vectors * np.maximum(values, floor)) @ vectors.T
    scale = 1 / np.sqrt(np.diag(B))
    B *= scale[:, None] * scale
    np.fill_diagonal(B, 1.0)
    return B


def factor(R: np.ndarray) -> np.ndarray:
    """A with A Aᵀ = R, also for a singular R, `(p, p)`.

    >>> A = factor(np.ones((2, 2)))
    >>> (A @ A.T).round(6)
    array([[1., 1.], [1., 1.]])
    """
    values, vectors = np.linalg.eigh(R)
    return vectors * np.sqrt(np.maximum(values, 0.0))
