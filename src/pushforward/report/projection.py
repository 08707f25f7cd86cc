"""Rows as points of a plane, the same plane for every method."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas.api import types

from pushforward.errors import DataWarning, InputError
from pushforward.evaluation.features import Standardised

MARGIN = 0.12  # of the reference's extent, on each side


class Projection:
    """The first two principal components of standardised reference rows.

    z = (φ(x) − mean φ) V,   V the two leading right singular vectors of the centred φ,

    with φ centring and scaling numbers and making categories one-hot. Rows that are two numbers
    already are taken as they are. `names` are the axes' names, `explained` the share of the
    variance that the plane holds, `limits` a frame around the reference.

    Raises:
        InputError: no column varies.

    >>> rows = np.random.default_rng(0).normal(size=(50, 4))
    >>> Projection(rows)(rows).shape
    (50, 2)
    """

    def __init__(self, reference: Any) -> None:
        self.plain = _is_plane(reference)
        self.explained = 1.0
        if self.plain:
            columns = getattr(reference, "columns", ["x₁", "x₂"])
            self.names = (str(columns[0]), str(columns[1]))
        else:
            self._fit(reference)
        self.limits = _limits(self(reference))

    def _fit(self, reference: Any) -> None:
        with warnings.catch_warnings():
            # A few test rows can make a column look like an identifier; the run has said its own.
            warnings.simplefilter("ignore", DataWarning)
            self._features = Standardised(reference)
        rows = self._features(reference)
        if rows.shape[1] == 0:
            raise InputError("expected a column that varies, there is none to draw")
        self._centre = rows.mean(0)
        _, s, V = np.linalg.svd(rows - self._centre, full_matrices=False)
        # A sign is arbitrary in an SVD: the largest weight of each direction is made positive.
        V = V[:2] * np.sign(V[:2][np.arange(len(V[:2])), np.abs(V[:2]).argmax(1)])[:, None]
        self._axes = np.vstack([V, np.zeros((2 - len(V), V.shape[1]))]).T
        self.explained = float((s[:2] ** 2).sum() / max((s**2).sum(), 1e-300))
        self.names = ("first principal component", "second")

    def __call__(self, data: Any) -> NDArray:
        """Rows as points (n, 2)."""
        if self.plain:
            return np.asarray(data, dtype=float)
        return (self._features(data) - self._centre) @ self._axes

    def outside(self, points: NDArray) -> int:
        """How many points lie beyond the frame."""
        left, right, bottom, top = self.limits
        x, y = points.T
        return int(((x < left) | (x > right) | (y < bottom) | (y > top)).sum())


def _is_plane(data: Any) -> bool:
    if data.shape[1:] != (2,):
        return False
    if not isinstance(data, pd.DataFrame):
        return bool(np.isfinite(data).all())
    numbers = (types.is_numeric_dtype(d) and not types.is_bool_dtype(d) for d in data.dtypes)
    return all(numbers) and not data.isna().any(axis=None)


def _limits(points: NDArray) -> tuple[float, float, float, float]:
    low, high = points.min(0), points.max(0)
    margin = np.where(high > low, MARGIN * (high - low), 1.0)
    (left, bottom), (right, top) = low - margin, high + margin
    return float(left), float(right), float(bottom), float(top)
