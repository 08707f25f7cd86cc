"""What a budget buys: the best score to expect of so many trials, or of so many seconds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pushforward.errors import InputError

LEVEL = 0.95
RESAMPLES = 1000
ORDERS = 2000  # random orders of the trials, of which the mean is taken
FIRM = 3  # groups of k that the n trials must fill, or the band covers far less than it says


@dataclass(frozen=True)
class Curve:
    """An expectation at each budget, and the 95 % band of it."""

    budget: NDArray  # (m,), trials or seconds
    mean: NDArray  # (m,), nan where the budget buys nothing
    low: NDArray
    high: NDArray
    firm: NDArray  # (m,) of booleans: where the band can be believed


def _weights(n: int) -> Iterator[NDArray]:
    """For k = 1..n the chances that the best of k of n trials is the i-th best of all, (n,).

    w_k(i) = C(n−i, k−1) / C(n, k), hence w_{k+1}(i) = w_k(i) (n−i−k+1)(k+1) / (k(n−k)); each is at
    most 1, and what underflows is on its way to 0.
    """
    i = np.arange(1, n + 1)
    w = np.full(n, 1 / n)
    for k in range(1, n + 1):
        yield w
        if k < n:
            w = w * (np.maximum(n - i - k + 1, 0) / k * ((k + 1) / (n - k)))


def _checked(values: ArrayLike, *, finite: bool) -> NDArray:
    x = np.asarray(values, dtype=float)
    if x.ndim == 0 or x.shape[-1] == 0:
        raise InputError("expected the value of at least one trial, got none")
    if np.isnan(x).any() or (finite and not np.isfinite(x).all()):
        raise InputError(
            "expected a finite number for each trial, lower being better; give a trial that failed "
            "the worst value of those that did not"
        )
    return x


def expected_best(values: ArrayLike) -> NDArray:
    """The expected least of k values out of n, drawn without replacement, for k = 1..n.

    E[min_k] = Σ_i x_(i) C(n−i, k−1) / C(n, k), exact for these n values: the mean for k = 1, the
    least of all for k = n.

    Args:
        values: (..., n), of all trials, lower being better.

    Returns:
        (..., n), for k = 1..n.

    Raises:
        InputError: no value, or one that is not finite.

    Lucic et al. 2018, arXiv:1711.10337, §6 estimate the same by resampling.

    >>> expected_best([3.0, 1.0, 2.0])
    array([2.        , 1.33333333, 1.        ])
    """
    x = np.sort(_checked(values, finite=True), axis=-1)
    return np.stack([x @ w for w in _weights(x.shape[-1])], axis=-1)


def best_quantile(values: ArrayLike, q: float = 0.5) -> NDArray:
    """The q-quantile of the least of k values out of n, for k = 1..n.

    The least of the n values that the best of k stays at or below with probability q. It needs no
    value for a trial that failed: that may be infinite.

    Args:
        values: (n,), of all trials, lower being better.
        q: in (0, 1); by default the median.

    Raises:
        InputError: no value, one that is no number, or a q outside (0, 1).

    >>> best_quantile([3.0, 1.0, np.inf])
    array([3., 1., 1.])
    """
    if not 0 < q < 1:
        raise InputError(f"expected a quantile between 0 and 1, got {q!r}")
    x = np.sort(_checked(values, finite=False))
    # What rounding takes from a sum of 1 must not move the quantile by a place.
    places = [int(np.searchsorted(np.cumsum(w), q - 1e-9)) for w in _weights(len(x))]
    return x[np.minimum(places, len(x) - 1)]


def best_of_trials(values: ArrayLike, *, seed: int = 0, resamples: int = RESAMPLES) -> Curve:
    """The expected best of k trials for k = 1..n, with its 95 % band.

    The band is the percentile bootstrap over trials, so it says how the curve would move with
    another random search. The best of all n trials hangs on one of them, and resampling cannot say
    how far it would be elsewhere: the band is firm up to k = n / 3 only.

    Raises:
        InputError: no value, or one that is not finite.

    >>> curve = best_of_trials([3.0, 1.0, 2.0])
    >>> curve.budget, curve.firm
    (array([1, 2, 3]), array([ True, False, False]))
    """
    x = _checked(values, finite=True)
    n = len(x)
    rng = np.random.default_rng(seed)
    resampled = expected_best(x[rng.integers(n, size=(resamples, n))])
    k = np.arange(1, n + 1)
    low, high = _band(resampled)
    return Curve(k, expected_best(x), low, high, FIRM * k <= n)


def best_in_seconds(
    values: ArrayLike,
    seconds: ArrayLike,
    budgets: ArrayLike,
    *,
    seed: int = 0,
    orders: int = ORDERS,
    resamples: int = 200,
) -> Curve:
    """The expected best of the trials that end within a budget, run one by one in a random order.

    A trial counts when it ends within the budget. The expectation is over the orders, of which the
    mean of some random ones is taken; the band is that of `best_of_trials`. It is nan for a budget
    in which some order ends no trial.

    Args:
        values: (n,), of all trials, lower being better.
        seconds: (n,), that each took, above 0.
        budgets: (m,), in seconds.
        seed: of the orders and of the bootstrap.
        orders: how many random ones.
        resamples: of the bootstrap.

    Raises:
        InputError: no value, one that is not finite, or seconds that do not fit them.

    >>> best_in_seconds([3.0, 1.0], [10, 10], [5, 20]).mean
    array([nan,  1.])
    """
    x, cost = _checked(values, finite=True), np.asarray(seconds, dtype=float)
    if cost.shape != x.shape or not (np.isfinite(cost).all() and (cost > 0).all()):
        raise InputError(f"expected seconds above 0 for each of {len(x)} trials, got {seconds!r}")
    grid = np.asarray(budgets, dtype=float)
    rng = np.random.default_rng(seed)
    mean = _over_orders(x, cost, grid, orders, rng)
    again = []
    few = max(1, orders // 40)  # each resample needs its own, and their chance averages out
    for _ in range(resamples):
        chosen = rng.integers(len(x), size=len(x))
        again.append(_over_orders(x[chosen], cost[chosen], grid, few, rng))
    missing = np.isnan(mean)
    low, high = _band(np.nan_to_num(again, nan=np.inf))
    low[missing], high[missing] = np.nan, np.nan
    return Curve(grid, mean, low, high, FIRM * grid <= cost.sum())


def _over_orders(
    x: NDArray, cost: NDArray, grid: NDArray, orders: int, rng: np.random.Generator
) -> NDArray:
    """The mean over random orders of the best that has ended at each time, nan before any has."""
    order = rng.permuted(np.tile(np.arange(len(x)), (orders, 1)), axis=1)
    best = np.minimum.accumulate(x[order], axis=1)
    # Sums of the same costs in another order differ in their last digits.
    ended = np.cumsum(cost[order], axis=1) * (1 - 1e-12)
    count = np.stack([np.searchsorted(row, grid, side="right") for row in ended])
    found = np.take_along_axis(best, np.maximum(count - 1, 0), axis=1)
    return np.where(count.min(axis=0) > 0, found.mean(axis=0), np.nan)


def _band(resampled: NDArray) -> tuple[NDArray, NDArray]:
    tails = [(1 - LEVEL) / 2, (1 + LEVEL) / 2]
    low, high = np.quantile(resampled, tails, axis=0, method="nearest")
    return low, high
