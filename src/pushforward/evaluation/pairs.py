"""Averages of a kernel over pairs of rows, within and across two samples, and a test on them.

The maximum mean discrepancy and the energy distance are both of this form, for other kernels.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pushforward.evaluation.features import Rows
from pushforward.evaluation.permutation import permutation_p_value, shuffled_labels

TILE = 512  # rows and columns of one tile of a kernel matrix: 2 MiB, which stay in cache
CENTRE_ROWS = 1000  # rows whose median is the centre, about

# From rows (n, p) and points (m, p) to k(x_i, y_j), (n, m); symmetric in its two arguments.
Kernel = Callable[[Rows, Rows], Rows]


class PairMeans(NamedTuple):
    """Means of k over pairs of different rows, and a standard error of within − 2 across + within.

    The error is of first order: where the laws are equal, and its terms vanish, it errs to the
    safe side, by √2 for equal sizes.
    """

    within_real: float
    within_fake: float
    across: float
    standard_error: float

    @property
    def difference(self) -> float:
        """The unbiased estimate of E k(x, x') + E k(y, y') − 2 E k(x, y)."""
        return self.within_real + self.within_fake - 2 * self.across


def pair_means(kernel: Kernel, real: Rows, fake: Rows) -> PairMeans:
    """Average `kernel` over all pairs of real rows (m, p), of fake rows (n, p), and across.

    s.e.² = 4 Var h_r / m + 4 Var h_f / n,   h_r(x) = mean over x' ≠ x of k(x, x') − mean of k(x, y)

    with h_f alike for fake rows: the first term of Hoeffding's decomposition.

    Hoeffding 1948, Ann. Math. Stat. 19, 293.
    """
    m, n = len(real), len(fake)
    labels = np.zeros((m + n, 2))
    labels[:m, 0] = labels[m:, 1] = 1.0
    sums = kernel_products(kernel, np.concatenate([real, fake]), labels)
    of_real = sums[:m] / (m - 1, n)
    of_fake = sums[m:] / (m, n - 1)
    spread_real = np.var(of_real[:, 0] - of_real[:, 1], ddof=1)
    spread_fake = np.var(of_fake[:, 1] - of_fake[:, 0], ddof=1)
    return PairMeans(
        within_real=float(of_real[:, 0].mean()),
        within_fake=float(of_fake[:, 1].mean()),
        across=float(of_real[:, 1].mean()),
        standard_error=float(2 * np.sqrt(spread_real / m + spread_fake / n)),
    )


def pair_test(
    kernel: Kernel, real: Rows, fake: Rows, permutations: int, rng: np.random.Generator
) -> float:
    """Return the p-value of `PairMeans.difference` when the rows' labels are permuted.

    It is exact in finite samples, for any sizes and any ties.
    """
    m, n = len(real), len(fake)
    labels = shuffled_labels(m, n, permutations, rng).T.astype(np.float64)
    products = kernel_products(kernel, np.concatenate([real, fake]), labels)
    within = np.einsum("ib,ib->b", labels, products)
    across = products.sum(axis=0) - within
    # The pairs of fake rows are all pairs, the same for every labelling, less these two.
    within_fake = -within - 2 * across
    statistics = within / (m * (m - 1)) + within_fake / (n * (n - 1)) - 2 * across / (m * n)
    return permutation_p_value(statistics, scale=np.abs(across).max() / (m * n))


def kernel_products(kernel: Kernel, rows: Rows, weights: Rows) -> Rows:
    """Return K @ weights, (n, b), K being k between the rows (n, p) but 0 on its diagonal.

    K is symmetric, so that only its upper triangle is computed, tile by tile.
    """
    n = len(rows)
    products = np.zeros(weights.shape)
    tiles = [slice(start, min(start + TILE, n)) for start in range(0, n, TILE)]
    for i, above in enumerate(tiles):
        for right in tiles[i:]:
            tile = kernel(rows[above], rows[right])
            if above is right:
                np.fill_diagonal(tile, 0.0)
            else:
                products[right] += tile.T @ weights[above]
            products[above] += tile @ weights[right]
    return products


def squared_distances(rows: Rows, points: Rows) -> Rows:
    """Return ‖x_i − y_j‖², right but for the rounding of a matrix product, and never negative."""
    squared = rows @ (-2 * points.T)
    squared += np.einsum("ij,ij->i", rows, rows)[:, None]
    squared += np.einsum("ij,ij->i", points, points)
    return np.maximum(squared, 0.0, out=squared)


def centred(*arrays: Rows) -> list[NDArray[Any]]:
    """Return the arrays less about their median, so that `squared_distances` lose no digits.

    A median, because a single far row would move a mean away from all others.
    """
    pooled = np.concatenate(arrays)
    centre = np.median(pooled[:: max(1, len(pooled) // CENTRE_ROWS)], axis=0)
    return [array - centre for array in arrays]
