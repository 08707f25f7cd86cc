"""What is left of a study, batch by batch, and the loop that keeps an engine at work on it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pushforward.methods import METHODS
from pushforward.models.neural import NeuralSampler
from pushforward.study.engines import Engine
from pushforward.study.plan import FLOOR, REAL, Trial
from pushforward.study.search import Row, Search


class Work:
    """What is left of a study: the searches, then the restarts of what each has found.

    Yardsticks are judged beside every restart: real rows, and a fitted Gaussian.
    """

    def __init__(
        self,
        searches: Mapping[str, Search],
        restarts: int,
        common: dict[str, Any],
        rows: Sequence[Row],
        together: int,
    ) -> None:
        self.searches, self.restarts, self.common = searches, restarts, common
        self.together = together
        self.rows = {row["hash"]: row for row in rows}
        self.begun: set[str] = set()
        for name, search in searches.items():
            found = [row for row in rows if row["kind"] == "search" and row["method"] == name]
            search.tell([row for row in found if row["repeat"] < search.trials])

    def next(self) -> list[Trial]:
        """The next batch: of the search that has come least far, then of what is to be judged."""
        open_ones = [search for search in self.searches.values() if search.left()]
        if open_ones:
            least = min(open_ones, key=lambda s: (len(s.rows) + len(s.running)) / s.trials)
            return least.batch(self._together(least.method))
        for trials in self._to_judge():
            left = [t for t in trials if t.hash not in self.rows and t.hash not in self.begun]
            if left:
                batch = left[: self._together(left[0].method)]
                self.begun |= {trial.hash for trial in batch}
                return batch
        return []

    def add(self, trials: Sequence[Trial], rows: Sequence[Row]) -> None:
        """The rows of a batch that is done."""
        self.rows |= {row["hash"]: row for row in rows}
        if trials[0].searches:
            self.searches[trials[0].method].tell(rows)

    def _together(self, method: str) -> int:
        neural = method != REAL and issubclass(METHODS[method].sampler, NeuralSampler)
        return self.together if neural else 1

    def _to_judge(self) -> Iterator[list[Trial]]:
        """Trials on the test rows, by what they are of, as far as searches have ended."""
        for name in [REAL] + [FLOOR] * (FLOOR not in self.searches):
            yield [Trial(name, k, "yardstick", **self.common) for k in range(self.restarts)]
        for name, search in self.searches.items():
            best = search.best
            if search.over and best is not None:
                options = best["options"]
                yield [
                    Trial(name, k, "method", options=options, **self.common)
                    for k in range(self.restarts)
                ]

    @property
    def finished(self) -> int:
        searched = sum(len(search.rows) for search in self.searches.values())
        trials = [trial for group in self._to_judge() for trial in group]
        return searched + sum(trial.hash in self.rows for trial in trials)

    @property
    def planned(self) -> int:
        """Rows in all, where no budget ends a search before its trials."""
        yardsticks = 1 + (FLOOR not in self.searches)
        total = yardsticks * self.restarts
        for search in self.searches.values():
            total += len(search.rows) if search.over else search.trials
            if not (search.over and search.best is None):
                total += self.restarts
        return total


def play(engine: Engine, work: Work) -> Iterator[tuple[Sequence[Trial], list[Row]]]:
    """Keep all slots of an engine at work: batches as they are done, and their rows.

    What is to be learnt from them must be before the next is asked for.
    """
    running = 0
    while True:
        while running < engine.slots and (batch := work.next()):
            engine.submit(batch)
            running += 1
        if not running:
            return
        yield engine.next()
        running -= 1
