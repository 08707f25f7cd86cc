"""Permutation tests of two samples: labels are drawn anew, the rows stay."""

from __future__ import annotations

import numbers
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pushforward.errors import InputError
from pushforward.evaluation.features import Rows

TESTED_ROWS = 2000  # real and generated rows together that a permutation test looks at
OWN_STREAM = 2718281828  # any number that nobody else puts in front of a seed

# Labellings whose statistics are equal but for rounding must count as ties.
ROUNDING = 1e-10


def own_generator(seed: int) -> np.random.Generator:
    """Return a generator that shares no numbers with `default_rng(seed)`.

    The rows may come from that one, and directions or labels must not depend on rows.

    >>> bool(own_generator(0).random() == np.random.default_rng(0).random())
    False
    """
    if not isinstance(seed, numbers.Integral) or seed < 0:
        raise InputError(f"seed must be an integer from 0 on, got {seed!r}. Give e.g. 0.")
    return np.random.default_rng([OWN_STREAM, int(seed)])


def rows_to_test(real: Rows, fake: Rows, rng: np.random.Generator) -> tuple[Rows, Rows]:
    """Return a random choice of both, `TESTED_ROWS` in all, half and half where there are enough.

    Which rows are chosen does not depend on their values, so that a test on them is valid.
    """
    m, n, half = len(real), len(fake), TESTED_ROWS // 2
    if m + n <= TESTED_ROWS:
        return real, fake
    chosen_real, chosen_fake = min(m, max(half, 2 * half - n)), min(n, max(half, 2 * half - m))
    return (
        real[rng.choice(m, chosen_real, replace=False)],
        fake[rng.choice(n, chosen_fake, replace=False)],
    )


def refuse_no_permutations(permutations: int) -> None:
    """Raise `InputError` for fewer than one."""
    if permutations < 1:
        raise InputError(
            f"permutations must be at least 1, got {permutations}. The smallest p-value is "
            "1 / (permutations + 1): give 99 or more."
        )


def shuffled_labels(
    m: int, n: int, permutations: int, rng: np.random.Generator
) -> NDArray[np.bool_]:
    """Return which of m + n rows are called real, (1 + permutations, m + n): true, then drawn."""
    refuse_no_permutations(permutations)
    labels = np.tile(np.arange(m + n) < m, (permutations + 1, 1))
    rng.permuted(labels[1:], axis=1, out=labels[1:])
    return labels


def permutation_p_value(statistics: NDArray[Any], scale: float | None = None) -> float:
    """Return (1 + #{b: T_b ≥ T_0}) / (B + 1) of T_0, the true labelling's, and B permuted ones.

    Values count as equal that differ by rounding alone: by less than 1e-10 of `scale`, the size
    of the terms that the statistics are sums of.

    Phipson and Smyth 2010, Stat. Appl. Genet. Mol. Biol. 9, 39.

    >>> permutation_p_value(np.array([3.0, 1.0, 3.0, 2.0]))
    0.5
    """
    size = np.abs(statistics).max() if scale is None else scale
    return float(np.mean(statistics >= statistics[0] - ROUNDING * size))
