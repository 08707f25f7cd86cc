"""The invertible encoding between what a user has and the matrix that a model sees.

An array, a table or a stack of images becomes a float matrix of standardised columns and one-hot
categories, learnt on the rows it is fitted to; `inverse_transform` brings generated rows back to
the same columns, dtypes, categories and ranges.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from pandas.api.types import is_numeric_dtype

from pushforward.data.categories import Categories, offsets_for
from pushforward.data.columns import LARGEST_INTEGER, check_learnable, choose_columns
from pushforward.data.dtypes import describe_dtype, is_number, restore_dtype, to_float
from pushforward.data.embedded import MOST, RELATED_ROWS, Embedded, factors
from pushforward.data.identifiers import Identifier
from pushforward.data.numbers import Numbers, check_finite
from pushforward.data.restored import check_restored
from pushforward.errors import DataWarning, InputError

ONE_HOT = 64  # values of a column, at most, for each to have a column of its own
WIDEST = 20_000  # encoded columns of a table, at most
WIDE = 2_000  # of which the size is told before it is felt


@dataclass
class Encoding:
    """Between data as a user has it and a float64 matrix of n rows and `width` columns.

    Arrays of floats are points of R^p: they are standardised and come back unbounded. Tables,
    integers and images come back within the range, and with the decimals, seen in training. Each
    category, boolean and hole is a one-hot group, read back as argmax(z + offset): the offsets are
    0 until `calibrate` sets them so that the shares of a model's own draws match the training
    rows; they stay below one half, so that encoding and decoding real rows is the identity. A
    column of many categories has places in a few dimensions instead (`Embedded`). Identifiers are
    not encoded: `inverse_transform` numbers rows anew.

    Raises:
        InputError: infinite values, nothing that varies, or a table that would become too wide.

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
    embedded: dict[str, Embedded] = field(default_factory=dict)
    identifiers: dict[str, Identifier] = field(default_factory=dict)

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

    def fit(
        self,
        X: Any,
        *,
        every_column: bool = False,
        numbers: str = "standard",
        one_hot: float = ONE_HOT,
        widest: float = WIDEST,
    ) -> Encoding:
        """Learn from rows.

        Args:
            X: an array `(n, p)`, a stack of images or a table.
            every_column: take a table whole, text and identifiers too.
            numbers: how those of a table are encoded: "standard", or as normal scores, "quantile".
            one_hot: categories of a column, at most, that have a column each.
            widest: encoded columns of a table, at most.
        """
        if isinstance(X, pd.DataFrame):
            self._learn_frame(X, every_column, numbers == "quantile", one_hot, widest)
        else:
            X = np.asarray(X)
            if X.dtype.kind in "iu" and X.size and max(X.max(), -int(X.min())) > LARGEST_INTEGER:
                raise InputError(
                    "expected whole numbers up to 2^53, which can be computed with exactly; "
                    "rescale them or convert them to floats"
                )
            self.kind = "array" if X.ndim == 2 else "images"
            self.shape, self.dtype = X.shape[1:], str(X.dtype)
            values = X.reshape(len(X), -1).astype(float)
            check_finite(values, self.number_names(values.shape[1]))
            self.numbers = Numbers.learn(
                values,
                bounded=self.kind == "images" or not np.issubdtype(X.dtype, np.floating),
                common_scale=self.kind == "images",
            )
        groups = self.split(self.transform(X))[1]
        self.offsets = [np.zeros(g.shape[1]) for g in groups]
        self.shares = [g.mean(0) for g in groups]
        return self

    def _learn_frame(
        self, X: pd.DataFrame, every_column: bool, curved: bool, one_hot: float, widest: float
    ) -> None:
        self.kind = "frame"
        if every_column:
            check_learnable(X)
        else:
            X, notes = choose_columns(X, identifiers=True)
            found = {name: Identifier.of(X[name]) for name in X.columns}
            self.identifiers = {name: i for name, i in found.items() if i is not None}
            if self.identifiers:
                named = ", ".join(map(repr, self.identifiers))
                notes.append(
                    f"not learnt but numbered anew, as it names the rows: column {named} "
                    "(to learn it: floats or a category, --as-category)"
                )
            if notes:
                warnings.warn("; ".join(notes), DataWarning, stacklevel=5)
        self.columns = list(X.columns)
        self.dtypes = [describe_dtype(column) for _, column in X.items()]
        plain, discrete = {}, []
        for name in X.columns:  # in `evaluate` names may be numbers
            if name in self.identifiers:
                continue
            column = X[name]
            # A number with two values is a category: rounding a normal would lose the rarer one.
            values = to_float(column) if is_number(column) else None
            if values is None or (is_numeric_dtype(column) and _has_two_values(values)):
                discrete.append(name)
            else:
                plain[name] = values
        many = [name for name in discrete if X[name].nunique(dropna=False) > one_hot]
        self.categories = {c: Categories.learn(X[c]) for c in discrete if c not in many}
        numbers = np.column_stack(list(plain.values())) if plain else np.empty((len(X), 0))
        check_finite(numbers, list(plain))
        self.numbers = Numbers.learn(numbers, bounded=True, curved=curved)
        self._check_width(len(X), len(many), widest)
        if many:
            self._embed(X, numbers, many)

    def _embed(self, X: pd.DataFrame, values: np.ndarray, many: list[str]) -> None:
        """Give the values of each column of many categories their places."""
        assert self.numbers is not None
        rows = np.unique(np.linspace(0, len(X) - 1, min(len(X), RELATED_ROWS)).astype(int))
        some = X.iloc[rows]
        one_hot = [c.encode(some[name]) for name, c in self.categories.items()]
        related = np.hstack([*self.numbers.encode(values[rows]), *one_hot])
        related = factors(related, [some[name] for name in many])
        self.embedded = {name: Embedded.learn(X[name], related, rows) for name in many}
        self.numbers = self.numbers.beside(sum(e.width for e in self.embedded.values()))

    def recount(self, counts: Mapping[str, Mapping[Any, int]]) -> None:
        """Set the shares of categories by all rows, where some were learnt from."""
        assert self.numbers is not None
        holes = int(self.numbers.holed.sum())
        for k, (name, category) in enumerate(self.categories.items(), holes):
            if name in counts:
                n = np.array([counts[name].get(value, 0) for value in category.values], dtype=float)
                self.shares[k] = n / n.sum()

    def _check_width(self, n: int, many: int, widest: float) -> None:
        """Tell how large an encoded table would become, before it is made."""
        assert self.numbers is not None
        holes = 2 * int(self.numbers.holed.sum())
        categories = sum(len(c.values) for c in self.categories.values())
        numbers, places = int(self.numbers.varying.sum()), MOST * many
        width = numbers + holes + categories + places
        if width <= min(widest, WIDE):
            return
        parts = {"numbers": numbers, "holes": holes, "categories": categories}
        parts["places of columns with many categories"] = places
        told = ", ".join(f"{k} for {what}" for what, k in parts.items() if k)
        forecast = (
            f"the table of {len(self.columns)} columns becomes {width} encoded ones ({told}), "
            f"{4e-6 * n * width:,.0f} MB in float32 for {n} rows"
        )
        advice = "leave columns out (drop), reduce the numbers to their principal components first"
        if width > widest:
            raise InputError(
                f"{forecast}; at most {widest:.0f} are encoded. Either {advice}, or raise the "
                "bound: Sampler.widest = ..."
            )
        warnings.warn(f"{forecast}. To make it less, {advice}", DataWarning, stacklevel=6)

    @property
    def _plain(self) -> list[str]:
        """The names of the columns that are encoded as the numbers that they are."""
        others = (self.categories, self.embedded, self.identifiers)
        return [c for c in self.columns if not any(c in names for names in others)]

    def number_names(self, q: int) -> list[str]:
        """The names of the q numeric columns, by position where they have none."""
        places = [f"{c} ({k})" for c, e in self.embedded.items() for k in range(e.width)]
        return [*self._plain, *places] or [str(j) for j in range(q)]

    def _numeric(self, X: pd.DataFrame) -> np.ndarray:
        columns = [to_float(X[c]) for c in self._plain]
        columns += [place for c, e in self.embedded.items() for place in e.encode(X[c]).T]
        return np.column_stack(columns) if columns else np.empty((len(X), 0))

    @property
    def discrete(self) -> bool:
        """Whether rows have categories or holes, which no density is common to."""
        return bool(self.shares or self.embedded)

    @property
    def width(self) -> int:
        """Number of columns of the encoded matrix."""
        assert self.numbers is not None
        return int(self.numbers.varying.sum()) + sum(len(s) for s in self.shares)

    @property
    def log_scale(self) -> float:
        """log |det| of the map from the encoded matrix back to the data, where it is linear."""
        assert self.numbers is not None
        return float(np.log(self.numbers.scale[self.numbers.varying]).sum())

    def log_scale_at(self, Z: np.ndarray) -> np.ndarray | float:
        """`log_scale`, also where the map is curved: of each encoded row, `(n,)`.

        Raises:
            InputError: rows are on a value that many share; such rows have no density.
        """
        assert self.numbers is not None
        scale = self.numbers.log_scale(self.split(Z)[0])
        if np.isneginf(scale).any():
            raise InputError(
                "expected columns without values that many rows share, which have a probability "
                "and no density; compare samples instead (pushforward.evaluate)"
            )
        return scale

    def transform(self, X: Any) -> np.ndarray:
        assert self.numbers is not None
        if self.kind != "frame":
            X = np.asarray(X)
            return np.hstack(self.numbers.encode(X.reshape(len(X), -1).astype(float)))
        needed = [c for c in self.columns if c not in self.identifiers]
        lacking = [c for c in needed if c not in X.columns]
        if lacking:
            raise InputError(f"expected the columns {needed}; {lacking} are not there")
        numbers = self._numeric(X)
        check_finite(numbers, self.number_names(numbers.shape[1]))
        one_hot = [c.encode(X[name]) for name, c in self.categories.items()]
        return np.hstack([*self.numbers.encode(numbers), *one_hot])

    def inverse_transform(self, Z: np.ndarray, *, seed: int = 0) -> Any:
        """Rows of the kind that was fitted to; a seed draws identifiers that are drawn."""
        X = self.learnt_columns(Z)
        if not self.identifiers:
            return X
        for name, spec in zip(self.columns, self.dtypes, strict=True):
            if name in self.identifiers:
                new = self.identifiers[name].anew(len(Z), seed=seed, dtype=spec["name"])
                X[name] = restore_dtype(pd.Series(new, dtype=object), spec)
        return X[self.columns]

    def learnt_columns(self, Z: np.ndarray) -> Any:
        """Rows without their identifiers."""
        assert self.numbers is not None
        numbers, groups = self.split(np.asarray(Z, dtype=float))
        chosen = [np.argmax(g + b, axis=1) for g, b in zip(groups, self.offsets, strict=True)]
        holes = int(self.numbers.holed.sum())
        X = self.numbers.decode(numbers, chosen[:holes])
        if self.kind != "frame":
            if np.issubdtype(np.dtype(self.dtype), np.integer):
                X = np.rint(X)  # a cast alone would cut off, half a step on average
            return X.reshape(len(X), *self.shape).astype(self.dtype)
        plain = self._plain
        found = dict(zip(plain, X.T, strict=False))
        found |= {
            name: category.decode(index)
            for (name, category), index in zip(self.categories.items(), chosen[holes:], strict=True)
        }
        ends = len(plain) + np.cumsum([e.width for e in self.embedded.values()], dtype=int)
        for (name, e), end in zip(self.embedded.items(), ends, strict=True):
            found[name] = e.decode(X[:, end - e.width : end])
        described = zip(self.columns, self.dtypes, strict=True)
        return pd.DataFrame(
            {
                name: restore_dtype(pd.Series(found[name]), spec)
                for name, spec in described
                if name in found
            },
            index=pd.RangeIndex(len(X)),
        )

    def snap(self, Z: np.ndarray) -> np.ndarray:
        """Generated rows as the data would hold them: rounded, in range, one category each."""
        assert self.numbers is not None
        if not (self.shares or self.numbers.bounded):
            return Z
        return self.transform(self.learnt_columns(Z))

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
            "numbers": self.numbers.to_dict(),
            "categories": [[name, c.values] for name, c in self.categories.items()],
            "offsets": list(self.offsets),
            "shares": list(self.shares),
            "embedded": [[name, vars(e)] for name, e in self.embedded.items()],
            "identifiers": [[name, vars(i)] for name, i in self.identifiers.items()],
        }

    @classmethod
    def from_dict(cls, state: dict[str, Any]) -> Encoding:
        learnt = dict(state)
        learnt["shape"] = tuple(state["shape"])
        learnt["numbers"] = Numbers.from_dict(state["numbers"])
        learnt["categories"] = {name: Categories(values) for name, values in state["categories"]}
        kinds: dict[str, Any] = {"embedded": Embedded, "identifiers": Identifier}
        for name, kind in kinds.items():  # that format 1 did not have
            found = state.get(name, [])
            learnt[name] = {column: kind.from_dict(each) for column, each in found}
        encoding = cls(**learnt)
        check_restored(encoding)
        return encoding


def _has_two_values(x: np.ndarray) -> bool:
    here = x[~np.isnan(x)]
    low, high = here.min(initial=np.inf), here.max(initial=-np.inf)
    return bool(low < high and ((here == low) | (here == high)).all())
