"""p-values of many tests at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def holm(p: Sequence[float]) -> list[float]:
    """p-values adjusted for their number: p_(i) becomes the greatest of (m − j + 1) p_(j), j ≤ i.

    Holm 1979, Scandinavian Journal of Statistics 6, 65.

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    m, adjusted, greatest = len(p), [0.0] * len(p), 0.0
    for place, i in enumerate(np.argsort(p, kind="stable")):
        greatest = max(greatest, min(1.0, (m - place) * p[i]))
        adjusted[i] = greatest
    return adjusted
