"""The Fréchet distance of infinitely many rows, extrapolated from fewer."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student
from threadpoolctl import threadpool_limits

from pushforward.errors import EvaluationWarning, InputError
from pushforward.evaluation.distances import to_unit_scale
from pushforward.evaluation.features import Rows, as_row_pair
from pushforward.evaluation.frechet import frechet_distance
from pushforward.evaluation.moments import Moments

POINTS = 15  # sizes of subsets
GROUPS = 10  # of rows, left out in turn
ROWS_PER_COLUMN = 4  # with fewer rows the distance is not yet linear in 1/N
FEW_COLUMNS = 256  # so small matrices are quicker on one core than on several that wait in turns


@dataclass(frozen=True)
class Extrapolation:
    """The intercept of the Fréchet distance in 1/N, with the points that it was fitted to.

    `interval` covers 95 %. Where the laws are nearly equal, `value` may be below 0: that is what an
    estimate does whose errors cancel on average.
    """

    value: float
    interval: tuple[float, float]
    sizes: tuple[int, ...]
    distances: tuple[float, ...]
    both: bool

    def __str__(self) -> str:
        low, high = self.interval
        of = "real and generated" if self.both else "generated"
        return (
            f"{self.value:.4g} (95 % interval {low:.3g} to {high:.3g}; {self.distances[-1]:.4g} "
            f"from {self.sizes[-1]} rows, extrapolated from {len(self.sizes)} subsets of the {of} "
            f"rows, {self.sizes[0]} and more)"
        )


def extrapolated_frechet(
    real: Any, fake: Any, *, both: bool = False, seed: int = 0
) -> Extrapolation:
    """Return FID∞: the Fréchet distance with the bias of few generated rows taken out.

    d²(N) = d²∞ + c/N, fitted by least squares to 15 random subsets without replacement, of evenly
    spaced sizes N from a tenth of the rows (4p where that is more) up to all

    Only the generated side is extrapolated: `real` (n, p), whole, is what `fake` (m, p) is compared
    with, and its own part of the bias stays. `both` takes subsets of both sides, which need equal
    sizes, so that equal laws give 0 on average. The subsets are nested and in a random order that
    `seed` fixes. The interval is a jackknife over ten groups of rows, so it covers which rows were
    drawn and shuffled on the sides that are extrapolated; with one side, it takes the real rows as
    given. It costs 165 distances.

    Raises `InputError` below 20 rows or, for `both`, for unequal sizes; warns with
    `EvaluationWarning` where rows are fewer than 4p: the line is then too steep.

    Chong and Forsyth 2020, arXiv:1911.07023.

    >>> import numpy as np
    >>> real, fake = np.random.default_rng(0).normal(size=(2, 400, 8))
    >>> result = extrapolated_frechet(real, fake, both=True)
    >>> print(f"{result.distances[-1]:.2f} becomes {result.value:.2f}")
    0.17 becomes 0.04
    """
    real, fake = as_row_pair(real, fake, at_least=2 * GROUPS)
    n, p = fake.shape
    if both and len(real) != n:
        raise InputError(
            f"both sides can be extrapolated only at equal sizes, got {len(real)} real and {n} "
            "generated rows. Leave out rows, or extrapolate the generated side."
        )
    if n < ROWS_PER_COLUMN * p:
        warnings.warn(
            f"The Fréchet distance is extrapolated from {n} rows in {p} columns, where it does not "
            f"fall like 1/N yet: the result is too low. Use at least {ROWS_PER_COLUMN * p} rows.",
            EvaluationWarning,
            stacklevel=2,
        )
    exponent, (real, fake) = to_unit_scale(real, fake)
    rng = np.random.default_rng(seed)
    fake = rng.permutation(fake)
    real = rng.permutation(real) if both else real
    smallest = max(n // GROUPS, min(ROWS_PER_COLUMN * p, n // 2))
    sizes = np.linspace(smallest, n, POINTS).round().astype(int)
    group = np.arange(n) % GROUPS
    with threadpool_limits(1 if p <= FEW_COLUMNS else None):
        distances = _distances(real, fake, sizes, both)
        without = []
        for left_out in range(GROUPS):
            kept = group != left_out
            fewer = [int(kept[:size].sum()) for size in sizes]
            of_real = real[kept] if both else real
            without.append(_intercept(fewer, _distances(of_real, fake[kept], fewer, both)))
    value = _intercept(sizes, distances)
    half = student.ppf(0.975, GROUPS - 1) * np.sqrt((GROUPS - 1) * np.var(without))
    with np.errstate(over="ignore"):
        value, low, high, *distances = np.ldexp(
            [value, value - half, value + half, *distances], 2 * exponent
        ).tolist()
    return Extrapolation(value, (low, high), tuple(sizes.tolist()), tuple(distances), both)


def _distances(
    real: Rows, fake: Rows, sizes: Sequence[int] | NDArray[np.int_], both: bool
) -> list[float]:
    """d² of the first rows of `fake`, as many as each size says, and of those of `real` or all."""
    whole = real if len(real) <= real.shape[1] else Moments.of(real)
    return [frechet_distance(real[:size] if both else whole, fake[:size]) for size in sizes]


def _intercept(sizes: Sequence[int] | NDArray[np.int_], distances: Sequence[float]) -> float:
    inverse = 1 / np.asarray(sizes, dtype=np.float64)
    away = inverse - inverse.mean()
    slope = away @ distances / (away @ away)
    return float(np.mean(distances) - slope * inverse.mean())
