"""Identifiers: columns that name rows; they are neither learnt nor copied, but numbered anew."""

from __future__ import annotations

import hashlib
import re
import uuid
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from pandas.api import types

from pushforward.errors import FileError, InputError

NAME = re.compile(r"(^|[_\s-])(id|uuid|guid|key|index)$|^unnamed: ?\d+$", re.IGNORECASE)
NUMBERED = re.compile(r"((?:.*[^0-9])?)([0-9]+)", re.DOTALL)
UUID = re.compile(r"[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}")
MEASURE = re.compile(r"[-+]?[\d.,:\s]*[.,:]")  # before the last digits of 3.14, 1,000 or 12:30
OTHER_DATE = r"\d{1,4}[./-]\d{1,2}[./-]\d{1,4}([ T].*)?"
FEW = 20  # rows without a telling name, up to which numbers may be one per row by chance
ROWS_PER_PREFIX = 10


@dataclass
class Identifier:
    """The form of the identifiers of a column, and where the new ones begin.

    Whole numbers go on after the largest seen, a prefix with digits ("C-00123") after the largest
    seen with that prefix, and UUIDs are drawn afresh: none is one of the training rows'.

    >>> Identifier.of(pd.Series(["C-007", "C-012"], name="id")).anew(2, seed=0)
    ['C-013', 'C-014']
    """

    form: str  # "whole", "numbered" or "uuid"
    first: list[int] = field(default_factory=list)  # new number, of each prefix
    prefixes: list[str] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)  # training rows, of each prefix
    digits: int = 0  # that numbers are filled up to with zeros
    dashes: bool = True  # of UUIDs
    upper: bool = False
    salt: str = ""  # of the UUIDs seen, so that a seed never gives them again

    @classmethod
    def of(cls, column: pd.Series) -> Identifier | None:
        """The form of a column that names its rows, None where it is no such column."""
        if types.is_float_dtype(column) or types.is_bool_dtype(column) or column.isna().any():
            return None
        n = len(column)
        named = NAME.search(str(column.name)) is not None
        if types.is_integer_dtype(column):
            if not column.is_unique:
                return None
            low, high = int(column.min()), int(column.max())
            counted = n > FEW and column.is_monotonic_increasing and high - low == n - 1
            return cls("whole", [high + 1]) if counted or named else None
        if isinstance(column.dtype, pd.CategoricalDtype) or not (named or n > FEW // 2):
            return None
        texts = column.tolist()
        if not all(isinstance(text, str) for text in texts) or not column.is_unique:
            return None
        return cls._uuids(texts) or cls._numbered(texts)

    @classmethod
    def _uuids(cls, texts: list[str]) -> Identifier | None:
        upper, dashes = texts[0] != texts[0].lower(), "-" in texts[0]
        for text in texts:
            same = len(text) == (36 if dashes else 32) and text == _cased(text, upper)
            if not same or not UUID.fullmatch(text.lower()):
                return None
        salt = hashlib.blake2b("\n".join(texts).encode(), digest_size=16).hexdigest()
        return cls("uuid", dashes=dashes, upper=upper, salt=salt)

    @classmethod
    def _numbered(cls, texts: list[str]) -> Identifier | None:
        if all(re.fullmatch(OTHER_DATE, text) for text in texts):
            return None
        largest: dict[str, int] = {}
        rows: dict[str, int] = {}
        widths, padded, most = set(), False, max(1, len(texts) // ROWS_PER_PREFIX)
        for text in texts:
            found = NUMBERED.fullmatch(text)
            if found is None or len(found[2]) > FEW or MEASURE.fullmatch(found[1]):
                return None
            prefix, number = found[1], int(found[2])
            largest[prefix] = max(number, largest.get(prefix, 0))
            rows[prefix] = rows.get(prefix, 0) + 1
            if len(rows) > min(most, FEW):
                return None
            widths.add(len(found[2]))
            padded |= found[2][0] == "0" and len(found[2]) > 1
        return cls(
            "numbered",
            [number + 1 for number in largest.values()],
            list(largest),
            list(rows.values()),
            max(widths) if padded else 0,
        )

    @classmethod
    def from_dict(cls, state: dict[str, Any]) -> Identifier:
        """What was learnt, from a file.

        Raises:
            FileError: it is not what `of` learns.
        """
        found = cls(**state)
        whole = [found.digits, *found.first, *found.rows]
        known = (
            found.form in ("whole", "numbered", "uuid")
            and all(type(number) is int for number in whole)
            and 0 <= found.digits <= FEW
            and all(type(prefix) is str for prefix in found.prefixes)
            and len(found.first) == (1 if found.form == "whole" else len(found.prefixes))
            and len(found.rows) == len(found.prefixes)
            and all(r > 0 for r in found.rows)
            and re.fullmatch(r"[0-9a-f]{32}" if found.form == "uuid" else "", found.salt)
        )
        if not known:
            raise FileError(f"expected the form of identifiers, got {state!r:.80}")
        return found

    def anew(self, n: int, *, seed: int, dtype: str = "object") -> list[Any]:
        """n new identifiers; of UUIDs, those of a seed.

        Raises:
            InputError: the type of the numbers ends before n new ones.
        """
        if self.form == "whole":
            start, most = self.first[0], _largest(dtype)
            if most is not None and start + n - 1 > most:
                raise InputError(
                    f"expected at most {max(0, most - start + 1)} new identifiers after "
                    f"{start - 1}, the largest that was seen: {dtype} ends at {most}, got {n}; "
                    "convert the column to int64 and fit again, or leave it out"
                )
            return list(range(start, start + n))
        if self.form == "numbered":
            return self._in_turns(n)
        rng = np.random.default_rng([int(self.salt, 16), seed])
        words = rng.bytes(16 * n)
        drawn = (uuid.UUID(bytes=words[16 * i : 16 * (i + 1)], version=4) for i in range(n))
        return [_cased(str(u) if self.dashes else u.hex, self.upper) for u in drawn]

    def _in_turns(self, n: int) -> list[str]:
        """Each prefix as often as it was seen: the k-th of r rows takes the place (k + ½)/r."""
        counts = np.array(self.rows, dtype=float)
        wanted = np.ceil(n * counts / counts.sum()).astype(int)
        places = [
            ((k + 0.5) / r, p)
            for p, (r, m) in enumerate(zip(counts, wanted, strict=True))
            for k in range(m)
        ]
        following = list(self.first)
        new = []
        for _, p in sorted(places)[:n]:
            new.append(f"{self.prefixes[p]}{following[p]:0{self.digits}d}")
            following[p] += 1
        return new


def _cased(text: str, upper: bool) -> str:
    return text.upper() if upper else text.lower()


def _largest(dtype: str) -> int | None:
    """The largest number of an integer type, nullable or not; None of any other."""
    try:
        return int(np.iinfo(np.dtype(dtype.lower())).max)
    except (TypeError, ValueError):  # an extension type, or none of integers
        return None
