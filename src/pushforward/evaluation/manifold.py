"""Improved precision and recall: which rows lie within the other set's reach."""

from __future__ import annotations

from typing import Any, NamedTuple

from numpy.typing import NDArray

from pushforward.evaluation.distances import inside_balls, nearest, to_unit_scale
from pushforward.evaluation.features import Rows, as_row_pair


class PrecisionRecall(NamedTuple):
    """Shares in [0, 1] of generated rows near real ones, and of real rows near generated ones."""

    precision: float
    recall: float


def precision_recall(real: Any, fake: Any, k: int = 3) -> PrecisionRecall:
    """Return the share of generated rows within the real rows' manifold, and the converse.

    x is within the manifold of Φ if ‖x − φ‖ < ‖φ − NN_k(φ)‖ for at least one φ ∈ Φ,

    NN_k(φ) being the k-th nearest other row of Φ (the farthest one if Φ has k rows or fewer).
    Neither share is 1 for equal laws: how far below depends on dimension, sizes and k, so compare
    with the scores of real rows. An outlier covers a large ball and lifts the other set's share.

    `real` is (n, p), `fake` (m, p), two rows or more, else `InputError`.

    Kynkäänniemi et al. 2019, arXiv:1904.06991, eqs. 1 to 3.

    >>> real, fake = [[0.0], [1.0], [2.0], [3.0]], [[1.5], [1.6], [1.4], [9.0]]
    >>> precision_recall(real, fake, k=1)
    PrecisionRecall(precision=0.75, recall=0.5)
    """
    _, (real, fake) = to_unit_scale(*as_row_pair(real, fake))
    return PrecisionRecall(
        precision=float(_within_manifold(fake, real, k).mean()),
        recall=float(_within_manifold(real, fake, k).mean()),
    )


def _within_manifold(rows: Rows, reference: Rows, k: int) -> NDArray[Any]:
    k = min(k, len(reference) - 1)
    radii = nearest(reference, reference, k, exclude_self=True).squared
    return inside_balls(rows, reference, radii)
