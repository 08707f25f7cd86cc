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
        one_hot = np.vstack([np.eye(len(self.values)), np.zeros(len(self.values))])
        return one_hot[index_of(column, self.values)]

    def decode(self, index: np.ndarray) -> np.ndarray:
        return np.array([*self.values, None], dtype=object)[index]


def plain_values(values: Any) -> list[Any]:
    return [v.item() if isinstance(v, np.generic) else v for v in values]


def index_of(column: pd.Series, values: list[Any]) -> np.ndarray:
    """The place of each row's value among the values, −1 where it is none of them."""
    where = {value: i for i, value in enumerate(values)}
    codes, distinct = pd.factorize(column)  # NaN is −1
    found = [where.get(v, -1) for v in plain_values(distinct.astype(object))]
    return np.array([*found, where.get(None, -1)], dtype=np.int64)[codes]


LARGEST = 0.49  # of an offset: below one half a one-hot row keeps its category
MOVED = 1e-9  # a sweep that moves no offset by more changes nothing any more


def offsets_for(scores: np.ndarray, share: np.ndarray, sweeps: int = 50) -> np.ndarray:
    """Offsets b with P(argmax(scores + b) = k) as close to share_k as |b| ≤ 0.49 allows.

    Coordinate ascent on the concave dual of the transport between draws `(n, K)` and shares: b_k is
    the quantile of max_{j≠k}(s_j + b_j) − s_k at which category k wins its share of the draws.
    """
    n = len(scores)
    offset = np.zeros_like(share)
    tolerance = 2.0 * np.sqrt(share * (1 - share) / n)
    for _ in range(sweeps if len(share) > 1 else 0):
        before, shifted = offset.copy(), scores + offset
        best = _Best(shifted)
        drawn = np.bincount(best.winner, minlength=len(share)) / n
        if np.all(np.abs(drawn - share) <= tolerance):
            break
        for k in np.argsort(share):
            offset[k] = np.quantile(best.rivals_of(k) - scores[:, k], share[k])
            best.replace(k, scores[:, k] + offset[k])
        offset -= (offset.max() + offset.min()) / 2  # only differences matter
        offset = np.clip(offset, -LARGEST, LARGEST)
        if np.abs(offset - before).max() < MOVED:
            break
    return offset


class _Best:
    """The two largest entries of each row, kept up to date while columns are replaced.

    One replaced column concerns few rows: looking at all entries again each time would cost as much
    for every category as there are categories.
    """

    def __init__(self, table: np.ndarray) -> None:
        self.table = table
        rows = np.arange(len(table))
        self.winner, self.runner_up = self._two(rows)
        self.first, self.second = table[rows, self.winner], table[rows, self.runner_up]

    def rivals_of(self, k: int) -> np.ndarray:
        """The largest entry of each row beside that of column k."""
        return np.where(self.winner == k, self.second, self.first)

    def replace(self, k: int, column: np.ndarray) -> None:
        self.table[:, k] = column
        concerned = (self.winner == k) | (self.runner_up == k)
        wins = ~concerned & (column > self.first)
        self.second[wins], self.runner_up[wins] = self.first[wins], self.winner[wins]
        self.first[wins], self.winner[wins] = column[wins], k
        comes_second = ~concerned & ~wins & (column > self.second)
        self.second[comes_second], self.runner_up[comes_second] = column[comes_second], k
        rows = np.flatnonzero(concerned)
        self.winner[rows], self.runner_up[rows] = self._two(rows)
        self.first[rows] = self.table[rows, self.winner[rows]]
        self.second[rows] = self.table[rows, self.runner_up[rows]]

    def _two(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        entries = self.table[rows]
        winner = entries.argmax(1)
        entries[np.arange(len(rows)), winner] = -np.inf
        return winner, entries.argmax(1)
