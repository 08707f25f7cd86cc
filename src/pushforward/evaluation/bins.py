"""The number of statistically different bins: where generated rows are too many or too few."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import rel_entr

from pushforward.errors import InputError
from pushforward.evaluation.distances import to_unit_scale
from pushforward.evaluation.features import Rows, as_row_pair
from pushforward.evaluation.intervals import Z_95
from pushforward.evaluation.permutation import (
    own_generator,
    permutation_p_value,
    refuse_no_permutations,
)

MOST_BINS = 100
ROWS_PER_BIN = 10  # on average, of the kind that is counted less


@dataclass(frozen=True)
class BinDifferences:
    """Shares of rows by bin, and how many bins differ between real and generated rows.

    `value` is the share of bins that differ at the 5 % level (NDB/K), `divergence` the
    Jensen-Shannon divergence of the shares in nats; `null_value` and `null_divergence` are what
    equal laws would give on average. `p_value` is of the whole table. `real_shares` and
    `fake_shares` are by bin; `counted` counts the real and generated rows behind them.
    """

    value: float
    null_value: float
    divergence: float
    null_divergence: float
    p_value: float
    real_shares: NDArray[np.float64]
    fake_shares: NDArray[np.float64]
    counted: tuple[int, int]


def bin_differences(
    real: Any,
    fake: Any,
    n_bins: int | None = None,
    *,
    permutations: int = 999,
    seed: int = 0,
) -> BinDifferences:
    """Sort rows into bins around clusters of real rows, and count the bins whose shares differ.

    z = (a/m − b/n) / √(s (1 − s) (1/m + 1/n)),   s = (a + b)/(m + n);   differs where |z| > 1.96

    with a and b the real and generated rows in a bin: the nearest of K centres that k-means places
    on a random half of the real rows. The other half, m rows, is counted: the rows that place the
    centres fit them better than any others, and counting them would call equal laws different.
    The p-value is of the table's χ² under permuted labels, exact for any counts, as are the values
    that equal laws would give: about 5 % of the bins, less where bins hold few rows. K is at most
    100, with 10 rows of either kind in a bin on average.

    `real` is (rows, p), `fake` (n, p), two rows or more, else `InputError`.

    Richardson and Weiss 2018, arXiv:1805.12462, section 3.

    >>> rows = np.random.default_rng(0).integers(4, size=(800, 1)).astype(float)     # four modes
    >>> fake = rows[400:][rows[400:, 0] > 0]                                         # but for one
    >>> result = bin_differences(rows[:400], fake, n_bins=4)
    >>> float(result.fake_shares.min()), result.p_value
    (0.0, 0.001)
    """
    refuse_no_permutations(permutations)
    rng = own_generator(seed)
    _, (real, fake) = to_unit_scale(*as_row_pair(real, fake))
    order = rng.permutation(len(real))
    placing, counted = real[order[: len(real) // 2]], real[order[len(real) // 2 :]]
    if n_bins is None:
        n_bins = max(1, min(MOST_BINS, min(len(counted), len(fake)) // ROWS_PER_BIN))
    elif not 1 <= n_bins <= len(placing):
        raise InputError(
            f"n_bins must be from 1 to half of the real rows, {len(placing)}, got {n_bins}. Leave "
            "it out to use as many as the rows allow, 100 at most."
        )
    m, n = len(counted), len(fake)
    of_real, of_fake = _binned(placing, (counted, fake), n_bins, rng)
    in_bin = of_real + of_fake
    permuted = rng.multivariate_hypergeometric(in_bin, m, size=permutations, method="marginals")
    tables = np.concatenate([of_real[None], permuted])
    different, divergence, chi_square = _compared(tables, in_bin)
    return BinDifferences(
        value=float(different[0]),
        null_value=float(different[1:].mean()),
        divergence=float(divergence[0]),
        null_divergence=float(divergence[1:].mean()),
        p_value=permutation_p_value(chi_square),
        real_shares=of_real / m,
        fake_shares=of_fake / n,
        counted=(m, n),
    )


def _binned(
    placing: Rows, samples: tuple[Rows, ...], n_bins: int, rng: np.random.Generator
) -> list[NDArray[np.int64]]:
    """How many rows of each sample are nearest to each of the centres that `placing` gives."""
    from sklearn.cluster import KMeans
    from sklearn.exceptions import ConvergenceWarning

    n_bins = min(n_bins, len(np.unique(placing, axis=0)))
    clusters = KMeans(n_bins, n_init=1, random_state=int(rng.integers(2**31)))
    with warnings.catch_warnings():
        # Rows that differ by too little to be told apart leave bins empty.
        warnings.simplefilter("ignore", ConvergenceWarning)
        clusters.fit(placing)
    return [
        np.bincount(clusters.predict(np.ascontiguousarray(rows)), minlength=n_bins)
        for rows in samples
    ]


def _compared(
    tables: NDArray[np.int64], in_bin: NDArray[np.int64]
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Of counts (b, K) of real rows among those in each bin: NDB/K, divergence and χ², (b,)."""
    of_real, of_fake = tables.astype(np.float64), (in_bin - tables).astype(np.float64)
    m, n = of_real[0].sum(), of_fake[0].sum()
    real, fake, share = of_real / m, of_fake / n, in_bin / (m + n)
    variance = share * (1 - share) * (1 / m + 1 / n)
    # Bins that hold none or all of the rows have the variance 0 and cannot differ.
    different = (real - fake) ** 2 > Z_95**2 * variance
    middle = (real + fake) / 2
    divergence = (rel_entr(real, middle) + rel_entr(fake, middle)).sum(axis=1) / 2
    filled = in_bin > 0
    chi_square = ((real - fake)[:, filled] ** 2 / share[filled]).sum(axis=1) * m * n / (m + n)
    return different.mean(axis=1), divergence, chi_square
