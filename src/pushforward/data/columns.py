"""Which columns of a table a generator can learn, and what is said of those it cannot."""

from __future__ import annotations

import re
from collections.abc import Iterable

import pandas as pd
from pandas.api import types

from pushforward.errors import InputError

IDENTIFIER_NAME = re.compile(r"(^|[_\s-])(id|uuid|guid|key|index)$|^unnamed: ?\d+$", re.IGNORECASE)
FEW = 20  # this many distinct strings are categories in a table of any length


def choose_columns(
    frame: pd.DataFrame, *, drop: Iterable[str] = (), as_category: Iterable[str] = ()
) -> tuple[pd.DataFrame, list[str]]:
    """Keep the columns that can be learnt: numbers, dates, booleans and categories.

    Text and identifiers have (nearly) as many values as rows: there is nothing in them to draw
    from. They are left out and named in the notes, a sentence per column.

    Args:
        frame: a table of n rows.
        drop: names of columns to leave out.
        as_category: names of columns to take as categories, whatever they look like.

    Raises:
        InputError: a name in `drop` or `as_category` is no column, or nothing is left.

    >>> frame = pd.DataFrame({"id": range(30), "age": [20.5, 30.0, 41.0] * 10})
    >>> kept, notes = choose_columns(frame)
    >>> list(kept), notes
    (['age'], ["column 'id' is left out: whole numbers, one per row, like an identifier ..."])
    """
    drop, as_category = list(drop), list(as_category)
    unknown = [name for name in (*drop, *as_category) if name not in frame.columns]
    if unknown:
        raise InputError(
            f"no column is called {', '.join(map(repr, unknown))}; "
            f"the columns are {', '.join(map(repr, frame.columns))}"
        )
    frame = frame.drop(columns=drop)
    forced = [name for name in as_category if name in frame.columns]
    if forced:
        frame = frame.astype(dict.fromkeys(forced, "category"))
    reasons = {name: why_unlearnable(frame[name]) for name in frame.columns}
    left_out = {name: reason for name, reason in reasons.items() if reason}
    frame = frame.drop(columns=list(left_out))
    notes = [f"column {name!r} is left out: {reason}" for name, reason in left_out.items()]
    if frame.shape[1] == 0:
        raise InputError(
            "no column is left to learn from: " + ("; ".join(notes) or "all were dropped")
        )
    return frame, notes


def why_unlearnable(column: pd.Series) -> str | None:
    """Why a generator cannot learn this column, or None when it can."""
    n = len(column)
    if isinstance(column.dtype, pd.CategoricalDtype) or types.is_bool_dtype(column):
        return None
    if types.is_complex_dtype(column) or types.is_timedelta64_dtype(column):
        return f"values of type {column.dtype} are not supported; convert them to numbers"
    if types.is_numeric_dtype(column) or types.is_datetime64_any_dtype(column):
        return _why_identifier(column)
    try:
        distinct = column.nunique()
    except TypeError:  # lists, dictionaries and the like cannot be counted
        return "its values are neither numbers nor categories"
    if distinct > max(FEW, n // 20) or (distinct > FEW // 2 and distinct > n / 2):
        return (
            f"{distinct} different values in {n} rows, like text or an identifier "
            "(take it as a category to keep it)"
        )
    return None


def _why_identifier(column: pd.Series) -> str | None:
    if not types.is_integer_dtype(column) or not column.is_unique or column.isna().any():
        return None
    consecutive = len(column) > FEW and column.is_monotonic_increasing
    consecutive = consecutive and int(column.iloc[-1]) - int(column.iloc[0]) == len(column) - 1
    if consecutive or IDENTIFIER_NAME.search(str(column.name)):
        return (
            "whole numbers, one per row, like an identifier "
            "(convert it to floats to keep it as a number)"
        )
    return None
