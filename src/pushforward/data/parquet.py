"""A table that stays in its Parquet file."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from pushforward.data.file_rows import file_facts, unchanged
from pushforward.data.on_disk import RowsOnDisk
from pushforward.data.readers import frame_of, listed
from pushforward.data.survey import Survey, survey
from pushforward.errors import DataWarning, FileError, InputError

MOST_GROUPS = 64  # of a file, from which rows at random are taken


class ParquetOnDisk(RowsOnDisk):
    """A table in a Parquet file, whose blocks are its row groups.

    A row group is decoded whole: rows at random come from 64 groups at random, in equal parts. What
    these do not show of categories and identifiers is looked for in the columns of these, whole.
    """

    def __init__(
        self, path: Path, drop: Collection[str] = (), label: str | None = None, workers: int = 2
    ) -> None:
        self.path, self.stamp = path, file_facts(path)
        with pq.ParquetFile(path) as file:
            counts = [file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)]
            names = list(file.schema_arrow.names)
            self.metadata = file.metadata  # read once: of many groups there is much
        left_out = {*drop, *([label] if label else [])}
        unknown = left_out - set(names)
        if unknown:
            raise InputError(
                f"{path}: no column is called {listed(sorted(unknown))}; the columns are "
                f"{listed(names)}"
            )
        self.columns = [name for name in names if name not in left_out]
        bounds = np.array([0, *counts], dtype=np.int64).cumsum()
        super().__init__(path.stem, bounds, (len(self.columns),), workers)
        self.surveyed: Survey | None = None
        if label:
            self.y = frame_of(path, pq.read_table(path, columns=[label]))[label]

    def read(self, block: int) -> pd.DataFrame:
        return frame_of(self.path, self._group(block))

    def take(self, numbers: NDArray[np.int64]) -> pd.DataFrame:
        return frame_of(self.path, self._rows(numbers))

    def _group(self, block: int) -> pa.Table:
        with self._readable(), pq.ParquetFile(self.path, metadata=self.metadata) as file:
            return file.read_row_group(block, columns=self.columns)  # each thread has its own file

    @contextmanager
    def _readable(self) -> Iterator[None]:
        """Says in words why the file cannot be read any more."""
        try:
            with unchanged(self.path, self.stamp):
                yield
        except pa.ArrowException as error:
            raise FileError(f"{self.path}: is damaged ({error}); replace it") from error

    def _rows(self, numbers: NDArray[np.int64]) -> pa.Table:
        blocks = np.searchsorted(self.bounds, numbers, side="right") - 1
        parts, places = [], []
        for block in np.unique(blocks):
            places.append(np.flatnonzero(blocks == block))
            parts.append(self._group(block).take(numbers[places[-1]] - self.bounds[block]))
        if not parts:
            return self._group(0).slice(0, 0)
        return pa.concat_tables(parts).take(np.argsort(np.concatenate(places), kind="stable"))

    def to_learn_from(self, n: int) -> pd.DataFrame:
        """n rows at random, and those that show what is in none of these, found in one pass."""
        numbers = self.numbers(n, np.random.default_rng(0))
        some = self._rows(numbers)
        if len(numbers) == len(self):
            return frame_of(self.path, some)
        if self.surveyed is None:
            self.surveyed = self._survey(frame_of(self.path, some))
        more = self._rows(np.setdiff1d(self.surveyed.rows, numbers))
        return frame_of(self.path, pa.concat_tables([some, more]))

    def _survey(self, known: pd.DataFrame) -> Survey:
        with self._readable():
            found = survey(self.path, known)
        if found.uncounted:
            warnings.warn(
                f"{self.path}: column {listed(found.uncounted)} has too many values to look for "
                f"all; those that are in none of {len(known):,} rows at random are not learnt",
                DataWarning,
                stacklevel=7,
            )
        self.counts = found.counts
        return found

    def numbers(self, n: int, rng: np.random.Generator) -> NDArray[np.int64]:
        sizes = np.diff(self.bounds)
        if n >= len(self) or len(sizes) <= MOST_GROUPS:
            return super().numbers(n, rng)
        groups = rng.permutation(len(sizes))
        reach = sizes[groups].cumsum()
        groups = groups[: max(MOST_GROUPS, 1 + np.searchsorted(reach, n))]
        rows = np.concatenate([np.arange(self.bounds[b], self.bounds[b + 1]) for b in groups])
        return np.sort(rng.choice(rows, size=n, replace=False))

    def facts(self) -> tuple[Any, ...]:
        return (*self.stamp, self.columns)
