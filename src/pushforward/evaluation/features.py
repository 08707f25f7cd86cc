"""Feature maps: named callables from data to the (n, p) float64 rows that metrics compare."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pushforward.data.encoding import Encoding
from pushforward.errors import InputError

Rows = NDArray[np.float64]
FeatureMap = Callable[[Any], Any]


class Standardised:
    """Numbers centred and scaled, categories one-hot, by the statistics of the reference rows.

    `reference` is an (n, p) array or a DataFrame. What its rows have in common has no scale: one
    more column counts how many values of a row differ from a constant of the reference, or are
    missing where none of the reference is. Text and identifiers are left out, with a warning,
    unless `every_column` is asked for.

    >>> import numpy as np
    >>> features = Standardised(np.array([[0.0], [2.0]]))
    >>> features(np.array([[0.0], [1.0]])).shape, features.name
    ((2, 2), 'standardised')
    """

    name = "standardised"

    def __init__(self, reference: Any, *, every_column: bool = False) -> None:
        self._encoding = Encoding().fit(reference, every_column=every_column)

    def __call__(self, data: Any) -> Rows:
        return np.column_stack([self._encoding.transform(data), self._encoding.breaches(data)])


def pixels(images: Any) -> Rows:
    """Flatten images (n, h, w) or (n, h, w, c) to rows (n, h·w·c), in their own units.

    >>> import numpy as np
    >>> pixels(np.zeros((5, 8, 8))).shape
    (5, 64)
    """
    values = np.asarray(images, dtype=np.float64)
    return values.reshape(len(values), -1)


def feature_name(features: FeatureMap) -> str:
    """Return what a feature map calls itself: its `name`, its `__name__` or its class.

    >>> feature_name(pixels)
    'pixels'
    """
    for attribute in ("name", "__name__"):
        name = getattr(features, attribute, None)
        if isinstance(name, str):
            return name
    return type(features).__name__


def as_rows(values: Any, name: str, at_least: int = 1) -> Rows:
    """Return `values` as finite float64 rows (n, p), not copied where they are that already.

    Raises `InputError` for another shape, fewer than `at_least` rows, no column, or a number that
    is not finite.

    >>> as_rows([[1, 2]], "real").dtype
    dtype('float64')
    """
    try:
        rows = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(
            f"{name} must be numbers, one row per sample; {error}. Encode categories, or call "
            "evaluate() with a DataFrame."
        ) from error
    if rows.ndim != 2 or rows.shape[1] == 0:
        raise InputError(
            f"{name} must have shape (rows, columns) with at least one column that varies, got "
            f"{rows.shape}. Reshape it, or leave out no column."
        )
    if len(rows) < at_least:
        raise InputError(
            f"{name} must have at least {at_least} rows, got {len(rows)}. Add rows or draw more."
        )
    unusable = int(rows.size - np.isfinite(rows).sum())
    if unusable:
        raise InputError(
            f"{name} must be finite, got {unusable} missing or infinite numbers. Remove or fill "
            "them in."
        )
    return rows


def as_row_pair(real: Any, fake: Any, at_least: int = 2) -> tuple[Rows, Rows]:
    """Return real and generated rows as float64 with the same columns, or raise `InputError`."""
    real, fake = as_rows(real, "real", at_least), as_rows(fake, "fake", at_least)
    if real.shape[1] != fake.shape[1]:
        raise InputError(
            f"real and fake must have the same columns, got {real.shape[1]} and {fake.shape[1]}. "
            "Compare rows of one kind."
        )
    return real, fake
