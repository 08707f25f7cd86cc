"""Leave-one-out nearest neighbours: can generated rows be told from real ones?"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import csr_array

from pushforward.evaluation.distances import (
    approximate_blocks,
    nearest,
    pair_squares,
    to_unit_scale,
)
from pushforward.evaluation.features import Rows, as_row_pair, as_rows
from pushforward.evaluation.intervals import Z_95, wilson_interval


@dataclass(frozen=True)
class NeighbourShare:
    """A share of rows whose nearest neighbour has their own label, and its null distribution.

    `null_mean`, `variance` and the two-sided `p_value` (normal approximation) are those of random
    labels on the same neighbour graph. `interval` covers 95 % of the share itself.
    """

    value: float
    null_mean: float
    variance: float
    p_value: float
    interval: tuple[float, float]

    @property
    def standard_error(self) -> float:
        """Half the interval's width in units of the normal law's 97.5 % quantile; never 0."""
        return (self.interval[1] - self.interval[0]) / (2 * Z_95)


@dataclass(frozen=True)
class LeaveOneOut:
    """The 1-NN accuracy and its halves: of the real rows alone and of the generated ones alone."""

    accuracy: NeighbourShare
    real_half: NeighbourShare
    fake_half: NeighbourShare


def neighbour_graph(rows: Any) -> csr_array:
    """Return the weights w_ij = 1/(number of nearest rows of i) over the nearest rows j ≠ i.

    `rows` is (n, p) with n ≥ 2; the result is a sparse (n, n) array whose rows sum to 1. Ties,
    duplicates among them, are found exactly and share their weight; n equal rows therefore take
    memory for n (n − 1) weights. Raises `InputError` below two rows.

    >>> neighbour_graph([[0.0], [1.0], [3.0], [1.0]]).toarray()
    array([[0. , 0.5, 0. , 0.5],
           [0. , 0. , 0. , 1. ],
           [0. , 0.5, 0. , 0.5],
           [0. , 1. , 0. , 0. ]])
    """
    _, (scaled,) = to_unit_scale(as_rows(rows, "rows", at_least=2))
    _, row, column = nearest(scaled, scaled, exclude_self=True)
    n = len(scaled)
    weights = 1.0 / np.bincount(row, minlength=n)[row]
    return csr_array((weights, (row, column)), shape=(n, n))


def nearest_distance(rows: Any, points: Any, k: int = 1, *, exclude_self: bool = False) -> Rows:
    """Return the Euclidean distance from each of the `rows` (n, p) to its k-th nearest of `points`.

    Equal rows are at distance exactly 0. With `exclude_self` both are the same array and a row is
    not its own neighbour. Raises `InputError` for fewer points than k.

    >>> nearest_distance([[0.0], [5.0]], [[1.0], [5.0]])
    array([1., 0.])
    """
    rows, points = as_row_pair(rows, points, at_least=1)
    points = as_rows(points, "points", at_least=k + exclude_self)
    exponent, (rows, points) = to_unit_scale(rows, points)
    return np.ldexp(np.sqrt(nearest(rows, points, k, exclude_self=exclude_self).squared), exponent)


def leave_one_out(real: Any, fake: Any) -> LeaveOneOut:
    """Return how often the nearest other row, among `real` and `fake` pooled, has the same label.

    With N = m + n rows, a^{(k)} the falling factorial and random labels on the graph w,

    E acc = p₂,  Var acc = (¼[2Q p₂ + 4(R − Q) p₃ + (A² − 4R + 2Q) p₄] − ¼A² p₂²) / N²,
    a = w + wᵀ,  A = Σa_ij,  Q = Σa_ij²,  R = Σ_i(Σ_j a_ij)²,
    p₂ = (m^{(2)} + n^{(2)})/N^{(2)},  p₃ = (m^{(3)} + n^{(3)})/N^{(3)},
    p₄ = (m^{(4)} + n^{(4)} + 2 m^{(2)} n^{(2)})/N^{(4)}

    which are exact for any sizes and any ties; the halves have p_k = m^{(k)}/N^{(k)}. About ½ means
    that the rows cannot be told apart, 1 that they are easily told apart, and well below ½ that
    generated rows are copies of real ones; an accuracy of ½ can hide halves of 1 and 0.

    Intervals are Wilson's, for the effective number of rows at which independent rows would have
    the exact null variance: they allow for neighbours that depend on one another.

    `real` is (m, p), `fake` (n, p), two rows or more, else `InputError`.

    Schilling 1986, J. Am. Stat. Assoc. 81, 799; Lopez-Paz and Oquab 2017, arXiv:1610.06545.

    >>> import numpy as np
    >>> rows = np.random.default_rng(0).normal(size=(100, 2))
    >>> leave_one_out(rows, rows).accuracy.value, leave_one_out(rows, rows + 99).accuracy.value
    (0.0, 1.0)
    """
    real, fake = as_row_pair(real, fake)
    graph = neighbour_graph(np.concatenate([real, fake]))
    m, n = len(real), len(fake)
    is_real = np.arange(m + n) < m
    share_real = graph @ is_real.astype(np.float64)
    agree_real, agree_fake = share_real[:m].sum(), (1.0 - share_real[m:]).sum()
    of_real = [_all_chosen(k, m, m + n) for k in (2, 3, 4)]
    of_fake = [_all_chosen(k, n, m + n) for k in (2, 3, 4)]
    both = [a + b for a, b in zip(of_real, of_fake, strict=True)]
    both[2] += 2 * math.perm(m, 2) * math.perm(n, 2) / math.perm(m + n, 4)
    return LeaveOneOut(
        accuracy=_share(graph, agree_real + agree_fake, m + n, both),
        real_half=_share(graph, agree_real, m, of_real),
        fake_half=_share(graph, agree_fake, n, of_fake),
    )


def neighbour_gap(real: Any, fake: Any) -> tuple[float, float]:
    """Return a smooth version of how far the two 1-NN halves are from ½, for `real` and `fake`.

    g_r = mean over real rows i of (d_f(i) − d_r(i)) / (d_f(i) + d_r(i)),   0/0 = 0

    with d_f and d_r the distances to the nearest fake and the nearest other real row; g_f is the
    same for fake rows with the roles exchanged. Both lie in [−1, 1]: about 0 (up to O(1/n)) for
    equal laws and sizes, 1 when the rows are far apart, −1 when each has a copy in the other set.
    `real` is (m, p), `fake` (n, p), two rows or more, else `InputError`.

    >>> neighbour_gap([[0.0], [1.0]], [[0.0], [1.0]])
    (-1.0, -1.0)
    """
    real, fake = as_row_pair(real, fake)
    m = len(real)
    _, (rows,) = to_unit_scale(np.concatenate([real, fake]))
    to_real, to_fake = np.empty(len(rows)), np.empty(len(rows))
    for block, squared in approximate_blocks(rows, rows):
        own = np.arange(len(squared))
        squared[own, block.start + own] = np.inf
        closest_real, closest_fake = squared[:, :m].argmin(axis=1), squared[:, m:].argmin(axis=1)
        to_real[block] = np.sqrt(pair_squares(rows[block], rows, own, closest_real))
        to_fake[block] = np.sqrt(pair_squares(rows[block], rows, own, m + closest_fake))
    total = to_real + to_fake
    gap = np.divide(to_fake - to_real, total, out=np.zeros_like(total), where=total > 0)
    return float(gap[:m].mean()), float(-gap[m:].mean())


def neighbour_spread(real: Any, fake: Any) -> float:
    """Return how closely generated rows huddle, against real ones.

    median over fake i of ‖x_i − NN_fake(x_i)‖  /  median over real i of ‖x_i − NN_real(x_i)‖

    About 1 for equal laws and sizes, near 0 for a collapsed generator; 0/0 counts as 1. `real` is
    (m, p), `fake` (n, p), two rows or more, else `InputError`.

    >>> neighbour_spread([[0.0], [4.0]], [[1.0], [2.0]])
    0.25
    """
    real, fake = as_row_pair(real, fake)
    among_real, among_fake = (
        float(np.median(nearest_distance(rows, rows, exclude_self=True))) for rows in (real, fake)
    )
    if among_real == 0:
        return 1.0 if among_fake == 0 else math.inf
    return among_fake / among_real


def _all_chosen(k: int, size: int, total: int) -> float:
    """The probability that k given rows are among `size` that are drawn from `total`."""
    return math.perm(size, k) / math.perm(total, k)


def _share(graph: csr_array, agree: float, size: int, chances: list[float]) -> NeighbourShare:
    """The share agree/size of Σ w_ij 1[i and j agree], where 2, 3, 4 rows agree by `chances`."""
    mean, variance = _permutation_moments(graph, chances)
    mean, variance, value = mean / size, variance / size**2, float(agree) / size
    # Labels cannot matter where all permutations agree; what is left of the variance is rounding.
    varies = variance > 1e-14
    z = (value - mean) / math.sqrt(variance) if varies else 0.0
    effective = mean * (1 - mean) / variance if varies else size
    return NeighbourShare(
        value=value,
        null_mean=mean,
        variance=variance,
        p_value=math.erfc(abs(z) / math.sqrt(2)),
        interval=wilson_interval(value, effective),
    )


def _permutation_moments(graph: csr_array, chances: list[float]) -> tuple[float, float]:
    p2, p3, p4 = chances
    symmetric = graph + graph.T
    degrees = symmetric.sum(axis=1)
    total, square, stars = degrees.sum(), (symmetric.data**2).sum(), (degrees**2).sum()
    mean = total / 2 * p2
    second = (
        2 * square * p2 + 4 * (stars - square) * p3 + (total**2 - 4 * stars + 2 * square) * p4
    ) / 4
    return float(mean), max(float(second - mean**2), 0.0)
