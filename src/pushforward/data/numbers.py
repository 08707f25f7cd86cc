"""Numeric columns between their own units and standard ones."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from pushforward.data.curve import Curve
from pushforward.errors import InputError

MOST_DECIMALS = 6
HEAP = 0.05  # share of rows that sit exactly on the end of a range for them to be a heap


@dataclass
class Numbers:
    """Numeric columns, standardised; each that has holes gets an indicator, [present, missing].

    A column with a curve is not standardised but has normal scores, z = Φ⁻¹(F(x)). A column that
    never varies is not encoded at all and comes back as the constant it was.
    """

    mean: np.ndarray  # (q,)
    scale: np.ndarray  # (q,), 0 where the column is constant
    low: np.ndarray  # (q,)
    high: np.ndarray  # (q,)
    decimals: np.ndarray  # (q,), -1 where values are not rounded
    missing: np.ndarray  # (q,) share of missing values
    heaped: np.ndarray  # (2, q) whether rows pile up on low, on high
    bounded: bool  # generated values stay within [low, high]
    curves: dict[int, Curve] = field(default_factory=dict)  # by the number of the column

    @classmethod
    def learn(
        cls, X: np.ndarray, *, bounded: bool, common_scale: bool = False, curved: bool = False
    ) -> Numbers:
        present = np.isfinite(X)
        count = np.maximum(present.sum(0), 1)
        mean = (np.where(present, X, 0.0) / count).sum(0)
        centred = np.where(present, X - mean, 0.0)
        # Squares of what is divided by its largest neither over- nor underflow.
        largest = np.abs(centred).max(0)
        unit = centred / np.where(largest > 0, largest, 1.0)
        scale = largest * np.sqrt((unit**2).sum(0) / count)
        low = np.where(present, X, np.inf).min(0)
        high = np.where(present, X, -np.inf).max(0)
        # Rounding leaves a constant column with a spread of some ulps; its range tells exactly.
        empty = ~present.any(0)
        low, high = np.where(empty, 0.0, low), np.where(empty, 0.0, high)
        scale = np.where(low == high, 0.0, scale)
        mean = np.where(low == high, low, mean)
        if common_scale:  # pixels share a unit: [low, high] becomes [-1, 1]
            low, high = np.full_like(low, low.min()), np.full_like(high, high.max())
            half = (high - low) / 2
            mean, scale = low + half, np.where(scale > 0, half, 0.0)
            mean = np.where(scale > 0, mean, np.where(present, X, 0.0).max(0))
        decimals = _decimals(X) if bounded and not common_scale else np.full(X.shape[1], -1)
        heaped = np.array([(low == X).sum(0), (high == X).sum(0)]) > HEAP * count
        curves = {}
        if curved and bounded and not common_scale:
            curves = {j: Curve.learn(X[present[:, j], j]) for j in np.flatnonzero(scale).tolist()}
        missing = 1.0 - present.mean(0)
        return cls(mean, scale, low, high, decimals, missing, heaped, bounded, curves)

    @classmethod
    def points(cls, q: int) -> Numbers:
        """Columns of plain numbers that are taken as they are."""
        whole = np.full(q, np.inf)
        none = np.zeros(q)
        heaped, decimals = np.zeros((2, q), dtype=bool), np.full(q, -1)
        return cls(none, np.ones(q), -whole, whole, decimals, none, heaped, bounded=False)

    def beside(self, q: int) -> Numbers:
        """These columns, and q more of plain numbers that are taken as they are."""
        far = np.full(q, 1e6)
        more = vars(replace(Numbers.points(q), low=-far, high=far))
        joined: dict[str, Any] = {
            name: np.concatenate([value, more[name]], axis=-1)
            for name, value in vars(self).items()
            if isinstance(value, np.ndarray)
        }
        return replace(self, **joined)

    @property
    def varying(self) -> np.ndarray:
        return self.scale > 0

    @property
    def holed(self) -> np.ndarray:
        return (self.missing > 0) & (self.missing < 1)

    def encode(self, X: np.ndarray) -> list[np.ndarray]:
        v, gone = self.varying, np.isnan(X)
        Z = (X[:, v] - self.mean[v]) / self.scale[v]
        for k, curve in self._placed_curves():
            Z[:, k] = curve.encode(X[:, v][:, k])
        Z[gone[:, v]] = 0.0
        return [Z, *(np.eye(2)[gone[:, j].astype(int)] for j in np.flatnonzero(self.holed))]

    def breaches(self, X: np.ndarray) -> np.ndarray:
        gone = np.isnan(X)
        constant = ~self.varying & (self.missing < 1)
        moved = constant & ~gone & (np.abs(X - self.mean) > 1e-9 * np.abs(self.mean))
        return (moved | (gone & (self.missing == 0))).sum(1)

    def decode(self, Z: np.ndarray, missing: list[np.ndarray]) -> np.ndarray:
        X = np.tile(self.mean, (len(Z), 1))
        v = self.varying
        with np.errstate(over="ignore" if self.bounded else "warn"):  # ∞ is cut off at the range
            X[:, v] = self.mean[v] + Z * self.scale[v]
        for column, (k, curve) in zip(self.curves, self._placed_curves(), strict=True):
            X[:, column] = curve.decode(Z[:, k])
        if self.bounded:
            X = self._into_range(X)
        for d in np.unique(self.decimals[self.decimals >= 0]):
            X[:, self.decimals == d] = np.round(X[:, self.decimals == d], d)
        for j, gone in zip(np.flatnonzero(self.holed), missing, strict=True):
            X[gone == 1, j] = np.nan
        X[:, self.missing == 1] = np.nan
        return X

    def log_scale(self, Z: np.ndarray) -> np.ndarray | float:
        """log |det| of the map back to the data, at encoded rows; −∞ where rows are on a heap."""
        flat = self.varying.copy()
        flat[list(self.curves)] = False
        constant = float(np.log(self.scale[flat]).sum())
        return constant + sum(curve.log_slope(Z[:, k]) for k, curve in self._placed_curves())

    def _placed_curves(self) -> list[tuple[int, Curve]]:
        """The curves, by the place of their column among those that vary."""
        place = np.cumsum(self.varying) - 1
        return [(int(place[j]), curve) for j, curve in self.curves.items()]

    def to_dict(self) -> dict[str, Any]:
        curves = {str(j): vars(curve) for j, curve in self.curves.items()}
        return vars(self) | {"curves": curves}

    @classmethod
    def from_dict(cls, state: dict[str, Any]) -> Numbers:
        """Those of format 1 have no curves."""
        curves = {int(j): Curve(**curve) for j, curve in state.get("curves", {}).items()}
        return cls(**(state | {"curves": curves}))

    def _into_range(self, X: np.ndarray) -> np.ndarray:
        """Values a little beyond the range are mirrored at its end, so that none heap up there.

        Where real rows heap up on the end themselves (no visits, full marks), and beyond half a
        range, they are cut off.
        """
        middle = self.low + (self.high - self.low) / 2
        for end, heaped, outward in zip((self.low, self.high), self.heaped, (-1, 1), strict=True):
            mirrored = end - (X - end)
            beyond = (outward * (X - end) > 0) & (outward * (mirrored - middle) >= 0) & ~heaped
            X = np.where(beyond, mirrored, X)
        return np.clip(X, self.low, self.high)


def _decimals(X: np.ndarray) -> np.ndarray:
    """The fewest decimals that write every value of a column exactly, -1 if more than six."""
    decimals = np.full(X.shape[1], -1)
    for d in range(MOST_DECIMALS, -1, -1):
        with np.errstate(over="ignore"):  # 1e305 has no decimals to speak of
            exact = ((np.round(X, d) == X) | np.isnan(X)).all(0)
        decimals[exact] = d
    return decimals


def check_finite(X: np.ndarray, names: list[str]) -> None:
    """Refuse infinite values; say how many, where, and what to do."""
    infinite = np.isinf(X)
    if infinite.any():
        where = [names[j] for j in np.flatnonzero(infinite.any(0))]
        shown = ", ".join(map(str, where[:5])) + (", ..." if len(where) > 5 else "")
        raise InputError(
            f"expected finite values, found {int(infinite.sum())} infinite in column(s) {shown}; "
            "replace them by missing values (NaN) or drop those rows"
        )
