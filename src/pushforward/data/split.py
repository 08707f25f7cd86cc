"""Train, validation and test parts, and the yardstick that every score is shown beside."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pushforward.data.dataset import Dataset, Table
from pushforward.data.toys import Source
from pushforward.errors import InputError

FEWEST_ROWS = 2  # a part with fewer has no spread and no nearest neighbour


@dataclass(frozen=True, kw_only=True, eq=False)
class Split:
    """The parts of a data set, each (n_part, p) and of the kind of X.

    The yardstick holds real rows that stand in for a sample: what a perfect sampler would score.
    The labels y_… are of the kind of y, or None where the data has none.
    """

    train: Table
    validation: Table
    test: Table
    yardstick: Table
    y_train: Table | None = None
    y_validation: Table | None = None
    y_test: Table | None = None
    y_yardstick: Table | None = None

    @property
    def sizes(self) -> dict[str, int]:
        """The number of rows of each part."""
        return {
            "train": len(self.train),
            "validation": len(self.validation),
            "test": len(self.test),
            "yardstick": len(self.yardstick),
        }

    def rest(self, dataset: Dataset) -> Dataset:
        """The data set that this is a split of, without the test rows.

        One with a source is drawn afresh for each split, and stays as it is.
        """
        if dataset.source is not None:
            return dataset
        parts = [(self.train, self.y_train), (self.validation, self.y_validation)]
        X, y = (_joined([pair[i] for pair in parts]) for i in (0, 1))
        return replace(dataset, X=X, y=y, coordinates=None, factors=None)

    def tested_on(self, other: Split) -> Split:
        """This split with the test rows of another, and a yardstick of as many.

        Scores depend on the number of rows, so real rows are to be as many as generated ones.
        """
        X, y = self.yardstick, self.y_yardstick
        if len(X) < len(other.test):  # training rows are in random order
            X, y = self.train, self.y_train
        first = np.arange(min(len(X), len(other.test)))
        return replace(
            self,
            test=other.test,
            y_test=other.y_test,
            yardstick=_take(X, first),
            y_yardstick=_labels(y, first),
        )


def split(
    dataset: Dataset, seed: int, fractions: tuple[float, float, float] = (0.6, 0.15, 0.25)
) -> Split:
    """Split a data set at random into train, validation and test rows.

    The yardstick is a random choice of training rows, at most as many as there are test rows. A
    data set with a source is not cut up but drawn afresh: as many training rows as it has,
    1000 for validation and 2500 for the test (500 and 500 if it has fewer than 2500 rows), and a
    yardstick as large as the test; `fractions` is then not used.

    Raises `InputError` when the fractions are not positive or do not sum to one, and when there
    are too few rows for three parts of two.

    Example:
        >>> parts = split(Dataset(name="mine", X=np.arange(40.0).reshape(20, 2)), seed=0)
        >>> parts.sizes
        {'train': 12, 'validation': 3, 'test': 5, 'yardstick': 5}
    """
    rng = np.random.default_rng(seed)
    if dataset.source is not None:
        return _draw_parts(dataset.source, len(dataset.X), rng)
    train, validation, test = _cut(rng.permutation(len(dataset.X)), fractions, dataset.name)
    yardstick = rng.choice(train, size=min(len(train), len(test)), replace=False)
    return Split(
        train=_take(dataset.X, train),
        validation=_take(dataset.X, validation),
        test=_take(dataset.X, test),
        yardstick=_take(dataset.X, yardstick),
        y_train=_labels(dataset.y, train),
        y_validation=_labels(dataset.y, validation),
        y_test=_labels(dataset.y, test),
        y_yardstick=_labels(dataset.y, yardstick),
    )


def _draw_parts(source: Source, n_train: int, rng: np.random.Generator) -> Split:
    # 2500 is the sample size of the published mode counts.
    n_validation, n_test = (1000, 2500) if n_train >= 2500 else (500, 500)
    return Split(
        train=source.draw(n_train, rng),
        validation=source.draw(n_validation, rng),
        test=source.draw(n_test, rng),
        yardstick=source.draw(n_test, rng),
    )


def _cut(
    order: NDArray[np.intp], fractions: tuple[float, float, float], name: str
) -> list[NDArray[np.intp]]:
    if len(fractions) != 3 or min(fractions) <= 0 or not np.isclose(sum(fractions), 1):
        raise InputError(
            "fractions must be three positive numbers (train, validation, test) that sum to 1, "
            f"got {fractions}."
        )
    n = len(order)
    n_validation, n_test = (max(FEWEST_ROWS, round(share * n)) for share in fractions[1:])
    n_train = n - n_validation - n_test
    if n_train < FEWEST_ROWS:
        raise InputError(
            f"{name}: {n} rows are too few for train, validation and test parts of at least "
            f"{FEWEST_ROWS} rows each with fractions {fractions}. Bring more rows."
        )
    return np.split(order, [n_train, n_train + n_validation])


def _joined(parts: list[Any]) -> Any:
    if any(part is None for part in parts):
        return None
    if isinstance(parts[0], pd.DataFrame):
        return pd.concat(parts, ignore_index=True)
    return np.concatenate(parts)


def _take(X: Table, rows: NDArray[np.intp]) -> Table:
    if isinstance(X, pd.DataFrame):
        return X.iloc[rows].reset_index(drop=True)
    return X[rows]


def _labels(y: Table | None, rows: NDArray[np.intp]) -> Table | None:
    if y is None:
        return None
    return _take(y if isinstance(y, pd.DataFrame) else np.asarray(y), rows)
