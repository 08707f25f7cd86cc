"""Categorical columns of many values: places in a few dimensions instead of one-hot groups."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.sparse import csr_array, hstack
from scipy.special import ndtri
from sklearn.utils.extmath import randomized_svd

from pushforward.data.categories import Categories, index_of
from pushforward.errors import FileError

LEAST, MOST = 4, 8  # dimensions of the places
FACTORS = 32  # directions of the other columns by which values are told apart
SHRINKAGE = 5.0  # rows of the mean of all that are added to those of each value
RELATED_ROWS = 200_000  # by which the values are related to other columns, at most
REACH = 3.0  # of a standardised number among these
SEED = 1966  # of the randomised decompositions


@dataclass
class Embedded:
    """Each value of a column is a box of R^d whose mass under N(0, I) is its share of the rows.

    Halving the unit cube again and again, into parts of about the same mass, axis after axis, gives
    the boxes, Φ⁻¹ takes them to R^d. A value is encoded as the middle of its box; a point is
    decoded to the value in whose box it lies. So whatever draws smoothly near N(0, I) draws each
    value about at its share, and none that was never seen. Along the axes values are in the order
    of what the other columns are with them, as in a correspondence analysis: a draw that misses its
    box falls into that of a similar value.

    >>> column = pd.Series(list("abca"))
    >>> embedded = Embedded.learn(column, np.empty((4, 0)))
    >>> embedded.decode(embedded.encode(column)).tolist()
    ['a', 'b', 'c', 'a']
    """

    values: list[Any]  # plain Python objects, None for missing
    places: np.ndarray  # (K, d)
    axis: np.ndarray  # (K - 1,) of each division
    at: np.ndarray  # (K - 1,) where on that axis it divides
    parts: np.ndarray  # (2, K - 1): the division below and above, or ~k for value k

    @classmethod
    def learn(cls, column: pd.Series, related: np.ndarray, rows: Any = slice(None)) -> Embedded:
        """From a column, and what else these `rows` are, numbers `(m, q)` of similar size."""
        values = Categories.learn(column).values
        index = index_of(column, values)
        counts = np.bincount(index, minlength=len(values)).astype(float)
        d = int(np.clip(np.ceil(np.log2(len(values)) / 2), LEAST, MOST))
        order = _coordinates(index[rows], len(values), related, d)
        places, axis, at, parts = _divide(order, counts / counts.sum())
        return cls(values, places, axis, at, parts)

    @classmethod
    def from_dict(cls, state: dict[str, Any]) -> Embedded:
        """What was learnt, from a file.

        Raises:
            FileError: it is not what `learn` learns.
        """
        found = cls(**state)
        K, own = len(found.values), np.arange(len(found.axis))
        inner = found.parts >= 0
        known = (
            K > 1
            and found.places.ndim == 2
            and found.places.shape[0] == K
            and len(found.axis) == len(found.at) == K - 1
            and found.parts.shape == (2, K - 1)
            and {found.axis.dtype.kind, found.parts.dtype.kind} == {"i"}
            and found.axis.min() >= 0
            and found.axis.max() < found.width
            # Parts come after what they are parts of, so that each walk has an end.
            and np.all(np.where(inner, found.parts > own, found.parts >= -K))
            and found.parts.max(initial=0) < K - 1
        )
        if not known:
            raise FileError("expected places of the values of a column")
        return found

    @property
    def width(self) -> int:
        return self.places.shape[1]

    def encode(self, column: pd.Series) -> np.ndarray:
        """Places `(n, d)`; a value that was never seen is in the middle of all."""
        nowhere = np.zeros((1, self.width))
        return np.vstack([self.places, nowhere])[index_of(column, self.values)]

    def decode(self, Z: np.ndarray) -> np.ndarray:
        """The values in whose boxes points `(n, d)` lie."""
        rows, node = np.arange(len(Z)), np.zeros(len(Z), dtype=np.int64)
        while rows.size:
            here = node[rows]
            above = Z[rows, self.axis[here]] > self.at[here]
            node[rows] = self.parts[above.astype(int), here]
            rows = rows[node[rows] >= 0]
        return np.array([*self.values, None], dtype=object)[:-1][~node]


def factors(related: np.ndarray, columns: list[pd.Series]) -> np.ndarray:
    """What the rows are, in a bounded number of numbers: their leading components, `(n, q)`.

    `related` are plain numbers `(n, m)`. Of the columns of many values, where there are several,
    the components are those of their indicator matrix, rare values shrunk: what they share, as in a
    multiple correspondence analysis.
    """
    n, found = len(related), [np.clip(related, -REACH, REACH)]
    if related.shape[1] > FACTORS:
        found = [_components(found[0] - found[0].mean(0), FACTORS)]
    if len(columns) > 1:
        blocks = []
        for column in columns:
            codes, distinct = pd.factorize(column, use_na_sentinel=False)
            weight = 1 / np.sqrt(np.bincount(codes) + SHRINKAGE)
            entries = (weight[codes], (np.arange(n), codes))
            blocks.append(csr_array(entries, shape=(n, len(distinct))))
        found.append(_components(hstack(blocks, format="csr"), MOST + 1)[:, 1:])  # 1 is constant
    return np.hstack(found)


def _components(X: Any, k: int) -> np.ndarray:
    U, s, _ = randomized_svd(X, k, random_state=SEED)
    return U * (s / (s[0] or 1.0) * np.sqrt(len(U)))


def _coordinates(index: np.ndarray, K: int, related: np.ndarray, d: int) -> np.ndarray:
    """The leading d directions in which the means of rows with the same value differ, `(K, d)`."""
    order, n = np.zeros((K, d)), len(index)
    if related.shape[1]:
        counts = np.bincount(index, minlength=K)
        member = csr_array((np.ones(n), (index, np.arange(n))), shape=(K, n))
        means = (member @ (related - related.mean(0))) / (counts + SHRINKAGE)[:, None]
        _, directions = np.linalg.eigh(means.T @ (counts[:, None] * means))
        leading = directions[:, ::-1][:, :d]
        # A direction has no sign of its own: its largest entry is made positive.
        sign = np.sign(leading[np.abs(leading).argmax(0), np.arange(leading.shape[1])])
        order[:, : leading.shape[1]] = means @ (leading * sign)
    return order


def _divide(
    order: np.ndarray, mass: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Places, and the divisions that lead to them: all parts of one depth are divided at once."""
    K, d = order.shape
    low, high = np.zeros((K, d)), np.ones((K, d))
    axis, at = np.zeros(max(K - 1, 0), dtype=np.int64), np.zeros(max(K - 1, 0))
    parts = np.zeros((2, max(K - 1, 0)), dtype=np.int64)
    member = np.arange(K)  # of the values that are not yet alone
    part = np.zeros(K, dtype=np.int64)  # the division that each of these is in
    made, depth = 1, 0
    while member.size > 1:
        a = depth % d
        sort = np.lexsort((member, order[member, a], part))
        member, part = member[sort], part[sort]
        starts = np.flatnonzero(np.r_[True, part[1:] != part[:-1]])
        sizes = np.diff(np.r_[starts, len(member)])
        group = np.repeat(np.arange(len(starts)), sizes)
        total = np.add.reduceat(mass[member], starts)
        running = np.cumsum(mass[member])
        running -= (running[starts] - mass[member[starts]])[group]
        # After which value each part is divided: where it leaves the halves most alike.
        gap = np.abs(running - total[group] / 2)
        last = np.zeros(len(member), dtype=bool)
        last[starts + sizes - 1] = True
        gap[last] = np.inf
        best = np.lexsort((gap, group))[starts]
        above = np.arange(len(member)) > best[group]
        share = (running[best] / total)[group]
        box = low[member, a] + share * (high[member, a] - low[member, a])
        low[member, a] = np.where(above, box, low[member, a])
        high[member, a] = np.where(above, high[member, a], box)
        division = part[starts]
        axis[division], at[division] = a, ndtri(box[starts])
        # Halves of one value are done, others become divisions.
        below = best - starts + 1
        halves = np.stack([below, sizes - below])
        alone = halves == 1
        number = made + np.cumsum(~alone.T.ravel()).reshape(-1, 2).T - 1
        only = np.stack([member[starts], member[starts + sizes - 1]])
        parts[:, division] = np.where(alone, ~only, number)
        made += int((~alone).sum())
        goes_on = ~alone[above.astype(int), group]
        part = number[above.astype(int), group][goes_on]
        member = member[goes_on]
        depth += 1
    return ndtri((low + high) / 2), axis, at, parts
