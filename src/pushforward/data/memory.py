"""How much memory there is, and whether rows fit into it."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

BYTES_PER_NUMBER = 48  # at the most while rows are encoded: float64, and what is computed of it


def available_memory() -> int | None:
    """Bytes that this process may still take; None where that is not known.

    What Linux keeps of files only to have them at hand counts as available, and a limit set on a
    container counts too.
    """
    found = [n for n in (_of_machine(), _of_container()) if n is not None]
    return min(found, default=None)


def _of_machine() -> int | None:
    with suppress(OSError, StopIteration):
        lines = Path("/proc/meminfo").read_text().splitlines()
        return next(1024 * int(line.split()[1]) for line in lines if line.startswith("MemAvail"))
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError):  # not Linux
        return None


def _of_container() -> int | None:
    folder = Path("/sys/fs/cgroup")
    try:
        limit = int((folder / "memory.max").read_text())
        used = int((folder / "memory.current").read_text())
        kept = (folder / "memory.stat").read_text().split()
        return limit - used + int(kept[kept.index("inactive_file") + 1])
    except (OSError, ValueError):  # none, or no limit ("max")
        return None


def too_large(n_numbers: int) -> bool:
    """Whether so many numbers, taken as rows in memory, need more than is available.

    >>> too_large(1000), too_large(10**15)
    (False, True)
    """
    available = available_memory()
    return available is not None and BYTES_PER_NUMBER * n_numbers > available
