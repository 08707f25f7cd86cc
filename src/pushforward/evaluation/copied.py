"""Which generated rows copy a training row, and which row they copy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pushforward.errors import InputError
from pushforward.evaluation.copies import LAST_BITS, RADIUS_ROWS, SITS_WITHIN
from pushforward.evaluation.distances import Points
from pushforward.evaluation.features import (
    FeatureMap,
    Rows,
    Standardised,
    as_row_pair,
    as_rows,
    feature_map,
    feature_name,
    pixels,
)
from pushforward.evaluation.inputs import as_data, with_columns_of
from pushforward.evaluation.intervals import newcombe_interval
from pushforward.evaluation.neighbours import nearest_distinct

QUANTILE = 0.01  # of unseen real rows so many pass for copies, by chance


class CopyFinder:
    """Finds rows that copy a training row, by what unseen real rows show.

    A row is a copy if it equals a training row but for its last bits, or if it is nearer to one
    than the `quantile` of unseen rows are, and less than half as far from it as from any other:
    rows of a dense place, or blurred ones, are near to many. Without unseen rows each training row
    is held against the others, up to 4000 of them.

    `train` is (t, p), t ≥ 3, `unseen` (m, p), else `InputError`.

    >>> train = np.random.default_rng(0).normal(size=(200, 8))
    >>> nearest, distance, copy = CopyFinder(train)(train[[3]] + 0.001)
    >>> nearest, copy
    (array([3]), array([ True]))
    """

    def __init__(self, train: Any, unseen: Any = None, *, quantile: float = QUANTILE) -> None:
        train = as_rows(train, "train", at_least=3)
        if not 0 < quantile < 1:
            raise InputError(f"expected quantile to be between 0 and 1, got {quantile!r}")
        points = Points(train, train.mean(axis=0))
        self._places = np.sort(points.first)  # of each distinct row
        self._rows = train[self._places]
        if len(self._rows) < 3:
            raise InputError(
                f"expected at least 3 different rows of train, got {len(self._rows)}; among fewer "
                "nothing can be called a copy"
            )
        self._equal = LAST_BITS * float(np.abs(train).max())
        if unseen is None:
            some = np.arange(0, len(train), max(1, len(train) // RADIUS_ROWS))
            _, distance = nearest_distinct(train[some], self._rows, 3)
            itself, first, second = distance.T
            several = points.count[points.which[some]] > 1
            first, second = np.where(several, [itself, first], [first, second])
        else:
            train, unseen = as_row_pair(train, unseen, at_least=1)
            first, second = nearest_distinct(unseen, self._rows, 2)[1].T
        self.n_unseen = len(first)
        # Where there is one column any value is near to some other.
        self.threshold = 0.0
        if train.shape[1] > 1:
            self.threshold = float(np.quantile(first, quantile, method="lower"))
        self.expected = float(self._copies(first, second).mean())

    def __call__(self, fake: Any) -> tuple[NDArray[np.intp], Rows, NDArray[np.bool_]]:
        """The training row nearest to each row (n, p), its distance, and whether it is a copy."""
        column, distance = nearest_distinct(as_rows(fake, "fake"), self._rows, 2)
        return self._places[column[:, 0]], distance[:, 0], self._copies(*distance.T)

    def _copies(self, first: Rows, second: Rows) -> NDArray[np.bool_]:
        return (first <= self._equal) | ((first < self.threshold) & (first < SITS_WITHIN * second))


@dataclass(frozen=True)
class Copies:
    """The generated rows that copy a training row, nearest first.

    `found` has their number in the generated rows, that of the training row, both from 0 on, and
    the distance between them; `share` is their share of the `n` generated rows. `expected` is the
    share that rows without memory would show, and `interval` the 95 % interval of the difference;
    `unseen` says whether that is of rows that the model had not seen.
    """

    found: pd.DataFrame
    n: int
    share: float
    expected: float
    interval: tuple[float, float]
    threshold: float
    unseen: bool
    features: str

    @property
    def copying(self) -> bool:
        """Whether there are more copies than chance would show."""
        return self.interval[0] > 0

    def to_dict(self) -> dict[str, Any]:
        """All of it as plain values."""
        return {**vars(self), "found": self.found.to_dict("records"), "copying": self.copying}

    def __str__(self) -> str:
        low, high = self.interval
        of = "held-out real rows" if self.unseen else "training rows, among themselves,"
        said = (
            f"{len(self.found)} of {self.n} generated rows ({self.share:.1%}) copy a training row: "
            f"they equal it, or are nearer than {self.threshold:.4g} to it and far from the next\n"
            f"of {of} {self.expected:.1%} do (the difference {low:+.1%} to {high:+.1%}): "
        )
        more = "more than chance: training rows are given away"
        return said + (more if self.copying else "no more than chance would show")


def copies(
    train: Any,
    fake: Any,
    held_out: Any = None,
    *,
    features: FeatureMap | str | None = None,
    quantile: float = QUANTILE,
) -> Copies:
    """List the generated rows that copy a training row, and which row they copy.

    What counts as a copy is in `CopyFinder`; where that is more than unseen rows show by chance
    the model gives training rows away.

    Args:
        train: the rows that the model was fitted to, an array, a DataFrame or images
            `(n, h, w[, c])`.
        fake: generated rows of the same kind.
        held_out: real rows that it was not fitted to. Without them training rows are held against
            each other, and no row is one that the model has not seen.
        features: what distances are of, as in `evaluate`; by default standardised columns, of
            images their pixels.
        quantile: the share of unseen rows that pass for copies, at most, but for equal ones.

    Raises:
        InputError: fewer than three different training rows, or rows of different kinds.

    >>> train, held_out = np.random.default_rng(0).normal(size=(2, 100, 4))
    >>> listed = copies(train, np.vstack([held_out[:9], train[[5]]]), held_out)
    >>> listed.found[["generated", "training"]].to_numpy().tolist()
    [[9, 5]]
    """
    train = as_data(train, "train")
    fake = with_columns_of(train, as_data(fake, "fake"), "fake")
    if held_out is not None:
        held_out = with_columns_of(train, as_data(held_out, "held_out"), "held_out")
    images = not isinstance(train, pd.DataFrame) and train.ndim > 2
    by = features or (pixels if images else Standardised(train))
    by = feature_map(by, train)
    finder = CopyFinder(by(train), None if held_out is None else by(held_out), quantile=quantile)
    nearest, distance, copy = finder(by(fake))
    where = np.flatnonzero(copy)
    found = pd.DataFrame(
        {"generated": where, "training": nearest[where], "distance": distance[where]}
    )
    share = float(copy.mean())
    return Copies(
        found=found.sort_values(["distance", "generated"], ignore_index=True),
        n=len(copy),
        share=share,
        expected=finder.expected,
        interval=newcombe_interval(share, len(copy), finder.expected, finder.n_unseen),
        threshold=finder.threshold,
        unseen=held_out is not None,
        features=feature_name(by),
    )
