"""Whether generated rows are training rows, against what unseen real rows would show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import mannwhitneyu

from pushforward.evaluation.features import Rows, as_row_pair
from pushforward.evaluation.intervals import newcombe_interval
from pushforward.evaluation.neighbours import nearest_distance

RADIUS_ROWS = 4000  # training rows whose nearest other row gives the radius
LAST_BITS = 1e-9  # a copy that went through a model's units and back may differ by so much
QUANTILES = (0.05, 0.25, 0.5)


@dataclass(frozen=True)
class Records:
    """Distances to the nearest training row, of generated and of held-out rows.

    `fake_to_held_out` is that of generated rows to the nearest held-out row, `radius` the distance
    below which a row counts as a copy, `n_train` the number of training rows.
    """

    fake: Rows
    held_out: Rows
    fake_to_held_out: Rows
    radius: float
    n_train: int


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


@dataclass(frozen=True)
class ClosestRecord:
    """How near training rows are to generated rows, and how near to held-out ones.

    `fake` and `held_out` are the 5 %, 25 % and 50 % quantiles of the distances to the nearest
    training row. `nearer` is the probability that a generated row is nearer to a training row than
    a held-out row is, ties counting half: ½ without memory. `p_value` is one-sided, against
    generated rows being nearer. `train_share` of the generated rows are nearer to a training row
    than to any held-out one, where `expected_train_share` would be without memory.
    """

    fake: tuple[float, ...]
    held_out: tuple[float, ...]
    nearer: float
    p_value: float
    train_share: float
    expected_train_share: float

    def __str__(self) -> str:
        head = "".join(f"{quantile:>10.0%}" for quantile in QUANTILES)
        fake, held_out = (
            "".join(f"{distance:>10.4g}" for distance in row) for row in (self.fake, self.held_out)
        )
        return (
            f"distance to the nearest training row{head}\n"
            f"generated rows                      {fake}\n"
            f"held-out rows                       {held_out}\n"
            f"generated rows are nearer than held-out ones with probability {self.nearer:.3f} "
            f"(without memory 0.5; one-sided p = {self.p_value:.2g})\n"
            f"nearest to a training row, not a held-out one: {self.train_share:.3f} of generated "
            f"rows (without memory {self.expected_train_share:.3f})"
        )


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
    return copy_share_of(records(fake, train, held_out))


def closest_record(fake: Any, train: Any, held_out: Any) -> ClosestRecord:
    """Return how distances to the nearest training row compare, of generated and held-out rows.

    Held-out rows are of the law of the training rows, but nothing has seen them: generated rows
    that lie nearer to training rows than they do come from a model that remembers. The test is
    that of Mann and Whitney, with ties, of P(d_fake < d_held-out) + ½ P(d_fake = d_held-out) ≤ ½.
    Of rows without memory t/(t + m) are nearest to a training row among t training and m held-out
    rows, whatever the model's law.

    `fake` is (n, p), `train` (t, p) with t ≥ 2, `held_out` (m, p), else `InputError`.

    >>> import numpy as np
    >>> train, held_out, fresh = np.random.default_rng(0).normal(size=(3, 200, 3))
    >>> print(closest_record(0.9 * train[:150] + 0.1 * fresh[:150], train, held_out))
    distance to the nearest training row        5%       25%       50%
    ...
    """
    return closest_record_of(records(fake, train, held_out))


def records(fake: Any, train: Any, held_out: Any, fake_to_held_out: Rows | None = None) -> Records:
    """Return the distances that `copy_share` and `closest_record` need.

    `fake_to_held_out` (n,) is found if it is not known already.
    """
    train, fake = as_row_pair(train, fake, at_least=1)
    train, held_out = as_row_pair(train, held_out, at_least=1)
    if fake_to_held_out is None:
        fake_to_held_out = nearest_distance(fake, held_out)
    some = train[:: max(1, len(train) // RADIUS_ROWS)]
    spacing = float(np.median(nearest_distance(some, train, k=2)))  # its nearest is itself
    return Records(
        fake=nearest_distance(fake, train),
        held_out=nearest_distance(held_out, train),
        fake_to_held_out=fake_to_held_out,
        radius=max(spacing / 10, LAST_BITS * float(np.abs(train).max())),
        n_train=len(train),
    )


def copy_share_of(found: Records) -> CopyShare:
    """Return `copy_share` from distances that are known."""
    share, baseline = (
        float(((distance < found.radius) | (distance == 0)).mean())
        for distance in (found.fake, found.held_out)
    )
    return CopyShare(
        fake=share,
        held_out=baseline,
        interval=newcombe_interval(share, len(found.fake), baseline, len(found.held_out)),
        radius=found.radius,
    )


def closest_record_of(found: Records) -> ClosestRecord:
    """Return `closest_record` from distances that are known."""
    n, m, t = len(found.fake), len(found.held_out), found.n_train
    test = mannwhitneyu(found.fake, found.held_out, alternative="less", method="asymptotic")
    all_tie = np.ptp(np.concatenate([found.fake, found.held_out])) == 0
    to_train, to_held_out = found.fake, found.fake_to_held_out
    nearer = (to_train < to_held_out).mean() + (to_train == to_held_out).mean() / 2
    return ClosestRecord(
        fake=tuple(map(float, np.quantile(found.fake, QUANTILES))),
        held_out=tuple(map(float, np.quantile(found.held_out, QUANTILES))),
        nearer=float(1 - test.statistic / (n * m)),
        p_value=1.0 if all_tie else float(test.pvalue),
        train_share=float(nearer),
        expected_train_share=t / (t + m),
    )
