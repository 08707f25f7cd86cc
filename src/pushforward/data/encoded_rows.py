"""Rows on disk as a sampler learns from them: encoded when they are read."""

from __future__ import annotations

import hashlib
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pushforward.data.encoding import Encoding
from pushforward.data.on_disk import RowsOnDisk
from pushforward.errors import InputError

KNOWN_ROWS = 100_000  # from which an encoding is learnt, at most
KNOWN_NUMBERS = 2**23  # in rows that are looked at together, at most


def rows_to_learn_from(rows: RowsOnDisk) -> Any:
    """Rows from which an encoding is learnt: the same 100 000, or fewer wide ones, every time.

    Of a Parquet file those come too that show what is in none of these, where it can be found.

    >>> from pushforward.data.on_disk import ArrayOnDisk
    >>> rows_to_learn_from(ArrayOnDisk(np.zeros((10, 3)))).shape
    (10, 3)
    """
    n = min(KNOWN_ROWS, max(2, KNOWN_NUMBERS // math.prod(rows.shape[1:])))
    return rows.to_learn_from(n)


class EncodedRows:
    """What a sampler learns from, `(n, width)`, as numbers that are computed when they are read.

    Rows whose numbers are in `without` are left out; `more` columns stand beside all rows.
    """

    def __init__(
        self,
        rows: RowsOnDisk,
        encoding: Encoding,
        without: NDArray[np.int64] | None = None,
        more: NDArray[np.float32] | None = None,
    ) -> None:
        self.rows, self.encoding, self.more = rows, encoding, more
        self.without = np.empty(0, dtype=np.int64) if without is None else np.sort(without)
        columns = encoding.width + (0 if more is None else more.shape[1])
        self.shape = len(rows) - len(self.without), columns

    def __len__(self) -> int:
        return self.shape[0]

    def beside(self, more: NDArray) -> EncodedRows:
        """These rows with other columns beside them."""
        return EncodedRows(self.rows, self.encoding, self.without, more.astype(np.float32))

    def hold_back(self, n: int, rng: np.random.Generator) -> tuple[EncodedRows, NDArray]:
        """These rows without n of them, and those."""
        numbers = self.rows.numbers(n, rng)
        return EncodedRows(self.rows, self.encoding, numbers, self.more), self.take(numbers)

    def some(self, n: int, rng: np.random.Generator) -> NDArray:
        """n of these rows at random, or fewer where there are fewer or they are wide."""
        n = min(n, max(2, KNOWN_NUMBERS // self.shape[1]))
        numbers = self.rows.numbers(n + len(self.without), rng)
        numbers = rng.permutation(np.setdiff1d(numbers, self.without, assume_unique=True))[:n]
        return self.take(np.sort(numbers))

    def take(self, numbers: NDArray[np.int64]) -> NDArray:
        return self._encoded(self.rows.take(numbers), numbers)

    def read(self, block: int) -> NDArray[np.float32]:
        """Those rows of a block that are not left out."""
        numbers = np.arange(self.rows.bounds[block], self.rows.bounds[block + 1])
        first, last = np.searchsorted(self.without, (numbers[0], numbers[-1] + 1))
        kept = np.delete(np.arange(len(numbers)), self.without[first:last] - numbers[0])
        read = self.rows.read(block)
        read = read[kept] if isinstance(read, np.ndarray) else read.iloc[kept]
        return self._encoded(read, numbers[kept]).astype(np.float32)

    def sizes(self) -> NDArray[np.int64]:
        """How many rows of each block are not left out."""
        return np.diff(self.rows.bounds - np.searchsorted(self.without, self.rows.bounds))

    def _encoded(self, read: Any, numbers: NDArray[np.int64]) -> NDArray:
        if isinstance(read, np.ndarray) and read.dtype.kind == "f":
            known = self.encoding.numbers
            assert known is not None
            finite = np.isfinite(read).reshape(len(read), -1).all(1)
            if not finite.all() and not known.missing.any():
                raise InputError(
                    f"{self.rows.name}: row {numbers[~finite][0]} holds missing or infinite "
                    "values, which none of the rows that the encoding was learnt from has; "
                    "replace them, or leave those rows out"
                )
        Z = self.encoding.transform(read)
        return Z if self.more is None else np.hstack([Z, self.more[numbers]])

    def fingerprint(self) -> str:
        """What changes with the rows, those left out, and the columns beside them."""
        digest = hashlib.sha256(self.rows.fingerprint().encode())
        digest.update(self.without.tobytes())
        if self.more is not None:
            digest.update(self.more.tobytes())
        return digest.hexdigest()


def side_by_side(Z: Any, C: NDArray) -> Any:
    """Encoded rows with other columns beside them."""
    return Z.beside(C) if isinstance(Z, EncodedRows) else np.hstack([Z, C])
