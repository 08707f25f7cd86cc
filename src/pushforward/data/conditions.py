"""What samples are asked for by: labels, several columns, continuous values."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from pandas.api import types

from pushforward.data.asked import event_of, is_choice, known_value
from pushforward.data.categories import plain_values
from pushforward.data.encoding import Encoding
from pushforward.errors import DataWarning, InputError

MOST_CLASSES = 50  # whole numbers with more distinct values than this are continuous
NEAREST = 50  # training rows among which the columns that are not given are looked for


@dataclass
class Conditions:
    """The conditions of the training rows, encoded: one-hot classes, standardised numbers.

    Text, booleans, categories and whole numbers of at most 50 distinct values are classes; all else
    is continuous. `seen` holds the distinct conditions (m, q), `shares` how often each occurred.

    >>> conditions = Conditions.learn(["cat", "dog", "cat"])
    >>> conditions.asked("dog", 2, np.random.default_rng(0))
    array([[0., 1.],
           [0., 1.]])
    """

    encoding: Encoding
    seen: np.ndarray
    shares: np.ndarray
    single: bool  # whether they came as one array of labels, and are given back as one

    @classmethod
    def learn(cls, y: Any, n: int | None = None) -> Conditions:
        """From the conditions of all training rows, n where their number is known.

        Raises:
            InputError: labels of another length or missing.
        """
        frame = labels_of(y, n)
        for column in frame:
            if _is_class(frame[column]):
                plain = frame[column].map(_plain_class, na_action="ignore")
                frame[column] = plain.astype("category").cat.remove_unused_categories()
        encoding = Encoding().fit(frame, every_column=True, one_hot=np.inf)
        seen, counts = np.unique(encoding.transform(frame), axis=0, return_counts=True)
        return cls(encoding, seen, counts / len(frame), np.asarray(y).ndim == 1)

    @property
    def width(self) -> int:
        """Number of encoded columns, q."""
        return self.encoding.width

    @property
    def columns(self) -> list[str]:
        return self.encoding.columns

    @property
    def continuous(self) -> list[str]:
        """The columns that are numbers, not classes."""
        return [c for c in self.columns if c not in self.encoding.categories]

    def encode(self, y: Any, n: int) -> np.ndarray:
        """The conditions of n held-out rows, `(n, q)`; a class that is new to them is all zeros.

        Raises:
            InputError: labels of another length or missing.
        """
        frame = labels_of(y, n)
        if not isinstance(y, pd.DataFrame) and frame.shape[1] == len(self.columns):
            frame.columns = pd.Index(self.columns)  # an array has no names of its own
        return self.encoding.transform(frame)

    def decode(self, C: np.ndarray) -> Any:
        """Encoded conditions as they were given: a table, or an array where they were one."""
        frame = self.encoding.inverse_transform(C)
        return np.asarray(frame[self.columns[0]]) if self.single else frame

    def draw(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """Conditions of n rows, as often as they occurred in training, `(n, q)`."""
        return self.seen[rng.choice(len(self.seen), size=n, p=self.shares)]

    def asked(self, given: Any, n: int, rng: np.random.Generator) -> np.ndarray:
        """The encoded conditions of n samples, `(n, q)`.

        `given` is a value or one for each sample, or either by column, `{"city": "Bern"}`. A set
        of values, or a pair as a range, is drawn from training rows that are within, as often as
        each occurred. Columns that are not given are drawn from training rows that agree in the
        classes that are given, among the nearest 50 of them in numbers.

        Raises:
            InputError: a column, class or number that was never seen, or values of another length.
        """
        wanted = self._by_column(given)
        choices = {c: value for c, value in wanted.items() if is_choice(value)}
        if choices:
            within = self._within(choices)
            rest = {c: value for c, value in wanted.items() if c not in choices}
            return within.asked(rest, n, rng) if rest else within.draw(n, rng)
        frame = pd.DataFrame({c: self._values(c, value, n) for c, value in wanted.items()})
        if set(frame) == set(self.columns):
            C = self.encoding.transform(frame)
            self._tell_new_combinations(C)
            return C
        C = np.empty((n, self.width))
        table = self.encoding.inverse_transform(self.seen)
        for _, rows in frame.groupby(list(frame), sort=False, observed=True).indices.items():
            agreeing = self._agreeing(table, frame.iloc[rows[0]])
            shares = self.shares[agreeing] / self.shares[agreeing].sum()
            chosen = table.iloc[rng.choice(agreeing, size=len(rows), p=shares)].reset_index()
            chosen = chosen.assign(**{c: frame[c].iloc[rows].to_numpy() for c in frame})
            C[rows] = self.encoding.transform(chosen[self.columns])
        return C

    def _within(self, choices: dict[str, Any]) -> Conditions:
        """The conditions of those training rows that are within sets and ranges."""
        event = event_of(choices, self.encoding)
        held = event.holds(self.encoding.inverse_transform(self.seen))
        if not held.any():
            raise InputError(f"no training row has {event}")
        shares = self.shares[held] / self.shares[held].sum()
        return replace(self, seen=self.seen[held], shares=shares)

    def _by_column(self, given: Any) -> dict[str, Any]:
        if isinstance(given, pd.DataFrame):
            given = {str(c): given[c] for c in given}
        if not isinstance(given, dict):
            table = np.ndim(given) == 2 and np.shape(given)[1] == len(self.columns)
            if len(self.columns) > 1 and not table:
                names = ", ".join(f"{c!r}: ..." for c in self.columns)
                raise InputError(f"expected values for columns, given={{{names}}}, got {given!r}")
            return dict(zip(self.columns, np.asarray(given).T if table else [given], strict=True))
        unknown = [c for c in given if c not in self.columns]
        if unknown or not given:
            raise InputError(
                f"expected given to name columns among {', '.join(map(repr, self.columns))}, "
                f"got {', '.join(map(repr, unknown)) or 'none'}"
            )
        return given

    def _values(self, column: str, value: Any, n: int) -> pd.Series:
        """A column of n values that were seen in training."""
        if np.ndim(value) == 0:
            value = [value.item() if isinstance(value, np.ndarray) else value] * n
        values = pd.Series(list(value))
        if len(values) != n:
            raise InputError(f"expected 1 or {n} values of {column!r}, got {len(values)}")
        if column in self.encoding.categories:
            return self._known_classes(column, values)
        numbers = self.encoding.inverse_transform(self.seen)[column]
        dates = types.is_datetime64_any_dtype(numbers)
        least, most = numbers.min(), numbers.max()
        if dates:
            found = pd.to_datetime(values, errors="coerce", format="mixed", utc=True)
            zone = numbers.dt.tz
            found = found.dt.tz_convert(zone) if zone else found.dt.tz_localize(None)
        else:
            found = pd.to_numeric(values, errors="coerce")
        outside = ~found.between(least, most)  # holes too
        if outside.any():
            limits = f"{least} to {most}" if dates else f"{least:.6g} to {most:.6g}"
            (strange,) = plain_values([values[outside].iloc[0]])
            raise InputError(f"expected {column} from {limits}, as in training, got {strange!r}")
        return found

    def _known_classes(self, column: str, values: pd.Series) -> pd.Series:
        known = self.encoding.categories[column].values
        found = [known_value(column, value, known) for value in values]
        return pd.Series(pd.Categorical(found, categories=known))

    def _agreeing(self, table: pd.DataFrame, wanted: pd.Series) -> np.ndarray:
        """The rows of seen conditions that agree with the given columns."""
        agree = np.ones(len(table), dtype=bool)
        away = np.zeros(len(table))
        for column, value in wanted.items():
            if column in self.encoding.categories:
                agree &= (table[column] == value).to_numpy()
            else:
                spread = table[column].max() - table[column].min()
                away += np.asarray((table[column] - value) / spread, dtype=float) ** 2
        if not agree.any():
            said = ", ".join(f"{c}={wanted[c]!r}" for c in wanted.index)
            raise InputError(f"no training row has {said}; give the other columns as well")
        index = np.flatnonzero(agree)
        if np.ptp(away[index]) == 0:
            return index
        return index[np.argsort(away[index], kind="stable")[:NEAREST]]

    def _tell_new_combinations(self, C: np.ndarray) -> None:
        """Warn of classes that never came together: what is drawn there is extrapolated."""
        groups = len(self.encoding.categories)
        if groups < 2:
            return
        one_hot = sum(len(c.values) for c in self.encoding.categories.values())
        known = {tuple(row) for row in self.seen[:, -one_hot:]}
        new = [row for row in {tuple(row) for row in C[:, -one_hot:]} if row not in known]
        if new:
            warnings.warn(
                f"{len(new)} combination(s) of classes were never seen together in training: "
                "what is drawn there is extrapolated",
                DataWarning,
                stacklevel=5,
            )

    def to_dict(self) -> dict[str, Any]:
        """All that was learnt, as plain values and arrays."""
        return vars(self) | {"encoding": self.encoding.to_dict()}

    @classmethod
    def from_dict(cls, state: dict[str, Any]) -> Conditions:
        return cls(**(state | {"encoding": Encoding.from_dict(state["encoding"])}))


def labels_of(y: Any, n: int | None = None) -> pd.DataFrame:
    """Labels or conditions (of n rows, where that is known) as a table without holes.

    Raises:
        InputError: of another length or shape, or missing.
    """
    if isinstance(y, pd.DataFrame):
        frame = y.copy()
        frame.columns = [str(c) for c in frame.columns]
    elif isinstance(y, pd.Series):
        frame = y.to_frame("label" if y.name is None else str(y.name))
    else:
        values = np.asarray(y)
        if values.dtype.kind in "US" and not isinstance(y, np.ndarray):
            values = np.asarray(y, dtype=object)  # or a hole, or a number, would become text
        if values.ndim not in (1, 2) or 0 in values.shape:
            raise InputError(f"expected labels of shape (n,) or (n, q), got {values.shape}")
        names = ["label"] if values.ndim == 1 else [f"y{j}" for j in range(values.shape[1])]
        frame = pd.DataFrame(values.reshape(len(values), -1), columns=names).infer_objects()
    if not frame.columns.is_unique:
        raise InputError(f"expected columns of labels with names of their own, got {list(frame)}")
    if n is not None and len(frame) != n:
        raise InputError(f"expected a label for each of {n} rows, got {len(frame)}")
    holes = frame.isna().any(axis=1)
    if holes.any():
        raise InputError(
            f"expected a label for each row; {int(holes.sum())} of {len(frame)} are missing: "
            "leave these rows out, or give them a class of their own"
        )
    return frame.reset_index(drop=True)


def _plain_class(value: Any) -> Any:
    """A class as a model's file can hold it: text, a number or a boolean."""
    (value,) = plain_values([value])
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    return value if isinstance(value, (str, int, float)) else str(value)


def _is_class(column: pd.Series) -> bool:
    if isinstance(column.dtype, pd.CategoricalDtype) or types.is_bool_dtype(column):
        return True
    if types.is_datetime64_any_dtype(column):
        return False
    if not types.is_numeric_dtype(column):
        return True
    whole = bool((column == column.round()).all())
    return whole and column.nunique() <= MOST_CLASSES
