"""Whether rows that were drawn by label look like their label."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.neighbors import KNeighborsClassifier

NEIGHBOURS = 5


class Agreement(NamedTuple):
    """Shares that a classifier of real rows puts into the class they were drawn for, by class.

    `real` are those of real test rows, which generated ones can hardly exceed; `rows` their number.
    """

    classes: list[str]
    generated: list[float]
    real: list[float]
    rows: list[int]

    @property
    def mean(self) -> float:
        """Over the classes, of generated rows."""
        return float(np.mean(self.generated))

    @property
    def mean_of_real(self) -> float:
        return float(np.mean(self.real))


def label_agreement(
    train: NDArray,
    y_train: NDArray,
    test: NDArray,
    y_test: NDArray,
    fake: NDArray,
    asked: NDArray,
) -> Agreement:
    """How often generated rows are taken for the class that was asked for.

    The classifier is that of the 5 nearest training rows; rows are points in a feature map, and
    classes are those of the test rows.

    >>> X, y = np.array([[0.0], [1.0], [10.0], [11.0]]).repeat(5, 0), np.repeat([0, 0, 1, 1], 5)
    >>> label_agreement(X, y, X, y, np.array([[0.5], [0.2], [10.5], [0.3]]), [0, 0, 1, 1]).generated
    [1.0, 0.5]
    """
    judge = KNeighborsClassifier(min(NEIGHBOURS, len(train)))
    judge.fit(train, np.asarray(y_train, dtype=str))
    shares = []
    truth, asked = np.asarray(y_test, dtype=str), np.asarray(asked, dtype=str)
    classes = np.unique(truth).tolist()
    for rows, labels in ((fake, asked), (test, truth)):
        right = judge.predict(rows) == labels
        shares.append([float(right[labels == c].mean()) for c in classes])
    return Agreement(classes, shares[0], shares[1], [int((truth == c).sum()) for c in classes])
