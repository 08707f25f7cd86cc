"""What a file may say of dtypes: names of plain ones, which ask for no memory, files or code."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from pushforward.data.dtypes import restore_dtype
from pushforward.errors import FileError

if TYPE_CHECKING:
    from pushforward.data.encoding import Encoding
    from pushforward.data.numbers import Numbers

# A zone is a name of the tz database; pandas would look for some among the files of this machine.
A_PATH = re.compile(r"dateutil|tzfile|\.\.|[ =]/")
OF_COLUMNS = ("mean", "scale", "low", "high", "decimals", "missing", "heaped")
LONGEST = 100  # characters of a dtype's name
WIDEST = 32  # bytes of one number


def check_restored(encoding: Encoding) -> None:
    """Refuse an encoding from a file that names other dtypes than columns have, or other shapes.

    Raises:
        FileError: the message says what was expected.

    >>> from pushforward.data.encoding import Encoding
    >>> check_restored(Encoding("array", (2,), "V1000000000"))
    Traceback (most recent call last):
    pushforward.errors.FileError: expected the name of a plain dtype, got 'V1000000000'
    """
    if encoding.kind not in ("array", "images", "frame"):
        raise FileError(f"expected data of kind array, images or frame, got {encoding.kind!r:.80}")
    for name in _dtypes(encoding):
        if not _is_plain(name):
            raise FileError(f"expected the name of a plain dtype, got {name!r:.80}")
    sizes = encoding.shape
    if not all(type(size) is int and size > 0 for size in sizes):
        raise FileError(f"expected a shape of whole numbers above 0, got {sizes!r:.80}")
    assert encoding.numbers is not None
    q = _columns(encoding.numbers)
    if encoding.kind != "frame" and math.prod(sizes) != q:
        raise FileError(f"expected a shape of {q} numbers, got {sizes!r:.80}")
    names = encoding.columns
    if not all(isinstance(name, str) for name in names) or len(set(names)) < len(names):
        raise FileError("expected names of columns, each its own")
    members = [2] * int(encoding.numbers.holed.sum())
    members += [len(c.values) for c in encoding.categories.values()]
    for groups in (encoding.offsets, encoding.shares):
        if [np.shape(group) for group in groups] != [(size,) for size in members]:
            raise FileError(f"expected a number for each category of {len(members)} groups")
        if not all(np.isfinite(group).all() for group in groups):
            raise FileError("expected finite shares and offsets of categories")
    for spec, ends in zip(encoding.dtypes, _values(encoding), strict=True):
        restore_dtype(pd.Series(ends), spec)  # what it raises is told with the file


def _values(encoding: Encoding) -> Iterator[Any]:
    """Of each column what may come back in it: its categories, or the ends of its range."""
    assert encoding.numbers is not None
    ends = zip(encoding.numbers.low, encoding.numbers.high, strict=True)
    for name in encoding.columns:
        known = encoding.categories.get(name) or encoding.embedded.get(name)
        if known is not None:
            if not isinstance(known.values, list) or not all(map(_is_value, known.values)):
                raise FileError(f"expected plain values in {name!r:.80}, got {known.values!r:.80}")
            yield np.array([*known.values, None], dtype=object)[:-1]
        elif name in encoding.identifiers:
            yield np.array([], dtype=object)
        else:
            yield [end for end in next(ends) if np.isfinite(end)]


def _is_value(value: Any) -> bool:
    return isinstance(value, (str, int, float, type(None)))


def _columns(numbers: Numbers) -> int:
    """How many numeric columns there are, of which each array has its share."""
    arrays = {key: value for key, value in vars(numbers).items() if isinstance(value, np.ndarray)}
    q = len(numbers.mean)
    for name, array in arrays.items():
        kind = {"heaped": "b", "decimals": "i"}.get(name, "f")
        if array.shape != ((2, q) if name == "heaped" else (q,)) or array.dtype.kind != kind:
            raise FileError(
                f"expected {name!r} of {q} columns, got {array.dtype} in shape {array.shape}"
            )
        if name in ("mean", "scale", "missing") and not np.isfinite(array).all():
            raise FileError(f"expected finite numbers in {name!r}, got NaN or infinity")
    if len(arrays) < len(OF_COLUMNS) or (numbers.scale < 0).any():
        raise FileError(f"expected arrays of {', '.join(OF_COLUMNS)}, got {', '.join(arrays)}")
    return q


def _is_plain(name: Any) -> bool:
    if not isinstance(name, str) or len(name) > LONGEST or A_PATH.search(name):
        return False
    try:
        dtype = pd.api.types.pandas_dtype(name)
    except (TypeError, ValueError):
        return False
    # Text of numpy's own has a length, by which memory is taken; records have dtypes in them.
    return not isinstance(dtype, np.dtype) or (dtype.kind != "V" and dtype.itemsize <= WIDEST)


def _dtypes(encoding: Encoding) -> Iterator[Any]:
    if encoding.kind != "frame":
        yield encoding.dtype
    for spec in encoding.dtypes:
        yield spec["name"]
        if "of" in spec:
            yield spec["of"]
