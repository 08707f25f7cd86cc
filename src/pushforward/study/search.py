"""The search of one method: its trials, how each went, and the best of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from pushforward.errors import InputError
from pushforward.study.plan import Trial
from pushforward.study.searchers import Searcher

DISTANCE = "distance"  # the larger distance of the two 1-NN halves, by which methods are ranked

Row = dict[str, Any]


class Search:
    """Trials of one method, which a searcher proposes, until they or their seconds are used up.

    `make` freezes the trial of a number with the options proposed for it.
    """

    def __init__(
        self,
        method: str,
        searcher: Searcher,
        make: Callable[[int, dict[str, Any]], Trial],
        *,
        trials: int,
        budget: float | None,
        objective: str,
    ) -> None:
        self.method, self.searcher, self.make = method, searcher, make
        self.trials, self.budget, self.objective = trials, budget, objective
        self.rows: dict[int, Row] = {}
        self.running: set[int] = set()

    def tell(self, rows: Sequence[Row]) -> None:
        """Rows of trials that are finished, now or in an earlier sitting."""
        for row in rows:
            self.rows[row["repeat"]] = row
            self.running.discard(row["repeat"])
            self.searcher.tell(row["repeat"], row["options"], value_of(row, self.objective))
        self._check_budget()

    @property
    def over(self) -> bool:
        return not self.running and not self.left()

    def left(self) -> list[int]:
        """Numbers of trials that may still begin."""
        numbers = [k for k in range(self.trials) if k not in self.rows and k not in self.running]
        if self.budget is None or not numbers:
            return numbers
        if self.best is None:  # one that did not fail says how long one takes
            return [] if self.running else numbers[:1]
        mean = self.seconds / len(self.rows)
        spare = self.budget - self.seconds - mean * len(self.running)
        return numbers[: max(0, math.floor(min(spare / mean, len(numbers))))]

    @property
    def seconds(self) -> float:
        """That its finished trials took."""
        return sum(row["seconds"] for row in self.rows.values())

    def batch(self, most: int) -> list[Trial]:
        """The next trials, at most so many."""
        numbers = self.left()[:most]
        self.running.update(numbers)
        return [self.make(number, self.searcher.ask(number)) for number in numbers]

    @property
    def best(self) -> Row | None:
        """The trial with the best value of those that did not fail."""
        return winner(self.rows.values(), self.objective)

    def _check_budget(self) -> None:
        if self.budget is None or len(self.rows) != 1:
            return
        (first,) = self.rows.values()
        if first["seconds"] > self.budget:
            raise InputError(
                f"a budget of {self.budget:g} s is less than one trial of {self.method} takes "
                f"({first['seconds']:.1f} s); give it more, or trials less with max_rounds. "
                "Finished trials are kept"
            )


def value_of(row: Row, objective: str) -> float | None:
    """What a search minimises, of a finished trial; None where it failed in any way.

    A sample that copies, has collapsed or comes from training that diverged is no answer, whatever
    its scores say.

    Raises:
        InputError: there is no such score.
    """
    if row["status"] != "OK":
        return None
    scores = row["scores"]
    if objective == DISTANCE:
        halves = [scores["nn_real"], scores["nn_fake"]]
        return max(abs(half["value"] - half["target"]) for half in halves)
    if objective not in scores:
        raise InputError(
            f"expected an objective among {', '.join((DISTANCE, *scores))}, got {objective!r}"
        )
    score = scores[objective]
    value = score["value"]
    if value is None:
        return None
    if score["direction"] == "near":
        return abs(value - score["target"])
    return value if score["direction"] == "lower" else -value


def winner(rows: Iterable[Row], objective: str) -> Row | None:
    """The trial with the best value, the Fréchet distance and then the number breaking ties.

    >>> winner([], "frechet") is None
    True
    """
    best = [(value, row) for row in rows if (value := value_of(row, objective)) is not None]

    def order(pair: tuple[float, Row]) -> tuple[float, float, int]:
        frechet = pair[1]["scores"].get("frechet", {}).get("value")
        return pair[0], math.inf if frechet is None else frechet, pair[1]["repeat"]

    return min(best, key=order)[1] if best else None
