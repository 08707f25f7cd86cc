"""The quantile transform of one column: a monotone curve between its values and normal scores."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

CANDIDATES = 2048  # values among which knots are looked for
CLOSEST = 0.02  # a knot is left out where the curve without it errs by less, in z
NOISE = 1.0  # and by less than the sampling error of a quantile, about 1.25/√n in z
EMPTY = 0.001  # of the rows, at most, that the curve puts into a gap between values
EMPTY_ROWS = 5.0  # divided by n it is more: so far neighbours are apart by chance
HEAP = 0.01  # share of rows on one value, from which on the value has an interval of z to itself
MARGIN = 0.05  # of such an interval, on each side, leads over to its neighbours
STEEPEST = 1e-3  # of z between two knots, at least: rounding is not to be blown up


@dataclass
class Curve:
    """z = Φ⁻¹(F(x)), piecewise linear between knots of the data, and its inverse.

    A value with many rows (a heap: no visits, full marks) is encoded as the middle of the interval
    of z that its rows take, and all of the interval is decoded to it. Knots are as few as follow
    the empirical F within its sampling error, so that they smooth it and do not list the rows.

    >>> x = np.exp(np.random.default_rng(0).normal(size=2000))
    >>> curve = Curve.learn(x)
    >>> z = curve.encode(x)
    >>> bool(abs(z.std() - 1) < 0.05), bool(np.allclose(curve.decode(z), x)), len(curve.x) < 60
    (True, True, True)
    """

    x: np.ndarray  # (k,), ascending
    low: np.ndarray  # (k,), where in z the value begins
    high: np.ndarray  # (k,), where it ends: the same but for heaps

    @classmethod
    def learn(cls, x: np.ndarray) -> Curve:
        """From the present values of a column, two different ones at least."""
        n = len(x)
        values, counts = np.unique(x, return_counts=True)
        end = np.cumsum(counts)
        z = ndtri((end - counts / 2) / n)
        heap = (counts > HEAP * n) & (counts > 1)
        forced = heap.copy()
        forced[[0, -1]] = True
        if len(values) > CANDIDATES:
            grid = np.searchsorted(z, np.linspace(z[0], z[-1], CANDIDATES))
            taken = np.union1d(grid, np.flatnonzero(forced))
            values, counts, end, z = (a[taken] for a in (values, counts, end, z))
            heap, forced = heap[taken], forced[taken]
        margin = MARGIN * counts
        low = np.where(heap, ndtri((end - counts + margin) / n), z)
        high = np.where(heap, ndtri((end - margin) / n), z)
        tolerance = max(CLOSEST, NOISE * 1.25 / np.sqrt(n))
        kept = _knots(values, z, low, high, np.flatnonzero(forced), tolerance)
        empty = max(EMPTY, EMPTY_ROWS / n)
        kept = np.union1d(kept, _edges(values, z, low, high, kept, empty))
        return cls(values[kept], *_apart(low[kept], high[kept]))

    def encode(self, x: np.ndarray) -> np.ndarray:
        i = np.clip(np.searchsorted(self.x, x, side="right") - 1, 0, len(self.x) - 2)
        t = (x - self.x[i]) / (self.x[i + 1] - self.x[i])
        z = self.high[i] + t * (self.low[i + 1] - self.high[i])
        middle = (self.low + self.high) / 2
        z = np.where(x <= self.x[i], middle[i], z)
        return np.where(x >= self.x[i + 1], middle[i + 1], z)

    def decode(self, z: np.ndarray) -> np.ndarray:
        """Values of the range; a little beyond its ends they are mirrored, unless rows heap up."""
        first, last = self.low[0], self.high[-1]
        middle = (first + last) / 2
        if self.high[0] == first:
            z = np.where((z < first) & (2 * first - z <= middle), 2 * first - z, z)
        if self.low[-1] == last:
            z = np.where((z > last) & (2 * last - z >= middle), 2 * last - z, z)
        return np.interp(z, *self.knots)

    @property
    def knots(self) -> tuple[np.ndarray, np.ndarray]:
        """z, strictly ascending, and x at each: a heap has two."""
        flat = self.high > self.low
        z = np.concatenate([self.low, self.high[flat]])
        x = np.concatenate([self.x, self.x[flat]])
        order = np.argsort(z, kind="stable")
        return z[order], x[order]

    def log_slope(self, z: np.ndarray) -> np.ndarray:
        """log dx/dz; −∞ on a heap."""
        at, x = self.knots
        i = np.clip(np.searchsorted(at, z, side="right") - 1, 0, len(at) - 2)
        with np.errstate(divide="ignore"):
            return np.log(np.diff(x)[i]) - np.log(np.diff(at)[i])


def _knots(
    x: np.ndarray,
    z: np.ndarray,
    low: np.ndarray,
    high: np.ndarray,
    forced: np.ndarray,
    tolerance: float,
) -> np.ndarray:
    """The places of knots, by Ramer (1972) and Douglas & Peucker (1973).

    Between two knots the value farthest off their line, in z, becomes one, until none is off by
    more than the tolerance.
    """
    kept = set(forced.tolist())
    open_ = list(zip(forced[:-1].tolist(), forced[1:].tolist(), strict=True))
    while open_:
        a, b = open_.pop()
        if b - a < 2:
            continue
        inside = slice(a + 1, b)
        t = (x[inside] - x[a]) / (x[b] - x[a])
        off = np.abs(z[inside] - (high[a] + t * (low[b] - high[a])))
        worst = int(np.argmax(off))
        if off[worst] > tolerance:
            middle = a + 1 + worst
            kept.add(middle)
            open_ += [(a, middle), (middle, b)]
    return np.array(sorted(kept))


def _edges(
    x: np.ndarray,
    z: np.ndarray,
    low: np.ndarray,
    high: np.ndarray,
    kept: np.ndarray,
    empty: float,
) -> np.ndarray:
    """Both sides of the gaps, as between modes, to which the curve gives rows that they lack."""
    left = np.searchsorted(kept, np.arange(len(x) - 1), side="right") - 1
    a, b = kept[left], kept[left + 1]
    given = (low[b] - high[a]) * (np.diff(x) / (x[b] - x[a]))
    density = np.exp(-(z[1:] ** 2) / 2) / np.sqrt(2 * np.pi)
    gap = np.flatnonzero(((given - np.diff(z)) * density > empty) & (b - a > 1))
    return np.concatenate([gap, gap + 1])


def _apart(low: np.ndarray, high: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Knots moved up where they are closer to the one before than `STEEPEST`."""
    low, high = low.copy(), high.copy()
    for i in range(1, len(low)):
        lift = max(0.0, high[i - 1] + STEEPEST - low[i])
        low[i] += lift
        high[i] = max(high[i], low[i])
    return low, high
