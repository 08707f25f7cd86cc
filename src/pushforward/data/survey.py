"""What all rows of a Parquet file hold that some of them do not show, found in one pass."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray
from pandas.api.types import is_numeric_dtype

from pushforward.data.categories import Categories
from pushforward.data.columns import most_categories
from pushforward.data.dtypes import is_number
from pushforward.data.identifiers import FEW, Identifier
from pushforward.progress import shown

FEW_NUMBERS = 2  # different ones: a column of no more is constant, or one of categories
NUMBERED = r"(?s)^(?P<prefix>(?:.*[^0-9])?)(?P<number>[0-9]{1,18})$"  # as `Identifier` has them


@dataclass
class Survey:
    """What one pass over the columns of categories and identifiers found."""

    rows: NDArray[np.int64]  # the numbers of rows that show what was not known
    counts: dict[str, dict[Any, int]]  # of categories, how often each occurs; None for missing
    uncounted: list[str]  # columns with too many categories to count


class _Values:
    """The values of a column, counted, and a row for each that was not known."""

    def __init__(self, known: list[Any], most: int) -> None:
        self.counts, self.most = dict.fromkeys(known, 0), most
        self.found: list[int] = []
        self.done = len(known) > most

    def look(self, part: pa.ChunkedArray, first: int) -> None:
        coded = part.unify_dictionaries().combine_chunks()
        if not pa.types.is_dictionary(coded.type):
            coded = coded.dictionary_encode()
        distinct = coded.dictionary.to_pylist()
        values = [*(None if v != v else v for v in distinct), None]  # NaN is missing too
        codes = coded.indices.fill_null(len(values) - 1).to_numpy(zero_copy_only=False)
        counts, place = np.bincount(codes), np.zeros(len(values), dtype=np.int64)
        place[codes[::-1]] = np.arange(len(codes))[::-1]  # where each is first: the last one stays
        for k in np.flatnonzero(counts).tolist():
            if values[k] not in self.counts:
                self.done = len(self.counts) >= self.most
                if self.done:
                    return
                self.found.append(first + int(place[k]))
            self.counts[values[k]] = self.counts.get(values[k], 0) + int(counts[k])

    @property
    def rows(self) -> list[int]:
        return self.found


class _Largest:
    """The row with the largest of the identifiers that are counted, of each prefix."""

    def __init__(self) -> None:
        self.largest: dict[str, tuple[int, int]] = {}  # number and row
        self.done = False

    def look(self, part: pa.ChunkedArray, first: int) -> None:
        if pa.types.is_integer(part.type):
            numbers = part.combine_chunks()
            codes, prefixes = np.where(numbers.is_null(), -1, 0), [""]
        else:
            text = part.cast(part.type.value_type) if pa.types.is_dictionary(part.type) else part
            # Flattened, of text that is no such identifier both are missing; as fields, empty.
            prefix, number = pc.extract_regex(text, NUMBERED).combine_chunks().flatten()
            numbers = number.cast(pa.int64())
            codes, prefixes = pd.factorize(prefix.to_numpy(zero_copy_only=False))
        values = numbers.fill_null(0).to_numpy()
        for k, prefix in enumerate(prefixes[: FEW + 1] if (codes >= 0).any() else []):
            here = np.flatnonzero(codes == k)
            row = int(here[values[here].argmax()])
            found = int(values[row]), first + row
            self.largest[prefix] = max(found, self.largest.get(prefix, found))
        self.done = len(self.largest) > FEW

    @property
    def rows(self) -> list[int]:
        return [] if self.done else [row for _, row in self.largest.values()]


class _Hole:
    """The first row in which a number is missing."""

    def __init__(self) -> None:
        self.rows: list[int] = []
        self.done = False

    def look(self, part: pa.ChunkedArray, first: int) -> None:
        row = pc.index(part.is_null(), True).as_py()
        if row >= 0:
            self.rows, self.done = [first + row], True


def survey(path: Path, known: pd.DataFrame) -> Survey:
    """Look for what known rows do not show, in one pass over as few columns as that takes.

    That is: a value of a column of categories (unless it has as many as text has), a third value of
    one with two, the largest number of identifiers that are counted, a hole where the file's
    statistics tell of one. One row group of these columns is in memory at a time.
    """
    with pq.ParquetFile(path) as file:
        holed = _with_holes(file.metadata)
        types = {field.name: field.type for field in file.schema_arrow}
    asked: dict[str, _Values | _Largest | _Hole] = {}
    for name in known.columns:
        if name in types and _is_plain(types[name]):
            question = _question(known[name], name in holed)
            if question is not None:
                asked[name] = question
    counted = {name: q for name, q in asked.items() if isinstance(q, _Values)}
    first = 0
    with pq.ParquetFile(path, read_dictionary=list(counted)) as file:
        for group in shown(range(file.num_row_groups), f"Values of {path.name}"):
            names = [name for name, question in asked.items() if not question.done]
            if names:
                table = file.read_row_group(group, columns=names)
                for name in names:
                    asked[name].look(table[name], first)
            first += file.metadata.row_group(group).num_rows
    return Survey(
        np.unique(np.array([row for q in asked.values() for row in q.rows], dtype=np.int64)),
        {name: q.counts for name, q in counted.items() if not q.done},
        [name for name, q in counted.items() if q.done and not is_number(known[name])],
    )


def _question(column: pd.Series, holed: bool) -> _Values | _Largest | _Hole | None:
    """What to ask of a column, given some of its rows."""
    identifier = Identifier.of(column)
    if identifier is not None:
        return None if identifier.form == "uuid" else _Largest()
    distinct = column.nunique()
    if not is_number(column):
        most = most_categories(len(column))
        text = distinct > most and not isinstance(column.dtype, pd.CategoricalDtype)
        return None if text else _Values(Categories.learn(column).values, most)
    if is_numeric_dtype(column) and distinct <= FEW_NUMBERS:
        return _Values(Categories.learn(column).values, FEW_NUMBERS + 2)  # a third, and None
    return _Hole() if holed and not column.isna().any() else None


def _is_plain(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return pa.types.is_primitive(kind) or pa.types.is_string(kind) or pa.types.is_large_string(kind)


def _with_holes(metadata: pq.FileMetaData) -> set[str]:
    """The columns that are missing in some rows, by the statistics in the file."""
    found = set()
    for group in range(metadata.num_row_groups):
        for j in range(metadata.num_columns):
            column = metadata.row_group(group).column(j)
            facts = column.statistics
            if facts is not None and facts.has_null_count and facts.null_count:
                found.add(column.path_in_schema)
    return found
