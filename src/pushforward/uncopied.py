"""Draws that copy no training row: each one that would is drawn again, in its place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pushforward.data.encoding import Encoding
from pushforward.errors import InputError
from pushforward.evaluation.copied import CopyFinder

Draw = Callable[[int, np.random.Generator], NDArray[np.float64]]  # encoded rows, (n, width)

ENOUGH = 1000  # draws after which a law that hardly draws anything but copies is given up
LEAST = 0.02  # of the draws that copy nothing
AT_ONCE = 64  # tries for a place in one go, at most


@dataclass
class Uncopied:
    """Replaces draws that copy one of the training rows, which are encoded, (t, width).

    What counts as a copy is in `evaluation.copied.CopyFinder`, by the training rows among
    themselves. Each place is drawn again by its own conditions, so that it has the law of what it
    was drawn from given that it is no copy, and a draw without copies stays as it was. `count` has
    how many rows were drawn and how many of them copied.

    >>> rows = np.random.default_rng(0).normal(size=(100, 3))
    >>> rng = np.random.default_rng(1)
    >>> def half(index):  # copies every other time
    ...     fresh = rng.normal(size=(len(index), 3))
    ...     return np.where(rng.random(len(index))[:, None] < 0.5, rows[:1], fresh)
    >>> kept = Uncopied(rows, Encoding.points(3))
    >>> Z = kept.draw(200, half)
    >>> bool((Z == rows[0]).all(1).any()), kept.count["copied"] > 50
    (False, True)
    """

    rows: NDArray[np.float64]
    encoding: Encoding
    count: dict[str, int] = field(default_factory=lambda: {"drawn": 0, "copied": 0})
    finder: CopyFinder = field(init=False)

    def __post_init__(self) -> None:
        self.finder = CopyFinder(self.rows)

    def draw(self, n: int, draw_at: Callable[[NDArray[np.intp]], Any]) -> NDArray[np.float64]:
        """n encoded rows; `draw_at` gives a row for each of these places, which may repeat.

        Raises:
            InputError: hardly anything is drawn but copies.
        """
        Z = draw_at(np.arange(n))
        places, tries = np.flatnonzero(self._copies(Z)), 1
        while len(places):
            drawn, copied = self.count["drawn"], self.count["copied"]
            if drawn >= ENOUGH and copied > (1 - LEAST) * drawn:
                raise InputError(
                    f"{copied} of {drawn} draws copied a training row, and {len(places)} "
                    f"of {n} samples are still to be drawn: the model draws hardly anything else. "
                    "Fit one that does not keep its rows, or to more of them; in a table of few "
                    "values any row may equal a training row, and copies are no sign of anything"
                )
            index = np.repeat(places, tries)
            fresh = draw_at(index)
            good = np.flatnonzero(~self._copies(fresh))
            found, first = np.unique(index[good], return_index=True)
            Z[found] = fresh[good[first]]
            places, tries = np.setdiff1d(places, found), min(2 * tries, AT_ONCE)
        return Z

    def kept(self, draw: Draw) -> Draw:
        """The law of independent draws, given that they copy nothing."""
        return lambda n, rng: self.draw(n, lambda places: draw(len(places), rng))

    def _copies(self, Z: NDArray[np.float64]) -> NDArray[np.bool_]:
        """As the rows will be when they are decoded: rounded, in range, one category each."""
        copies = self.finder(self.encoding.snap(Z))[2]
        self.count["drawn"] += len(Z)
        self.count["copied"] += int(copies.sum())
        return copies
