"""One column at a time: bins and categories that are the same for every method."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas.api import types

from pushforward.report.figures import Bars, Numeric
from pushforward.study.ranking import Row

COLUMNS = 12  # at most, of a wide table
BINS = 20
CATEGORIES = 5  # the most frequent ones; the rest are "other"


def column_marginals(
    generated: pd.DataFrame,
    real: pd.DataFrame | None,
    reference: pd.DataFrame,
    names: Sequence[str] = (),
) -> list[Numeric | Bars]:
    """The columns of these names, or the first of a table, binned as `reference` asks.

    >>> frame = pd.DataFrame({"age": [1, 2, 2], "city": ["Bern", "Bern", None]})
    >>> age, city = column_marginals(frame, None, frame)
    >>> age.generated.round(2), city.labels
    (array([0.33, 0.67]), ['Bern', 'missing'])
    """
    return [
        _marginal(str(name), reference[name], None if real is None else real[name], generated[name])
        for name in [c for c in reference.columns if str(c) in names or not names][:COLUMNS]
        if name in generated.columns
    ]


def most_different(row: Row, most: int) -> list[str]:
    """The columns of a row's table that are farthest from real ones, the farthest first."""
    distances: dict[str, float] = {}
    for name, _, _, distance, expected, _ in row.get("table", {}).get("columns", []):
        distances[name] = max(distances.get(name, -1.0), distance - expected)
    return sorted(distances, key=lambda name: -distances[name])[:most]


def _marginal(
    name: str, reference: pd.Series, real: pd.Series | None, generated: pd.Series
) -> Numeric | Bars:
    dates = types.is_datetime64_any_dtype(reference.dtype)
    if types.is_bool_dtype(reference.dtype) or not (
        dates or types.is_numeric_dtype(reference.dtype)
    ):
        return _categories(name, reference, real, generated)
    edges = _edges(_numbers(reference))
    return Numeric(
        name,
        edges,
        None if real is None else _histogram(_numbers(real), edges),
        _histogram(_numbers(generated), edges),
        (None if real is None else float(real.isna().mean()), float(generated.isna().mean())),
        _ends(edges, dates),
    )


def _numbers(column: pd.Series) -> NDArray:
    """Dates as days since 1970, missing values left out."""
    column = column.dropna()
    if types.is_datetime64_any_dtype(column.dtype):
        if column.dt.tz is not None:
            column = column.dt.tz_convert("UTC").dt.tz_localize(None)
        column = (column - pd.Timestamp(0)) / pd.Timedelta(days=1)
    return column.to_numpy(dtype=float)


def _edges(values: NDArray) -> NDArray:
    """Bins from the 0.5 to the 99.5 % point; whole numbers get bins of whole width."""
    if len(values) == 0:
        return np.array([0.0, 1.0])
    low, high = np.percentile(values, [0.5, 99.5])
    if np.equal(values, np.round(values)).all():
        low, high = math.floor(low), math.ceil(high)
        step = max(1, math.ceil((high - low + 1) / BINS))
        return np.arange(low - 0.5, high + step, step)
    if not low < high:
        low, high = low - 0.5, high + 0.5
    return np.linspace(low, high, BINS + 1)


def _histogram(values: NDArray, edges: NDArray) -> NDArray:
    """Shares of the values; those beyond the edges count in the outermost bins."""
    inside = np.clip(values, edges[0], edges[-1])
    return np.histogram(inside, edges)[0] / max(1, len(values))


def _ends(edges: NDArray, dates: bool) -> tuple[str, str]:
    """The smallest and the largest value, as they are written below the axis."""
    low, high = float(edges[0]), float(edges[-1])
    if dates:
        first, last = (pd.Timestamp(0) + pd.Timedelta(days=end) for end in (low, high))
        return str(first.date()), str(last.date())
    if low % 1 == high % 1 == 0.5:  # bins of whole numbers begin and end half a unit beside them
        low, high = low + 0.5, high - 0.5
    return _written(low), _written(high)


def _written(value: float) -> str:
    text = f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    return text.replace("-", "−")


def _categories(
    name: str, reference: pd.Series, real: pd.Series | None, generated: pd.Series
) -> Bars:
    frequent = [str(v) for v in reference.dropna().astype(str).value_counts().index]
    labels = sorted(frequent[:CATEGORIES], key=frequent.index)
    columns = [c for c in (real, generated) if c is not None]
    if any(set(c.dropna().astype(str)) - set(labels) for c in columns):
        labels.append("other")
    if any(c.isna().any() for c in columns):
        labels.append("missing")
    shares = [None if c is None else _shares(c, labels) for c in (real, generated)]
    assert shares[1] is not None
    return Bars(name, labels, shares[0], shares[1])


def _shares(column: pd.Series, labels: list[str]) -> NDArray:
    def label(value: Any) -> str:
        if pd.isna(value):
            return "missing"
        return str(value) if str(value) in labels else "other"

    return (
        column.map(label, na_action=None)
        .value_counts(normalize=True)
        .reindex(labels, fill_value=0.0)
        .to_numpy(dtype=float)
    )
