"""Names and files become data sets."""

from __future__ import annotations

import difflib
import os
import shlex
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.datasets import load_breast_cancer, load_digits, load_wine

from pushforward.data.columns import check_table, choose_columns
from pushforward.data.dataset import Dataset
from pushforward.data.glyphs import glyphs
from pushforward.data.images import read_images
from pushforward.data.opened import is_too_large
from pushforward.data.readers import READERS, listed
from pushforward.data.toys import Source, grid, manifold, ring
from pushforward.data.triangles import triangles
from pushforward.errors import FileError, InputError
from pushforward.untrusted import shortly

TOY_SEED = 2014  # of the rows of "ring", "grid" and "manifold"; no split repeats them by chance
FEWEST_ROWS = 2
SHEETS = (".xlsx", ".xls", ".ods")


def load_data(
    name_or_path: str | os.PathLike[str],
    *,
    drop: Iterable[str] = (),
    as_category: Iterable[str] = (),
    label: str | Iterable[str] | None = None,
    size: int | tuple[int, int] | None = None,
    channels: str | None = None,
    skip_unreadable: bool = False,
    identifiers: bool = False,
) -> Dataset:
    """Load a data set by its name, or a file or a folder of images by its path.

    | name | X |
    |---|---|
    | digits | images 8×8 as (1797, 64), values 0 to 16; y the digit |
    | glyphs | images 12×12 as (5000, 144), values 0 to 1; y the digit; 9 fonts, turned, moved |
    | triangles | images 28×28 as (10000, 784), values 0 and 1, edges between |
    | ring, grid | (10000, 2), drawn with seed 2014 from 8 and 25 Gaussians |
    | manifold | (100, 32), drawn with seed 2014 from four modes on a surface; coordinates |
    | wine, breast-cancer | tables with a categorical column "target" |
    | a .csv, .tsv or .parquet file | a table, a DataFrame with the dtypes of the file |
    | a .npy or .npz file | a table with columns x0, x1, …, or images (n, h, w) or (n, h, w, c) |
    | a folder of PNG, JPEG or WebP | images as (n, h·w·c), values 0 to 255; y the sub-folder |

    An .npz has the array X and perhaps y. An array of three or four dimensions is a stack of
    images, flattened to rows with `image_shape`. Pickles are never loaded.

    Of a table, columns in `drop` are left out, those in `as_category` are taken as categories, and
    `label` moves one into y, or several, as a table; `identifiers` keeps columns that name rows,
    which a sampler numbers anew. Of a folder, images are scaled and cropped to `size`, one number
    or (height, width), and converted to `channels`, "grey", "colour" or "colour+alpha"; without
    these they keep what they have, but where sizes differ all become squares of the smallest side.
    `skip_unreadable` leaves out files that are damaged. What was left out or changed, and why, is
    in the `notes` of the data set.

    Raises `FileError` for a file that is missing, damaged or of an unknown kind, and `InputError`
    for rows or options that cannot be used.

    Example:
        >>> load_data("digits")
        Dataset('digits', 1797 rows × 64 columns, 8×8 images, labels)
        >>> load_data("wine", label="target").y[:2]
        array(['class_0', 'class_0'], dtype=object)
    """
    dataset = read_data(name_or_path, size=size, channels=channels, skip_unreadable=skip_unreadable)
    if isinstance(dataset.X, pd.DataFrame):
        return prepare_table(
            dataset, drop=drop, as_category=as_category, label=label, identifiers=identifiers
        )
    if list(drop) or list(as_category) or label:
        raise InputError(
            f"{dataset.name} is an array without named columns: "
            "drop, as_category and label apply to tables only."
        )
    return dataset


def read_data(
    name_or_path: str | os.PathLike[str],
    *,
    size: int | tuple[int, int] | None = None,
    channels: str | None = None,
    skip_unreadable: bool = False,
) -> Dataset:
    """The data set, file or folder as it is, with every column; see `load_data`."""
    if not isinstance(name_or_path, str | os.PathLike):
        raise InputError(
            f"expected the name of a data set or a path, got {type(name_or_path).__name__}. "
            "Arrays and frames go straight to a sampler's fit."
        )
    named = isinstance(name_or_path, str) and name_or_path in NAMED
    path = Path(name_or_path).expanduser()
    if not named and path.is_dir():
        return _checked(
            path,
            partial(read_images, size=size, channels=channels, skip_unreadable=skip_unreadable),
        )
    if size is not None or channels is not None or skip_unreadable:
        raise InputError(
            f"{name_or_path} is no folder of images: size, channels and skip_unreadable apply to "
            "such folders only."
        )
    return NAMED[str(name_or_path)]() if named else _read_file(path)


def _digits() -> Dataset:
    bunch = load_digits()
    return Dataset(name="digits", X=bunch.data, y=bunch.target, image_shape=(8, 8))


def _toy(source: Source, n: int) -> Dataset:
    X = source.draw(n, np.random.default_rng(TOY_SEED))
    return Dataset(name=source.name, X=X, source=source)


def _manifold() -> Dataset:
    source = manifold()
    dataset = _toy(source, 100)
    return replace(dataset, coordinates=source.coordinates(np.asarray(dataset.X)))


def _bundled_table(name: str, load: Callable[..., Any]) -> Dataset:
    bunch = load(as_frame=True)
    target = pd.Categorical.from_codes(bunch.target, categories=list(bunch.target_names))
    return Dataset(name=name, X=bunch.data.assign(target=target))


NAMED: dict[str, Callable[[], Dataset]] = {
    "digits": _digits,
    "glyphs": glyphs,
    "triangles": triangles,
    "ring": lambda: _toy(ring(), 10_000),
    "grid": lambda: _toy(grid(), 10_000),
    "manifold": _manifold,
    "wine": lambda: _bundled_table("wine", load_wine),
    "breast-cancer": lambda: _bundled_table("breast-cancer", load_breast_cancer),
}


def _read_file(path: Path) -> Dataset:
    _check_file(path)
    if is_too_large(path):
        raise InputError(
            f"{path}: its rows need more memory than is free. Leave them on disk, "
            "pf.open_data(path), for a method that trains networks, or take some of them, "
            "pf.open_data(path).sample(10_000)."
        )
    return _checked(path, READERS[path.suffix.lower()])


def _checked(path: Path, read: Callable[[Path], Dataset]) -> Dataset:
    """What is at a path, at least two rows of it; what goes wrong is told in words."""
    try:
        dataset = read(path)
    except UnicodeDecodeError as error:
        raise FileError(_not_utf8(path, error.reason)) from error
    except (FileError, InputError):
        raise
    except MemoryError as error:
        raise FileError(f"{path}: does not fit into memory. Free some, or open_data it.") from error
    except Exception as error:  # a damaged file makes those who read it raise anything
        raise FileError(
            f"{path}: cannot be read ({shortly(error)}). Is the file complete?"
        ) from error
    n = len(dataset.X)
    if n < FEWEST_ROWS:
        raise InputError(f"{path}: has {n} row(s); a data set needs at least two.")
    return dataset


def _check_file(path: Path) -> None:
    known = f"Known data sets: {', '.join(NAMED)}."
    if not path.exists():
        close = difflib.get_close_matches(str(path), NAMED, n=1) or _files_like(path)
        hint = f"Did you mean {close[0]!r}? " if close else ""
        raise FileError(f"{path}: neither a file nor the name of a data set. {hint}{known}")
    if path.suffix.lower() in SHEETS:
        raise FileError(
            f"{path}: spreadsheets are not read. Save the sheet as .csv, or convert it with "
            f"pandas: pd.read_excel({path.name!r}).to_csv({path.stem + '.csv'!r}, index=False)."
        )
    if path.suffix.lower() not in READERS:
        raise FileError(
            f"{path}: expected a file ending in {', '.join(READERS)}, or a folder of images. "
            f"{known}"
        )
    if path.stat().st_size == 0:
        raise FileError(f"{path}: the file is empty.")


def _files_like(path: Path) -> list[str]:
    """The file or folder beside it whose name is nearest to what was asked for, if any is."""
    there = [each.name for each in path.parent.iterdir()] if path.parent.is_dir() else []
    return [str(path.with_name(n)) for n in difflib.get_close_matches(path.name, there, n=1)]


def _not_utf8(path: Path, reason: str) -> str:
    """What to do with text in another encoding, which is guessed."""
    with path.open("rb") as file:
        marks = file.read(2)
    guess = "UTF-16" if marks in (b"\xff\xfe", b"\xfe\xff") else "WINDOWS-1252"
    return (
        f"{path}: not UTF-8 text ({reason}). Save it as UTF-8, or convert it, perhaps by "
        f"iconv -f {guess} -t UTF-8 {shlex.quote(path.name)} > utf8.csv"
    )


def prepare_table(
    dataset: Dataset,
    *,
    drop: Iterable[str] = (),
    as_category: Iterable[str] = (),
    label: str | Iterable[str] | None = None,
    identifiers: bool = False,
) -> Dataset:
    """A table with its columns chosen and its labels apart; options as of `load_data`."""
    frame = dataset.X
    assert isinstance(frame, pd.DataFrame)
    drop, as_category = _names(drop), _names(as_category)
    labels = list(dict.fromkeys(_names(label or ())))
    check_table(frame[[name for name in frame if name not in drop]], dataset.name)
    y, label = dataset.y, None
    if labels:
        if y is not None:
            raise InputError(f"{dataset.name} has labels of its own (y); leave label out.")
        for name in labels:
            if name in drop or (name in as_category and len(labels) == 1):
                raise InputError(f"{name!r} is the label; name it neither in drop nor as_category.")
            _check_label(dataset.name, frame, name)
        y = frame[labels].reset_index(drop=True)
        for name in set(labels) & set(as_category):
            y[name] = y[name].astype("category")
        y = y[labels[0]].to_numpy() if len(labels) == 1 else y
        frame, label = frame.drop(columns=labels), ", ".join(labels)
        as_category = [name for name in as_category if name not in labels]
    frame, notes = choose_columns(
        frame, drop=drop, as_category=as_category, identifiers=identifiers
    )
    return replace(dataset, X=frame, y=y, label=label, notes=(*dataset.notes, *notes))


def _check_label(name: str, frame: pd.DataFrame, label: str) -> None:
    if label not in frame:
        close = difflib.get_close_matches(label, frame.columns, n=1)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        raise InputError(
            f"{name} has no column {label!r} to take as label.{hint} "
            f"Its columns are {listed(list(frame))}."
        )
    n_missing = int(frame[label].isna().sum())
    if n_missing:
        raise InputError(
            f"{name}: {n_missing} of {len(frame)} labels in {label!r} are missing. "
            "Fill them in, or leave those rows out."
        )


def _names(names: Iterable[str]) -> list[str]:
    return [names] if isinstance(names, str) else list(names)
