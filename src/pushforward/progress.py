"""A bar over work that takes long, where there is a terminal."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from rich.progress import Progress

Item = TypeVar("Item")


def on_terminal() -> bool:
    """Whether anybody would see a bar."""
    return sys.stderr.isatty()


def counting_bar() -> Progress:
    """A bar that counts finished pieces of work, and estimates the time that is left."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left about"),
        TimeRemainingColumn(),
    )
    return Progress(*columns, console=Console(stderr=True), transient=True)


def shown(items: Collection[Item], label: str, wanted: bool = True) -> Iterator[Item]:
    """Yield the items under a bar with an estimate on a terminal; quietly anywhere else."""
    if not (wanted and on_terminal()):
        yield from items
        return
    with counting_bar() as bar:
        yield from bar.track(items, total=len(items), description=label)
