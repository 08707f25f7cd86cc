"""The dtypes of a table's columns: told in JSON, taken to numbers, put back."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from pandas.api import types

from pushforward.data.categories import plain_values
from pushforward.errors import InputError

DAY = np.timedelta64(1, "D")
UNITS = {"D": 86400, "h": 3600, "min": 60, "s": 1}  # coarsest first, in seconds


def is_number(column: pd.Series) -> bool:
    if isinstance(column.dtype, pd.CategoricalDtype) or types.is_bool_dtype(column):
        return False
    return types.is_numeric_dtype(column) or types.is_datetime64_any_dtype(column)


def to_float(column: pd.Series) -> np.ndarray:
    """A numeric column as float64 with NaN for missing; dates as days since 1970."""
    if types.is_datetime64_any_dtype(column):
        if column.dt.tz is not None:
            column = column.dt.tz_convert("UTC").dt.tz_localize(None)
        days = (column - pd.Timestamp(0)) / DAY
        return days.to_numpy(dtype=float)
    try:
        return column.to_numpy(dtype=float, na_value=np.nan)
    except (TypeError, ValueError) as error:
        raise InputError(
            f"expected numbers in column {column.name!r}, as in the rows fitted to, got {error}"
        ) from error


def describe_dtype(column: pd.Series) -> dict[str, Any]:
    dtype = column.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        categories = dtype.categories
        return {
            "name": "category",
            "categories": plain_values(categories),
            "of": str(categories.dtype),
            "ordered": bool(dtype.ordered),
        }
    if types.is_datetime64_any_dtype(dtype):
        seconds = np.round(to_float(column.dropna()) * 86400, 3)
        whole = (unit for unit, size in UNITS.items() if (seconds % size == 0).all())
        return {"name": str(dtype), "unit": next(whole, "us")}
    return {"name": str(dtype)}


def restore_dtype(column: pd.Series, spec: dict[str, Any]) -> pd.Series:
    name = spec["name"]
    if name == "category":
        levels = pd.Index(spec["categories"], dtype=spec["of"])
        return column.astype(pd.CategoricalDtype(levels, ordered=spec["ordered"]))
    if name.startswith("datetime64"):
        moments = pd.to_datetime((column * DAY.astype("m8[us]").astype(float)).round(), unit="us")
        moments = moments.dt.round(spec["unit"])
        zone = getattr(pd.api.types.pandas_dtype(name), "tz", None)
        if zone is not None:
            moments = moments.dt.tz_localize("UTC").dt.tz_convert(zone)
        return moments.astype(name)
    if types.is_integer_dtype(pd.api.types.pandas_dtype(name)) and is_number(column):
        column = column.round()  # whole already, unless a file says otherwise
    return column.astype(name)
