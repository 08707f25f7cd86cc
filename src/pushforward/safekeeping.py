"""A file that is kept twice, the newest and the one before it, as either may be damaged.

Beside `path` is `path.before`; a write that was cut off leaves both as they were.
"""

from __future__ import annotations

import glob
import os
import warnings
from contextlib import suppress
from pathlib import Path
from typing import Any

from pushforward.errors import FileError, TrainingWarning
from pushforward.storage import read_file, write_file

BESIDE = (".before", ".new")  # what is beside a file that is kept twice


def before(path: Path) -> Path:
    """The file that holds what `path` held before."""
    return path.with_name(f"{path.name}.before")


def is_kept(path: Path) -> bool:
    """Whether there is something to go on from."""
    return path.exists() or before(path).exists()


def keep_twice(path: Path, tree: Any) -> None:
    """Write a tree to `path`; what was there is `path.before` from then on.

    Raises:
        FileError: it cannot be written; what was there before is there still.
    """
    fresh = path.with_name(f"{path.name}.new")
    write_file(fresh, tree)
    try:
        with suppress(FileNotFoundError):
            os.replace(path, before(path))
        os.replace(fresh, path)
    except OSError as error:
        raise FileError(
            f"{path}: cannot be written ({error.strerror or error}); choose another folder."
        ) from error


def recall(path: Path) -> Any:
    """The newest whole tree that is kept at `path`, with a warning where it is not the newest.

    A damaged newest file is replaced by the one before, so that it is never kept as such.

    Raises:
        FileError: neither can be read.
    """
    older = before(path)
    if not path.exists():  # stopped between two renamings, after which the older is the newest
        return read_file(older)
    try:
        return read_file(path)
    except FileError as error:
        if not older.exists():
            raise FileError(f"{error}; or delete it to start anew") from error
        try:
            tree = read_file(older)
        except FileError as second:
            raise FileError(
                f"{error}, and so is the one before, {older}; delete both to start anew"
            ) from second
        warnings.warn(
            f"{error}. The one before is whole, and is gone on with", TrainingWarning, stacklevel=3
        )
        with suppress(OSError):
            os.replace(older, path)
        return tree


def tidy(path: Path) -> None:
    """Delete what writes that were cut off have left beside `path`."""
    for file in path.parent.glob(f".{glob.escape(path.name)}*.tmp"):
        file.unlink(missing_ok=True)


def parts_of(path: Path) -> list[Path]:
    """What is kept at `path`, or at `path.0`, `path.1`, … of trainings one after the other."""
    names = path.parent.glob(f"{glob.escape(path.name)}.[0-9]*")
    parts = {path, *(name.with_suffix("") if name.suffix in BESIDE else name for name in names)}
    return [part for part in sorted(parts) if is_kept(part)]


def discard(path: Path) -> None:
    """Delete all that is kept at `path` and its parts, and what is beside it."""
    for part in (path, *parts_of(path)):
        for file in (part, *(part.with_name(part.name + end) for end in BESIDE)):
            file.unlink(missing_ok=True)
    tidy(path)
