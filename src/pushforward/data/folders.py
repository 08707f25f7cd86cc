"""Samples of images as a folder of pictures, in sub-folders by label."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import pandas as pd

from pushforward.errors import FileError
from pushforward.progress import shown

DIGITS = 4  # of a file's name, or more where there are more images
UNFIT = re.compile(r'^\.|[/\\:*?"<>|%\x00-\x1f]')  # in the name of a folder, on some system


def write_pictures(
    path: Path, n: int, write: Callable[[BinaryIO, int], None], labels: pd.DataFrame | None
) -> None:
    """Write the pictures 0001.png, 0002.png, … into a new folder, and all of them or nothing.

    `write` puts the picture of a number into a file. Those with labels lie in sub-folders that say
    which, where other pictures read from the folder have their labels too.

    Raises:
        FileError: something is there already, or nothing can be written.
    """
    names = [""] * n if labels is None else folder_names(labels)
    digits = max(DIGITS, len(str(n)))
    with _new_folder(path) as folder:
        for name in set(names) - {""}:
            (folder / name).mkdir()
        for i in shown(range(n), "writing images"):
            with (folder / names[i] / f"{i + 1:0{digits}}.png").open("xb") as file:
                write(file, i)


def folder_names(labels: pd.DataFrame) -> list[str]:
    """The label of each row as the name of a folder; what no name may hold is written as %hex.

    >>> folder_names(pd.DataFrame({"y": ["cat", "and/or"]}))
    ['cat', 'and%2For']
    >>> folder_names(pd.DataFrame({"city": ["Bern"], "age": [40]}))
    ['city=Bern, age=40']
    """
    columns = list(labels)
    if len(columns) == 1:
        texts = [str(value) for value in labels[columns[0]]]
    else:
        rows = labels.itertuples(index=False, name=None)
        texts = [", ".join(f"{k}={v}" for k, v in zip(columns, row, strict=True)) for row in rows]
    escaped = [UNFIT.sub(lambda found: f"%{ord(found.group()):02X}", text) for text in texts]
    return [text or "%" for text in escaped]  # an empty label has a folder of its own, too


@contextmanager
def _new_folder(path: Path) -> Iterator[Path]:
    """A folder to fill that becomes `path` once it is complete, and not before."""
    path = path.resolve()
    try:
        if path.exists() and not (path.is_dir() and not any(path.iterdir())):
            raise FileError(f"{path}: is there already, and is not empty; choose another folder.")
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}."))
        try:
            os.chmod(fresh, 0o755)
            yield fresh
            if path.exists():
                path.rmdir()
            os.rename(fresh, path)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
    except FileError:
        raise
    except OSError as error:
        raise FileError(
            f"{path}: cannot be written ({error.strerror or error}); choose another folder, or "
            "free some space."
        ) from error
