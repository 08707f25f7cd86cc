"""Each kind of file becomes a data set: a table, or a stack of images."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from pushforward.data.dataset import Dataset, number_columns
from pushforward.errors import FileError, InputError
from pushforward.untrusted import memory

ISO_DATE = r"\d{4}-\d{2}-\d{2}([ T]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?)?"
CHANNELS = (1, 3, 4)  # grey, colour, colour with transparency


def _read_csv(path: Path) -> Dataset:
    separator = _separator(path)
    _check_records(path, separator)
    frame = pd.read_csv(
        path,
        sep=separator,
        decimal=_decimal_mark(path, separator),
        encoding="utf-8-sig",
        skipinitialspace=True,
        low_memory=False,
    )
    frame = frame.apply(_dates).apply(_whole)
    _check_header(path, frame)
    return Dataset(name=path.stem, X=frame)


def _check_header(path: Path, frame: pd.DataFrame) -> None:
    """Refuse a file without names, whose first row would be lost as such."""
    for name, column in frame.items():
        dates = pd.api.types.is_datetime64_any_dtype(column) and re.fullmatch(ISO_DATE, str(name))
        truths = column.dtype == bool and str(name).lower() in ("true", "false")
        if dates or truths:
            raise InputError(
                f"{path}: line 1 holds {name!r}, a value like those below it, expected the names "
                "of the columns. Add a line of names."
            )


def _whole(column: pd.Series) -> pd.Series:
    """Whole numbers that pandas made floats because some are missing are whole numbers again."""
    if column.dtype != float or not column.isna().any() or column.isna().all():
        return column
    present = column.dropna()
    whole = (present == present.round()) & (present.abs() < 2**53)
    return column.astype("Int64") if whole.all() else column


def _dates(column: pd.Series) -> pd.Series:
    """Text that is a date or a time in every row, as ISO 8601 writes it, becomes one."""
    if not pd.api.types.is_string_dtype(column.dtype):
        return column
    written = column.dropna().astype(str)
    if written.empty or not written.str.fullmatch(ISO_DATE).all():
        return column
    try:
        return pd.to_datetime(column, format="ISO8601")
    except ValueError:  # the 31st of February
        return column


def _records(path: Path, separator: str) -> Iterator[tuple[int, list[str]]]:
    """The records of a csv that are not blank, each with the number of its first line."""
    with path.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.reader(file, delimiter=separator, skipinitialspace=True)
        first_line = 1
        for record in reader:
            if record and (len(record) > 1 or record[0].strip()):
                yield first_line, record
            first_line = reader.line_num + 1


def _separator(path: Path) -> str:
    """Comma, semicolon or tab: what cuts the first record into most fields, a comma in doubt."""
    n_fields = {s: len(next(_records(path, s), (1, []))[1]) for s in ",;\t"}
    return max(n_fields, key=lambda s: n_fields[s])


def _decimal_mark(path: Path, separator: str) -> str:
    """A comma where the first numbers of a file not separated by commas are written 1,5."""
    if separator == ",":
        return "."
    fields = [field for _, record in islice(_records(path, separator), 200) for field in record]
    with_comma = any(re.fullmatch(r"[-+]?\d+,\d+", field) for field in fields)
    with_point = any(re.fullmatch(r"[-+]?\d*\.\d+", field) for field in fields)
    return "," if with_comma and not with_point else "."


def _check_records(path: Path, separator: str) -> None:
    """Refuse what pandas would pad, shift or rename in silence."""
    records = _records(path, separator)
    _, header = next(records, (1, []))
    if not header:
        raise FileError(f"{path}: the file is empty.")
    _check_names(path, [name for name in header if name])
    if all(re.fullmatch(r"[-+]?\d*\.?\d+", name) for name in header) and "." in "".join(header):
        raise InputError(
            f"{path}: line 1 holds numbers, expected the names of the columns. Add a line of names."
        )
    for line, record in records:
        if len(record) != len(header):
            raise FileError(
                f"{path}: line {line} has {len(record)} fields, expected {len(header)} as in the "
                f"first line (separated by {separator!r}). Correct the line, or quote the text "
                "that holds the separator."
            )


def _read_parquet(path: Path) -> Dataset:
    with pq.ParquetFile(path) as file:
        return Dataset(name=path.stem, X=frame_of(path, file.read()))


def frame_of(path: Path, table: pa.Table) -> pd.DataFrame:
    """A table of a Parquet file, or a part of one, with an index that has a name as a column."""
    _check_names(path, table.column_names)
    frame = table.to_pandas(date_as_object=False)
    frame = frame.reset_index(drop=all(name is None for name in frame.index.names))
    frame.columns = frame.columns.map(str)
    return frame


def _read_npy(path: Path) -> Dataset:
    array = _load_arrays(path)
    if not isinstance(array, np.ndarray):
        raise FileError(f"{path}: is an archive of arrays; name it .npz.")
    return _from_array(path, array)


def mapped_array(path: Path) -> NDArray:
    """The array of a .npy file, left where it is."""
    array = _load_arrays(path, "r")
    if not isinstance(array, np.ndarray):
        raise FileError(f"{path}: is an archive of arrays; name it .npz.")
    return array


def _read_npz(path: Path) -> Dataset:
    arrays = _load_arrays(path)
    if isinstance(arrays, np.ndarray):
        raise FileError(f"{path}: is a single array; name it .npy.")
    if "X" not in arrays:
        raise InputError(
            f"{path}: has no array X, found {listed(list(arrays)) or 'nothing'}. "
            "Save it with np.savez(path, X=X) or np.savez(path, X=X, y=y)."
        )
    dataset = _from_array(path, arrays["X"])
    if "columns" in arrays and isinstance(dataset.X, pd.DataFrame):
        dataset = replace(dataset, X=_rename(path, dataset.X, arrays["columns"]))
    if "y" not in arrays:
        return dataset
    y = arrays["y"]
    if y.shape != (len(dataset.X),):
        raise InputError(f"{path}: y must be ({len(dataset.X)},), one per row, got {y.shape}.")
    return replace(dataset, y=y)


def _load_arrays(path: Path, mmap_mode: Literal["r"] | None = None) -> NDArray | dict[str, NDArray]:
    try:
        loaded = np.load(path, mmap_mode=mmap_mode, allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            return loaded
        with loaded as archive:
            size = sum(each.file_size for each in archive.zip.infolist())
            if size > memory():
                raise FileError(f"{path}: unpacked it is {size:,} bytes, more than all memory.")
            return dict(archive)
    except OSError:
        raise  # a FileError too; how a file cannot be read is told by who asked for it
    except Exception as error:  # a damaged header is parsed as Python's literals are
        raise FileError(
            f"{path}: not a complete file of plain arrays. Python objects (pickles) are never "
            "loaded; save numbers with np.save or np.savez."
        ) from error


def _from_array(path: Path, array: NDArray) -> Dataset:
    """One or two dimensions are a table, three or four are images."""
    if array.dtype.kind == "c":
        raise InputError(
            f"{path}: complex numbers ({array.dtype}) are not supported; "
            "save the real and the imaginary parts as columns."
        )
    if array.dtype.kind not in "biuf":
        raise InputError(
            f"{path}: expected an array of numbers, got dtype {array.dtype}. "
            "Text and dates go into .csv or .parquet."
        )
    array = array.astype(array.dtype.newbyteorder("="), copy=False)
    if array.ndim in (1, 2) and array.shape[1:] != (0,):
        return Dataset(name=path.stem, X=number_columns(array))
    if array.ndim in (3, 4) and 0 not in array.shape[1:]:
        return _from_images(path, array)
    raise InputError(
        f"{path}: expected an array (n,) or (n, p), or images (n, h, w) or (n, h, w, c), "
        f"got shape {array.shape}."
    )


def _from_images(path: Path, images: NDArray) -> Dataset:
    notes: tuple[str, ...] = ()
    if images.ndim == 4 and images.shape[3] not in CHANNELS:
        if images.shape[1] not in CHANNELS:
            raise InputError(
                f"{path}: expected images (n, h, w, c) with c = 1, 3 or 4 channels, "
                f"got shape {images.shape}."
            )
        notes = (f"channels came first, {images.shape}; they are now last",)
        images = np.moveaxis(images, 1, -1)
    n_bad = images.size - np.count_nonzero(np.isfinite(images))
    if n_bad:
        raise InputError(
            f"{path}: {n_bad} of {images.size} pixels are missing or infinite. "
            "Replace them, or leave those images out."
        )
    X = images.reshape(len(images), math.prod(images.shape[1:]))
    return Dataset(name=path.stem, X=X, image_shape=images.shape[1:], notes=notes)


def _rename(path: Path, frame: pd.DataFrame, names: NDArray) -> pd.DataFrame:
    if names.shape != (frame.shape[1],):
        raise InputError(
            f"{path}: columns must name the {frame.shape[1]} columns of X, got shape {names.shape}."
        )
    _check_names(path, names.tolist())
    return frame.set_axis([str(name) for name in names], axis="columns")


def _check_names(path: Path, names: Sequence[str]) -> None:
    duplicates = sorted({name for name in names if names.count(name) > 1})
    if duplicates:
        raise InputError(
            f"{path}: more than one column is called {listed(duplicates)}. "
            "Give each column a name of its own."
        )


def listed(names: Sequence[str], most: int = 12) -> str:
    shown = ", ".join(repr(name) for name in names[:most])
    return f"{shown} and {len(names) - most} more" if len(names) > most else shown


READERS: dict[str, Callable[[Path], Dataset]] = {
    ".csv": _read_csv,
    ".tsv": _read_csv,
    ".parquet": _read_parquet,
    ".npy": _read_npy,
    ".npz": _read_npz,
}
