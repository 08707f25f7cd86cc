"""Where batches of trials run: here, in this process or one for each core, or on a cluster."""

from __future__ import annotations

import concurrent.futures
from abc import ABC, abstractmethod
from collections.abc import Sequence
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch
from joblib.externals.loky import ProcessPoolExecutor
from threadpoolctl import threadpool_limits

from pushforward.data.dataset import Dataset
from pushforward.errors import StudyError
from pushforward.signals import finishing, tell, work_for_parent
from pushforward.study.plan import Trial
from pushforward.study.trial import run_together

Row = dict[str, Any]
LAST_ROUND = 20  # seconds that processes have to finish a round and save it
IDLE = 300  # seconds without work after which a process ends, as when its study was killed


class Engine(ABC):
    """Runs batches of trials, as many at once as it has `slots`.

    It is handed the data once. Whoever submits waits for a batch whenever all slots are taken.
    """

    slots: int

    @abstractmethod
    def submit(self, trials: Sequence[Trial]) -> None:
        """Begin a batch; its trials may train as one population."""

    @abstractmethod
    def next(self) -> tuple[Sequence[Trial], list[Row]]:
        """The first batch to be done of those that run, and a row for each of its trials."""

    @abstractmethod
    def close(self) -> None:
        """Stop what still runs."""


class Here(Engine):
    """One batch at a time, in this process."""

    slots = 1

    def __init__(self, dataset: Dataset, folder: Path, real_rows: bool) -> None:
        self.data = dataset, folder, real_rows
        self.batch: Sequence[Trial] = ()

    def submit(self, trials: Sequence[Trial]) -> None:
        self.batch = trials

    def next(self) -> tuple[Sequence[Trial], list[Row]]:
        return self.batch, run_together(self.batch, *self.data)

    def close(self) -> None:
        self.batch = ()


class Pool(Engine):
    """A process for each of `jobs` batches, of one thread each."""

    def __init__(self, dataset: Dataset, folder: Path, real_rows: bool, jobs: int) -> None:
        self.slots = jobs
        self.pool = ProcessPoolExecutor(
            jobs, timeout=IDLE, initializer=_begin, initargs=(dataset, folder, real_rows)
        )
        self.running: dict[concurrent.futures.Future[list[Row]], Sequence[Trial]] = {}

    def submit(self, trials: Sequence[Trial]) -> None:
        with finishing("the start of processes"):  # one half begun would keep all others waiting
            self.running[self.pool.submit(_run, trials)] = trials

    def next(self) -> tuple[Sequence[Trial], list[Row]]:
        done, _ = concurrent.futures.wait(
            self.running, return_when=concurrent.futures.FIRST_COMPLETED
        )
        first = done.pop()
        trials = self.running.pop(first)
        try:
            return trials, first.result()
        except BrokenProcessPool as error:
            raise StudyError(
                "a process of this study was killed, perhaps for its memory; finished trials are "
                "kept, so begin it again, with fewer jobs if it happens again"
            ) from error

    def close(self) -> None:
        """Let what still runs save its state, for a while, and end the processes."""
        if self.running:
            for future in self.running:
                future.cancel()
            tell([*self.pool._processes])
            with suppress(KeyboardInterrupt):  # whoever insists does not want to wait
                concurrent.futures.wait(self.running, timeout=LAST_ROUND)
        self.pool.shutdown(wait=True, kill_workers=True)


_data: tuple[Dataset, Path, bool]  # of a process of `Pool`, which is handed it once


def _begin(dataset: Dataset, folder: Path, real_rows: bool) -> None:
    global _data
    _data = dataset, folder, real_rows
    work_for_parent()
    torch.set_num_threads(1)
    threadpool_limits(1)


def _run(trials: Sequence[Trial]) -> list[Row]:
    return run_together(trials, *_data)
