"""Rows under conditions on any columns: by the law given them where it is known, by rejection."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import Any

import numpy as np
import pandas as pd

from pushforward.data.asked import around, by_sample, event_of
from pushforward.data.encoding import Encoding
from pushforward.data.event import Event, Within, put_exactly
from pushforward.drawing import BUDGET, Acceptance, draw_accepted
from pushforward.errors import InputError

Draw = Callable[[int, np.random.Generator], np.ndarray]  # encoded rows, (n, width)


@dataclass(frozen=True)
class Law:
    """A law that was conditioned on bounds which all rows of an event keep, and their probability.

    Rows that are drawn from it and are in the event have the law given the event, exactly.
    """

    draw: Draw
    share: float


@dataclass(frozen=True)
class Drawn:
    """Encoded rows that meet conditions, and what it took to draw them."""

    Z: np.ndarray
    acceptance: Acceptance
    exact: list[tuple[np.ndarray, dict[str | int, float]]]  # values of some rows, to the last bit

    def decoded(self, encoding: Encoding, seed: int) -> Any:
        """The rows as the user has them; the seed is that of identifiers."""
        rows = encoding.inverse_transform(self.Z[:, : encoding.width], seed=seed)
        for index, values in self.exact:
            put_exactly(rows, index, values)
        return rows


def rows_given(
    n: int,
    given: Any,
    rng: np.random.Generator,
    encoding: Encoding,
    draw: Draw,
    law_given: Callable[[Event], Law | None],
    budget: float | None = None,
) -> Drawn:
    """n rows that meet the conditions.

    Args:
        n: rows wanted, of all conditions together.
        given: conditions by column; a list has one value for each row, as has a table of them.
        rng: what all randomness comes from.
        encoding: of the rows, which may have more columns behind those that it decodes.
        draw: encoded rows by the law as it was learnt.
        law_given: the law under what it can be conditioned on, None where nothing is known.
        budget: seconds, a minute where it is not said.

    Raises:
        InputError: conditions that no row meets, or that too few do (`TooRare`).
    """
    left = BUDGET if budget is None else budget
    until = time.monotonic() + left
    if isinstance(given, pd.DataFrame):
        given = {name: given[name] for name in given}
    groups = by_sample(given, n) if isinstance(given, dict) else [(given, np.arange(n))]
    asked = [(event_of(values, encoding), index) for values, index in groups]  # all are checked
    laws = [_law(event, encoding, draw, law_given) for event, _ in asked]
    parts, took = [], []
    for (event, index), law in zip(asked, laws, strict=True):
        Z, acceptance = _rows_of(len(index), event, rng, encoding, law, left)
        left = until - time.monotonic()
        parts.append(Z)
        took.append(acceptance)
    back = np.argsort(np.concatenate([index for _, index in asked]))
    exact = [(index, event.exact) for event, index in asked if event.exact]
    return Drawn(np.concatenate(parts)[back], reduce(add, took), exact)


def _law(
    event: Event, encoding: Encoding, draw: Draw, law_given: Callable[[Event], Law | None]
) -> Law:
    """The law to draw from: conditioned as far as it can be, or as it was learnt."""
    law = law_given(event) if encoding.width else None
    if law is None:
        _refuse_exact(event, encoding)
        return Law(draw, 1.0)
    if law.share == 0:
        raise InputError(f"{event}: the model gives it probability 0; ask for a wider range")
    return law


def _rows_of(
    n: int, event: Event, rng: np.random.Generator, encoding: Encoding, law: Law, seconds: float
) -> tuple[np.ndarray, Acceptance]:
    exact = frozenset(event.exact)

    def accept(Z: np.ndarray) -> np.ndarray:
        rows = encoding.learnt_columns(Z[:, : encoding.width])
        return event.holds(rows, beside=exact)

    return draw_accepted(
        n,
        lambda m: law.draw(m, rng) if encoding.width else np.zeros((m, 0)),
        accept,
        asked=str(event),
        budget=seconds,
        native=law.share,
    )


def _refuse_exact(event: Event, encoding: Encoding) -> None:
    """Raise for values of probability zero."""
    for condition in event.conditions:
        if isinstance(condition, Within) and condition.exact:
            raise InputError(
                f"{condition} has probability zero, as any single value of a column without steps; "
                f"ask for a range around it, {around(condition, encoding)}, or fit gaussian, "
                "mixture, copula or kernel-density, whose law given a value is known"
            )
