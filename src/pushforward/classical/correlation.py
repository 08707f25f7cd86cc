"""Correlation matrices: checked, and factored for drawing."""

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


def correlation_factor(R: np.ndarray) -> np.ndarray:
    """A with A Aᵀ = R for a correlation matrix R, `(p, p)`, singular ones too.

    Of a symmetric R that is none, negative eigenvalues are raised to 0 and rows of A scaled to
    length 1, which is a correlation matrix near it.

    >>> A = correlation_factor(np.array([[1.0, 2.0], [2.0, 1.0]]))
    >>> (A @ A.T).round(6)
    array([[1., 1.], [1., 1.]])
    """
    values, vectors = np.linalg.eigh(R)
    A = vectors * np.sqrt(np.maximum(values, 0.0))
    return A / np.linalg.norm(A, axis=1, keepdims=True)
