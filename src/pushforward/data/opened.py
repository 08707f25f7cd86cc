"""Files and folders whose rows stay on disk."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from pushforward.data.images import (
    CHANNELS,
    KINDS,
    UNREADABLE,
    image_files,
    read_picture,
    sizes_of,
    whole_size,
)
from pushforward.data.memory import too_large
from pushforward.data.on_disk import ArrayOnDisk, RowsOnDisk
from pushforward.data.parquet import ParquetOnDisk
from pushforward.data.readers import CHANNELS as COUNTS
from pushforward.data.readers import mapped_array
from pushforward.errors import FileError, InputError


class FolderOnDisk(RowsOnDisk):
    """The pictures in a folder, `(n, h, w)` or `(n, h, w, c)`, each a block of its own."""

    def __init__(
        self,
        folder: Path,
        size: int | tuple[int, int] | None = None,
        channels: str | None = None,
        workers: int = 2,
    ) -> None:
        if channels is not None and channels not in CHANNELS:
            raise InputError(f"expected channels among {', '.join(CHANNELS)}, got {channels!r}")
        self.files, _ = image_files(folder)
        self.size = whole_size(size) or self._common_size(folder)
        self.channels = channels
        self.channels = channels or KINDS[self._picture(0).shape[2]]
        c = CHANNELS[self.channels]
        shape = self.size if c == 1 else (*self.size, c)
        name = folder.name or folder.resolve().name
        super().__init__(name, np.arange(len(self.files) + 1), shape, workers)
        apart = [file.parent != folder for file in self.files]
        self.y = np.array([file.parent.name for file in self.files]) if all(apart) else None

    def _common_size(self, folder: Path) -> tuple[int, int]:
        sizes = set(sizes_of(folder, self.files))
        if len(sizes) > 1:
            raise InputError(
                f"{folder}: images of {len(sizes)} sizes; say how large they are to be, "
                "size=64 (--size 64)"
            )
        return sizes.pop()

    def _picture(self, number: int) -> NDArray[np.uint8]:
        file = self.files[number]
        try:
            return read_picture(file, self.size, self.channels)
        except UNREADABLE as error:
            raise FileError(
                f"{file}: cannot be read; replace or remove it, then start again"
            ) from error

    def read(self, block: int) -> NDArray[np.uint8]:
        return self._picture(block).reshape(1, *self.shape[1:])

    def take(self, numbers: NDArray[np.int64]) -> NDArray[np.uint8]:
        return np.concatenate([self.read(int(number)) for number in numbers])

    def facts(self) -> tuple[Any, ...]:
        return (self.channels, [f"{file.parent.name}/{file.name}" for file in self.files])


def open_data(
    path: str | os.PathLike[str],
    *,
    drop: Iterable[str] = (),
    label: str | None = None,
    size: int | tuple[int, int] | None = None,
    channels: str | None = None,
    workers: int = 2,
) -> RowsOnDisk:
    """Rows that stay on disk, however many: a .npy or .parquet file, or a folder of images.

    Any method that trains networks can be fitted to them, and has a window of them in memory at a
    time. An epoch reads blocks (256 KiB of an array, a row group, a picture) in a random order that
    the seed gives, and mixes the rows of those in a window (64 MiB once they are encoded, or one
    row group). Encodings are learnt from the same 100 000 rows every time, or fewer wide ones (8
    million numbers); the categories and identifiers of a Parquet file from all rows.

    Args:
        path: the file or folder.
        drop: columns of a table to leave out.
        label: the column of a table that holds labels, for a method that draws by label.
        size: height and width that pictures get, or one number for both.
        channels: "grey", "colour" or "colour+alpha", to which pictures are converted; None takes
            what the first one has.
        workers: threads that read ahead; they change nothing but the time.

    Raises:
        FileError: a file that is missing, damaged or of an unknown kind.
        InputError: options that do not belong to this kind of file.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "big.npy"
    >>> np.save(path, np.random.default_rng(0).normal(size=(500, 3)))
    >>> rows = open_data(path)
    >>> rows
    ArrayOnDisk('big', 500 rows of shape (3,))
    >>> import pushforward as pf
    >>> pf.VAE(max_rounds=20, random_state=0).fit(rows).sample(2).shape
    (2, 3)
    """
    path = Path(path).expanduser()
    kind = "folder" if path.is_dir() else path.suffix.lower()
    if not path.exists() or kind not in ("folder", ".npy", ".parquet"):
        raise FileError(
            f"{path}: expected a .npy or .parquet file or a folder of images that is there; "
            "other files are read whole, by load_data"
        )
    drop = [drop] if isinstance(drop, str) else list(drop)
    given = (
        ("drop", drop, ".parquet"),
        ("label", label, ".parquet"),
        ("size", size, "folder"),
        ("channels", channels, "folder"),
    )
    for name, value, needed in given:
        if value and needed != kind:
            raise InputError(f"{path}: {name} does not apply here; leave it out")
    try:
        if kind == ".npy":
            return ArrayOnDisk(_with_channels_last(path, mapped_array(path)), workers)
        if kind == ".parquet":
            return ParquetOnDisk(path, drop, label, workers)
        return FolderOnDisk(path, size, channels, workers)
    except (OSError, pa.ArrowException) as error:
        if isinstance(error, FileError):
            raise
        raise FileError(f"{path}: cannot be read ({error}). Is the file complete?") from error


def is_too_large(path: Path) -> bool:
    """Whether the rows of a .npy or .parquet file would not fit into memory.

    >>> is_too_large(Path("table.csv"))
    False
    """
    if not path.is_file() or path.suffix.lower() not in (".npy", ".parquet"):
        return False
    try:
        if path.suffix.lower() == ".npy":
            return too_large(mapped_array(path).size)
        with pq.ParquetFile(path) as file:
            return too_large(file.metadata.num_rows * file.metadata.num_columns)
    except (OSError, pa.ArrowException):
        return False  # damaged, as who reads it will say


def _with_channels_last(path: Path, array: NDArray) -> NDArray:
    if array.ndim == 1:
        return array[:, None]
    if array.ndim != 4 or array.shape[3] in COUNTS:
        return array
    if array.shape[1] not in COUNTS:
        raise InputError(
            f"{path}: expected images (n, h, w, c) with c = 1, 3 or 4 channels, got shape "
            f"{array.shape}."
        )
    return np.moveaxis(array, 1, -1)
