"""Which columns of a table a generator can learn, and what is said of those it cannot."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd
from pandas.api import types

from pushforward.data.identifiers import OTHER_DATE, Identifier
from pushforward.errors import InputError, did_you_mean

LARGEST_INTEGER = 2**53  # beyond it a float64 skips whole numbers
FEW = 20  # this many distinct strings are categories in a table of any length
NAMES_ROWS = "it names the rows, an identifier (to learn it: floats or a category, --as-category)"


def choose_columns(
    frame: pd.DataFrame,
    *,
    drop: Iterable[str] = (),
    as_category: Iterable[str] = (),
    identifiers: bool = False,
) -> tuple[pd.DataFrame, list[str]]:
    """Keep the columns that can be learnt: numbers, dates, booleans and categories.

    Text and identifiers have (nearly) as many values as rows: there is nothing in them to draw
    from. They are left out and named in the notes, a sentence per column.

    Args:
        frame: a table of n rows.
        drop: names of columns to leave out.
        as_category: names of columns to take as categories, whatever they look like.
        identifiers: keep identifiers too, to be numbered anew.

    Raises:
        InputError: a name in `drop` or `as_category` is no column, or nothing is left.

    >>> frame = pd.DataFrame({"id": range(30), "age": [20.5, 30.0, 41.0] * 10})
    >>> kept, notes = choose_columns(frame)
    >>> list(kept), notes
    (['age'], ["column 'id' is left out: it names the rows, an identifier ..."])
    """
    drop, as_category = list(drop), list(as_category)
    unknown = [name for name in (*drop, *as_category) if name not in frame.columns]
    if unknown:
        raise InputError(
            f"no column is called {', '.join(map(repr, unknown))}"
            f"{did_you_mean(str(unknown[0]), map(str, frame.columns))}; "
            f"the columns are {', '.join(map(repr, frame.columns))}"
        )
    frame = frame.drop(columns=drop)
    forced = [name for name in as_category if name in frame.columns]
    if forced:
        frame = frame.astype(dict.fromkeys(forced, "category"))
    reasons = {name: why_unlearnable(frame[name]) for name in frame.columns}
    names_rows = {name for name, reason in reasons.items() if reason == NAMES_ROWS}
    if identifiers and len(names_rows) < frame.shape[1]:
        reasons |= dict.fromkeys(names_rows)
    left_out = {name: reason for name, reason in reasons.items() if reason}
    frame = frame.drop(columns=list(left_out))
    notes = [f"column {name!r} is left out: {reason}" for name, reason in left_out.items()]
    if not set(frame.columns) - names_rows:
        raise InputError(
            "no column is left to learn from: " + ("; ".join(notes) or "all were dropped")
        )
    return frame, notes


def check_table(frame: pd.DataFrame, name: str) -> None:
    """Refuse names and infinite values that no table may have, in words.

    Raises:
        InputError: columns that share a name or are not named by text, or infinite values.
    """
    other = [column for column in frame.columns if not isinstance(column, str)]
    if other:
        raise InputError(
            f"{name}: expected columns named by text, got {other[0]!r}; "
            "rename them, e.g. frame.columns = frame.columns.astype(str)"
        )
    twice = frame.columns[frame.columns.duplicated()].tolist()
    if twice:
        raise InputError(f"{name}: more than one column is called {twice[0]!r}; rename one")
    infinite = np.isinf(frame.select_dtypes("floating").astype(float)).sum()
    infinite = infinite[infinite > 0]
    if len(infinite):
        raise InputError(
            f"{name}: {int(infinite.sum())} infinite values in "
            f"{', '.join(map(repr, infinite.index[:12]))}. "
            "Replace them by numbers or leave them empty (missing), or drop the columns."
        )


def why_unlearnable(column: pd.Series) -> str | None:
    """Why a generator cannot learn this column, or None when it can."""
    if Identifier.of(column):
        return NAMES_ROWS
    return _why_unsupported(column) or _why_text(column)


def check_learnable(frame: pd.DataFrame) -> None:
    """Refuse columns of types that no encoding has, in a table that is taken whole.

    Raises:
        InputError: the first such column, and why.
    """
    for name, column in frame.items():
        reason = _why_unsupported(column)
        if reason:
            raise InputError(f"column {name!r} cannot be learnt: {reason}")


def _why_unsupported(column: pd.Series) -> str | None:
    if types.is_complex_dtype(column) or types.is_timedelta64_dtype(column):
        return f"values of type {column.dtype} are not supported; convert them to numbers"
    if types.is_integer_dtype(column) and (column.dropna().abs() > LARGEST_INTEGER).any():
        return "whole numbers beyond 2^53 cannot be computed with exactly; rescale them"
    if _is_number(column):
        return None
    try:
        values = column.dropna().unique()
    except TypeError:  # lists, dictionaries and the like cannot be counted
        return "its values are neither numbers nor categories"
    for value in values:  # they go into a model's JSON, which holds words, numbers and truths
        if not isinstance(value, (str, int, float, np.generic)):
            return f"its categories are of type {type(value).__name__}; convert them to text"
    return None


def _why_text(column: pd.Series) -> str | None:
    if _is_number(column) or isinstance(column.dtype, pd.CategoricalDtype):
        return None
    n, distinct = len(column), column.nunique()
    if column.dropna().astype(str).str.fullmatch(OTHER_DATE).all() and distinct > 2:
        return "dates in a form that can be read in two ways; write them as 2024-12-31 to keep them"
    if distinct > most_categories(n) or (distinct > FEW // 2 and distinct > n / 2):
        return (
            f"{distinct} different values in {n} rows, like text "
            f"(--as-category {column.name} keeps it)"
        )
    return None


def most_categories(n: int) -> int:
    """How many different values a column of n rows has at most, if they are categories."""
    return max(FEW, n // 20)


def _is_number(column: pd.Series) -> bool:
    return types.is_numeric_dtype(column) or types.is_datetime64_any_dtype(column)
