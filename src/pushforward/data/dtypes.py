"""The dtypes of a table's columns: told in JSON, taken to numbers, put back."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from pandas.api import types

from pushforward.data.categories import plain_values

DAY = np.timedelta64(1, "D")


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
    return column.to_numpy(dtype=float, na_value=np.nan)


def describe_dtype(dtype: Any) -> dict[str, Any]:
    if isinstance(dtype, pd.CategoricalDtype):
        categories = dtype.categories
        return {
            "name": "category",
            "categories": plain_values(categories),
            "of": str(categories.dtype),
            "ordered": bool(dtype.ordered),
        }
    return {"name": str(dtype)}


def restore_dtype(column: pd.Series, spec: dict[str, Any]) -> pd.Series:
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
