"""A run folder as the report reads it: its rows, where each method stands, and what it drew."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pushforward.errors import FileError
from pushforward.study.evidence import Evidence
from pushforward.study.folder import RunFolder
from pushforward.study.plan import FLOOR, REAL
from pushforward.study.ranking import Row, Standing, rank

MOST_REPEATS = 100_000


class Run:
    """What one run folder holds, finished or not.

    `rows` are the finished fits, `standings` one per method, `waiting` the methods without a row.
    Of a study, which `study` holds, they are those that the test rows judged.

    Raises:
        FileError: the folder holds no run, or one that is damaged.
    """

    def __init__(self, path: Path) -> None:
        self.folder = RunFolder(path)
        config = self.folder.config
        try:
            self.settings: dict[str, Any] = config["run"]
            self.data: dict[str, Any] = config["data"]
            self.methods: list[str] = self.settings["methods"]
            effort = config.get("effort", {})  # of a study: how many restarts of each winner
            self.repeats: int = effort.get("restarts") or self.settings["repeats"]
            self.real_rows: bool = self.settings["real_rows"]
        except (KeyError, TypeError, AttributeError) as error:
            raise FileError(f"{path}/config.json is damaged: {error} is not there") from error
        if type(self.repeats) is not int or not 0 < self.repeats <= MOST_REPEATS:
            raise FileError(
                f"{path}/config.json is damaged: expected a number of repeats, "
                f"got {self.repeats!r:.80}"
            )
        self.versions: dict[str, Any] = config.get("versions", {})
        self.machine: dict[str, Any] = config.get("machine", {})
        self.rows = self.folder.results()
        self.study = Evidence(config, self.rows) if "effort" in config else None
        if self.study is not None:  # what a search tried is not ranked, but what it found
            self.rows = self.study.judged
        self.standings = rank(self.rows)

    @property
    def expected(self) -> int:
        """How many rows the finished run has: every method and yardstick in every repeat."""
        yardsticks = 1 + (FLOOR not in self.methods)
        return self.repeats * (len(self.methods) + yardsticks)

    @property
    def ranked(self) -> list[Standing]:
        return [s for s in self.standings if s.rank is not None]

    @property
    def unranked(self) -> list[Standing]:
        return [s for s in self.standings if s.rank is None and s.kind == "method"]

    @property
    def yardsticks(self) -> list[Standing]:
        return [s for s in self.standings if s.kind == "yardstick"]

    @property
    def waiting(self) -> list[str]:
        begun = {s.method for s in self.standings if s.kind == "method"}
        return [name for name in self.methods if name not in begun]

    @property
    def yardstick(self) -> Standing | None:
        """Real rows, held against the test rows as a sample would be."""
        return next((s for s in self.yardsticks if s.method == REAL and s.distance), None)

    @property
    def floor(self) -> Standing | None:
        """The fitted Gaussian, which a model must beat."""
        return next((s for s in self.standings if s.method == FLOOR and s.distance), None)

    @property
    def image_shape(self) -> tuple[int, ...] | None:
        shape = self.data.get("image_shape")
        return tuple(shape) if shape else None

    @property
    def noun(self) -> str:
        return "images" if self.image_shape else "rows"

    def rows_of(self, standing: Standing) -> list[Row]:
        """The rows behind a standing, by repeat."""
        key = (standing.method, standing.kind)
        found = [row for row in self.rows if (row["method"], row["kind"]) == key]
        return sorted(found, key=lambda row: row["repeat"])

    def first_scored(self, standing: Standing) -> Row | None:
        """The first repeat that has scores; its sample is the one that is drawn."""
        return next((row for row in self.rows_of(standing) if row["scores"]), None)

    def generated(self, method: str, repeat: int) -> Any:
        """What a method drew in a repeat, an array or a frame, or None."""
        return self._read(f"{method.replace(' ', '-')}-{repeat}")

    def nearest(self, method: str, repeat: int) -> Any:
        """The training rows nearest to the first generated ones, or None."""
        if not self.real_rows:
            return None
        return self._read(f"{method.replace(' ', '-')}-{repeat}-nearest")

    def ways(self, method: str, repeat: int) -> Any:
        """Images on the way between test images through a method's codes, way after way, or None.

        Each way begins and ends with the real images.
        """
        return self._read(f"{method.replace(' ', '-')}-{repeat}-ways") if self.real_rows else None

    def real(self) -> Any:
        """Real test rows of the first repeat that has them, or None."""
        if not self.real_rows:
            return None
        found = (self._read(f"test-{repeat}") for repeat in range(self.repeats))
        return next((X for X in found if X is not None), None)

    def _read(self, name: str) -> Any:
        file = self.folder.samples(name)
        if file is None:
            return None
        try:
            if file.suffix == ".parquet":
                return pd.read_parquet(file)
            with np.load(file, allow_pickle=False) as archive:
                X = archive["X"]
            return X.reshape(len(X), *(self.image_shape or X.shape[1:]))
        except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
            raise FileError(f"{file} is damaged: {error}; delete it to draw the rest") from error
