"""Leave-one-out nearest neighbours: can generated rows be told from real ones?"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from pushforward.errors import InputError
from pushforward.evaluation.distances import (
    Indices,
    Nearest,
    Points,
    nearest_across,
    nearest_among,
    points_of,
)
from pushforward.evaluation.features import Rows, as_row_pair, as_rows
from pushforward.evaluation.intervals import Z_95, wilson_interval
from pushforward.evaluation.neighbourhoods import Neighbourhoods, as_k, neighbourhoods
from pushforward.evaluation.permutation import (
    own_generator,
    permutation_p_value,
    shuffled_labels,
)

PERMUTED_BELOW = 200  # rows in all, below which p-values come from permutations
PERMUTATIONS = 9999
ENTRIES = 2**20  # of the labellings that are looked at together: 8 MiB


@dataclass(frozen=True)
class NeighbourShare:
    """A share of rows whose nearest neighbour has their own label, and its null distribution.

    `null_mean`, `variance` and the two-sided `p_value` are those of random labels on the same
    neighbour graph; `p_value_by` says how the latter was found. `interval` covers 95 % of the
    share itself.
    """

    value: float
    null_mean: float
    variance: float
    p_value: float
    p_value_by: str
    interval: tuple[float, float]

    @property
    def standard_error(self) -> float:
        """Half the interval's width in units of the normal law's 97.5 % quantile; never 0."""
        return (self.interval[1] - self.interval[0]) / (2 * Z_95)


@dataclass(frozen=True)
class LeaveOneOut:
    """The k-NN accuracy and its halves: of the real rows alone and of the generated ones alone."""

    accuracy: NeighbourShare
    real_half: NeighbourShare
    fake_half: NeighbourShare


def neighbour_graph(rows: Any, k: int = 1) -> csr_array:
    """Return the weights w_ij of the k nearest rows j ≠ i of each row i.

    w_ij = 1/k for rows nearer than the k-th nearest; those that tie for what is left of the k
    places share it evenly.

    `rows` is (n, p) with n > k; the result is a sparse (n, n) array whose rows sum to 1, in which
    n equal rows take memory for n (n − 1) weights. Raises `InputError` for fewer rows.

    >>> neighbour_graph([[0.0], [1.0], [3.0], [1.0]]).toarray()
    array([[0. , 0.5, 0. , 0.5],
           [0. , 0. , 0. , 1. ],
           [0. , 0.5, 0. , 0.5],
           [0. , 1. , 0. , 0. ]])
    """
    _, (points,) = points_of(as_rows(rows, "rows", at_least=as_k(k) + 1))
    nearest, weight = _weights(nearest_among(points, k), k)
    distinct = csr_array((weight, (nearest.row, nearest.column)), shape=(len(points),) * 2)
    every = distinct[points.which][:, points.which].tocoo()
    row, column = every.coords
    others = row != column
    return csr_array((every.data[others], (row[others], column[others])), shape=every.shape)


def nearest_distance(rows: Any, points: Any, k: int = 1, *, exclude_self: bool = False) -> Rows:
    """Return the Euclidean distance from each of the `rows` (n, p) to its k-th nearest of `points`.

    Equal rows are at distance exactly 0. With `exclude_self` both are the same array and a row is
    not its own neighbour. Raises `InputError` for fewer points than k.

    >>> nearest_distance([[0.0], [5.0]], [[1.0], [5.0]])
    array([1., 0.])
    """
    rows, points = as_row_pair(rows, points, at_least=1)
    points = as_rows(points, "points", at_least=as_k(k) + exclude_self)
    if exclude_self:
        exponent, (a,) = points_of(points)
        nearest = nearest_among(a, k)
    else:
        exponent, (a, b) = points_of(rows, points)
        nearest = nearest_across(a, b, k)
    with np.errstate(over="ignore"):  # to ∞, where two finite numbers are so far apart
        return np.ldexp(np.sqrt(nearest.kth(k)), exponent)[a.which]


def nearest_distinct(rows: Any, points: Any, k: int) -> tuple[NDArray[np.intp], Rows]:
    """Return which of the `points`, no two of them equal, are the k nearest to each row, and how
    far they are, both (n, k).

    >>> column, distance = nearest_distinct([[0.0], [5.0]], [[1.0], [5.0], [9.0]], 2)
    >>> column.tolist(), distance.tolist()
    ([[0, 1], [1, 0]], [[1.0, 5.0], [0.0, 4.0]])
    """
    rows, points = as_row_pair(rows, points, at_least=1)
    points = as_rows(points, "points", at_least=as_k(k))
    exponent, (a, b) = points_of(rows, points)
    found = nearest_across(a, b, k)
    pairs = found.starts()[:, None] + np.arange(k)
    with np.errstate(over="ignore"):  # to ∞, where two finite numbers are so far apart
        distance = np.ldexp(np.sqrt(found.square[pairs]), exponent)
    return b.first[found.column[pairs]][a.which], distance[a.which]


def leave_one_out(
    real: Any, fake: Any, k: int = 1, *, permutations: int | None = None, seed: int = 0
) -> LeaveOneOut:
    """Return how often the k nearest other rows, among `real` and `fake` pooled, share the label.

    With N = m + n rows, a^{(k)} the falling factorial and random labels on the graph w,

    E acc = p₂,  Var acc = (¼[2Q p₂ + 4(R − Q) p₃ + (A² − 4R + 2Q) p₄] − ¼A² p₂²) / N²,
    a = w + wᵀ,  A = Σa_ij,  Q = Σa_ij²,  R = Σ_i(Σ_j a_ij)²,
    p₂ = (m^{(2)} + n^{(2)})/N^{(2)},  p₃ = (m^{(3)} + n^{(3)})/N^{(3)},
    p₄ = (m^{(4)} + n^{(4)} + 2 m^{(2)} n^{(2)})/N^{(4)}

    which are exact for any sizes and any ties; the halves have p_k = m^{(k)}/N^{(k)}. About ½ means
    that the rows cannot be told apart, 1 that they are easily told apart, and well below ½ that
    generated rows are copies of real ones; an accuracy of ½ can hide halves of 1 and 0.

    p-values use the normal law with these moments, or so many `permutations` of the labels, drawn
    by `seed`; unless told, 9999 of them for fewer than 200 rows. Intervals are Wilson's, for the
    effective number of rows at which independent rows would have the exact null variance: they
    allow for neighbours that depend on one another.

    `real` is (m, p), `fake` (n, p), two rows or more and k < m + n, else `InputError`.

    Schilling 1986, J. Am. Stat. Assoc. 81, 799; Lopez-Paz and Oquab 2017, arXiv:1610.06545.

    >>> import numpy as np
    >>> rows = np.random.default_rng(0).normal(size=(100, 2))
    >>> leave_one_out(rows, rows).accuracy.value, leave_one_out(rows, rows + 99).accuracy.value
    (0.0, 1.0)
    """
    near = neighbourhoods(real, fake, k)
    return leave_one_out_of(near, k, permutations=permutations, seed=seed)


def leave_one_out_of(
    near: Neighbourhoods, k: int = 1, *, permutations: int | None = None, seed: int = 0
) -> LeaveOneOut:
    """Return `leave_one_out` of rows whose k nearest neighbours are known."""
    m, n = len(near.real.which), len(near.fake.which)
    if k >= m + n:
        raise InputError(f"k must be below the {m + n} rows, got {k}. Lower k or add rows.")
    if permutations is None and m + n < PERMUTED_BELOW:
        permutations = PERMUTATIONS
    graph, total = _Graph.of(near, k), m + n
    labels = np.arange(total)[None] < m
    if permutations:
        labels = shuffled_labels(m, n, permutations, own_generator(seed))
    of_real, of_fake = graph.agreement(labels)
    real_chances = [_all_chosen(j, m, total) for j in (2, 3, 4)]
    fake_chances = [_all_chosen(j, n, total) for j in (2, 3, 4)]
    chances = [a + b for a, b in zip(real_chances, fake_chances, strict=True)]
    chances[2] += 2 * math.perm(m, 2) * math.perm(n, 2) / math.perm(total, 4)
    return LeaveOneOut(
        accuracy=_share(graph, of_real + of_fake, total, chances),
        real_half=_share(graph, of_real, m, real_chances),
        fake_half=_share(graph, of_fake, n, fake_chances),
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
    near = neighbourhoods(real, fake)
    return (
        _gap(near.distances(near.real_to_fake), near.distances(near.real_to_real)),
        _gap(near.distances(near.fake_to_real), near.distances(near.fake_to_fake)),
    )


def neighbour_spread(real: Any, fake: Any) -> float:
    """Return how closely generated rows huddle, against real ones.

    median over fake i of ‖x_i − NN_fake(x_i)‖  /  median over real i of ‖x_i − NN_real(x_i)‖

    About 1 for equal laws and sizes, near 0 for a collapsed generator; 0/0 counts as 1. `real` is
    (m, p), `fake` (n, p), two rows or more, else `InputError`.

    >>> neighbour_spread([[0.0], [4.0]], [[1.0], [2.0]])
    0.25
    """
    _, (real_points, fake_points) = points_of(*as_row_pair(real, fake))
    return _ratio(_spacing(real_points), _spacing(fake_points))


def neighbour_spread_of(near: Neighbourhoods) -> float:
    """Return `neighbour_spread` of rows whose nearest neighbours are known."""
    return _ratio(near.distances(near.real_to_real), near.distances(near.fake_to_fake))


@dataclass(frozen=True)
class _Graph:
    """The weights of neighbours between distinct rows, each of which stands for `count` rows.

    `node` is where each of the real and then of the generated rows is found. Equal rows have equal
    weights, so that n of them take memory for one.
    """

    weight: csr_array
    count: Rows
    node: Indices

    @classmethod
    def of(cls, near: Neighbourhoods, k: int) -> _Graph:
        nearest, weight = _weights(near.pooled(), k)
        count = np.concatenate([near.real.count, near.fake.count]).astype(np.float64)
        node = np.concatenate([near.real.which, near.fake.which + len(near.real)])
        shape = (len(count), len(count))
        return cls(csr_array((weight, (nearest.row, nearest.column)), shape=shape), count, node)

    def agreement(self, labels: NDArray[np.bool_]) -> tuple[Rows, Rows]:
        """Σ w_ij over pairs of real rows and over pairs of fake rows, for each labelling (b, N)."""
        order = np.argsort(self.node, kind="stable")
        starts = np.flatnonzero(np.diff(self.node[order], prepend=-1))
        own = self.weight.diagonal()
        of_real, of_fake = np.empty((2, len(labels)))
        step = max(1, ENTRIES // len(order))
        for start in range(0, len(labels), step):
            part = slice(start, start + step)
            real = np.add.reduceat(labels[part, order], starts, axis=1, dtype=np.float64)
            for counts, total in ((real, of_real), (self.count - real, of_fake)):
                total[part] = np.einsum("bu,bu->b", counts @ self.weight - own, counts)
        return of_real, of_fake

    def moments(self, chances: list[float]) -> tuple[float, float]:
        """Mean and variance of Σ w_ij 1[i and j agree] where 2, 3, 4 rows agree by `chances`."""
        p2, p3, p4 = chances
        both = (self.weight + self.weight.T).tocoo()
        row, column = both.coords
        ends = self.count[column] - (row == column)  # rows that a row of this node is joined to
        degrees = np.bincount(row, weights=ends * both.data)
        total = self.count @ degrees
        square = self.count[row] @ (ends * both.data**2)
        stars = self.count @ degrees**2
        mean = total / 2 * p2
        second = (
            2 * square * p2 + 4 * (stars - square) * p3 + (total**2 - 4 * stars + 2 * square) * p4
        ) / 4
        return float(mean), max(float(second - mean**2), 0.0)


def _weights(nearest: Nearest, k: int) -> tuple[Nearest, Rows]:
    """The pairs to the k nearest rows, and the weight of each of the rows that a pair stands for.

    1/k for what is nearer than the k-th; what ties with it shares evenly what is left.
    """
    reach = nearest.kth(k)[nearest.row]
    nearer, tied = nearest.square < reach, nearest.square == reach
    taken = np.bincount(nearest.row, weights=nearest.copies * nearer)[nearest.row]
    sharing = np.bincount(nearest.row, weights=nearest.copies * tied)[nearest.row]
    kept = nearer | tied
    weight = np.where(nearer, 1 / k, (k - taken) / (k * sharing))
    return Nearest(*(part[kept] for part in nearest)), weight[kept]


def _gap(other: Rows, own: Rows) -> float:
    total = other + own
    gap = np.divide(other - own, total, out=np.zeros_like(total), where=total > 0)
    return float(gap.mean())


def _spacing(points: Points) -> Rows:
    return np.sqrt(nearest_among(points, 1).kth(1))[points.which]


def _ratio(among_real: Rows, among_fake: Rows) -> float:
    real, fake = float(np.median(among_real)), float(np.median(among_fake))
    if real == 0:
        return 1.0 if fake == 0 else math.inf
    return fake / real


def _all_chosen(j: int, size: int, total: int) -> float:
    """The probability that j given rows are among `size` that are drawn from `total`."""
    return math.perm(size, j) / math.perm(total, j)


def _share(graph: _Graph, agree: Rows, size: int, chances: list[float]) -> NeighbourShare:
    """The share agree/size where 2, 3, 4 rows agree by `chances`.

    `agree` is that of the true labels and then, if there are any, of permuted ones.
    """
    mean, variance = graph.moments(chances)
    mean, variance, values = mean / size, variance / size**2, agree / size
    # Labels cannot matter where all permutations agree; what is left of the variance is rounding.
    varies = variance > 1e-14
    value = float(values[0])
    if len(values) > 1:
        p_value, p_value_by = permutation_p_value(np.abs(values - mean), scale=1.0), "permutations"
    else:
        z = (value - mean) / math.sqrt(variance) if varies else 0.0
        p_value, p_value_by = math.erfc(abs(z) / math.sqrt(2)), "normal approximation"
    effective = mean * (1 - mean) / variance if varies else size
    return NeighbourShare(
        value=value,
        null_mean=mean,
        variance=variance,
        p_value=p_value,
        p_value_by=p_value_by,
        interval=wilson_interval(value, effective),
    )
