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


def offsets_for(scores: np.ndarray, share: np.ndarray, rounds: int = 400) -> np.ndarray:
    """Offsets b with P(argmax(scores + b) = k) close to share_k, each within ±0.49.

    Gradient ascent on the concave dual of the transport between draws and shares; the offsets stay
    small enough that a one-hot row keeps its category.
    """
    offset = np.zeros_like(share)
    tolerance = 2.0 / np.sqrt(len(scores)) * np.sqrt(share * (1 - share)) + 1e-12
    for step in range(rounds):
        drawn = np.bincount(np.argmax(scores + offset, axis=1), minlength=len(share)) / len(scores)
        if np.all(np.abs(drawn - share) <= tolerance):
            break
        offset = np.clip(offset + 0.5 / np.sqrt(1 + step) * (share - drawn), -0.49, 0.49)
    return offset
