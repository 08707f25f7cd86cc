"""Who proposes the options of a trial."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np

from pushforward.space import Space, draw
from pushforward.study.plan import derived


class Searcher(ABC):
    """Proposes options of trials by number, and may learn from how they went.

    Numbers are asked for in their order; answers come in any order, and those of an earlier
    sitting come first.
    """

    @abstractmethod
    def ask(self, number: int) -> dict[str, Any]:
        """The options that trial `number` changes from its method's own; none for number 0."""

    def tell(self, number: int, options: dict[str, Any], value: float | None) -> None:  # noqa: B027
        """How a trial went: lower is better, None where it failed."""


class RandomSearch(Searcher):
    """Every trial draws its options from the space, whatever the others have found.

    Number k always means the same options: those of the method itself for 0, as Lucic et al. 2018
    (arXiv:1711.10337) begin.

    >>> from pushforward.space import Choice
    >>> RandomSearch("wgan", {"n_critic": Choice((5,))}, seed=0).ask(1)
    {'n_critic': 5}
    """

    def __init__(self, method: str, space: Space, seed: int) -> None:
        self.method, self.space, self.seed = method, space, seed

    def ask(self, number: int) -> dict[str, Any]:
        if number == 0:
            return {}
        seed = derived(self.seed, number, f"options of {self.method}")
        return draw(self.space, np.random.default_rng(seed))
