"""What is to be run: a trial is frozen before it begins, and equal trials have equal hashes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pushforward.data.dataset import Dataset
from pushforward.data.split import Split, split
from pushforward.evaluation.scores import Score
from pushforward.sampler import Sampler
from pushforward.study.folder import short_hash

REAL = "real rows"  # the yardstick: what a perfect sampler would score
FLOOR = "gaussian"  # what a model must beat
# More scores, of generated rows: those, the split, the data, and the sampler, None for real rows.
Judge = Callable[[Any, Split, Dataset, Sampler | None], Iterable[Score]]


@dataclass(frozen=True)
class Trial:
    """What to fit on which split, with which seed and how much effort.

    Those of a search (kind "search") share one split, are judged by rows that are not the test's,
    and keep nothing but their scores. With `held_out` the test rows are the same for all repeats,
    and no part of any other split.
    """

    method: str
    repeat: int  # or the number of a search's trial
    kind: str  # "method", "yardstick" or "search"
    seed: int  # of the whole comparison
    budget: float | None
    max_rounds: int | None
    options: dict[str, Any] = field(default_factory=dict)  # that differ from the registry's
    held_out: bool = False
    also: Judge | None = None  # more scores
    target: str | None = None  # the column of a table that its use is to predict

    @property
    def searches(self) -> bool:
        return self.kind == "search"

    @property
    def name(self) -> str:
        kind = "-search" if self.searches else ""
        return f"{self.method.replace(' ', '-')}{kind}-{self.repeat}"

    @property
    def split_seed(self) -> int:
        if self.searches:
            return derived(self.seed, 0, "split of the search")
        return derived(self.seed, self.repeat, "split")

    @property
    def fit_seed(self) -> int:
        kind = " search" if self.searches else ""
        return derived(self.seed, self.repeat, f"{self.method}{kind}")

    @property
    def hash(self) -> str:
        """Equal trials have equal hashes."""
        judged = ("also", "target")  # what is fitted is the same
        fields = {name: value for name, value in vars(self).items() if name not in judged}
        return short_hash(fields)

    def split(self, dataset: Dataset) -> Split:
        """The rows that it is fitted to, stopped and judged by."""
        if not self.held_out:
            return split(dataset, self.split_seed)
        outer = split(dataset, derived(self.seed, 0, "test rows"))
        inner = split(outer.rest(dataset), self.split_seed)
        return inner if self.searches else inner.tested_on(outer)

    def fresh_draws(self, dataset: Dataset) -> bool:
        """Whether repeats share no rows: those of a toy, unless its test rows were taken off."""
        return dataset.source is not None and not self.held_out


def derived(seed: int, repeat: int, purpose: str) -> int:
    """Seeds that are independent for each repeat and purpose."""
    words = [seed, repeat, *purpose.encode()]
    return int(np.random.SeedSequence(words).generate_state(1, np.uint32)[0])
