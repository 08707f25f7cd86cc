"""What a study's folder holds, as arrays: what each trial and each restart scored and took."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pushforward.errors import FileError
from pushforward.space import Range, from_json
from pushforward.study.folder import RunFolder
from pushforward.study.plan import FLOOR, REAL
from pushforward.study.ranking import Row
from pushforward.study.search import DISTANCE, value_of, winner

HALVES = ("nn_real", "nn_fake")
TITLES = {
    DISTANCE: "1-NN distance",
    "frechet": "Fréchet distance",
    "frechet_pca": "Fréchet distance of principal components",
    "manifold_f1": "F1",
}


class Evidence:
    """The rows of a study, finished or not, by what they are of.

    `trials` are those of each method's search by number, `winners` the best of each, None where all
    failed, `restarts` the winners' fits that were judged by the test rows. Those of a winner that
    was beaten when more trials were run are not among them.

    Raises:
        FileError: the configuration is not that of a study.
    """

    def __init__(self, config: Mapping[str, Any], rows: Iterable[Row]) -> None:
        try:
            self.settings: dict[str, Any] = config["run"]
            self.effort: dict[str, int] = config["effort"]
            self.methods: list[str] = self.settings["methods"]
            self.objective: str = self.settings["objective"]
            spaces = self.settings["spaces"]
            self.planned: int = self.effort["trials"]
            self.planned_restarts: int = self.effort["restarts"]
        except (KeyError, TypeError) as error:
            raise FileError(f"config.json is not that of a study: {error} is not there") from error
        self.name: str = config.get("data", {}).get("name", "")
        self.spaces: dict[str, dict[str, Range]] = {m: from_json(s) for m, s in spaces.items()}
        found = list(rows)
        self.trials = {m: self._numbered(found, m, "search", self.of(m)) for m in self.methods}
        self.winners = {m: winner(self.trials[m], self.objective) for m in self.methods}
        self.restarts = {m: self._restarts(found, m) for m in self.methods}
        self.yardsticks = {
            m: self._numbered(found, m, "yardstick", self.planned_restarts) for m in (REAL, FLOOR)
        }

    @classmethod
    def read(cls, folder: Path) -> Evidence:
        """That of a study's folder.

        Raises:
            FileError: it holds no study, or a damaged one.

        >>> import tempfile
        >>> Evidence.read(Path(tempfile.mkdtemp()))
        Traceback (most recent call last):
        pushforward.errors.FileError: ... holds no run: there is no config.json in it
        """
        run = RunFolder(Path(folder))
        return cls(run.config, run.results())

    def of(self, method: str) -> int:
        """Trials that a method's search is to have; one where there is nothing to search."""
        return self.planned if self.spaces[method] else 1

    def _numbered(self, rows: Sequence[Row], method: str, kind: str, most: int) -> list[Row]:
        chosen = [row for row in rows if (row["method"], row["kind"]) == (method, kind)]
        return sorted((r for r in chosen if r["repeat"] < most), key=lambda row: row["repeat"])

    def _restarts(self, rows: Sequence[Row], method: str) -> list[Row]:
        best = self.winners[method]
        found = self._numbered(rows, method, "method", self.planned_restarts)
        return [r for r in found if best is not None and r["options"] == best["options"]]

    @property
    def judged(self) -> list[Row]:
        """Rows that the table ranks: restarts, yardsticks, and the trials of what only failed."""
        rows = [row for found in self.yardsticks.values() for row in found]
        for method in self.methods:
            rows += self.restarts[method]
            if self.only_failed(method):
                rows += [row | {"kind": "method"} for row in self.trials[method]]
        return rows

    def only_failed(self, method: str) -> bool:
        """Whether a search has tried all that it was to try, and nothing came of it."""
        done = len(self.trials[method])
        complete = done >= self.of(method) or (done > 0 and bool(self.settings.get("budget")))
        return complete and self.winners[method] is None

    @property
    def finished(self) -> int:
        """Rows that are there, of those that count."""
        rows = [*self.trials.values(), *self.restarts.values(), *self.yardsticks.values()]
        return sum(map(len, rows))

    @property
    def searched(self) -> list[str]:
        """The methods with a trial, in the order of the study."""
        return [m for m in self.methods if self.trials[m]]

    def worst(self, objective: str) -> float:
        """What a failure counts as: the worst value that a trial or a restart of any method has.

        A failed fit is as bad as the worst that did not fail, so that its method gains nothing by
        failing, and no number is made up; nan where everything failed.
        """
        rows = [row for m in self.methods for row in (*self.trials[m], *self.restarts[m])]
        values = [v for row in rows if (v := value_of(row, objective)) is not None]
        return max(values, default=math.nan)

    def values(self, method: str, objective: str | None = None) -> NDArray:
        """What each trial of a search scored, lower being better, (n,); `worst` where it failed."""
        return self._filled(self.trials[method], objective or self.objective)

    def restarted(self, method: str, objective: str | None = None) -> NDArray:
        """What each restart of a winner scored on the test rows, (r,); `worst` where it failed."""
        return self._filled(self.restarts[method], objective or self.objective)

    def _filled(self, rows: Sequence[Row], objective: str) -> NDArray:
        found = [value_of(row, objective) for row in rows]
        worst = self.worst(objective)
        return np.array([worst if value is None else value for value in found])

    def seconds(self, method: str) -> NDArray:
        """That each trial of a search took, (n,)."""
        return np.array([float(row["seconds"]) for row in self.trials[method]])

    def drawn(self, method: str) -> NDArray:
        """Which trials of a search are random draws, (n,) of booleans: not the registry's own."""
        return np.array([row["repeat"] > 0 or self.of(method) == 1 for row in self.trials[method]])

    def failed(self, method: str) -> NDArray:
        """Which trials of a search failed, (n,) of booleans."""
        found = [value_of(row, self.objective) is None for row in self.trials[method]]
        return np.array(found, dtype=bool)

    def failures(self, method: str) -> int:
        """How many restarts of a winner failed."""
        return sum(value_of(row, self.objective) is None for row in self.restarts[method])

    def has(self, objective: str) -> bool:
        """Whether all trials with scores have one by which they could be searched."""
        rows = [row for m in self.methods for row in self.trials[m] if row["scores"]]
        needed = HALVES if objective == DISTANCE else (objective,)
        return bool(rows) and all(name in row["scores"] for row in rows for name in needed)

    @property
    def higher(self) -> bool:
        """Whether the score that is searched for is better the higher it is."""
        rows = (row["scores"] for m in self.methods for row in self.trials[m])
        found = (scores[self.objective] for scores in rows if self.objective in scores)
        return next((score["direction"] == "higher" for score in found), False)

    def shown(self, value: float) -> float:
        """A value that is minimised as the score that it stands for."""
        return -value if self.higher else value

    def title(self, objective: str) -> str:
        """A score by its name in sentences."""
        return TITLES.get(objective, objective.replace("_", " "))

    def level(self, yardstick: str) -> float | None:
        """The mean of a yardstick on the test rows, or None."""
        rows = self.yardsticks[yardstick] or self.restarts.get(yardstick, [])
        needed = HALVES[0] if self.objective == DISTANCE else self.objective
        # A score of a fitted sampler's own is none of real rows.
        found = [plain_value(row, self.objective) for row in rows if needed in row["scores"]]
        values = [value for value in found if value is not None]
        return float(np.mean(values)) if values else None


def plain_value(row: Row, objective: str) -> float | None:
    """What a row scored, whether it counts as failed or not."""
    return value_of(row | {"status": "OK"}, objective)
