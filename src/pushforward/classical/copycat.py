"""A control: training rows, drawn again. A judge that does not catch it catches nothing."""

from __future__ import annotations

from typing import Any

import numpy as np

from pushforward.sampler import Effort, Sampler, check_flag


class Copycat(Sampler):
    """Re-emits training rows: i ~ U{1..N}, x = x_i.

    Args:
        replace: draw with replacement; without it, a draw of more rows than were fitted starts
            over with another permutation.

    >>> X = np.arange(6.0).reshape(3, 2)
    >>> np.sort(Copycat(replace=False).fit(X).sample(3, random_state=0)[:, 0]).round(9)
    array([0., 2., 4.])
    """

    def __init__(self, *, replace: bool = True, random_state: int | None = None) -> None:
        self.replace = replace
        self.random_state = random_state

    @property
    def stores_rows(self) -> bool:
        return True

    def _stored(self) -> np.ndarray:
        return self.rows_

    def _fit(self, Z: np.ndarray, effort: Effort) -> None:  # noqa: ARG002
        check_flag("replace", self.replace)
        self.rows_ = Z

    def _draw(self, n: int, rng: np.random.Generator) -> np.ndarray:
        N = len(self.rows_)
        if self.replace:
            return self.rows_[rng.integers(N, size=n)]
        return self.rows_[np.concatenate([rng.permutation(N) for _ in range(-(-n // N))])[:n]]

    def _state(self) -> dict[str, Any]:
        return {"rows": self.rows_}

    def _restore(self, state: dict[str, Any]) -> None:
        self.rows_ = state["rows"]
