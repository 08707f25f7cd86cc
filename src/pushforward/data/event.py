"""An event: what is asked of the columns of a row, and which rows it holds for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from pandas.api import types

from pushforward.data.dtypes import DAY, to_float

Interval = tuple[float, float]
ROUNDING = 1e-6  # of a step, within which an end of an interval is on it


@dataclass(frozen=True)
class OneOf:
    """A column of categories that is to have one of these values, None being a hole."""

    column: str
    values: tuple[Any, ...]

    def holds(self, column: pd.Series) -> np.ndarray:
        """Of each value of a generated column whether it is one of those, `(n,)`."""
        held = column.isin([v for v in self.values if v is not None])
        return np.asarray(held | column.isna() if None in self.values else held, dtype=bool)

    def __str__(self) -> str:
        return f"{self.column} {_or(['missing' if v is None else repr(v) for v in self.values])}"


@dataclass(frozen=True)
class Within:
    """A column of numbers, or of dates as days since 1970, that is to lie within closed intervals.

    `exact` says that they are single values of a column without steps: of probability zero, so that
    only a law that is conditioned on them in closed form can draw them.
    """

    column: str | int
    intervals: tuple[Interval, ...]
    missing: bool = False  # a hole will do as well
    exact: bool = False
    date: bool = False
    step: float = 0.0  # that values of the column are apart at least

    def holds(self, column: pd.Series) -> np.ndarray:
        """Of each value of a generated column whether it is within, `(n,)`."""
        x = to_float(column)
        held = np.isnan(x) if self.missing else np.zeros(len(x), dtype=bool)
        for low, high in self.intervals:
            held |= (x >= low) & (x <= high)
        return held

    @property
    def unrounded(self) -> list[Interval]:
        """The intervals of all that is rounded to a step of the column within them."""
        s = self.step
        if not s:
            return list(self.intervals)
        return [
            ((np.ceil(low / s - ROUNDING) - 0.5) * s, (np.floor(high / s + ROUNDING) + 0.5) * s)
            for low, high in self.intervals
        ]

    def __str__(self) -> str:
        parts = [self._in_words(*interval) for interval in self.intervals]
        name = f"column {self.column}" if isinstance(self.column, int) else self.column
        return f"{name} {_or(parts + ['missing'] * self.missing)}"

    def _in_words(self, low: float, high: float) -> str:
        if low == high:
            return self.said(low)
        if np.isinf(low):
            return f"up to {self.said(high)}"
        return f"from {self.said(low)}" + ("" if np.isinf(high) else f" to {self.said(high)}")

    def said(self, x: float) -> str:
        """A number as it is written, a date as a date."""
        if not self.date:
            return f"{x:.15g}"
        at = moment(x)
        return str(at.date() if at == at.normalize() else at)


@dataclass(frozen=True)
class Event:
    """The set of rows that meet a condition on each of some columns.

    >>> event = Event((OneOf("city", ("Bern", "Basel")), Within("age", ((30.0, 40.0),))))
    >>> print(event)
    city 'Bern' or 'Basel', age from 30 to 40
    >>> event.holds(pd.DataFrame({"city": ["Bern", "Bern"], "age": [35, 50]}))
    array([ True, False])
    """

    conditions: tuple[OneOf | Within, ...]

    def holds(self, rows: Any, *, beside: frozenset[str | int] = frozenset()) -> np.ndarray:
        """Which rows of a table or array meet all conditions, but those on columns in `beside`."""
        held = np.ones(len(rows), dtype=bool)
        for condition in self.conditions:
            if condition.column not in beside:
                held &= condition.holds(column_of(rows, condition.column))
        return held

    @property
    def exact(self) -> dict[str | int, float]:
        """The columns without steps that are to have a single value, and that value."""
        return {
            c.column: c.intervals[0][0]
            for c in self.conditions
            if isinstance(c, Within) and c.exact
        }

    def __str__(self) -> str:
        return ", ".join(map(str, self.conditions))


def column_of(rows: Any, column: str | int) -> pd.Series:
    """A column of a table, or of an array by its place."""
    return rows[column] if isinstance(rows, pd.DataFrame) else pd.Series(rows[:, column])


def put_exactly(rows: Any, index: np.ndarray, exact: dict[str | int, float]) -> None:
    """Write values over a column that has them already but for the rounding of computation."""
    for column, value in exact.items():
        if not isinstance(rows, pd.DataFrame):
            rows[index, column] = value
            continue
        put: Any = value
        if types.is_datetime64_any_dtype(rows[column].dtype):
            zone, put = rows[column].dt.tz, moment(value)
            put = put if zone is None else put.tz_localize("UTC").tz_convert(zone)
        rows.iloc[index, rows.columns.get_loc(column)] = put


def moment(days: float) -> pd.Timestamp:
    """Days since 1970 as a date and time."""
    return pd.Timestamp(0) + pd.Timedelta((days * DAY.astype("m8[us]")).astype("m8[us]"))


def _or(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"
