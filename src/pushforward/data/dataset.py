"""A data set: its rows, and what is known about them."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pushforward.data.toys import Source

Table: TypeAlias = NDArray | pd.DataFrame
LEAST_IMAGE = 16  # pixels in each direction, from which on rows are fitted as images


@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class Dataset:
    """Rows to learn from.

    X is (n, p), an array or a DataFrame; y (n,) holds labels, or is a DataFrame of several columns,
    and `label` names the columns they came from. Images are flattened rows with `image_shape`
    (h, w) or (h, w, c). A toy has its `source`, and `coordinates` (n, 2) if it lies on a known
    surface; what is rendered has the `factors` of each row. `notes` say what was left out, and
    why.

    Example:
        >>> Dataset(name="mine", X=np.zeros((50, 64)), image_shape=(8, 8))
        Dataset('mine', 50 rows × 64 columns, 8×8 images)
    """

    name: str
    X: Table
    y: Table | None = None
    image_shape: tuple[int, ...] | None = None
    source: Source | None = None
    coordinates: NDArray[np.float64] | None = None
    factors: pd.DataFrame | None = None
    label: str | None = None
    notes: tuple[str, ...] = ()

    def __repr__(self) -> str:
        n, p = self.X.shape
        parts = [repr(self.name), f"{n} rows × {p} columns"]
        if self.image_shape is not None:
            parts.append("×".join(map(str, self.image_shape)) + " images")
        if self.y is not None:
            parts.append(f"labels {self.label!r}" if self.label else "labels")
        if self.source is not None:
            parts.append(f"{self.source.n_modes} known modes")
        return f"Dataset({', '.join(parts)})"

    @property
    def are_images(self) -> bool:
        """Whether rows are images of at least 16×16 pixels; smaller ones are fitted as numbers."""
        return self.image_shape is not None and min(self.image_shape[:2]) >= LEAST_IMAGE

    def as_samples(self, rows: Any) -> Any:
        """Rows of this data set as a sampler is to see them: (n, h, w[, c]) where they are images.

        Example:
            >>> faces = Dataset(name="faces", X=np.zeros((9, 1024)), image_shape=(32, 32))
            >>> faces.as_samples(faces.X).shape
            (9, 32, 32)
        """
        if not self.are_images:
            return rows
        assert self.image_shape is not None
        return rows.reshape(len(rows), *self.image_shape)

    def as_rows(self, samples: Any) -> Any:
        """What a sampler drew as rows (n, p), as those of this data set are."""
        return samples.reshape(len(samples), -1) if self.are_images else samples

    def fingerprint(self) -> str:
        """Sixteen hexadecimal digits that change with the content of X, y or the image shape.

        The same in every process, for arrays and for frames (dtypes and categories count).

        Example:
            >>> Dataset(name="a", X=np.eye(3)).fingerprint() == Dataset(
            ...     name="b", X=np.eye(3)
            ... ).fingerprint()
            True
        """
        digest = hashlib.sha256(repr(self.image_shape).encode())
        if isinstance(self.X, pd.DataFrame):
            for column, values in self.X.items():
                digest.update(repr(column).encode())
                _add_series(digest, values)
        else:
            digest.update(f"{self.X.dtype.str}{self.X.shape}".encode())
            digest.update(np.ascontiguousarray(self.X).tobytes())
        if self.y is not None:
            for _, values in pd.DataFrame(self.y).items():
                _add_series(digest, values.reset_index(drop=True))
        return digest.hexdigest()[:16]


def labels_by_name(y: Table | None, label: str | None) -> Any:
    """Labels under the name of the column that they came from, where they are one.

    Example:
        >>> labels_by_name(np.array([0, 1]), "kind").name
        'kind'
    """
    one = label is not None and y is not None and np.ndim(y) == 1
    return pd.Series(y, name=label) if one else y


def number_columns(matrix: NDArray) -> pd.DataFrame:
    """A matrix (n, p), or a vector (n,), as a table with columns x0, x1, …

    Example:
        >>> list(number_columns(np.zeros((2, 3))))
        ['x0', 'x1', 'x2']
    """
    matrix = matrix.reshape(len(matrix), math.prod(matrix.shape[1:]))
    return pd.DataFrame(matrix, columns=[f"x{i}" for i in range(matrix.shape[1])])


def _add_series(digest: hashlib._Hash, values: pd.Series) -> None:
    kind = str(values.dtype)
    if isinstance(values.dtype, pd.CategoricalDtype):
        kind += repr((values.cat.categories.tolist(), values.cat.ordered))
    digest.update(kind.encode())
    digest.update(pd.util.hash_pandas_object(values, index=False).to_numpy().tobytes())
