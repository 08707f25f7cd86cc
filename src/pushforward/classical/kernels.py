"""Sums of normal kernels over all pairs of rows: exact, on all cores, in bounded memory."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from scipy.spatial.distance import cdist
from scipy.special import logsumexp
from threadpoolctl import ThreadpoolController

# Pairs of one block, 4 MiB in float64. It should stay in a core's cache while it is worked on, and
# still be worth handing to another thread.
BLOCK_PAIRS = 2**19
EXACT = 1e-11  # error of a log-density relative to 1 + |log-density|
EPS = float(np.finfo(np.float64).eps)


def over_blocks(work: Callable[[slice], np.ndarray], n: int, pairs_per_row: int) -> np.ndarray:
    """Concatenate what `work` returns for each block of n rows, on as many threads as BLAS has.

    BLAS itself gets one thread meanwhile: its products are thin here, and the exponentials, which
    NumPy computes on one core, take most of the time.
    """
    step = max(1, BLOCK_PAIRS // pairs_per_row)
    blocks = [slice(start, min(start + step, n)) for start in range(0, n, step)]
    if len(blocks) == 1:
        return work(blocks[0])
    libraries = ThreadpoolController().select(user_api="blas")
    counts = [library["num_threads"] for library in libraries.info()]
    threads = max(counts, default=os.cpu_count() or 1)
    with libraries.limit(limits=1), ThreadPoolExecutor(threads) as pool:
        return np.concatenate(list(pool.map(work, blocks)))


def exponentials(exponents: np.ndarray) -> np.ndarray:
    """e^x in place of x ≤ 0, to within e^−700.

    NumPy's exp is several times slower on what underflows, and that is most of a narrow kernel.
    """
    if exponents.min() < -700:
        np.maximum(exponents, -700.0, out=exponents)
    return np.exp(exponents, out=exponents)


def log_kernel_sums(Y: np.ndarray, X: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """log Σᵢ wᵢ N(y; xᵢ, I) of each row y of Y (m, k) over the rows of X (n, k), `(m,)`.

    ‖y − x‖² = ‖y‖² + ‖x‖² − 2⟨x, y⟩ turns the work into a matrix product. Its rounding grows with
    ‖y‖², so rows where it could be felt are computed by differences.
    """
    centre, k = X.mean(0), X.shape[1]
    Y, X = Y - centre, X - centre
    with np.errstate(over="ignore"):
        half = 0.5 * np.einsum("ij,ij->i", Y, Y)
    Y[np.isinf(half)] = 0.0  # their log-densities are below all floats: −inf by `half` alone
    rows = np.column_stack([Y, np.ones(len(Y))])
    points = np.vstack([X.T, np.log(weights) - 0.5 * np.einsum("ij,ij->i", X, X)])

    def sums(block: slice) -> np.ndarray:
        exponents = rows[block] @ points
        largest = exponents.max(1)
        exponents -= largest[:, None]
        total = np.log(exponentials(exponents).sum(1)) + largest - half[block]
        # The rows of X that count are about as far from the centre as y is, and a product of k
        # terms errs by at most k·ε‖x‖‖y‖.
        rounding = 8 * (k + 4) * EPS * half[block]
        unsure = rounding > EXACT * (1 + np.abs(total))
        if unsure.any():
            squared = cdist(Y[block][unsure], X, "sqeuclidean")
            total[unsure] = logsumexp(-0.5 * squared, axis=1, b=weights)
        return total

    return over_blocks(sums, len(Y), len(X)) - 0.5 * k * math.log(2 * math.pi)
