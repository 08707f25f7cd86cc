"""Mean and covariance of more rows than fit in memory."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import Any

import numpy as np

from pushforward.errors import InputError
from pushforward.evaluation.distances import to_unit_scale
from pushforward.evaluation.features import Rows, as_rows

NO_SCALE = -1100  # exponent of rows that are all 0: below that of any other number


@dataclass(frozen=True, eq=False)
class Moments:
    """The number of some rows, their mean and their covariance; `+` pools those of two batches.

    n = n_a + n_b,   δ = μ_b − μ_a,   μ = μ_a + δ n_b/n,   S = S_a + S_b + δδᵀ n_a n_b/n

    with S = Σ_i (x_i − μ)(x_i − μ)ᵀ: only centred rows are ever squared, so that no digits cancel.
    Mean (p,) and scatter (p, p) are kept in units of 2^exponent, so that no square over- or
    underflows.

    Chan, Golub and LeVeque 1983, The American Statistician 37, 242.

    >>> import numpy as np
    >>> moments = Moments.of(np.array([[0.0], [2.0]])) + Moments.of(np.array([[4.0]]))
    >>> moments.n, moments.mean, moments.covariance
    (3, array([2.]), array([[4.]]))
    """

    n: int
    exponent: int
    unit_mean: Rows
    unit_scatter: Rows

    @classmethod
    def of(cls, rows: Any) -> Moments:
        """The moments of the rows (n, p); raises `InputError` for what is not finite numbers."""
        exponent, (rows,) = to_unit_scale(as_rows(rows, "rows"))
        mean = rows.mean(axis=0)
        centred = rows - mean
        return cls(len(rows), exponent if rows.any() else NO_SCALE, mean, centred.T @ centred)

    @classmethod
    def of_batches(cls, batches: Iterable[Any]) -> Moments:
        """The moments of all rows of the batches, of which one is in memory at a time.

        Batches of p rows or more are fastest. Raises `InputError` where there is no batch.

        >>> import numpy as np
        >>> Moments.of_batches(np.ones((10, 3)) * i for i in range(5)).mean
        array([2., 2., 2.])
        """
        moments = map(cls.of, batches)
        first = next(moments, None)
        if first is None:
            raise InputError("expected at least one batch of rows, got none")
        return reduce(add, moments, first)

    def __add__(self, other: Moments) -> Moments:
        p, other_p = len(self.unit_mean), len(other.unit_mean)
        if p != other_p:
            raise InputError(
                f"batches must have the same columns, got {p} and {other_p}. Pool rows of one kind."
            )
        exponent = max(self.exponent, other.exponent)
        a, b = self.in_units_of(exponent), other.in_units_of(exponent)
        n, shift = a.n + b.n, b.unit_mean - a.unit_mean
        between = np.outer(shift, shift * (a.n * b.n / n))
        return Moments(
            n,
            exponent,
            a.unit_mean + shift * (b.n / n),
            a.unit_scatter + b.unit_scatter + between,
        )

    def in_units_of(self, exponent: int) -> Moments:
        """The same moments, kept in units of 2^exponent."""
        change = self.exponent - exponent
        return Moments(
            self.n,
            exponent,
            np.ldexp(self.unit_mean, change),
            np.ldexp(self.unit_scatter, 2 * change),
        )

    @property
    def mean(self) -> Rows:
        """The mean μ (p,), in the rows' units."""
        return np.ldexp(self.unit_mean, self.exponent)

    @property
    def covariance(self) -> Rows:
        """The sample covariance S/(n − 1) (p, p), in the rows' squared units."""
        return np.ldexp(self.unit_covariance, 2 * self.exponent)

    @property
    def unit_covariance(self) -> Rows:
        """The sample covariance in squared units of 2^exponent; `InputError` below two rows."""
        if self.n < 2:
            raise InputError(
                f"a covariance needs at least 2 rows, got {self.n}. Add rows or draw more."
            )
        return self.unit_scatter / (self.n - 1)
