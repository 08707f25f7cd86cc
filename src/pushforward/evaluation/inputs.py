"""Real, generated and training rows brought to one kind and the same columns."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from pushforward.errors import InputError

NUMERIC_KINDS = "biuf"


def as_data(values: Any, name: str) -> Any:
    """Return an array of numbers (n, ...) or a DataFrame; one-dimensional data is one column.

    Raises `InputError` for fewer than two rows, no columns, two of one name, or numbers that are
    infinite or complex.

    >>> as_data([1.0, 2.0], "real").shape
    (2, 1)
    """
    data = values if isinstance(values, pd.DataFrame) else _array_or_table(values, name)
    if len(data) < 2:
        raise InputError(
            f"{name} must have at least 2 rows, got {len(data)}. Add rows or draw more."
        )
    if 0 in data.shape[1:]:
        raise InputError(f"{name} must have columns, got shape {data.shape}. Give at least one.")
    if isinstance(data, pd.DataFrame) and not data.columns.is_unique:
        twice = ", ".join(map(repr, data.columns[data.columns.duplicated()].unique()))
        raise InputError(
            f"{name} must have columns of different names, got {twice} more than once. Rename them."
        )
    if np.iscomplexobj(data):
        raise InputError(
            f"{name} must be real numbers, got complex ones. Give their two parts as columns."
        )
    infinite = _count_infinite(data)
    if infinite:
        raise InputError(
            f"{name} must be finite, got {infinite} infinite values. Remove those rows or make "
            "the values missing."
        )
    return data


def with_columns_of(real: Any, other: Any, name: str) -> Any:
    """Return `other` with its columns in the order of `real`.

    Raises `InputError` that names the columns, or gives the shapes, in which the two differ.
    """
    if isinstance(real, pd.DataFrame) != isinstance(other, pd.DataFrame):
        raise InputError(
            f"real and {name} must be of one kind, got {type(real).__name__} and "
            f"{type(other).__name__}. Give both as DataFrames or both as arrays of numbers."
        )
    if not isinstance(real, pd.DataFrame):
        if real.shape[1:] != other.shape[1:]:
            raise InputError(
                f"real and {name} must have the same columns, got shapes {real.shape} and "
                f"{other.shape}. Compare rows of one kind."
            )
        return other
    lacking = [repr(column) for column in real.columns if column not in other.columns]
    extra = [repr(column) for column in other.columns if column not in real.columns]
    if lacking or extra:
        raise InputError(
            f"real and {name} must have the same columns: {name} lacks "
            f"{', '.join(lacking) or 'none'} and has beside them {', '.join(extra) or 'none'}. "
            "Drop or rename the columns that differ."
        )
    return other[list(real.columns)]


def pooled(real: Any, fake: Any) -> Any:
    """Return the rows of both, which are of one kind and have the same columns.

    >>> pooled(np.zeros((2, 1)), np.ones((1, 1))).ravel()
    array([0., 0., 1.])
    """
    if isinstance(real, pd.DataFrame):
        return pd.concat([real, fake], ignore_index=True)
    return np.concatenate([real, fake])


def _array_or_table(values: Any, name: str) -> Any:
    """An array if all values are numbers, else a table of what there is."""
    try:
        array = np.asarray(values)
        if array.dtype.kind in NUMERIC_KINDS and array.ndim > 0:
            return array[:, None] if array.ndim == 1 else array
        return pd.DataFrame(values).infer_objects()
    except ValueError as error:
        raise InputError(
            f"{name} must be an array, a DataFrame or a list of equally long rows, got "
            f"{type(values).__name__} ({error}). Give one row per sample."
        ) from error


def _count_infinite(data: Any) -> int:
    if isinstance(data, pd.DataFrame):
        numbers = data.select_dtypes("number")
        columns = (numbers[name].to_numpy(float, na_value=np.nan) for name in numbers)
        return sum(int(np.isinf(column).sum()) for column in columns)
    return int(np.isinf(data).sum())
