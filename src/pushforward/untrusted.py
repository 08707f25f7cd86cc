"""Files that anyone may have written: read within bounds, what is wrong with them told in words.

What comes out is plain values, never code. A file that is not what it should be costs no more time
and memory than one that is.
"""

from __future__ import annotations

import json
import os
import stat
from collections import Counter
from pathlib import Path
from typing import Any

from pushforward.errors import FileError

# The learning curve of a million rounds has some 100 000 numbers, 5 MB.
MOST_JSON = 64 * 2**20  # bytes
MOST_VALUES = 4_000_000  # in one JSON text; each may take a hundred bytes of memory
MOST_LEVELS = 100  # lists and objects in each other; Python's own limit is that of its stack
SHOWN = 200  # characters of an error of a library that are told


class Damaged(ValueError):
    """What is wrong with a text or a tree, said where its file is not known."""


def read_bytes(path: Path, most: int | None = None, *, follow: bool = True) -> bytes:
    """The whole of a plain file of at most so many bytes.

    Raises:
        FileNotFoundError: it is not there.
        FileError: it is no plain file (a device or a pipe would never end), a link where `follow`
            is False, larger than allowed or than memory, or cannot be read.
    """
    try:
        check_plain(path, follow=follow)
        # A file that is exchanged for a pipe in between must not keep us waiting.
        flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
        flags |= 0 if follow else getattr(os, "O_NOFOLLOW", 0)
        with open(os.open(path, flags), "rb") as file:
            found = os.fstat(file.fileno())
            if not stat.S_ISREG(found.st_mode):
                raise FileError(f"{path} is no plain file any more; try again")
            most = memory() if most is None else most
            if found.st_size > most:
                raise FileError(
                    f"{path} is too large: expected at most {most:,} bytes, "
                    f"found {found.st_size:,}; is it the right file?"
                )
            return file.read(found.st_size)
    except (FileError, FileNotFoundError):
        raise
    except MemoryError as error:
        raise FileError(f"{path} does not fit into memory; free some, or use less of it") from error
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        reason = getattr(error, "strerror", None) or error
        raise FileError(f"{path} cannot be read ({reason}); check its permissions") from error


def check_plain(path: Path, *, follow: bool = True) -> None:
    """Refuse what is no plain file, before it is opened: opening a pipe waits for a writer.

    Raises:
        FileNotFoundError: it is not there.
        FileError: it is a folder, a device, a pipe, or a link where `follow` is False.
    """
    mode = (os.stat if follow else os.lstat)(path).st_mode
    if stat.S_ISREG(mode):
        return
    kinds = {
        "a folder": stat.S_ISDIR,
        "a link to somewhere else": stat.S_ISLNK,
        "a pipe": stat.S_ISFIFO,
        "a device": lambda m: stat.S_ISCHR(m) or stat.S_ISBLK(m),
    }
    what = next((name for name, holds in kinds.items() if holds(mode)), "a special file")
    raise FileError(f"expected a plain file at {path}, found {what}; put a copy of the file there")


def memory() -> int:
    """The memory of this machine in bytes, or more than any file where it is not told."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return 2**62


def read_json(path: Path, *, follow: bool = True) -> Any:
    """The value in a JSON file.

    Raises:
        FileNotFoundError: it is not there.
        FileError: it cannot be read, or is no JSON within bounds; the message says why.
    """
    try:
        return parse_json(read_bytes(path, MOST_JSON, follow=follow))
    except Damaged as error:
        raise FileError(f"{path} is damaged: {error}; take a whole copy of it") from error


def parse_json(text: bytes | str) -> Any:
    """The value of a JSON text in UTF-8, whose keys are unique and whose words are whole.

    Raises:
        Damaged: it is no such text, or has too many values or levels.

    >>> parse_json('{"a": [1, 2]}')
    {'a': [1, 2]}
    >>> parse_json('{"a": 1, "a": 2}')
    Traceback (most recent call last):
    pushforward.untrusted.Damaged: the key 'a' is there twice
    """
    text = text.encode(errors="surrogatepass") if isinstance(text, str) else text
    values = sum(text.count(mark) for mark in (b",", b"[", b"{"))
    if len(text) > MOST_JSON or values > MOST_VALUES:
        raise Damaged(
            f"expected JSON of at most {MOST_JSON:,} bytes and {MOST_VALUES:,} values, "
            f"found {len(text):,} and {values:,}"
        )
    try:
        tree = json.loads(text.decode("utf-8"), object_pairs_hook=_unique)
        _check_levels(tree)
        if b"\\ud" in text.lower():  # pairs of them are letters, single ones cannot be printed
            json.dumps(tree, ensure_ascii=False).encode()
    except Damaged:
        raise
    except RecursionError:
        raise Damaged(f"expected at most {MOST_LEVELS} levels of lists, found many more") from None
    except UnicodeError as error:
        raise Damaged(f"its text is not whole ({shortly(error)})") from error
    except ValueError as error:
        raise Damaged(f"it is not JSON ({shortly(error)})") from error
    return tree


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        counts = Counter(key for key, _ in pairs)
        twice = counts.most_common(1)[0][0]
        raise Damaged(f"the key {twice!r} is there twice")
    return found


def _check_levels(tree: Any) -> None:
    level = [tree]
    for _ in range(MOST_LEVELS + 1):
        level = [node for node in level if isinstance(node, (dict, list))]
        if not level:
            return
        level = [
            item for node in level for item in (node.values() if isinstance(node, dict) else node)
        ]
    raise Damaged(f"expected at most {MOST_LEVELS} levels of lists, found more")


def shortly(error: BaseException) -> str:
    """An error of a library in one short line, for the end of a message."""
    text = " ".join(f"{error}".split()) or type(error).__name__
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"
