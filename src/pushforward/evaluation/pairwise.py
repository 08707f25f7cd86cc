"""Two columns at a time: one association for every pair, whatever the two columns hold."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import rankdata

from pushforward.evaluation.features import Rows
from pushforward.evaluation.inputs import as_data
from pushforward.evaluation.mixed import Codes, Column, codes_of, judged_columns, numbers_of

MOST_COLUMNS = 100  # the first, whose pairs are judged
MOST_ROWS = 5000  # of each kind, at random
CATEGORIES = 20  # the most frequent of a column; the others count as one more
DRAWS = 5  # of real rows against real rows
TINY = 1e-12  # of a variance: nothing varies


@dataclass(frozen=True)
class Associations:
    """Associations of all pairs, (p, p), among real and among generated rows.

    `value` is the mean absolute difference over pairs, `expected` what as many real rows against
    real rows give, and `left_out` counts the columns beyond the first hundred.
    """

    columns: tuple[Column, ...]
    real: Rows
    fake: Rows
    expected: float
    left_out: int

    @property
    def value(self) -> float:
        return _mean_difference(self.real, self.fake)

    def to_frame(self) -> pd.DataFrame:
        """A row for each pair, those that differ most first."""
        i, j = np.triu_indices(len(self.columns), 1)
        names = [column.name for column in self.columns]
        frame = pd.DataFrame(
            {
                "first": [names[a] for a in i],
                "second": [names[b] for b in j],
                "real": self.real[i, j],
                "fake": self.fake[i, j],
                "difference": self.fake[i, j] - self.real[i, j],
            }
        )
        order = np.argsort(-frame["difference"].abs().to_numpy(), kind="stable")
        return frame.iloc[order].reset_index(drop=True)


def associations(frame: Any) -> pd.DataFrame:
    """Return the association of each pair of columns, a (p, p) table.

    Two numbers: Spearman's rank correlation, from −1 to 1, over the rows that have both. Two
    categories: Cramér's V, its bias corrected (Bergsma 2013, J. Korean Stat. Soc. 42, 323):

    φ̃² = max(0, χ²/n − (r−1)(k−1)/(n−1)),  V² = φ̃² / min(r̃ − 1, k̃ − 1),  k̃ = k − (k−1)²/(n−1)

    A category and a number: the correlation ratio η of the number's ranks, which is that of
    Kruskal and Wallis's test, corrected likewise (Kelley 1935):  ε² = 1 − (1 − η²)(n−1)/(n−k).
    The latter two go from 0 to 1. A missing category is a category; dates are numbers; of more
    than 20 categories the rarest count as one. Text and identifiers are left out.

    Raises `InputError` for fewer than two rows.

    >>> frame = pd.DataFrame({"x": range(40), "square": [v * v for v in range(40)]}, dtype=float)
    >>> associations(frame.assign(big=frame["x"] > 19)).round(2)
               x  square   big
    x       1.00    1.00  0.86
    square  1.00    1.00  0.86
    big     0.86    0.86  1.00
    """
    frame = as_data(pd.DataFrame(frame), "frame")
    columns = judged_columns(frame)
    names = [column.name for column in columns]
    return pd.DataFrame(Prepared.of([frame], columns)[0].matrix(), index=names, columns=names)


@dataclass(frozen=True)
class Prepared:
    """A table as its associations need it: numbers (n, q) and codes (n, c), and where each is."""

    numbers: Rows
    codes: Codes
    is_number: NDArray[np.bool_]  # (q + c,), in the order of the columns

    @classmethod
    def of(cls, frames: Sequence[pd.DataFrame], columns: Sequence[Column]) -> list[Prepared]:
        """Tables whose categories have the same codes."""
        is_number = np.array([column.kind != "category" for column in columns], dtype=bool)
        coded = [codes_of(frames, c, CATEGORIES) for c in columns if c.kind == "category"]
        return [
            cls(
                _stacked([numbers_of(f, c) for c in columns if c.kind != "category"], len(f)),
                _stacked([each[i] for each in coded], len(f)).astype(np.intp),
                is_number,
            )
            for i, f in enumerate(frames)
        ]

    def __len__(self) -> int:
        return len(self.codes)

    def rows(self, which: Any) -> Prepared:
        return Prepared(self.numbers[which], self.codes[which], self.is_number)

    def followed_by(self, other: Prepared) -> Prepared:
        return Prepared(
            np.concatenate([self.numbers, other.numbers]),
            np.concatenate([self.codes, other.codes]),
            self.is_number,
        )

    def matrix(self) -> Rows:
        """The association of each pair, (p, p), in the order of the columns; 1 with itself."""
        ranks, there = _centred_ranks(self.numbers)
        groups, starts = _one_hot(self.codes)
        found = np.zeros((len(self.is_number),) * 2)
        q, c = np.flatnonzero(self.is_number), np.flatnonzero(~self.is_number)
        found[np.ix_(q, q)] = _rank_correlations(ranks, there)
        if len(c):
            found[np.ix_(c, c)] = _cramers_v(groups, starts)
        if len(c) and len(q):
            ratios = _correlation_ratios(groups, starts, ranks, there)
            found[np.ix_(c, q)], found[np.ix_(q, c)] = ratios, ratios.T
        np.fill_diagonal(found, 1.0)
        return found


def pairwise(
    real: pd.DataFrame,
    fake: pd.DataFrame,
    columns: Sequence[Column],
    train: pd.DataFrame | None = None,
) -> Associations | None:
    """Compare the associations of the first hundred columns; None where there is one column.

    What real rows against real rows give is the mean over five divisions at random of all real
    rows, those of `train` among them, scaled by √(1/m + 1/n) to the sizes at hand.
    """
    judged = columns[:MOST_COLUMNS]
    if len(judged) < 2:
        return None
    rng = np.random.default_rng(0)
    frames = [_some(X, rng) for X in (real, fake, train) if X is not None]
    tables = Prepared.of(frames, judged)
    everything = tables[0] if train is None else tables[0].followed_by(tables[2])
    m, n, N = len(tables[0]), len(tables[1]), len(everything)
    a = min(m, N // 2)
    b = min(n, N - a)
    draws = []
    for _ in range(DRAWS):
        order = rng.permutation(N)
        parts = (everything.rows(order[:a]), everything.rows(order[a : a + b]))
        draws.append(_mean_difference(*(part.matrix() for part in parts)))
    expected = float(np.mean(draws)) * math.sqrt((1 / m + 1 / n) / (1 / a + 1 / b))
    return Associations(
        tuple(judged),
        tables[0].matrix(),
        tables[1].matrix(),
        expected,
        left_out=len(columns) - len(judged),
    )


def _some(frame: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    if len(frame) <= MOST_ROWS:
        return frame
    return frame.iloc[rng.choice(len(frame), MOST_ROWS, replace=False)]


def _stacked(columns: list[Any], n: int) -> Any:
    return np.column_stack(columns) if columns else np.zeros((n, 0))


def _mean_difference(a: Rows, b: Rows) -> float:
    pairs = np.triu_indices(len(a), 1)
    return float(np.abs(a[pairs] - b[pairs]).mean())


def _centred_ranks(numbers: Rows) -> tuple[Rows, Rows]:
    """Ranks less their mean, 0 where missing, and 1 where a value is there."""
    there = ~np.isnan(numbers)
    ranks = np.zeros_like(numbers)
    for j, column in enumerate(numbers.T):
        rank = rankdata(column[there[:, j]])
        ranks[there[:, j], j] = rank - (len(rank) + 1) / 2
    return ranks / max(len(numbers), 1), there.astype(float)


def _rank_correlations(ranks: Rows, there: Rows) -> Rows:
    """Pearson's correlations of ranks, over the rows that have both values."""
    n = np.maximum(there.T @ there, 1.0)
    total = ranks.T @ there  # of the row's variable, where the column's is there too
    square = (ranks**2).T @ there - total**2 / n
    product = ranks.T @ ranks - total * total.T / n
    scale = square * square.T
    return np.divide(product, np.sqrt(scale), out=np.zeros_like(product), where=scale > TINY**2)


def _one_hot(codes: Codes) -> tuple[Any, list[int]]:
    """Categories as columns of 0 and 1, those of one column beside each other from its start."""
    parts = [codes[:, j, None] == np.unique(codes[:, j]) for j in range(codes.shape[1])]
    starts = np.cumsum([0, *(part.shape[1] for part in parts)])[:-1].tolist()
    return np.hstack(parts or [np.zeros((len(codes), 0))]).astype(np.float32), starts


def _cramers_v(groups: Any, starts: list[int]) -> Rows:
    n = len(groups)
    together = (groups.T @ groups).astype(float)
    counts = np.diag(together)
    terms = together**2 / np.outer(counts, counts)
    phi = np.add.reduceat(np.add.reduceat(terms, starts, axis=0), starts, axis=1) - 1.0
    k = np.diff([*starts, len(counts)]).astype(float)
    phi = np.maximum(phi - np.outer(k - 1, k - 1) / (n - 1), 0.0)
    corrected = k - 1 - (k - 1) ** 2 / (n - 1)
    most = np.minimum.outer(corrected, corrected)
    v = np.divide(phi, most, out=np.zeros_like(phi), where=most > TINY)
    return np.sqrt(np.minimum(v, 1.0))


def _correlation_ratios(groups: Any, starts: list[int], ranks: Rows, there: Rows) -> Rows:
    """η of each number by each category, (c, q), corrected for the number of categories."""
    sums, counts = groups.T @ ranks, groups.T @ there
    between = np.add.reduceat(sums**2 / np.maximum(counts, 1.0), starts, axis=0)
    k = np.add.reduceat((counts > 0).astype(float), starts, axis=0)
    n, total = there.sum(axis=0), (ranks**2).sum(axis=0)
    usable = (total > TINY) & (n > k)
    share = np.divide(between, total, out=np.zeros_like(between), where=total > TINY)
    ratio = (1.0 - share) * (n - 1) / np.where(usable, n - k, 1.0)
    return np.sqrt(np.where(usable, np.clip(1.0 - ratio, 0.0, 1.0), 0.0))
