"""From what a user asks of the columns to an event, with what cannot be told in words.

One reading everywhere: a value is that value, a pair (30, 40) a range with its ends, None on either
side an open one; a set is any of what is in it; None and NaN are a hole; a list or an array has one
value for each sample.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable
from datetime import date, datetime
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd

from pushforward.data.categories import plain_values
from pushforward.data.dtypes import UNITS, to_float
from pushforward.data.encoding import Encoding
from pushforward.data.event import Event, Interval, OneOf, Within
from pushforward.data.preimage import number_of
from pushforward.errors import InputError

SHOWN = 20  # values named in an error
UNIT = {"D": "days", "h": "hours", "min": "minutes", "s": "seconds", "us": "microseconds"}
HOLES = ("", "missing", "none", "nan", "null")  # what a hole may be called on a command line


def event_of(given: Any, encoding: Encoding) -> Event:
    """What is asked of a row, `{"city": "Bern", "age": (30, 40)}`, checked against what was seen.

    Raises:
        InputError: an unknown column or value, a range that is empty or outside of what was seen,
            a hole in a column that has none.

    >>> frame = pd.DataFrame({"age": [20, 30, 40], "city": ["Bern", "Basel", "Bern"]})
    >>> print(event_of({"city": {"Bern"}, "age": (25, None)}, Encoding().fit(frame)))
    city 'Bern', age from 25
    """
    if encoding.kind == "images":
        raise InputError(
            "the model draws images, and a condition on pixels is not supported; draw by label "
            "with conditional-gan or conditional-vae, or select from a larger sample"
        )
    if not isinstance(given, dict) or not given:
        raise InputError(
            'expected conditions by column, given={"city": "Bern", "age": (30, 40)}, '
            f"got {given!r}"
        )
    conditions: dict[str | int, OneOf | Within] = {}
    for name, value in given.items():
        column = _column(name, encoding)
        if column in conditions:
            raise InputError(f"given names column {column!r} twice; give one condition on it")
        conditions[column] = _condition(column, value, encoding)
    return Event(tuple(conditions.values()))


def is_column(name: Any, encoding: Encoding) -> bool:
    """Whether a name is that of a column of the rows, of an array its place."""
    if encoding.kind == "frame":
        return name in encoding.columns
    place = name.strip() if isinstance(name, str) else str(name)
    return encoding.kind == "array" and place.isdecimal()


def _column(name: Any, encoding: Encoding) -> str | int:
    """A column of the table by its name, of an array by its place."""
    if encoding.kind != "frame":
        p = encoding.shape[0]
        place = int(name) if isinstance(name, str) and name.strip().isdecimal() else name
        whole = isinstance(place, (int, np.integer)) and not isinstance(place, bool)
        if not whole or not 0 <= place < p:
            raise InputError(f"expected columns from 0 to {p - 1}, the array has {p}, got {name!r}")
        return int(place)
    if name not in encoding.columns:
        columns = list(map(str, encoding.columns))
        raise InputError(
            f"the model has no column {name!r}{_close(name, columns)}; its columns are "
            f"{_listed(columns)}"
        )
    return str(name)


def _condition(column: str | int, value: Any, encoding: Encoding) -> OneOf | Within:
    if known_values(column, encoding) is not None:
        return _one_of(str(column), value, encoding)
    j = number_of(column, encoding)
    if j is None:
        raise InputError(f"{column} is made up for each row, and nothing can be asked of it")
    return _Ruler(column, j, encoding).within(value)


# Categories


def known_values(column: Any, encoding: Encoding) -> list[Any] | None:
    """The values of a column of categories, None being a hole; None for any other column."""
    for kind in (encoding.categories, encoding.embedded):
        if column in kind:
            return list(kind[column].values)
    return None


def _one_of(column: str, value: Any, encoding: Encoding) -> OneOf:
    known = known_values(column, encoding) or []
    found: list[Any] = []
    for part in _parts(column, value):
        if isinstance(part, tuple):
            found += _between(column, part, encoding)
        elif is_hole(part):
            if None not in known:
                raise InputError(_no_holes(column))
            found.append(None)
        else:
            found.append(known_value(column, part, [k for k in known if k is not None]))
    return OneOf(column, tuple(dict.fromkeys(found)))


def _between(column: str, pair: tuple[Any, ...], encoding: Encoding) -> list[Any]:
    """The categories of a range: in their order where they have one, or by their size."""
    known = [k for k in known_values(column, encoding) or [] if k is not None]
    spec = encoding.dtypes[encoding.columns.index(column)]
    if spec.get("ordered"):
        order = [k for k in spec["categories"] if k in known]
        ends = [None if e is None else known_value(column, e, known) for e in pair]
        first = 0 if ends[0] is None else order.index(ends[0])
        last = len(order) if ends[1] is None else order.index(ends[1])
        inside = order[first : last + 1]
    elif all(isinstance(k, Real) for k in known):
        low, high = _ends(column, pair, lambda end: (_number(column, end),) * 2)
        inside = [k for k in known if low <= k <= high]
    else:
        raise InputError(
            f"{column} has categories, and a pair is a range: for one of several values give a "
            f"set, {{{', '.join(map(repr, pair))}}}"
        )
    if not inside:
        raise InputError(f"{column} has no value from {pair[0]!r} to {pair[1]!r}: {_listed(known)}")
    return inside


def known_value(column: str, value: Any, known: list[Any]) -> Any:
    """The value among those of training that is meant; from a command line all comes as text.

    Raises:
        InputError: it is not among them; the message names those that are.
    """
    (value,) = plain_values([value])
    if value in known:
        return known[known.index(value)]  # equal is not the same: True is 1
    by_text = {str(k).casefold(): k for k in known} | {str(k): k for k in known}
    by_text |= {f"{k:g}": k for k in known if isinstance(k, float)}
    for text in (str(value), str(value).casefold()):
        if text in by_text:
            return by_text[text]
    raise InputError(
        f"{column} {value!r} was not seen in training{_close(value, by_text)}; the classes are "
        f"{_listed(known)}"
    )


# Numbers and dates


class _Ruler:
    """Reads what is asked of one column of numbers or dates."""

    def __init__(self, column: str | int, j: int, encoding: Encoding) -> None:
        numbers = encoding.numbers
        assert numbers is not None
        spec = (
            encoding.dtypes[encoding.columns.index(str(column))] if encoding.kind == "frame" else {}
        )
        name = spec.get("name", "")
        self.column, self.date = column, name.startswith("datetime64")
        self.zone = getattr(pd.api.types.pandas_dtype(name), "tz", None) if self.date else None
        self.low, self.high = float(numbers.low[j]), float(numbers.high[j])
        self.holes, self.only_holes = bool(numbers.missing[j] > 0), bool(numbers.missing[j] == 1)
        self.bounded = numbers.bounded or not numbers.varying[j]
        # Values on which rows heap up have a probability.
        curve = numbers.curves.get(j)
        if not numbers.varying[j]:
            self.atoms = [self.low]
        elif curve is not None:
            self.atoms = curve.x[curve.high > curve.low].tolist()
        else:
            ends = zip((self.low, self.high), numbers.heaped[:, j], strict=True)
            self.atoms = [end for end, heaped in ends if heaped]
        self.decimals = int(numbers.decimals[j])
        self.step = 10.0**-self.decimals if self.decimals >= 0 else 0.0
        if self.date:
            self.unit = spec["unit"]
            self.step = UNITS.get(self.unit, 0) / 86400

    def within(self, value: Any) -> Within:
        intervals: list[Interval] = []
        missing = False
        for part in _parts(self.column, value):
            if is_hole(part):
                if not self.holes:
                    raise InputError(_no_holes(self.column))
                missing = True
            else:
                intervals.append(self._interval(part))
        points = [low for low, high in intervals if low == high and self._without_steps(low)]
        exact = bool(points)
        if exact and (len(intervals) > 1 or missing):
            raise InputError(
                f"{self._name} {self._said(points[0])} has probability zero beside the other "
                f"values that are asked for; ask for a range around it, {self.around(points[0])}"
            )
        return Within(self.column, tuple(intervals), missing, exact, self.date, self.step)

    def _interval(self, part: Any) -> Interval:
        if self.only_holes:
            raise InputError(f"{self._name} has no values in training, only holes")
        if isinstance(part, tuple):
            low, high = _ends(self.column, part, self._read)
        else:
            low, high = self._read(part)
            if low == high:
                self._check_step(low)
        if self.bounded and (high < self.low or low > self.high):
            said = self._said(low) if low == high else f"{self._said(low)} to {self._said(high)}"
            raise InputError(
                f"expected {self._name} from {self._said(self.low)} to {self._said(self.high)}, as "
                f"in training, got {said}"
            )
        if self.step and not self.date and np.isfinite([low, high]).all():
            least = math.ceil(low / self.step - 1e-9)
            if least > high / self.step + 1e-9:
                raise InputError(
                    f"no value of {self._name} is from {low:.15g} to {high:.15g}: it has "
                    f"{self._steps()}"
                )
        return low, high

    def _check_step(self, x: float) -> None:
        if self.step and not self.date and np.round(x, self.decimals) != x:
            raise InputError(
                f"{self._name} has {self._steps()}, and is never {x:.15g}; ask for a range around "
                f"it, {self.around(x)}"
            )

    def _steps(self) -> str:
        return "whole numbers" if not self.decimals else f"{self.decimals} decimals"

    def _without_steps(self, x: float) -> bool:
        return not self.step and x not in self.atoms

    def around(self, x: float) -> str:
        """A range about a value, a fiftieth of what was seen: (9.8, 10.2)."""
        if self.decimals >= 0 and not self.date:
            least, most = (round_(x / self.step) * self.step for round_ in (math.floor, math.ceil))
            return f"({least:.15g}, {most:.15g})"
        half = self.step or float(f"{(self.high - self.low) / 100:.1g}") or 1.0
        if self.date:
            return f"('{self._said(x - half)}', '{self._said(x + half)}')"
        return f"({x - half:.6g}, {x + half:.6g})"

    @property
    def _name(self) -> str:
        return f"column {self.column}" if isinstance(self.column, int) else self.column

    def _said(self, x: float) -> str:
        return Within(self.column, (), date=self.date).said(x) if np.isfinite(x) else f"{x}"

    def _read(self, value: Any) -> Interval:
        """The ends of a value: of a date without a time it is a day, of "2020-03" a month."""
        if not self.date:
            return (_number(self.column, value),) * 2
        try:
            if isinstance(value, str):
                period = pd.Period(value)
                first, last = period.start_time, period.end_time
            elif isinstance(value, date) and not isinstance(value, datetime):
                first = pd.Timestamp(value)
                last = first + pd.Timedelta(1, "D") - pd.Timedelta(1, "ns")
            elif isinstance(value, (datetime, np.datetime64)):
                first = last = pd.Timestamp(value)
            else:
                raise ValueError
        except ValueError:
            raise InputError(
                f"expected a date for {self._name}, like '2020-03-01', got {value!r}"
            ) from None
        ends = self._in_utc(first).ceil(self.unit), self._in_utc(last).floor(self.unit)
        if ends[0] > ends[1]:
            raise InputError(
                f"no value of {self._name} is {value!r}: its values are whole {UNIT[self.unit]}"
            )
        days = to_float(pd.Series(ends))
        return float(days[0]), float(days[1])

    def _in_utc(self, at: pd.Timestamp) -> pd.Timestamp:
        if at.tz is None:
            if self.zone is None:
                return at
            at = at.tz_localize(self.zone)
        return at.tz_convert("UTC").tz_localize(None)


def around(condition: Within, encoding: Encoding) -> str:
    """A range about the value that a condition asks for, in words."""
    j = number_of(condition.column, encoding)
    assert j is not None
    ruler = _Ruler(condition.column, j, encoding)
    return ruler.around(condition.intervals[0][0])


def _number(column: str | int, value: Any) -> float:
    name = f"column {column}" if isinstance(column, int) else column
    try:
        x = math.nan if isinstance(value, (bool, np.bool_)) else float(value)
    except (TypeError, ValueError):
        x = math.nan
    if math.isnan(x):
        raise InputError(f"expected a number for {name}, got {value!r}")
    return x


# What a value may be


def is_hole(value: Any) -> bool:
    """Whether a value says that there is none: None, NaN, NaT, NA."""
    return np.ndim(value) == 0 and not isinstance(value, (set, frozenset)) and bool(pd.isna(value))


def is_choice(value: Any) -> bool:
    """Whether a condition is met by several values: a range or a set."""
    return isinstance(value, (tuple, set, frozenset))


def _parts(column: str | int, value: Any) -> list[Any]:
    """The values and ranges of which any will do."""
    if isinstance(value, slice):
        raise InputError(
            f"expected a range of {column!r} as a pair with both ends, (30, 40), or open, "
            "(30, None); a slice does not say whether its end is in it"
        )
    if isinstance(value, (dict, list, np.ndarray, pd.Series, Iterable)) and not (
        is_choice(value) or isinstance(value, (str, bytes))
    ):
        raise InputError(
            f"expected a value of {column!r}, a pair (range) or a set (one of), got {value!r}"
        )
    parts = sorted(value, key=repr) if isinstance(value, (set, frozenset)) else [value]
    if not parts:
        raise InputError(f"expected a value of {column!r}, got an empty set")
    for part in parts:
        if isinstance(part, tuple) and len(part) != 2:
            raise InputError(
                f"expected a range of {column!r} as a pair (low, high), got {part!r}; for one of "
                "several values give a set, {...}"
            )
    return parts


def _ends(column: str | int, pair: tuple[Any, ...], read: Any) -> Interval:
    low = -math.inf if is_hole(pair[0]) else read(pair[0])[0]
    high = math.inf if is_hole(pair[1]) else read(pair[1])[1]
    if low > high:
        raise InputError(
            f"expected a range of {column!r} from low to high, got {pair[0]!r} to {pair[1]!r}, "
            "which is empty"
        )
    return low, high


def by_sample(given: dict[Any, Any], n: int) -> list[tuple[dict[Any, Any], np.ndarray]]:
    """Conditions with one value for each sample, apart: what is asked, and of which samples.

    >>> by_sample({"city": ["Bern", "Basel", "Bern"], "age": (30, 40)}, 3)[0]
    ({'city': 'Bern', 'age': (30, 40)}, array([0, 2]))
    """
    lists = {k: plain_values(v) for k, v in given.items() if is_list(v)}
    for name, values in lists.items():
        if len(values) != n:
            raise InputError(f"expected 1 or {n} values of {name!r}, got {len(values)}")
    if not lists:
        return [(given, np.arange(n))]
    groups: dict[tuple[Any, ...], list[int]] = {}
    for i, row in enumerate(zip(*lists.values(), strict=True)):
        groups.setdefault(tuple(None if is_hole(v) else v for v in row), []).append(i)
    return [
        (given | dict(zip(lists, values, strict=True)), np.array(index))
        for values, index in groups.items()
    ]


def length_of(given: Any) -> int:
    """How many samples conditions are for; one where each of them is for all samples.

    >>> length_of({"city": "Bern", "age": [30, 40]}), length_of(7), length_of(["a", "b", "a"])
    (2, 1, 3)
    """
    columns = given.values() if isinstance(given, dict) else [given]
    return max((len(v) for v in columns if not is_choice(v) and np.ndim(v) > 0), default=1)


def is_list(value: Any) -> bool:
    """Whether a condition has one value for each sample."""
    return not is_choice(value) and not isinstance(value, slice) and np.ndim(value) == 1


def from_text(text: str, column: str, encoding: Encoding) -> Any:
    """What is meant on a command line: `30..40`, `30..`, `Bern|Basel`, `missing`, or a value.

    >>> frame = pd.DataFrame({"age": [20, 30, 40], "city": ["a|b", "Basel", "a|b"]})
    >>> encoding = Encoding().fit(frame)
    >>> from_text("30..40", "age", encoding), from_text("a|b", "city", encoding)
    (('30', '40'), 'a|b')
    """
    values = known_values(column, encoding) or []
    if text.casefold() in {str(v).casefold() for v in values if v is not None}:
        return text
    if "|" in text:
        return {from_text(part.strip(), column, encoding) for part in text.split("|")}
    if ".." in text:
        low, _, high = text.partition("..")
        return low.strip() or None, high.strip() or None
    return None if text.strip().casefold() in HOLES else text


# Words


def _no_holes(column: str | int) -> str:
    return (
        f"{column if isinstance(column, str) else f'column {column}'} has no missing values in "
        "training, so none are drawn"
    )


def _close(value: Any, names: Iterable[str]) -> str:
    close = difflib.get_close_matches(str(value), list(names), n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""


def _listed(known: list[Any]) -> str:
    more = f", … ({len(known)} in all)" if len(known) > SHOWN else ""
    return ", ".join(map(str, known[:SHOWN])) + more
