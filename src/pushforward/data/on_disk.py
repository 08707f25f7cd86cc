"""Rows that stay on disk and are read block by block."""

from __future__ import annotations

import hashlib
import math
import mmap
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pushforward.data.file_rows import FileRows, changed, file_facts
from pushforward.data.memory import too_large
from pushforward.errors import InputError

BLOCK_BYTES = 2**18  # of an array that are read at once
TAKEN_AT_ONCE = 1024  # rows at random places, each of which brings pages along
HASHED_ROWS = 256  # that a fingerprint looks at
SEED = 2014  # of the rows that a fingerprint looks at


class RowsOnDisk(ABC):
    """Rows on disk, `(n, ...)`: a sampler that trains a game can be fitted to them.

    They lie in blocks, from `bounds[b]` to `bounds[b + 1]`, each of which is read at once. Labels
    y, where there are some, are in memory. `workers` threads read ahead during a fit.
    """

    y: Any = None
    counts: Mapping[str, Mapping[Any, int]] = {}  # of categories, where all rows were looked at

    def __init__(
        self, name: str, bounds: NDArray[np.int64], shape: tuple[int, ...], workers: int = 2
    ) -> None:
        if isinstance(workers, bool) or not isinstance(workers, int) or workers < 0:
            raise InputError(f"expected workers to be a whole number, 0 or more, got {workers!r}")
        if bounds[-1] < 2:
            raise InputError(f"{name}: has {bounds[-1]} row(s); a data set needs at least two.")
        self.name, self.bounds, self.workers = name, bounds, workers
        self.shape = (int(bounds[-1]), *shape)

    @abstractmethod
    def read(self, block: int) -> Any:
        """All rows of a block, an array or a table."""

    @abstractmethod
    def take(self, numbers: NDArray[np.int64]) -> Any:
        """The rows of these numbers, in this order."""

    @abstractmethod
    def facts(self) -> tuple[Any, ...]:
        """What tells other data from these without reading any: sizes and times of files."""

    def __len__(self) -> int:
        return self.shape[0]

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r}, {len(self):,} rows of shape {self.shape[1:]})"

    def __array__(self, dtype: Any = None, copy: Any = None) -> NDArray:
        raise InputError(
            f"expected rows in memory, got rows on disk ({self.name}): take some of them, "
            "rows.sample(10_000), or fit a method that trains networks"
        )

    def numbers(self, n: int, rng: np.random.Generator) -> NDArray[np.int64]:
        """The numbers of n different rows at random (all, if there are fewer), in order."""
        if n >= len(self):
            return np.arange(len(self))
        return np.sort(rng.choice(len(self), size=n, replace=False))

    def sample(self, n: int, random_state: int = 0) -> Any:
        """n different rows at random (all, if there are fewer), as an array or a table.

        >>> rows = ArrayOnDisk(np.arange(20.0).reshape(10, 2))
        >>> rows.sample(3, random_state=0).shape
        (3, 2)
        """
        return self.take(self.numbers(n, np.random.default_rng(random_state)))

    def to_learn_from(self, n: int) -> Any:
        """About n rows by which an encoding is learnt, the same every time."""
        return self.sample(n)

    def fingerprint(self) -> str:
        """Sixteen hexadecimal digits of sizes, times, and some rows: not all content is read."""
        digest = hashlib.sha256(repr((self.shape, self.facts())).encode())
        some = self.sample(HASHED_ROWS, SEED)
        if isinstance(some, pd.DataFrame):
            digest.update(pd.util.hash_pandas_object(some, index=False).to_numpy().tobytes())
        else:
            digest.update(some.tobytes())
        return digest.hexdigest()[:16]


class ArrayOnDisk(RowsOnDisk):
    """An array in a file, `(n, p)`, or images `(n, h, w)` or `(n, h, w, c)`, memory-mapped.

    Blocks are 256 KiB of neighbouring rows. They are read from the file where they lie in it row by
    row and nobody writes through the map; else the pages that are looked at are handed back.
    """

    def __init__(self, array: NDArray, workers: int = 2) -> None:
        if array.ndim not in (2, 3, 4) or 0 in array.shape or array.dtype.kind not in "biuf":
            raise InputError(
                "expected an array of numbers (n, p), or images (n, h, w) or (n, h, w, c), got "
                f"shape {array.shape} and dtype {array.dtype}"
            )
        size = array.dtype.itemsize * math.prod(array.shape[1:])
        step = max(1, BLOCK_BYTES // size)
        bounds = np.append(np.arange(0, len(array), step), len(array))
        file = getattr(array, "filename", None)
        self.file = Path(file) if file else None
        name = self.file.stem if self.file else "array"
        super().__init__(name, bounds, array.shape[1:], workers)
        self.array, self.pages = array, mapped(array)
        self.in_file = FileRows(array) if FileRows.can_read(array) else None
        self.bytes = self.file.stat().st_size if self.file else 0

    def read(self, block: int) -> NDArray:
        return self._rows(np.arange(self.bounds[block], self.bounds[block + 1]))

    def take(self, numbers: NDArray[np.int64]) -> NDArray:
        order = np.argsort(numbers, kind="stable")
        return self._rows(np.asarray(numbers)[order])[np.argsort(order, kind="stable")]

    def _rows(self, numbers: NDArray[np.int64]) -> NDArray:
        """The rows of these numbers, which ascend."""
        if self.in_file is not None:
            return self.in_file.take(numbers)
        starts = range(0, len(numbers), TAKEN_AT_ONCE)
        parts = [self._mapped(numbers[first : first + TAKEN_AT_ONCE]) for first in starts]
        return np.concatenate(parts) if parts else self._mapped(numbers)

    def _mapped(self, numbers: NDArray[np.int64]) -> NDArray:
        if self.file is not None and self.file.stat().st_size < self.bytes:
            raise changed(self.file)  # the end of the map would end this process
        rows = np.array(self.array[numbers], dtype=self.array.dtype.newbyteorder("="), order="C")
        reads_only = getattr(self.array, "mode", "") == "r"
        if self.pages is not None and reads_only and hasattr(mmap, "MADV_DONTNEED"):
            self.pages.madvise(mmap.MADV_DONTNEED)
        return rows

    def facts(self) -> tuple[Any, ...]:
        return (self.array.dtype.str, *(file_facts(self.file) if self.file else ()))


def mapped(array: Any) -> mmap.mmap | None:
    """The mapped file that an array's numbers lie in; None where they are in memory."""
    while array is not None and not isinstance(array, mmap.mmap):
        array = getattr(array, "base", None)
    return array


def opened(X: Any) -> Any:
    """X as it is, but a memory-mapped array that would not fit into memory as rows on disk."""
    if isinstance(X, np.memmap) and mapped(X) is not None and too_large(X.size):
        return ArrayOnDisk(X)
    return X
