"""The neighbours of real and generated rows, found once for every score that asks for them."""

from __future__ import annotations

import numbers
from dataclasses import dataclass
from typing import Any

import numpy as np

from pushforward.errors import InputError
from pushforward.evaluation.distances import (
    Indices,
    Nearest,
    Points,
    across,
    nearest_among,
    points_of,
)
from pushforward.evaluation.features import Rows, as_row_pair


@dataclass(frozen=True)
class Neighbourhoods:
    """Who is nearest to whom, among the distinct rows of each kind and between the kinds.

    `real_to_fake` holds the nearest generated rows of each real one, and so on. Distances are in
    units of 2^`exponent`, so that they cannot overflow. `fake_in_real` counts, for each generated
    row, the real rows that have it strictly nearer than their own k-th nearest real row (k is
    `balls`); `real_in_fake` is the reverse; both are 0 where no balls were asked for.
    """

    real: Points
    fake: Points
    exponent: int
    real_to_real: Nearest
    fake_to_fake: Nearest
    real_to_fake: Nearest
    fake_to_real: Nearest
    balls: int
    fake_in_real: Indices
    real_in_fake: Indices

    def distances(self, nearest: Nearest) -> Rows:
        """The distance from every row, repeated ones too, to its nearest."""
        of_real = nearest is self.real_to_real or nearest is self.real_to_fake
        points = self.real if of_real else self.fake
        return np.sqrt(nearest.kth(1))[points.which]

    def pooled(self) -> Nearest:
        """The nearest rows of either kind; distinct generated rows are numbered after real ones."""
        u = len(self.real)
        kinds = (
            (self.real_to_real, 0, 0),
            (self.real_to_fake, 0, u),
            (self.fake_to_real, u, 0),
            (self.fake_to_fake, u, u),
        )
        row = np.concatenate([nearest.row + start for nearest, start, _ in kinds])
        column = np.concatenate([nearest.column + start for nearest, _, start in kinds])
        square = np.concatenate([nearest.square for nearest, _, _ in kinds])
        copies = np.concatenate([nearest.copies for nearest, _, _ in kinds])
        order = np.lexsort((square, row))
        return Nearest(row[order], column[order], square[order], copies[order])


def neighbourhoods(real: Any, fake: Any, k: int = 1, balls: int = 0) -> Neighbourhoods:
    """Find the `k` nearest rows of either kind, and who lies in whose ball to the `balls`-th.

    Distances among real rows, among generated rows and between the two are formed once each.
    `real` is (m, p), `fake` (n, p), two rows or more, else `InputError`.

    >>> near = neighbourhoods([[0.0], [1.0]], [[0.0], [4.0]])
    >>> np.ldexp(near.distances(near.fake_to_real), near.exponent)
    array([0., 3.])
    """
    k = as_k(k)
    exponent, (a, b) = points_of(*as_row_pair(real, fake))
    among_a, among_b = (nearest_among(points, max(k, balls)) for points in (a, b))
    radii = (among_a.kth(balls), among_b.kth(balls)) if balls else None
    found = across(a, b, k, radii)
    return Neighbourhoods(
        real=a,
        fake=b,
        exponent=exponent,
        real_to_real=among_a,
        fake_to_fake=among_b,
        real_to_fake=found.to_b,
        fake_to_real=found.to_a,
        balls=balls,
        fake_in_real=found.balls_of_a,
        real_in_fake=found.balls_of_b,
    )


def as_k(k: Any) -> int:
    """Return a number of neighbours, or raise `InputError`."""
    if not isinstance(k, numbers.Integral) or k < 1:
        raise InputError(f"k must be an integer from 1 on, got {k!r}. Give e.g. 1.")
    return int(k)
