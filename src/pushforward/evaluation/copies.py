"""Whether generated rows are training rows, against what unseen real rows would show."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import norm

from pushforward.evaluation.distances import Nearest, Points, nearest_across, points_of
from pushforward.evaluation.features import Rows, as_row_pair, as_rows
from pushforward.evaluation.intervals import newcombe_interval
from pushforward.evaluation.neighbourhoods import Neighbourhoods
from pushforward.evaluation.neighbours import nearest_distance

RADIUS_ROWS = 4000  # training rows whose nearest other row gives the radius
LAST_BITS = 1e-9  # a copy that went through a model's units and back may differ by so much
QUANTILES = (0.05, 0.25, 0.5)
SITS_WITHIN = 0.5  # of the distance to the next real row: so near is a row to the one it sits on


@dataclass(frozen=True)
class Votes:
    """What generated rows give to real rows: in all, to training rows, and Σ_i v_i² over all."""

    total: float
    train: float
    squares: float

    def p_value(self, n_train: int, n_real: int) -> float:
        """P(as many votes for training rows, or more), were these any `n_train` of the real rows.

        The votes for t of N rows that are taken at random have, v_i of them being for row i,

        E S = v t/N,   Var S = (t/N) (N − t)/(N − 1) (Σ_i v_i² − v²/N),   v = Σ_i v_i

        exactly; p is from the normal law of that mean and variance.
        """
        share = n_train / n_real
        spread = self.squares - self.total**2 / n_real
        # Where every real row has as many votes, all ways to choose the training rows are alike.
        if spread <= 1e-9 * self.squares:
            return 1.0
        variance = share * (n_real - n_train) / (n_real - 1) * spread
        return float(norm.sf((self.train - self.total * share) / math.sqrt(variance)))


@dataclass(frozen=True)
class Records:
    """Who is nearest to the training rows, and to whom generated rows are nearest.

    `fake` and `held_out` are distances to the nearest training row, `radius` the one below which a
    row counts as a copy. Every generated row has one vote for the real row nearest to it, shared
    between those that tie; `sitting` are the votes of those that sit on that row.
    """

    fake: Rows
    held_out: Rows
    radius: float
    n_train: int
    nearest: Votes
    sitting: Votes


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
class NearCopies:
    """The share of generated rows that sit on a training row, and what chance would give.

    `fake` is that share; `expected` is the share that sits on a held-out row, times the training
    rows for each held-out one. `p_value` is one-sided, against more of them.
    """

    fake: float
    expected: float
    p_value: float


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
    no memory either is as likely to be nearest, whatever law it draws from: t training and m
    held-out rows are expected to be nearest to t/(t + m) of the generated rows. The p-value is that
    of the training rows' labels, permuted. A model with a memory need not copy: kernel densities,
    and many networks that were fitted to few rows, keep closer to those. See `near_copies`.

    `fake` is (n, p), `train` (t, p) with t ≥ 2, `held_out` (m, p), else `InputError`.

    >>> import numpy as np
    >>> train, held_out, fresh = np.random.default_rng(0).normal(size=(3, 200, 3))
    >>> print(closest_record(0.9 * train[:150] + 0.1 * fresh[:150], train, held_out))
    distance to the nearest training row        5%       25%       50%
    ...
    """
    return closest_record_of(_records(fake, train, held_out))


def near_copies(fake: Any, train: Any, held_out: Any) -> NearCopies:
    """Return the share of generated rows that sit on a training row, as disturbed copies do.

    A row sits on a real row, of training or held out, if it is less than half as far from it as
    from every other real row. Without memory it sits on either as likely, whatever law it is drawn
    from, so that equally many for each row are expected, and training rows' labels are permuted for
    p. A row that real rows share is sat on by none: `copy_share` counts equal rows.

    `fake` is (n, p), `train` (t, p) with t ≥ 2, `held_out` (m, p) with m ≥ 2, else `InputError`.

    >>> import numpy as np
    >>> train, held_out, fresh = np.random.default_rng(0).normal(size=(3, 200, 8))
    >>> noisy = near_copies(train + 0.1 * fresh, train, held_out)
    >>> noisy.fake > 0.9, noisy.expected, noisy.p_value < 1e-9
    (True, 0.0, True)
    """
    return near_copies_of(_records(fake, train, as_rows(held_out, "held_out", at_least=2)))


def records_of(near: Neighbourhoods, train: Rows) -> Records:
    """Return what all need, of held-out and generated rows whose two nearest are known."""
    # Points that are to be compared share a scale and a centre.
    points = Points(np.ldexp(train, -near.exponent), near.fake.centre)
    return _between(near.exponent, near.fake, points, near.real, near.fake_to_real)


def _records(fake: Any, train: Any, held_out: Any) -> Records:
    train, fake = as_row_pair(train, fake, at_least=1)
    train, held_out = as_row_pair(train, held_out, at_least=1)
    exponent, (a, b, c) = points_of(fake, train, held_out)
    return _between(exponent, a, b, c, nearest_across(a, c, 2))


def _between(
    exponent: int, fake: Points, train: Points, held_out: Points, to_held_out: Nearest
) -> Records:
    some = train.rows[:: max(1, len(train.rows) // RADIUS_ROWS)]
    spacing = 0.0
    if some.shape[1] > 1:
        spacing = float(np.median(nearest_distance(some, train.rows, k=2)))  # first comes itself
    radius = max(spacing / 10, LAST_BITS * float(np.abs(train.rows).max()))
    to_train, from_held_out = nearest_across(fake, train, 2), nearest_across(held_out, train, 1)
    with np.errstate(over="ignore"):  # to ∞, where two finite numbers are so far apart
        return Records(
            fake=np.ldexp(np.sqrt(to_train.kth(1)), exponent)[fake.which],
            held_out=np.ldexp(np.sqrt(from_held_out.kth(1)), exponent)[held_out.which],
            radius=float(np.ldexp(radius, exponent)),
            n_train=len(train.rows),
            nearest=_votes(fake, to_train, train, to_held_out, held_out),
            sitting=_sitting(fake, to_train, to_held_out),
        )


def _votes(fake: Points, to_a: Nearest, a: Points, to_b: Nearest, b: Points) -> Votes:
    """The votes for the nearest rows of `a`, the training rows, and of `b`."""
    nearest = np.minimum(to_a.kth(1), to_b.kth(1))
    tied = [found.square <= nearest[found.row] for found in (to_a, to_b)]
    pairs = [(f.row[t], f.column[t], f.copies[t]) for f, t in zip((to_a, to_b), tied, strict=True)]
    voted_for = sum(np.bincount(row, copies, minlength=len(fake)) for row, _, copies in pairs)
    each = fake.count / voted_for
    # Equal rows of `a` or of `b`, which one distinct row stands for, get as many each.
    of_a, of_b = (
        np.bincount(column, each[row], minlength=len(points))
        for (row, column, _), points in zip(pairs, (a, b), strict=True)
    )
    return Votes(
        total=float(fake.count.sum()),
        train=float(of_a @ a.count),
        squares=float(of_a**2 @ a.count + of_b**2 @ b.count),
    )


def _sitting(fake: Points, to_a: Nearest, to_b: Nearest) -> Votes:
    """The votes of rows that sit on one of `a`, the training rows, or of `b`."""
    of_a, of_b = (
        np.bincount(found.column[found.starts()[sits]], fake.count[sits])
        for found, other in ((to_a, to_b), (to_b, to_a))
        # The second nearest is another row, though it may be an equal one.
        for sits in [found.kth(1) < SITS_WITHIN**2 * np.minimum(found.kth(2), other.kth(1))]
    )
    return Votes(
        total=float(of_a.sum() + of_b.sum()),
        train=float(of_a.sum()),
        squares=float(of_a @ of_a + of_b @ of_b),
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
    """Return `closest_record` from neighbours that are known."""
    n_real = found.n_train + len(found.held_out)
    return ClosestRecord(
        train_share=found.nearest.train / found.nearest.total,
        expected_share=found.n_train / n_real,
        p_value=found.nearest.p_value(found.n_train, n_real),
        fake=tuple(map(float, np.quantile(found.fake, QUANTILES))),
        held_out=tuple(map(float, np.quantile(found.held_out, QUANTILES))),
    )


def near_copies_of(found: Records) -> NearCopies:
    """Return `near_copies` from neighbours that are known."""
    n, m, t = len(found.fake), len(found.held_out), found.n_train
    on_held_out = found.sitting.total - found.sitting.train
    return NearCopies(
        fake=found.sitting.train / n,
        expected=min(on_held_out / n * t / m, 1.0),
        p_value=found.sitting.p_value(t, t + m),
    )
