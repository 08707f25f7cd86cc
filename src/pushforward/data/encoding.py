"""The invertible encoding between what a user has and the matrix that a model sees.

An array, a table or a stack of images becomes a float matrix of standardised columns and one-hot
categories, learnt on the rows it is fitted to; `inverse_transform` brings generated rows back to
the same columns, dtypes, categories and ranges.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from pandas.api import types

from pushforward.data.columns import choose_columns
from pushforward.errors import DataWarning, InputError

DAY = np.timedelta64(1, "D")
MOST_DECIMALS = 6


@dataclass
class Numbers:
    """Numeric columns, standardised; each that has holes gets an indicator, [present, missing].

    A column that never varies is not encoded at all and comes back as the constant it was.
    """

    mean: np.ndarray  # (q,)
    scale: np.ndarray  # (q,), 0 where the column is constant
    low: np.ndarray  # (q,)
    high: np.ndarray  # (q,)
    decimals: np.ndarray  # (q,), -1 where values are not rounded
    missing: np.ndarray  # (q,) share of missing values
    bounded: bool  # generated values stay within [low, high]

    @classmethod
    def learn(cls, X: np.ndarray, *, bounded: bool, common_scale: bool = False) -> Numbers:
        present = np.isfinite(X)
        count = np.maximum(present.sum(0), 1)
        mean = np.where(present, X, 0.0).sum(0) / count
        centred = np.where(present, X - mean, 0.0)
        scale = np.sqrt((centred**2).sum(0) / count)
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
        return cls(mean, scale, low, high, decimals, 1.0 - present.mean(0), bounded)

    @property
    def varying(self) -> np.ndarray:
        return self.scale > 0

    @property
    def holed(self) -> np.ndarray:
        return (self.missing > 0) & (self.missing < 1)

    def encode(self, X: np.ndarray) -> list[np.ndarray]:
        v, gone = self.varying, np.isnan(X)
        Z = (X[:, v] - self.mean[v]) / self.scale[v]
        Z[gone[:, v]] = 0.0
        return [Z, *(np.eye(2)[gone[:, j].astype(int)] for j in np.flatnonzero(self.holed))]

    def decode(self, Z: np.ndarray, missing: list[np.ndarray]) -> np.ndarray:
        X = np.tile(self.mean, (len(Z), 1))
        v = self.varying
        X[:, v] += Z * self.scale[v]
        for d in np.unique(self.decimals[self.decimals >= 0]):
            X[:, self.decimals == d] = np.round(X[:, self.decimals == d], d)
        if self.bounded:
            X = np.clip(X, self.low, self.high)
        for j, gone in zip(np.flatnonzero(self.holed), missing, strict=True):
            X[gone == 1, j] = np.nan
        X[:, self.missing == 1] = np.nan
        return X


def _decimals(X: np.ndarray) -> np.ndarray:
    """The fewest decimals that write every value of a column exactly, -1 if more than six."""
    decimals = np.full(X.shape[1], -1)
    for d in range(MOST_DECIMALS, -1, -1):
        exact = ((np.round(X, d) == X) | np.isnan(X)).all(0)
        decimals[exact] = d
    return decimals


@dataclass
class Categories:
    """One categorical column: its values as plain Python objects, None for missing."""

    values: list[Any]

    @classmethod
    def learn(cls, column: pd.Series) -> Categories:
        values = sorted(_plain(column.dropna().unique()), key=lambda v: (str(type(v)), v))
        return cls(values + [None] * bool(column.isna().any()))

    def encode(self, column: pd.Series) -> np.ndarray:
        """One-hot rows; a value that was never seen in training is a row of zeros."""
        where = {value: i for i, value in enumerate(self.values)}
        plain = _plain(column.astype(object).where(column.notna(), None))
        index = np.array([where.get(v, -1) for v in plain], dtype=int)
        return np.vstack([np.eye(len(self.values)), np.zeros(len(self.values))])[index]

    def decode(self, index: np.ndarray) -> np.ndarray:
        return np.array([*self.values, None], dtype=object)[index]


def _plain(values: Any) -> list[Any]:
    return [v.item() if isinstance(v, np.generic) else v for v in values]


@dataclass
class Encoding:
    """Between data as a user has it and a float64 matrix of n rows and `width` columns.

    Arrays of floats are points of R^p: they are standardised and come back unbounded. Tables,
    integers and images come back within the range, and with the decimals, seen in training. Each
    category, boolean and hole is a one-hot group, read back as argmax(z + offset): the offsets are
    0 until `calibrate` sets them so that the shares of a model's own draws match the training
    rows; they stay below one half, so that encoding and decoding real rows is the identity.

    Raises:
        InputError: infinite values, or nothing that varies.

    >>> frame = pd.DataFrame({"age": [20, 30, 40], "city": ["Bern", "Basel", "Bern"]})
    >>> encoding = Encoding().fit(frame)
    >>> encoding.transform(frame).shape
    (3, 3)
    >>> encoding.inverse_transform(encoding.transform(frame)).equals(frame)
    True
    """

    kind: str = ""  # "array", "images" or "frame"
    shape: tuple[int, ...] = ()  # of one image
    dtype: str = ""  # of an array
    columns: list[str] = field(default_factory=list)
    dtypes: list[dict[str, Any]] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    numbers: Numbers | None = None
    categories: dict[str, Categories] = field(default_factory=dict)
    offsets: list[np.ndarray] = field(default_factory=list)  # one per one-hot group
    shares: list[np.ndarray] = field(default_factory=list)  # one per one-hot group

    def fit(self, X: Any) -> Encoding:
        if isinstance(X, pd.DataFrame):
            numbers = self._learn_frame(X)
        else:
            X = np.asarray(X)
            self.kind = "array" if X.ndim == 2 else "images"
            self.shape, self.dtype = X.shape[1:], str(X.dtype)
            numbers = X.reshape(len(X), -1).astype(float)
        check_finite(numbers, self._numeric_names(numbers.shape[1]))
        self.numbers = Numbers.learn(
            numbers,
            bounded=self.kind != "array" or not np.issubdtype(np.dtype(self.dtype), np.floating),
            common_scale=self.kind == "images",
        )
        groups = self._split(self.transform(X))[1]
        self.offsets = [np.zeros(g.shape[1]) for g in groups]
        self.shares = [g.mean(0) for g in groups]
        return self

    def _learn_frame(self, X: pd.DataFrame) -> np.ndarray:
        self.kind = "frame"
        X, notes = choose_columns(X)
        if notes:
            warnings.warn("; ".join(notes), DataWarning, stacklevel=4)
        self.left_out = notes
        self.columns = list(X.columns)
        self.dtypes = [_describe(X[c].dtype) for c in X.columns]
        self.categories = {c: Categories.learn(X[c]) for c in X.columns if not _is_number(X[c])}
        return self._numeric(X)

    def _numeric_names(self, q: int) -> list[str]:
        names = [c for c in self.columns if c not in self.categories]
        return names or [str(j) for j in range(q)]

    def _numeric(self, X: pd.DataFrame) -> np.ndarray:
        columns = [_to_float(X[c]) for c in self.columns if c not in self.categories]
        return np.column_stack(columns) if columns else np.empty((len(X), 0))

    @property
    def width(self) -> int:
        """Number of columns of the encoded matrix."""
        assert self.numbers is not None
        return int(self.numbers.varying.sum()) + sum(len(s) for s in self.shares)

    @property
    def continuous(self) -> bool:
        """Whether the encoding is one affine map of R^p, under which a density carries over."""
        return self.kind == "array" and not self.shares and not self.rounded

    @property
    def rounded(self) -> bool:
        assert self.numbers is not None
        return bool((self.numbers.decimals >= 0).any())

    @property
    def log_scale(self) -> float:
        """log |det| of the map from the encoded matrix back to the data."""
        assert self.numbers is not None
        return float(np.log(self.numbers.scale[self.numbers.varying]).sum())

    def transform(self, X: Any) -> np.ndarray:
        assert self.numbers is not None
        if self.kind != "frame":
            X = np.asarray(X)
            return np.hstack(self.numbers.encode(X.reshape(len(X), -1).astype(float)))
        lacking = [c for c in self.columns if c not in X.columns]
        if lacking:
            raise InputError(f"expected the columns {self.columns}; {lacking} are not there")
        numbers = self._numeric(X)
        check_finite(numbers, self._numeric_names(numbers.shape[1]))
        one_hot = [c.encode(X[name]) for name, c in self.categories.items()]
        return np.hstack([*self.numbers.encode(numbers), *one_hot])

    def inverse_transform(self, Z: np.ndarray) -> Any:
        assert self.numbers is not None
        numbers, groups = self._split(np.asarray(Z, dtype=float))
        chosen = [np.argmax(g + b, axis=1) for g, b in zip(groups, self.offsets, strict=True)]
        holes = int(self.numbers.holed.sum())
        X = self.numbers.decode(numbers, chosen[:holes])
        if self.kind != "frame":
            return X.reshape(len(X), *self.shape).astype(self.dtype)
        numeric = iter(X.T)
        discrete = iter(chosen[holes:])
        return pd.DataFrame(
            {
                name: self.categories[name].decode(next(discrete))
                if name in self.categories
                else next(numeric)
                for name in self.columns
            }
        ).pipe(self._restore_dtypes)

    def _restore_dtypes(self, frame: pd.DataFrame) -> pd.DataFrame:
        described = zip(self.columns, self.dtypes, strict=True)
        return pd.DataFrame({name: _restore(frame[name], spec) for name, spec in described})

    def snap(self, Z: np.ndarray) -> np.ndarray:
        """Generated rows as the data would hold them: rounded, in range, one category each."""
        if self.kind == "array" and not self.shares and not self.rounded:
            return Z
        return self.transform(self.inverse_transform(Z))

    def calibrate(self, Z: np.ndarray) -> None:
        """Set the offsets so that `Z`, draws of a model, fall into each category at its share."""
        groups = self._split(np.asarray(Z, dtype=float))[1]
        fitted = zip(groups, self.shares, strict=True)
        self.offsets = [_offsets(scores, share) for scores, share in fitted]

    def _split(self, Z: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
        """The standardised numbers, and the one-hot groups: holes first, then categories."""
        assert self.numbers is not None
        sizes = [int(self.numbers.varying.sum())] + [2] * int(self.numbers.holed.sum())
        sizes += [len(c.values) for c in self.categories.values()]
        blocks = np.split(Z, np.cumsum(sizes)[:-1], axis=1)
        return blocks[0], blocks[1:]

    def to_dict(self) -> dict[str, Any]:
        """All that was learnt, as plain values and arrays."""
        assert self.numbers is not None
        return {
            "kind": self.kind,
            "shape": list(self.shape),
            "dtype": self.dtype,
            "columns": self.columns,
            "dtypes": self.dtypes,
            "left_out": self.left_out,
            "numbers": dict(vars(self.numbers)),
            "categories": [[name, c.values] for name, c in self.categories.items()],
            "offsets": list(self.offsets),
            "shares": list(self.shares),
        }

    @classmethod
    def from_dict(cls, state: dict[str, Any]) -> Encoding:
        learnt = dict(state)
        learnt["shape"] = tuple(state["shape"])
        learnt["numbers"] = Numbers(**state["numbers"])
        learnt["categories"] = {name: Categories(values) for name, values in state["categories"]}
        return cls(**learnt)


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


def _offsets(scores: np.ndarray, share: np.ndarray, rounds: int = 400) -> np.ndarray:
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


def _is_number(column: pd.Series) -> bool:
    if isinstance(column.dtype, pd.CategoricalDtype) or types.is_bool_dtype(column):
        return False
    return types.is_numeric_dtype(column) or types.is_datetime64_any_dtype(column)


def _to_float(column: pd.Series) -> np.ndarray:
    """A numeric column as float64 with NaN for missing; dates as days since 1970."""
    if types.is_datetime64_any_dtype(column):
        if column.dt.tz is not None:
            column = column.dt.tz_convert("UTC").dt.tz_localize(None)
        days = (column - pd.Timestamp(0)) / DAY
        return days.to_numpy(dtype=float)
    return column.to_numpy(dtype=float, na_value=np.nan)


def _describe(dtype: Any) -> dict[str, Any]:
    if isinstance(dtype, pd.CategoricalDtype):
        categories = dtype.categories
        return {
            "name": "category",
            "categories": _plain(categories),
            "of": str(categories.dtype),
            "ordered": bool(dtype.ordered),
        }
    return {"name": str(dtype)}


def _restore(column: pd.Series, spec: dict[str, Any]) -> pd.Series:
    name = spec["name"]
    if name == "category":
        levels = pd.Index(spec["categories"], dtype=spec["of"])
        return column.astype(pd.CategoricalDtype(levels, ordered=spec["ordered"]))
    if name.startswith("datetime64"):
        moments = pd.to_datetime((column * DAY.astype("m8[us]").astype(float)).round(), unit="us")
        zone = getattr(pd.api.types.pandas_dtype(name), "tz", None)
        if zone is not None:
            moments = moments.dt.tz_localize("UTC").dt.tz_convert(zone)
        return moments.astype(name)
    return column.astype(name)
