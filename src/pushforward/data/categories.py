"""Categorical columns between their values and one-hot groups."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd


@dataclass
class Categories:
    """One categorical column: its values as plain Python objects, None for missing."""

    values: list[Any]

    @classmethod
    def learn(cls, column: pd.Series) -> Categories:
        values = sorted(plain_values(column.dropna().unique()), key=lambda v: (str(type(v)), v))
        return cls(values + [None] * bool(column.isna().any()))

    def encode(self, column: pd.Series) -> np.ndarray:
        """One-hot rows; a value that was never seen in training is a row of zeros."""
        where = {value: i for i, value in enumerate(self.values)}
        plain = plain_values(column.astype(object).where(column.notna(), None))
        index = np.array([where.get(v, -1) for v in plain], dtype=int)
        return np.vstack([np.eye(len(self.values)), np.zeros(len(self.values))])[index]

    def decode(self, index: np.ndarray) -> np.ndarray:
        return np.array([*self.values, None], dtype=object)[index]


def plain_values(values: Any) -> list[Any]:
    return [v.item() if isinstance(v, np.generic) else v for v in values]


LARGEST = 0.49  # of an offset: below one half a one-hot row keeps its category


def offsets_for(scores: np.ndarray, share: np.ndarray, sweeps: int = 50) -> np.ndarray:
    """Offsets b with P(argmax(scores + b) = k) as close to share_k as |b| ≤ 0.49 allows.

    Coordinate ascent on the concave dual of the transport between draws `(n, K)` and shares: b_k is
    the quantile of max_{j≠k}(s_j + b_j) − s_k at which category k wins its share of the draws.
    """
    offset = np.zeros_like(share)
    tolerance = 2.0 * np.sqrt(share * (1 - share) / len(scores))
    for _ in range(sweeps):
        shifted = scores + offset
        drawn = np.bincount(shifted.argmax(1), minlength=len(share)) / len(scores)
        if np.all(np.abs(drawn - share) <= tolerance):
            break
        for k in np.argsort(share):
            shifted = scores + offset
            rivals = np.delete(shifted, k, axis=1).max(1) - scores[:, k]
            offset[k] = np.quantile(rivals, share[k])
        offset -= (offset.max() + offset.min()) / 2  # only differences matter
        offset = np.clip(offset, -LARGEST, LARGEST)
    return offset
