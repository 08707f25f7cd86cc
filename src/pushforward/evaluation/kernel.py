"""Maximum mean discrepancy: how far the mean embeddings of two samples are apart."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pushforward.errors import InputError
from pushforward.evaluation.distances import to_unit_scale
from pushforward.evaluation.features import Rows, as_row_pair
from pushforward.evaluation.intervals import Z_95
from pushforward.evaluation.pairs import (
    TILE,
    Kernel,
    centred,
    pair_means,
    pair_test,
    squared_distances,
)
from pushforward.evaluation.permutation import own_generator, rows_to_test

# Of a bandwidth over the rows' largest magnitude: its square is an ordinary number.
FAR_FROM_OVERFLOW = (1e-150, 1e150)


@dataclass(frozen=True)
class MeanDiscrepancy:
    """The unbiased MMD², 0 on average for equal laws, and its permutation p-value.

    `bandwidth` is the kernel's σ in units of the rows; `tested` counts the real and generated rows
    that the p-value is from. `standard_error` errs to the safe side where the laws are equal.
    """

    value: float
    standard_error: float
    p_value: float
    bandwidth: float
    tested: tuple[int, int]

    @property
    def interval(self) -> tuple[float, float]:
        """The normal 95 % interval of the MMD²; 0 is in it where the value is below."""
        half = Z_95 * self.standard_error
        return self.value - half, max(self.value + half, 0.0)


@dataclass(frozen=True)
class KernelInceptionDistance:
    """The mean KID of `subsets` of `subset_rows` each, 0 on average for equal laws.

    `deviation` is the standard deviation over the subsets, as papers give it. Subsets share rows,
    so that it is not a standard error. `tested` counts the rows that the p-value is from.
    """

    value: float
    deviation: float
    p_value: float
    subsets: int
    subset_rows: int
    tested: tuple[int, int]


def mmd(
    real: Any,
    fake: Any,
    bandwidth: float | None = None,
    *,
    permutations: int = 999,
    seed: int = 0,
) -> MeanDiscrepancy:
    """Return the unbiased squared maximum mean discrepancy with a Gaussian kernel, and its test.

    MMD² = mean of k(x, x') + mean of k(y, y') − 2 mean of k(x, y),   k = exp(−‖x − y‖² / 2σ²)

    over pairs of different rows: it can be negative. Without a `bandwidth`, σ is the median
    distance between the rows that are tested, real and generated pooled; of the positive distances
    where more than half are 0. The test permutes the labels of 2,000 rows at most: exact, for any
    sizes and with duplicates.

    `real` is (m, p), `fake` (n, p), two rows or more, else `InputError`. Time grows as (m + n)² p,
    memory does not.

    Gretton et al. 2012, J. Mach. Learn. Res. 13, 723, eq. 3 and section 8.

    >>> rows = np.random.default_rng(0).normal(size=(200, 3))
    >>> round(mmd(rows[:100], rows[100:] + 9).value, 2), mmd(rows[:100], rows[100:]).p_value > 0.05
    (1.07, True)
    """
    if bandwidth is not None and not 0 < bandwidth < math.inf:
        raise InputError(
            f"bandwidth must be a positive number, got {bandwidth}. Leave it out to use the "
            "median distance."
        )
    rng = own_generator(seed)
    exponent, scaled = to_unit_scale(*as_row_pair(real, fake))
    real, fake = centred(*scaled)
    few_real, few_fake = rows_to_test(real, fake, rng)
    if bandwidth is None:
        sigma = _median_distance(np.concatenate([few_real, few_fake]))
        bandwidth = _times_power(sigma, exponent)
    else:
        sigma = _times_power(bandwidth, -exponent)
    kernel = _gaussian(float(np.clip(sigma, *FAR_FROM_OVERFLOW)))
    means = pair_means(kernel, real, fake)
    return MeanDiscrepancy(
        value=means.difference,
        standard_error=means.standard_error,
        p_value=pair_test(kernel, few_real, few_fake, permutations, rng),
        bandwidth=bandwidth,
        tested=(len(few_real), len(few_fake)),
    )


def kid(
    real: Any,
    fake: Any,
    subsets: int = 100,
    subset_rows: int = 1000,
    *,
    permutations: int = 999,
    seed: int = 0,
) -> KernelInceptionDistance:
    """Return the kernel inception distance: the unbiased MMD² with a cubic kernel, and its test.

    k(x, y) = (x·y / p + 1)³, averaged over random subsets of `subset_rows` real and as many
    generated rows, without replacement; of half the rows of the smaller set where that is less, so
    that subsets differ. Called so whatever the rows are: Inception features in the paper. The
    kernel is not invariant to scale or shift, so compare in the same feature map only. The test
    permutes the labels of 2,000 rows at most: exact, for any sizes and with duplicates.

    `real` is (m, p), `fake` (n, p), four rows or more, else `InputError`. Values beyond float64
    become infinite.

    Bińkowski et al. 2018, arXiv:1801.01401, section 4.

    >>> rows = np.random.default_rng(0).normal(size=(400, 4))
    >>> result = kid(rows[:200], rows[200:] + 1)
    >>> round(result.value, 1), result.subset_rows, result.p_value
    (10.0, 100, 0.001)
    """
    real, fake = as_row_pair(real, fake, at_least=4)
    if subsets < 2 or subset_rows < 2:
        raise InputError(
            f"subsets and subset_rows must be at least 2, got {subsets} and {subset_rows}. Leave "
            "them out to use 100 subsets of 1000 rows."
        )
    rng = own_generator(seed)
    # Rows below 1 stay: the kernel's constant would then be the large number.
    exponent = max(to_unit_scale(real, fake)[0], 0)
    real, fake = np.ldexp(real, -exponent), np.ldexp(fake, -exponent)
    constant = math.ldexp(1.0, -2 * exponent)
    size = min(subset_rows, len(real) // 2, len(fake) // 2)
    values = _subset_values(constant, real, fake, subsets, size, rng)
    few_real, few_fake = rows_to_test(real, fake, rng)
    return KernelInceptionDistance(
        value=_times_power(values.mean(), 6 * exponent),
        deviation=_times_power(values.std(), 6 * exponent),
        p_value=pair_test(_cubic(constant), few_real, few_fake, permutations, rng),
        subsets=subsets,
        subset_rows=size,
        tested=(len(few_real), len(few_fake)),
    )


def _gaussian(sigma: float) -> Kernel:
    def kernel(rows: Rows, points: Rows) -> Rows:
        exponents = squared_distances(rows, points)
        exponents *= -0.5 / sigma**2
        return np.exp(exponents, out=exponents)

    return kernel


def _cubic(constant: float) -> Kernel:
    """(x·y / p + constant)³: of rows divided by s, the KID's kernel over s⁶ if constant = 1/s²."""

    def kernel(rows: Rows, points: Rows) -> Rows:
        base = rows @ (points / rows.shape[1]).T
        base += constant
        cube = base * base
        cube *= base
        return cube

    return kernel


def _median_distance(rows: Rows) -> float:
    """The median distance between two of the rows; 1 where all are equal and none would matter."""
    squared = squared_distances(rows, rows)[np.triu_indices(len(rows), 1)]
    median = float(np.median(squared))
    if median == 0 and squared.any():
        median = float(np.median(squared[squared > 0]))
    return math.sqrt(median) or 1.0


def _subset_values(
    constant: float, real: Rows, fake: Rows, subsets: int, size: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    """The unbiased MMD² of each of the random subsets, with the cubic kernel."""
    of_real, of_fake = (
        np.stack([rng.choice(len(rows), size, replace=False) for _ in range(subsets)])
        for rows in (real, fake)
    )
    # The kernel of all rows serves all subsets, unless rows are so many that subsets need less.
    together = subsets if len(real) * len(fake) <= subsets * size**2 else 1
    kernel, values = _cubic(constant), []
    for start in range(0, subsets, together):
        some = slice(start, start + together)
        x, in_x = _members(real, of_real[some])
        y, in_y = _members(fake, of_fake[some])
        within = _sums(kernel, x, x, in_x, in_x) + _sums(kernel, y, y, in_y, in_y)
        within -= _with_itself(constant, x) @ in_x + _with_itself(constant, y) @ in_y
        across = _sums(kernel, x, y, in_x, in_y)
        values.append(within / (size * (size - 1)) - 2 * across / size**2)
    return np.concatenate(values)


def _members(rows: Rows, chosen: NDArray[np.intp]) -> tuple[Rows, Rows]:
    """The rows that any of the choices (b, size) takes, and which choice takes them, (rows, b)."""
    used, position = np.unique(chosen, return_inverse=True)
    members = np.zeros((len(used), len(chosen)))
    members[position.reshape(chosen.shape), np.arange(len(chosen))[:, None]] = 1.0
    return rows[used], members


def _sums(kernel: Kernel, rows: Rows, points: Rows, left: Rows, right: Rows) -> Rows:
    """Σ_ij left_ib k(x_i, y_j) right_jb, (b,)."""
    total = np.zeros(left.shape[1])
    for i in range(0, len(rows), TILE):
        for j in range(0, len(points), TILE):
            above, right_of = slice(i, i + TILE), slice(j, j + TILE)
            tile = kernel(rows[above], points[right_of])
            total += np.einsum("ib,ib->b", left[above], tile @ right[right_of])
    return total


def _with_itself(constant: float, rows: Rows) -> Rows:
    """The cubic kernel k(x_i, x_i), (n,)."""
    return (np.einsum("ij,ij->i", rows, rows) / rows.shape[1] + constant) ** 3


def _times_power(value: float, exponent: int) -> float:
    """value · 2^exponent, infinite beyond float64."""
    with np.errstate(over="ignore"):
        return float(np.ldexp(value, exponent))
