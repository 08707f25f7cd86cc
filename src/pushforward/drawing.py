"""Draws that are kept only where they hold something: a forecast, growing blocks, a limit.

Whatever says of each generated row whether it is kept can be the filter: the conditions of `given`,
or any other; several are joined by `&`.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from pushforward.errors import TooRare
from pushforward.evaluation.intervals import wilson_interval
from pushforward.progress import counting_bar, on_terminal

BUDGET = 60.0  # seconds that drawing may take where nothing else is said
PILOT = (200, 2000)  # rows of the first block, by which the others are sized: least, most
GROWTH = 4  # a block has at most so many times the rows that were drawn before it
LARGEST = 100_000  # rows of a block
NUMBERS = 2**23  # of a block, so that wide rows fit into memory
OTHERS = (  # where the law itself was conditioned on nothing
    ", or fit a method that draws it without trying: gaussian, mixture, copula or kernel-density, "
    "or conditional-vae or conditional-r3-gan with the column as its label"
)
SPARE = 1.1  # a block has somewhat more rows than its forecast

Rows = Any  # an array, encoded or not, or a table


@dataclass(frozen=True)
class Acceptance:
    """What it took to draw under conditions.

    `native` is the probability of the conditions that the law itself was conditioned on, estimated
    by nothing: 1 where all was left to rejection. The event has probability native × rate.
    """

    asked: str
    accepted: int
    drawn: int
    seconds: float
    native: float = 1.0

    @property
    def rate(self) -> float:
        """The share of draws that were accepted."""
        return self.accepted / self.drawn

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's 95 % interval of the rate."""
        return wilson_interval(self.rate, self.drawn)

    def forecast(self, n: int) -> tuple[float, float]:
        """Draws and seconds that n accepted rows take, infinite where none was accepted yet."""
        draws = n / self.rate if self.accepted else math.inf
        return draws, draws * self.seconds / self.drawn

    def to_dict(self) -> dict[str, Any]:
        """Plain values that a seed repeats, for a file."""
        told = asdict(self) | {"rate": self.rate, "interval": list(self.interval)}
        del told["seconds"]
        return told

    def __add__(self, other: Acceptance) -> Acceptance:
        """Of two draws together: for conditions that differ from sample to sample."""
        drawn = self.drawn + other.drawn
        native = (self.native * self.drawn + other.native * other.drawn) / drawn
        return Acceptance(
            f"{self.asked}; {other.asked}",
            self.accepted + other.accepted,
            drawn,
            self.seconds + other.seconds,
            native,
        )


def draw_accepted(
    n: int,
    draw: Callable[[int], Rows],
    accept: Callable[[Rows], np.ndarray],
    *,
    asked: str,
    budget: float = BUDGET,
    native: float = 1.0,
) -> tuple[Rows, Acceptance]:
    """n rows by rejection: the first n of independent draws that a filter accepts.

    They have exactly the law of `draw` given that `accept` holds, as when to stop depends on how
    many were accepted alone. A pilot draw tells the share that is, and so how many draws and
    seconds n rows take; blocks then grow. How large a block is follows from counts, never from
    time, so that a seed repeats the draw.

    Args:
        n: rows wanted.
        draw: gives so many rows, from left to right in one stream of random numbers.
        accept: of each of these rows whether it is kept, `(m,)`.
        asked: what it is that rows are kept for, in words.
        budget: seconds; what is forecast to take longer is not begun.
        native: the probability of what `draw` is conditioned on already, kept in the record.

    Raises:
        TooRare: the rows would take longer than the budget, at the highest share that the draws so
            far allow for; the error has those that were accepted.

    >>> rng = np.random.default_rng(0)
    >>> x, took = draw_accepted(50, rng.standard_normal, lambda x: x > 1, asked="x above 1")
    >>> x.shape, bool(x.min() > 1), bool(took.interval[0] < 0.1587 < took.interval[1])
    ((50,), True, True)
    """
    begun = time.monotonic()
    block = min(max(20 * n, PILOT[0]), PILOT[1])
    kept: list[Rows] = []
    accepted = drawn = 0
    with _bar(n) as show:
        while True:
            rows = draw(block)
            held = accept(rows)
            kept.append(rows[held])
            accepted, drawn = accepted + int(held.sum()), drawn + len(rows)
            seconds = time.monotonic() - begun
            so_far = Acceptance(asked, accepted, drawn, seconds, native)
            if accepted >= n:
                return _joined(kept)[:n], so_far
            show(so_far)
            largest = min(LARGEST, max(PILOT[0], NUMBERS * len(rows) // max(np.size(rows), 1)))
            wanted = (n - accepted) * SPARE / so_far.rate + 10 if accepted else math.inf
            block = int(min(wanted, GROWTH * drawn, largest))
            least = max((n - accepted) / so_far.interval[1], block)
            if seconds + least * seconds / drawn > budget:
                raise _too_rare(n, so_far, drawn + least, budget, _joined(kept))


def _joined(parts: list[Rows]) -> Rows:
    if isinstance(parts[0], pd.DataFrame):
        return pd.concat([p for p in parts if len(p)] or parts[:1], ignore_index=True)
    return np.concatenate(parts)


def _too_rare(n: int, so_far: Acceptance, least: float, budget: float, rows: Rows) -> TooRare:
    """The error, of draws that would be at least so many and so are over the budget."""
    share = so_far.interval[1]
    said = f"{_percent(so_far.rate)}, at most {_percent(share)} (95 %)"
    draws = max(so_far.forecast(n)[0], least)
    if not so_far.accepted:
        draws, said = max(n / share, least), f"at most {_percent(share)} (95 %)"
    seconds = draws * so_far.seconds / so_far.drawn
    about = "about" if so_far.accepted else "more than"
    return TooRare(
        f"{so_far.asked}: {so_far.accepted} of {_count(so_far.drawn)} draws, {said}; {n} row(s) "
        f"would take {about} {_count(draws)} draws and {seconds:.3g} s, and the budget is "
        f"{budget:.3g} s. Ask for a wider range or fewer conditions or rows, or give more time "
        f"(budget=, --budget){OTHERS if so_far.native == 1 else ''}",
        so_far,
        rows,
    )


def _percent(share: float) -> str:
    return f"{100 * share:.2g} %"


def _count(n: float) -> str:
    """A number of draws: exact while it is small, two digits beyond.

    >>> _count(20000), _count(2604123)
    ('20 000', '2 600 000')
    """
    if n >= 1e12:
        return f"{n:.1e}"
    if n >= 1e5:
        n = round(n, 1 - math.floor(math.log10(n)))
    return f"{n:,.0f}".replace(",", " ")


@contextmanager
def _bar(n: int) -> Iterator[Callable[[Acceptance], None]]:
    """What is accepted so far, on a terminal; nothing anywhere else."""
    if not on_terminal():
        yield lambda _: None
        return
    with counting_bar() as bar:
        task = bar.add_task("drawing", total=n)

        def show(so_far: Acceptance) -> None:
            told = f"{_percent(so_far.rate)} of draws are kept"
            bar.update(task, completed=so_far.accepted, description=told)

        yield show
