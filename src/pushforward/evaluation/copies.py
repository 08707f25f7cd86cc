"""Whether generated rows are training rows, against what unseen real rows would show."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import norm

from pushforward.evaluation.distances import Nearest, Points, nearest_across, points_of
from pushforward.evaluation.features import Rows, as_row_pair
from pushforward.evaluation.intervals import newcombe_interval
from pushforward.evaluation.neighbourhoods import Neighbourhoods
from pushforward.evaluation.neighbours import nearest_distance

RADIUS_ROWS = 4000  # training rows whose nearest other row gives the radius
LAST_BITS = 1e-9  # a copy that went through a model's units and back may differ by so much
QUANTILES = (0.05, 0.25, 0.5)


@dataclass(frozen=True)
class Records:
    """Who is nearest to the training rows, and to whom generated rows are nearest.

    `fake` and `held_out` are distances to the nearest training row, `radius` the one below which a
    row counts as a copy. Every generated row has one vote for the real row nearest to it, shared
    between those that tie: `train_votes` go to training rows, and `squared_votes` is the sum over
    all real rows of the squares of what each gets.
    """

    fake: Rows
    held_out: Rows
    radius: float
    n_train: int
    train_votes: float
    squared_votes: float


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

    `train_share` of the generated rows are nearer to a training row than to any held-out one, ties
    shared; of rows without memory `expected_share` would be. `p_value` is one-sided, against more
    of them. `fake` and `held_out` are the 5 %, 25 % and 50 % quantiles of the distances to the
    nearest training row; they differ between laws too, with and without memory.
    """

    train_share: float
    expected_share: float
    p_value: float
    fake: tuple[float, ...]
    held_out: tuple[float, ...]

    def __str__(self) -> str:
        head = "".join(f"{quantile:>10.0%}" for quantile in QUANTILES)
        fake, held_out = (
            "".join(f"{distance:>10.4g}" for distance in row) for row in (self.fake, self.held_out)
        )
        return (
            f"distance to the nearest training row{head}\n"
            f"generated rows                      {fake}\n"
            f"held-out rows                       {held_out}\n"
            f"nearest to a training row, not a held-out one: {self.train_share:.3f} of generated "
            f"rows (without memory {self.expected_share:.3f}; one-sided p = {self.p_value:.2g})"
        )


def copy_share(fake: Any, train: Any, held_out: Any) -> CopyShare:
    """Return the share of rows that copy a training row, generated and held out.

    A row is a copy if it equals a training row or is nearer to one than

    δ = median over training rows i of ‖x_i − NN(x_i)‖ / 10,

    NN being the nearest other training row. Duplicates in the data can make δ = 0: then only rows
    count that are equal but for their last bits; so it is with one column, where any value is near
    to some other. Held-out real rows give the share that data
    without memory would have; only what lies above it tells of copying. The interval is Newcombe's.

    `fake` is (n, p), `train` (t, p) with t ≥ 2, `held_out` (m, p), else `InputError`.

    >>> import numpy as np
    >>> train, held_out = np.random.default_rng(0).normal(size=(2, 200, 3))
    >>> copy_share(train[:50], train, held_out).fake
    1.0
    """
    return copy_share_of(_records(fake, train, held_out))


def closest_record(fake: Any, train: Any, held_out: Any) -> ClosestRecord:
    """Return whether generated rows keep closer to training rows than to unseen ones.

    Training and held-out rows are of one law, but nothing has seen the latter. So if the model has
    no memory either is as likely to be nearest, whatever law it draws from: of all n votes, v_i of
    them for real row i, those for t of N rows that are taken at random have

    E S = n t/N,   Var S = (t/N) (N − t)/(N − 1) (Σ_i v_i² − n²/N)

    exactly; p is from the normal law of that mean and variance.

    `fake` is (n, p), `train` (t, p) with t ≥ 2, `held_out` (m, p), else `InputError`.

    >>> import numpy as np
    >>> train, held_out, fresh = np.random.default_rng(0).normal(size=(3, 200, 3))
    >>> print(closest_record(0.9 * train[:150] + 0.1 * fresh[:150], train, held_out))
    distance to the nearest training row        5%       25%       50%
    ...
    """
    return closest_record_of(_records(fake, train, held_out))


def records_of(near: Neighbourhoods, train: Rows) -> Records:
    """Return what both need, of held-out and generated rows whose neighbours are known."""
    # Points that are to be compared share a scale and a centre.
    points = Points(np.ldexp(train, -near.exponent), near.fake.centre)
    return _between(near.exponent, near.fake, points, near.real, near.fake_to_real)


def _records(fake: Any, train: Any, held_out: Any) -> Records:
    train, fake = as_row_pair(train, fake, at_least=1)
    train, held_out = as_row_pair(train, held_out, at_least=1)
    exponent, (a, b, c) = points_of(fake, train, held_out)
    return _between(exponent, a, b, c, nearest_across(a, c, 1))


def _between(
    exponent: int, fake: Points, train: Points, held_out: Points, to_held_out: Nearest
) -> Records:
    some = train.rows[:: max(1, len(train.rows) // RADIUS_ROWS)]
    spacing = 0.0
    if some.shape[1] > 1:
        spacing = float(np.median(nearest_distance(some, train.rows, k=2)))  # first comes itself
    radius = max(spacing / 10, LAST_BITS * float(np.abs(train.rows).max()))
    to_train, from_held_out = nearest_across(fake, train, 1), nearest_across(held_out, train, 1)
    of_train, of_held_out = _votes(fake, to_train, train, to_held_out, held_out)
    with np.errstate(over="ignore"):  # to ∞, where two finite numbers are so far apart
        return Records(
            fake=np.ldexp(np.sqrt(to_train.kth(1)), exponent)[fake.which],
            held_out=np.ldexp(np.sqrt(from_held_out.kth(1)), exponent)[held_out.which],
            radius=float(np.ldexp(radius, exponent)),
            n_train=len(train.rows),
            train_votes=float(of_train @ train.count),
            squared_votes=float(of_train**2 @ train.count + of_held_out**2 @ held_out.count),
        )


def _votes(fake: Points, to_a: Nearest, a: Points, to_b: Nearest, b: Points) -> tuple[Rows, Rows]:
    """The votes for each of the equal rows that a distinct row of `a`, or of `b`, stands for."""
    nearest = np.minimum(to_a.kth(1), to_b.kth(1))
    tied = [found.square <= nearest[found.row] for found in (to_a, to_b)]
    pairs = [(f.row[t], f.column[t], f.copies[t]) for f, t in zip((to_a, to_b), tied, strict=True)]
    voted_for = sum(np.bincount(row, copies, minlength=len(fake)) for row, _, copies in pairs)
    each = fake.count / voted_for
    of_a, of_b = (
        np.bincount(column, each[row], minlength=len(points)).astype(np.float64)
        for (row, column, _), points in zip(pairs, (a, b), strict=True)
    )
    return of_a, of_b


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
    """Return `closest_record` from neighbours that are known."""
    n, m, t = len(found.fake), len(found.held_out), found.n_train
    share = t / (t + m)
    variance = share * m / (t + m - 1) * (found.squared_votes - n * n / (t + m))
    # Where every real row has as many votes, all ways to choose the training rows are alike.
    surplus = found.train_votes - n * share
    z = surplus / math.sqrt(variance) if variance > 1e-9 * n else 0.0
    return ClosestRecord(
        train_share=found.train_votes / n,
        expected_share=share,
        p_value=float(norm.sf(z)) if z else 1.0,
        fake=tuple(map(float, np.quantile(found.fake, QUANTILES))),
        held_out=tuple(map(float, np.quantile(found.held_out, QUANTILES))),
    )
