"""Whether generated rows are training rows, against what unseen real rows would show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from pushforward.evaluation.features import Rows, as_row_pair
from pushforward.evaluation.intervals import newcombe_interval
from pushforward.evaluation.neighbours import nearest_distance

RADIUS_ROWS = 4000  # training rows whose nearest other row gives the radius
LAST_BITS = 1e-9  # a copy that went through a model's units and back may differ by so much


@dataclass(frozen=True)
class CopyShare:
    """The shares of copies among generated and among held-out real rows.

    `interval` is the 95 % interval of `fake` − `held_out`; `radius` is the distance below which a
    row counts as a copy.
    """

    fake: float
    held_out: float
    interval: tuple[float, float]
    radius: float


def copy_share(fake: Any, train: Any, held_out: Any) -> CopyShare:
    """Return the share of rows that copy a training row, generated and held out.

    A row is a copy if it equals a training row or is nearer to one than

    δ = median over training rows i of ‖x_i − NN(x_i)‖ / 10,

    NN being the nearest other training row. Duplicates in the data can make δ = 0: then only rows
    count that are equal but for their last bits. Held-out real rows give the share that data
    without memory would have; only what lies above it tells of copying. The interval is Newcombe's.

    `fake` is (n, p), `train` (t, p) with t ≥ 2, `held_out` (m, p), else `InputError`.

    >>> import numpy as np
    >>> train, held_out = np.random.default_rng(0).normal(size=(2, 200, 3))
    >>> copy_share(train[:50], train, held_out).fake
    1.0
    """
    train, fake = as_row_pair(train, fake, at_least=1)
    train, held_out = as_row_pair(train, held_out, at_least=1)
    some = train[:: max(1, len(train) // RADIUS_ROWS)]
    radius = float(np.median(nearest_distance(some, train, k=2))) / 10  # its nearest is itself
    radius = max(radius, LAST_BITS * float(np.abs(train).max()))
    share, baseline = (_share_of_copies(rows, train, radius) for rows in (fake, held_out))
    return CopyShare(
        fake=share,
        held_out=baseline,
        interval=newcombe_interval(share, len(fake), baseline, len(held_out)),
        radius=radius,
    )


def _share_of_copies(rows: Rows, train: Rows, radius: float) -> float:
    distance = nearest_distance(rows, train)
    return float(((distance < radius) | (distance == 0)).mean())
