"""Rows that lie in a file one after the other, read from it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from io import FileIO
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pushforward.errors import FileError


def file_facts(path: Path) -> tuple[int, int]:
    """Size in bytes and time of the last change in nanoseconds."""
    return _facts(path.stat())


def _facts(found: os.stat_result) -> tuple[int, int]:
    return found.st_size, found.st_mtime_ns


@contextmanager
def unchanged(path: Path, before: tuple[int, int]) -> Iterator[FileIO]:
    """The file, opened to be read, if it is still what it was when its facts were taken.

    Raises:
        FileError: it has been written to or replaced since, or is gone.
    """
    try:
        with path.open("rb", buffering=0) as file:
            if _facts(os.fstat(file.fileno())) != before:
                raise changed(path)
            yield file
    except OSError as error:
        if isinstance(error, FileError):
            raise
        raise FileError(f"{path}: cannot be read any more ({error.strerror or error})") from error


def changed(path: Path) -> FileError:
    return FileError(
        f"{path}: was written to or replaced while it was being read; open it and fit again, and "
        "leave it alone meanwhile"
    )


class FileRows:
    """The rows of a memory-mapped array, read from its file instead.

    A file that is cut while it is read gives fewer bytes; mapped memory would end the process.
    """

    def __init__(self, array: Any) -> None:
        root = array
        while isinstance(root.base, np.memmap):
            root = root.base
        # The offset that a slice of a map names is that of the whole.
        self.start = root.offset + array.ctypes.data - root.ctypes.data
        self.path, self.facts = Path(array.filename), file_facts(Path(array.filename))
        self.dtype, self.shape, self.strides = array.dtype, array.shape[1:], array.strides

    @staticmethod
    def can_read(array: Any) -> bool:
        """Whether it is mapped from a file to read only, and its rows have no gaps between them."""
        if getattr(array, "mode", "") != "r" or not getattr(array, "filename", None):
            return False
        ends = [(n - 1) * step for n, step in zip(array.shape[1:], array.strides[1:], strict=True)]
        row = sum(ends) + array.itemsize
        return min(array.strides) > 0 and row == array.strides[0] == array[:1].nbytes

    def take(self, numbers: NDArray[np.int64]) -> NDArray:
        """The rows of these numbers, which ascend; neighbours are read at once.

        Raises:
            FileError: the file has been changed or cut.
        """
        size = self.strides[0]
        read = np.empty(len(numbers) * size, dtype=np.uint8)
        runs = np.flatnonzero(np.diff(numbers, prepend=-2) != 1)
        with unchanged(self.path, self.facts) as file:
            for first, end in pairwise([*runs.tolist(), len(numbers)]):
                file.seek(self.start + size * int(numbers[first]))
                self._fill(read.data[first * size : end * size], file)
        rows = np.ndarray((len(numbers), *self.shape), self.dtype, read, strides=self.strides)
        return np.ascontiguousarray(rows, dtype=self.dtype.newbyteorder("="))

    def _fill(self, part: memoryview, file: FileIO) -> None:
        while part:
            n = file.readinto(part)
            if not n:
                raise changed(self.path)
            part = part[n:]
