"""Columns of a table as statistics take them: numbers, dates as numbers, and categories."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas.api import types

from pushforward.data.columns import why_unlearnable
from pushforward.data.dtypes import is_number, to_float
from pushforward.evaluation.features import Rows

Codes = NDArray[np.intp]
Kind = Literal["number", "date", "category"]


class Column(NamedTuple):
    """A column that is judged, and what its values are."""

    name: Any
    kind: Kind


def judged_columns(reference: pd.DataFrame, real: pd.DataFrame | None = None) -> list[Column]:
    """The columns that hold numbers, dates or categories; text and identifiers are left out.

    A number with two values is a category, and so is what `real` declares to be one.

    >>> frame = pd.DataFrame({"id": range(30), "age": [1.5, 2, 3] * 10, "smokes": [0, 1, 1] * 10})
    >>> judged_columns(frame)
    [Column(name='age', kind='number'), Column(name='smokes', kind='category')]
    """
    declared = () if real is None else real.select_dtypes("category").columns
    return [
        Column(name, "category" if name in declared else _kind(reference[name]))
        for name in reference.columns
        if name in declared or why_unlearnable(reference[name]) is None
    ]


def _kind(column: pd.Series) -> Kind:
    if types.is_datetime64_any_dtype(column):
        return "date"
    return "number" if is_number(column) and column.nunique() != 2 else "category"


def numbers_of(frame: pd.DataFrame, column: Column) -> Rows:
    """The values of a number or a date, (n,), NaN for missing; dates as days since 1970."""
    return to_float(frame[column.name])


def codes_of(
    frames: Sequence[pd.DataFrame], column: Column, most: int | None = None
) -> list[Codes]:
    """Each row's category as a whole number from 0, (n,) a frame, the same in all frames.

    A missing value is a category. With `most`, only as many have a number of their own, by how
    often they are in the first frame; the others share one more.
    """
    values = [frame[column.name].astype(object) for frame in frames]
    pooled = np.concatenate([v.where(v.notna(), None).to_numpy() for v in values])
    codes, levels = pd.factorize(pooled, use_na_sentinel=False)
    if most is not None and len(levels) > most:
        counts = np.bincount(codes[: len(frames[0])], minlength=len(levels))
        place = np.full(len(levels), most)
        place[np.argsort(-counts, kind="stable")[:most]] = np.arange(most)
        codes = place[codes]
    ends = np.cumsum([len(frame) for frame in frames])[:-1]
    return np.split(codes.astype(np.intp), ends)
