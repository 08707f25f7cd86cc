"""The bandwidth of a kernel density: by the likelihood of rows left out, or by a rule of thumb."""

from __future__ import annotations

import math
import warnings
from functools import partial

import numpy as np

from pushforward.classical.kernels import EPS, exponentials, over_blocks
from pushforward.errors import TrainingWarning
from pushforward.progress import shown
from pushforward.sampler import Effort

# In standard deviations of a column. The likelihood of discrete data grows without bound as h → 0,
# so there is a smallest one.
GRID = np.logspace(-2.5, 0.5, 31)
# Rows are copies when they differ by no more than this root-mean-square, in standard deviations:
# what is left of equal rows after rounding to single precision, or after a rotation.
COPY = 1e-5
# All n rows are left out in turn up to 7,000 rows, 5e7 distances: 1 to 2 s on two cores, for 31
# bandwidths. Of more rows a random part is left out, at least 500, each against all the others.
MOST_PAIRS = 5 * 10**7
FEWEST_LEFT_OUT = 500
PARTS = 5  # of them, after each of which a budget may end the work; fewer rows choose badly


def scott(n: float, k: int) -> float:
    """n^(−1/(k+4)), of n effective rows in k dimensions. Scott 1992."""
    return n ** (-1 / (k + 4))


def silverman(n: float, k: int) -> float:
    """(n (k + 2)/4)^(−1/(k+4)), the best for a normal law. Silverman 1986, eq. 4.14."""
    return (n * (k + 2) / 4) ** (-1 / (k + 4))


def left_out_likelihoods(
    X: np.ndarray,
    weights: np.ndarray,
    grid: np.ndarray,
    *,
    folds: int | None,
    effort: Effort,
) -> np.ndarray:
    """Mean log-density of rows left out, at each bandwidth of the grid, nats.

    Σᵢ wᵢ log p₋ᵢ(xᵢ) / Σᵢ wᵢ with p₋ᵢ(x) = Σⱼ wⱼ N(x; xⱼ, h² I) / Σⱼ wⱼ over all rows j but i and
    its copies, or but those of its fold: consecutive rows, unshuffled. Every distance is computed
    once for all bandwidths. Copies must go because each would be predicted by the others with a
    likelihood without bound as h → 0. Of rows of which a part is left out, a budget that ends makes
    that part smaller.
    """
    n, k = X.shape
    parts = [np.arange(n)]
    if n * n > MOST_PAIRS:
        m = min(n, max(FEWEST_LEFT_OUT, MOST_PAIRS // n))
        parts = np.array_split(effort.rng.choice(n, m, replace=False), PARTS)
    fold = None
    if folds is not None:
        sizes = [len(part) for part in np.array_split(np.arange(n), folds)]
        fold = np.repeat(np.arange(folds), sizes)
    X = X - X.mean(0)
    squares = np.einsum("ij,ij->i", X, X)
    doubled = np.ascontiguousarray(-2 * X.T)
    rounding = 4 * (k + 4) * EPS  # of a squared distance, relative to ‖x‖² + ‖y‖²

    def likelihoods(part: np.ndarray, block: slice) -> np.ndarray:
        rows = part[block]
        sums = np.add.outer(squares[rows], squares)
        squared = X[rows] @ doubled
        squared += sums
        sums *= rounding
        sums += k * COPY**2
        gone = squared <= sums  # the row itself among them
        if fold is not None:
            gone |= fold[rows][:, None] == fold
        squared[gone] = np.inf
        nearest = squared.min(1)
        alone = np.isinf(nearest)  # all rows are copies of this one: no bandwidth is better
        nearest[alone] = 0.0
        squared -= nearest[:, None]
        scores = np.empty((len(rows), len(grid)))
        for j, h in enumerate(grid):
            kernel = np.multiply(squared, -0.5 / h**2, out=sums)
            density = exponentials(kernel) @ weights
            density[alone] = 1.0
            scores[:, j] = np.log(density) - nearest / (2 * h**2)
        remaining = ~gone @ weights
        remaining[alone] = 1.0
        scores -= np.log(remaining)[:, None] + k * np.log(grid * math.sqrt(2 * math.pi))
        scores[alone] = 0.0
        return scores

    scores: list[np.ndarray] = []
    for part in shown(parts, "bandwidth", effort.progress):
        if scores and effort.time_is_up:
            break
        scores.append(over_blocks(partial(likelihoods, part), len(part), n))
    left_out = np.concatenate(parts[: len(scores)])
    if len(scores) < len(parts):
        warnings.warn(
            f"the budget ended: the bandwidth rests on {len(left_out)} rows left out",
            TrainingWarning,
            stacklevel=2,
        )
    return np.average(np.concatenate(scores), axis=0, weights=weights[left_out])


def peak(grid: np.ndarray, likelihoods: np.ndarray) -> float:
    """Where the parabola in log h through the best bandwidth and its two neighbours is highest.

    The grid is even in log h. At an end of it, the end.
    """
    best = int(np.argmax(likelihoods))
    if best in (0, len(grid) - 1):
        return float(grid[best])
    before, here, after = likelihoods[best - 1 : best + 2]
    shift = 0.5 * (after - before) / (2 * here - before - after) if here > min(before, after) else 0
    return float(grid[best] * (grid[best + 1] / grid[best]) ** shift)
