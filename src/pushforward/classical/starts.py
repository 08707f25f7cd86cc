"""Where chains start: at given rows, or overdispersed ones, inside the support."""

from __future__ import annotations

import warnings

import numpy as np

from pushforward.classical.target import Array, LogProb, State, Target
from pushforward.errors import DataWarning, InputError

OVERDISPERSED = 2.0  # standard deviation of starts that are drawn
TRIES = 100  # for starts outside the support
FEWEST = 4  # distinct ones, for R̂ to tell anything


def starts(
    log_prob: LogProb | None,
    rows: Array,
    shape: tuple[int, int],
    rng: np.random.Generator,
    gradient: bool,
) -> tuple[Target, State]:
    """The target, and n_chains starts where it is finite; `shape` is (n_chains, p).

    Rows are drawn without replacement, or used again and again where there are too few; without
    any, starts are N(0, 4 I), drawn again where they fall outside the support.

    Raises:
        InputError: rows that are not finite, or no start in the support.
    """
    if not np.isfinite(rows).all():
        raise InputError("expected finite rows for chains to start at, got missing or infinite")
    n_chains = shape[0]
    if len(rows):
        order = rng.permutation(len(rows)) if len(rows) >= n_chains else np.arange(len(rows))
        x = rows[np.resize(order, n_chains)]
    else:
        x = OVERDISPERSED * rng.standard_normal(shape).astype(rows.dtype)
    target = Target(log_prob, x, gradient=gradient)
    state = target(x)
    outside = _outside(state)
    for _ in range(TRIES if not len(rows) else 0):
        if not outside.any():
            break
        x[outside] = OVERDISPERSED * rng.standard_normal((outside.sum(), shape[1]))
        state = target(x)
        outside = _outside(state)
    if outside.all():
        where = "the rows given" if len(rows) else f"{TRIES} draws of N(0, 4 I) for each chain"
        raise InputError(
            f"log_prob is -inf (or has no gradient) at all starts, {where}: fit(X) with rows X "
            "inside the support"
        )
    if outside.any():
        inside = np.flatnonzero(~outside)
        chains = np.where(outside, np.resize(inside, n_chains), np.arange(n_chains))
        state = state.only(chains)
        warnings.warn(
            f"{outside.sum()} of {n_chains} chains would start outside the support (log_prob is "
            "-inf there); they start where others do",
            DataWarning,
            stacklevel=4,
        )
    distinct = len(np.unique(state.x, axis=0))
    if distinct < min(FEWEST, n_chains):
        warnings.warn(
            f"{n_chains} chains start at {distinct} different point(s): R̂ then proves little, as "
            "chains may agree on a part of the law that they all began in; give more rows, spread "
            "wider than the law",
            DataWarning,
            stacklevel=4,
        )
    # Chains move in place, and the gradient or the values may be views of what a function keeps.
    return target, state.only(np.arange(n_chains))


def _outside(state: State) -> np.ndarray:
    inside = np.isfinite(state.log_prob)
    if state.gradient is not None:
        inside &= np.isfinite(state.gradient).all(1)
    return ~inside
