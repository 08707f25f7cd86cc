"""Where batches of trials run, once more: on the machines of a Ray cluster."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from threadpoolctl import threadpool_limits

import pushforward
from pushforward.data.dataset import Dataset
from pushforward.errors import InputError, PushforwardError, StudyError
from pushforward.study.engines import Engine, Row
from pushforward.study.plan import Trial
from pushforward.study.trial import run_together

RETRIES = 3  # of a batch whose worker died, or whose machine did
LOOKS_EVERY = 5.0  # seconds, whether the head of the cluster is still there
ANSWERS_WITHIN = 5.0  # seconds; Ray itself waits for minutes, and then ends the process
KEPT = "finished trials are kept, so begin the study again"


class Cluster(Engine):
    """A batch for each CPU of a Ray cluster, or for `jobs` of them, of one thread each.

    The data go to every machine once. Rows come back to this process, which alone writes them
    down. A batch whose worker dies is begun again, elsewhere if its machine is gone; only what is
    returned counts, so no trial counts twice. Where the program has joined a cluster before, that
    one is used, and not left.

    Moritz et al. 2018, arXiv:1712.05889.

    Raises:
        InputError: Ray is not installed, or the address is none.
        StudyError: no cluster answers there, or none starts here.
    """

    def __init__(
        self,
        dataset: Dataset,
        folder: Path,
        real_rows: bool,
        address: str | None = None,
        jobs: int | None = None,
    ) -> None:
        self.ray = _ray()
        self.jobs = jobs
        self.joined = not self.ray.is_initialized()
        if self.joined:
            _join(self.ray, address, jobs)
        self.running: dict[Any, Sequence[Trial]] = {}
        head = self.ray.get_runtime_context().gcs_address
        self.head = head if _answers(head) else None  # a client of Ray may not see it
        try:
            self.slots = self._slots()
            if self.slots == 0:
                raise StudyError(
                    "the Ray cluster has no CPUs; let machines join it, "
                    "`ray start --address=HOST:PORT`"
                )
            # Bytes, since what Ray itself unpacks cannot be written to, unlike the rows of others.
            self.data = self.ray.put(self.ray.cloudpickle.dumps(dataset))
            self.folder, self.real_rows = folder.resolve(), real_rows
            self.task = self.ray.remote(num_cpus=1, max_retries=RETRIES)(_run)
        except BaseException:
            self.close()
            raise

    def _slots(self) -> int:
        cpus = int(self.ray.cluster_resources().get("CPU", 0))
        return cpus if self.jobs is None else min(self.jobs, cpus)

    def _check_head(self) -> None:
        """Where the head is gone, Ray would end this process in a minute, without a word."""
        if self.head is not None and not _answers(self.head):
            self.running = {}
            raise StudyError(f"the head of the Ray cluster, {self.head}, is gone; {KEPT}")

    def submit(self, trials: Sequence[Trial]) -> None:
        # In a list, so that the worker fetches them, once, and not each of its tasks.
        data = [self.data]
        version = pushforward.__version__
        ref = self.task.remote(list(trials), data, self.folder, self.real_rows, version)
        self.running[ref] = trials

    def next(self) -> tuple[Sequence[Trial], list[Row]]:
        errors = self.ray.exceptions
        done: list[Any] = []
        while not done:
            done, _ = self.ray.wait(list(self.running), num_returns=1, timeout=LOOKS_EVERY)
            self._check_head()
        (first,) = done
        trials = self.running.pop(first)
        self.slots = self._slots() or 1  # machines may have joined, or left
        try:
            rows = self.ray.get(first)
        except errors.RayTaskError as error:
            if isinstance(error.cause, PushforwardError):
                raise error.cause from None
            raise StudyError(
                f"{_of(trials)} broke off on a machine of the cluster: {error.cause!r}. Has it the "
                f"packages of this one? {KEPT[0].upper()}{KEPT[1:]}"
            ) from error
        except errors.RayError as error:
            raise StudyError(
                f"the worker that ran {_of(trials)} died, {RETRIES + 1} times in all, perhaps for "
                f"its memory; {KEPT}, with fewer jobs if it happens again "
                f"({type(error).__name__})"
            ) from error
        return trials, rows

    def close(self) -> None:
        if not self.ray.is_initialized():
            return
        for ref in self.running:
            self.ray.cancel(ref, force=True)
        self.running = {}
        if self.joined:  # ends the cluster that was started here, and leaves any other to itself
            self.ray.shutdown()


def _of(trials: Sequence[Trial]) -> str:
    return ", ".join(trial.name for trial in trials)


def _ray() -> Any:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    # Else it begins a batch that has no room in memory for ever again. Read when Ray is imported.
    os.environ.setdefault("RAY_task_oom_retries", str(RETRIES))
    # Workers of a cluster that is started here share the machine as other processes do: Ray would
    # let everything else go first, and a busy machine starve them.
    os.environ.setdefault("RAY_worker_niceness", "0")
    try:
        import ray
        import ray.cloudpickle
        import ray.exceptions
    except ImportError:
        raise InputError(
            "engine='ray' needs Ray, which is not installed; `pip install 'pushforward[study]'`"
        ) from None
    return ray


def _join(ray: Any, address: str | None, jobs: int | None) -> None:
    """Join the cluster at an address, or start one here."""
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
    logger = logging.getLogger("ray")
    level = logger.level
    logger.setLevel(logging.ERROR)  # for what is said before Ray looks at its options
    try:
        if address is None:
            cpus = jobs or os.cpu_count()
            ray.init("local", num_cpus=cpus, include_dashboard=False, **quiet)
        else:
            _check_answers(address)
            ray.init(address, **quiet)
    except ValueError as error:  # also of ray:// without its package
        if isinstance(error, InputError):
            raise
        raise InputError(
            f"expected the address of a Ray cluster, HOST:PORT or 'auto', got {address!r}: {error}"
        ) from error
    except (OSError, RuntimeError, SystemExit, ray.exceptions.RayError) as error:
        if isinstance(error, PushforwardError):
            raise
        where = "starts on this machine" if address is None else f"can be joined at {address}"
        hint = "" if address is None else "; one that wants a token needs RAY_AUTH_MODE=token here"
        raise StudyError(f"no Ray cluster {where}: {error}{hint}") from error
    finally:
        logger.setLevel(level)


def _check_answers(address: str) -> None:
    """Whether anything listens at HOST:PORT, of which Ray would convince itself for minutes."""
    place = address.removeprefix("ray://")
    if address != "auto" and place.rpartition(":")[2].isdecimal() and not _answers(place):
        raise StudyError(
            f"no Ray cluster answers at {address}; start its head with `ray start --head "
            "--port=6379` and give the address that it prints"
        )


def _answers(address: str) -> bool:
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), ANSWERS_WITHIN).close()
    except (OSError, OverflowError):
        return False
    return True


def _run(
    trials: Sequence[Trial], data: Sequence[Any], folder: Path, real_rows: bool, version: str
) -> list[Row]:
    """A batch, in a process of the cluster."""
    if version != pushforward.__version__:
        raise StudyError(
            f"{socket.gethostname()} has pushforward {pushforward.__version__}, and the study is "
            f"run by {version}; install the same version on all machines"
        )
    return run_together(trials, _dataset(*data), folder, real_rows)


@lru_cache(maxsize=1)
def _dataset(ref: Any) -> Dataset:
    """The data of the study, fetched by a process once."""
    ray = _ray()
    torch.set_num_threads(1)
    threadpool_limits(1)
    return ray.cloudpickle.loads(ray.get(ref))
