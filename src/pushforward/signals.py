"""Ctrl-C and a polite kill (SIGINT, SIGTERM) wait until what is under way can be gone on with.

with finishing("the round"):      # the first signal asks, a second one ends at once
    for played in rounds:
        if asked():
            break
    save()
# here the signal acts as it would have without this
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM)
_received: int | None = None  # the signal by which this process was asked to end
_finishing = False  # whether it is in a block that is to be finished first
_parent: int | None = None  # of a worker: the process for which it works


def asked() -> bool:
    """Whether what is under way is to end: the process was asked to, or its parent is gone."""
    if _parent is not None:
        return _received is not None or _parent != os.getppid()
    return _finishing and _received is not None


def exit_code() -> int:
    """What a shell expects of a process that a signal ended: 130 for Ctrl-C, 143 for a kill."""
    return 128 + (_received or signal.SIGINT)


class _Ask:
    """The handler inside `finishing`."""

    def __init__(self, what: str) -> None:
        self.what = what
        self.before: dict[int, Any] = {n: signal.getsignal(n) for n in SIGNALS}
        # What is ignored stays ignored, and what is not Python's cannot be put back.
        self.taken = [n for n in SIGNALS if self.before[n] not in (signal.SIG_IGN, None)]

    def install(self) -> None:
        for number in self.taken:
            signal.signal(number, self)

    def restore(self) -> None:
        for number in self.taken:
            signal.signal(number, self.before[number])

    def __call__(self, number: int, frame: Any) -> None:  # noqa: ARG002
        global _received
        if _received is not None:  # the second
            self.restore()
            signal.raise_signal(number)
            raise KeyboardInterrupt
        _received = number
        text = f"asked to end: finishing {self.what} and saving; once more ends at once\n"
        with suppress(OSError):  # not `print`, which this may have interrupted
            os.write(2, text.encode())


@contextmanager
def finishing(what: str) -> Iterator[None]:
    """Let the first signal only set `asked()` until the block is over, to finish `what`.

    After the block the signal acts as it would have: by the handlers of before, and, where these
    let the process go on, as `KeyboardInterrupt`. Outside the main thread, and for signals that
    are ignored, nothing is changed.
    """
    global _received, _finishing
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    if _parent is not None:  # whose handler is there already
        yield
        if asked():
            raise KeyboardInterrupt
        return
    ask = _Ask(what)
    if not ask.taken or isinstance(ask.before[ask.taken[0]], _Ask):  # a block inside a block
        yield
        return
    _received, _finishing = None, True
    ask.install()
    try:
        yield
    finally:
        ask.restore()
        _finishing = False
        if _received is not None:
            signal.raise_signal(_received)
            raise KeyboardInterrupt


def work_for_parent() -> None:
    """Be a worker: Ctrl-C is the parent's affair, and its SIGTERM only asks for an end."""
    global _parent
    _parent = os.getppid()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _note)


@contextmanager
def interrupting() -> Iterator[None]:
    """Let SIGTERM raise `KeyboardInterrupt` as Ctrl-C does, and `exit_code()` tell which it was."""
    global _received
    _received = None
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(number: int, frame: Any) -> None:
        _note(number, frame)
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _note(number: int, frame: Any) -> None:  # noqa: ARG001
    global _received
    _received = number


def tell(workers: list[int]) -> None:
    """Ask workers, by their process ids, to end when what they do is saved."""
    for pid in workers:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
