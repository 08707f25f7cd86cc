"""One process at a time on a file or a folder, by a lock of the operating system.

The lock falls away with the process, however it ends, so there is none to remove by hand.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pushforward.errors import FileError

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

BEYOND = 2**30  # a byte that is locked on Windows, behind all that others are to read


@contextmanager
def alone_with(what: Path, lock: Path) -> Iterator[None]:
    """Hold `what` for this process alone; the file `lock` says who holds it.

    Raises:
        FileError: another process holds it, in words who; or nothing can be written there.
    """
    try:
        lock.parent.mkdir(parents=True, exist_ok=True)
        file = _locked(lock)
    except BlockingIOError:
        raise FileError(
            f"{what} is in use by {_who(lock)}; wait until it has ended, or choose another place"
        ) from None
    except OSError as error:
        raise FileError(
            f"{what}: cannot be written ({error.strerror or error}); choose another folder"
        ) from error
    me = {"pid": os.getpid(), "host": socket.gethostname(), "since": time.strftime("%F %T")}
    try:
        with suppress(OSError):  # a full disk: then nobody is told who
            os.truncate(file, 0)
            os.write(file, json.dumps(me).encode())
        yield
    finally:
        if sys.platform != "win32":  # there an open file cannot be deleted, and is left
            lock.unlink(missing_ok=True)
        os.close(file)


def _locked(lock: Path) -> int:
    """The file, open and locked; one that its last holder has deleted meanwhile does not count."""
    while True:
        file = os.open(lock, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            _take(file)
            with suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(file), os.stat(lock)):
                    return file
        except BaseException:
            os.close(file)
            raise
        os.close(file)


def _take(file: int) -> None:
    """Lock an open file, or raise `BlockingIOError` when another process has."""
    if sys.platform != "win32":
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise
        except OSError:  # a file system without locks: better unguarded than not at all
            return
    else:
        os.lseek(file, BEYOND, os.SEEK_SET)
        try:
            msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
        except OSError as error:
            raise BlockingIOError from error
        os.lseek(file, 0, os.SEEK_SET)


def _who(lock: Path) -> str:
    """Who holds a lock, in words."""
    try:
        holder = json.loads(lock.read_text())
        return f"process {holder['pid']} on {holder['host']} since {holder['since']}"
    except (OSError, ValueError, KeyError, TypeError):  # just begun, or just ended
        return "another process"
