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
from pandas.api.types import is_numeric_dtype

from pushforward.data.categories import Categories, offsets_for
from pushforward.data.columns import LARGEST_INTEGER, choose_columns
from pushforward.data.dtypes import describe_dtype, is_number, restore_dtype, to_float
from pushforward.data.numbers import Numbers, check_finite
from pushforward.errors import DataWarning, InputError


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
    numbers: Numbers | None = None
    categories: dict[str, Categories] = field(default_factory=dict)
    offsets: list[np.ndarray] = field(default_factory=list)  # one per one-hot group
    shares: list[np.ndarray] = field(default_factory=list)  # one per one-hot group

    @classmethod
    def points(cls, columns: int | list[str]) -> Encoding:
        """The identity on points of R^p, given by their number of columns or by their names.

        >>> Encoding.points(2).inverse_transform(np.array([[1.5, -2.0]]))
        array([[ 1.5, -2. ]])
        """
        p = columns if isinstance(columns, int) else len(columns)
        if isinstance(columns, int):
            return cls("array", (p,), "float64", numbers=Numbers.points(p))
        dtypes = [describe_dtype(pd.Series(dtype=float))] * p
        return cls("frame", columns=columns, dtypes=dtypes, numbers=Numbers.points(p))

    def fit(self, X: Any, *, every_column: bool = False) -> Encoding:
        """Learn from rows; `every_column` takes a table whole, text and identifiers too."""
        if isinstance(X, pd.DataFrame):
            numbers = self._learn_frame(X, every_column)
        else:
            X = np.asarray(X)
            if X.dtype.kind in "iu" and X.size and max(X.max(), -int(X.min())) > LARGEST_INTEGER:
                raise InputError(
                    "expected whole numbers up to 2^53, which can be computed with exactly; "
                    "rescale them or convert them to floats"
                )
            self.kind = "array" if X.ndim == 2 else "images"
            self.shape, self.dtype = X.shape[1:], str(X.dtype)
            numbers = X.reshape(len(X), -1).astype(float)
        check_finite(numbers, self.number_names(numbers.shape[1]))
        self.numbers = Numbers.learn(
            numbers,
            bounded=self.kind != "array" or not np.issubdtype(np.dtype(self.dtype), np.floating),
            common_scale=self.kind == "images",
        )
        groups = self.split(self.transform(X))[1]
        self.offsets = [np.zeros(g.shape[1]) for g in groups]
        self.shares = [g.mean(0) for g in groups]
        return self

    def _learn_frame(self, X: pd.DataFrame, every_column: bool) -> np.ndarray:
        self.kind = "frame"
        if not every_column:
            X, notes = choose_columns(X)
            if notes:
                warnings.warn("; ".join(notes), DataWarning, stacklevel=4)
        self.columns = list(X.columns)
        self.dtypes = [describe_dtype(X[c]) for c in X.columns]
        # A number with two values is a category: rounding a normal would lose the rarer one.
        self.categories = {
            c: Categories.learn(X[c])
            for c in X.columns
            if not is_number(X[c]) or (is_numeric_dtype(X[c]) and X[c].nunique() == 2)
        }
        return self._numeric(X)

    def number_names(self, q: int) -> list[str]:
        """The names of the q numeric columns, by position where they have none."""
        names = [c for c in self.columns if c not in self.categories]
        return names or [str(j) for j in range(q)]

    def _numeric(self, X: pd.DataFrame) -> np.ndarray:
        columns = [to_float(X[c]) for c in self.columns if c not in self.categories]
        return np.column_stack(columns) if columns else np.empty((len(X), 0))

    @property
    def width(self) -> int:
        """Number of columns of the encoded matrix."""
        assert self.numbers is not None
        return int(self.numbers.varying.sum()) + sum(len(s) for s in self.shares)

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
        check_finite(numbers, self.number_names(numbers.shape[1]))
        one_hot = [c.encode(X[name]) for name, c in self.categories.items()]
        return np.hstack([*self.numbers.encode(numbers), *one_hot])

    def inverse_transform(self, Z: np.ndarray) -> Any:
        assert self.numbers is not None
        numbers, groups = self.split(np.asarray(Z, dtype=float))
        chosen = [np.argmax(g + b, axis=1) for g, b in zip(groups, self.offsets, strict=True)]
        holes = int(self.numbers.holed.sum())
        X = self.numbers.decode(numbers, chosen[:holes])
        if self.kind != "frame":
            if np.issubdtype(np.dtype(self.dtype), np.integer):
                X = np.rint(X)  # a cast alone would cut off, half a step on average
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
        return pd.DataFrame({name: restore_dtype(frame[name], spec) for name, spec in described})

    def snap(self, Z: np.ndarray) -> np.ndarray:
        """Generated rows as the data would hold them: rounded, in range, one category each."""
        assert self.numbers is not None
        if not (self.shares or self.numbers.bounded):
            return Z
        return self.transform(self.inverse_transform(Z))

    def breaches(self, X: Any) -> np.ndarray:
        """How many values of each row break what held in all training rows, `(n,)`.

        A constant that differs, a hole in a column that had none: the matrix cannot show them.
        """
        assert self.numbers is not None
        numbers = self._numeric(X) if self.kind == "frame" else np.asarray(X, dtype=float)
        return self.numbers.breaches(numbers.reshape(len(numbers), -1))

    def calibrate(self, Z: np.ndarray) -> None:
        """Set the offsets so that `Z`, draws of a model, fall into each category at its share."""
        groups = self.split(np.asarray(Z, dtype=float))[1]
        fitted = zip(groups, self.shares, strict=True)
        self.offsets = [offsets_for(scores, share) for scores, share in fitted]

    def split(self, Z: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
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
