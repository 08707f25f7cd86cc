"""Feature maps: named callables from data to the (n, p) float64 rows that metrics compare."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
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
        with np.errstate(over="ignore"):  # to ∞, which is refused, beside rows of another size
            rows = self._encoding.transform(data)
        return np.column_stack([rows, self._encoding.breaches(data)])


def pixels(images: Any) -> Rows:
    """Flatten images (n, h, w) or (n, h, w, c) to rows (n, h·w·c), in their own units.

    >>> import numpy as np
    >>> pixels(np.zeros((5, 8, 8))).shape
    (5, 64)
    """
    values = np.asarray(images, dtype=np.float64)
    return values.reshape(len(values), -1)


def raw(rows: Any) -> Rows:
    """Take rows (n, p) of numbers as they are, in their own units.

    >>> import numpy as np
    >>> raw(np.array([[1, 2]]))
    array([[1., 2.]])
    """
    return as_rows(rows, "data")


class PrincipalComponents:
    """The first k principal components of the reference rows, in the rows' units.

    z = (x − μ) V_k with μ the mean and V_k (p, k) the leading right singular vectors of the centred
    reference; images are flattened, tables standardised first. The name says how much of the
    reference's variance is kept. Raises `InputError` unless 1 ≤ k ≤ min(n − 1, p).

    >>> import numpy as np
    >>> line = np.arange(6.0)[:, None] * [3.0, 4.0]
    >>> features = PrincipalComponents(line, 1)
    >>> np.abs(np.diff(features(line), axis=0)).ravel(), features.name
    (array([5., 5., 5., 5., 5.]), 'pca:1 (100.0 % of the variance of 6 rows)')
    """

    def __init__(self, reference: Any, k: int) -> None:
        self._flatten = Standardised(reference) if isinstance(reference, pd.DataFrame) else pixels
        rows = as_rows(self._flatten(reference), "reference", at_least=2)
        most = min(len(rows) - 1, rows.shape[1])
        if not 1 <= k <= most:
            raise InputError(
                f"{len(rows)} reference rows with {rows.shape[1]} columns have 1 to {most} "
                f"principal components, got {k}. Ask for fewer or give more rows."
            )
        self._mean = rows.mean(axis=0)
        _, spread, directions = np.linalg.svd(rows - self._mean, full_matrices=False)
        self._directions = directions[:k].T
        total = (spread**2).sum()
        kept = (spread[:k] ** 2).sum() / total if total else 1.0
        self.name = f"pca:{k} ({100 * kept:.1f} % of the variance of {len(rows)} rows)"

    def __call__(self, data: Any) -> Rows:
        return (self._flatten(data) - self._mean) @ self._directions


def feature_map(features: FeatureMap | str, reference: Any = None) -> FeatureMap:
    """Return the feature map that a string names; what is a feature map already is taken as it is.

    "pixels", "raw", "standardised" and "pca:15" (the last two by the `reference` rows),
    "inception:FILE" with the weights in a local file, or the folder of a saved
    `ClassifierFeatures`. A `torch.nn.Module` becomes `ModuleFeatures`.

    Raises `InputError` for another name or kind, or where there is no reference; `FileError` for a
    folder that cannot be read.

    >>> feature_map("raw").__name__
    'raw'
    """
    if not isinstance(features, str):
        # Only who has imported torch can hold a module.
        torch = sys.modules.get("torch")
        if torch is not None and isinstance(features, torch.nn.Module):
            from pushforward.evaluation.extractors import ModuleFeatures

            return ModuleFeatures(features)
        if not callable(features):
            raise InputError(
                "expected features as a name, a function or a torch.nn.Module, got "
                f"{type(features).__name__}. Give e.g. 'standardised'."
            )
        return features
    kind, _, rest = features.partition(":")
    if features in ("pixels", "raw"):
        return {"pixels": pixels, "raw": raw}[features]
    if features == "standardised" or kind == "pca":
        if reference is None:
            raise InputError(f"{features} needs reference rows, got none. Give `reference`.")
        return (
            Standardised(reference) if kind != "pca" else PrincipalComponents(reference, _k(rest))
        )
    if kind == "inception":
        from pushforward.evaluation.extractors import InceptionFeatures

        return InceptionFeatures(rest)
    if features and Path(features).is_dir():
        from pushforward.evaluation.classifier import ClassifierFeatures

        return ClassifierFeatures.load(features)
    raise InputError(
        f"expected features named pixels, raw, standardised, pca:15 or inception:FILE, or the "
        f"folder of a saved classifier, got {features!r}. Correct the name."
    )


def _k(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise InputError(
            f"expected a number of principal components, as in pca:15, got pca:{text}."
        ) from None


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
            f"{name} must be numbers, one row per sample; {error}. Encode categories, as the "
            "features 'standardised' do for a DataFrame."
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
