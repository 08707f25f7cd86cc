"""One training on several processes, as `torchrun` starts them: each has a share of every batch.

All draw the same batches and noise from one seed and keep their own rows of them. What a player's
loss gives is averaged before its move, so that all processes hold the same weights; and where the
loss is a mean over rows, these are the weights of one process with whole batches, to rounding.
"""

from __future__ import annotations

import atexit
import multiprocessing
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from pushforward.errors import DeviceError, InputError, PushforwardError

if TYPE_CHECKING:  # torch takes seconds to import, and not all that ask need it
    import torch
    from torch import Tensor, nn

Result = TypeVar("Result")
_apart = False  # while one process works for all


@dataclass(frozen=True)
class Processes:
    """This process among those that train together."""

    rank: int
    size: int

    @property
    def first(self) -> bool:
        """Whether this is the one that writes, scores and keeps the time."""
        return self.rank == 0

    def share(self, rows: int) -> slice:
        """Which rows of a batch are this process's.

        Raises:
            InputError: they cannot be shared equally, and means over shares would not be means.

        >>> Processes(1, 4).share(128)
        slice(32, 64, None)
        """
        if rows % self.size:
            raise InputError(
                f"expected batches that {self.size} processes share equally, got {rows} rows (at "
                "most all training rows); choose a batch_size that is a multiple of "
                f"{self.size}, {max(self.size, rows - rows % self.size)}"
            )
        each = rows // self.size
        return slice(self.rank * each, (self.rank + 1) * each)

    def average(self, tensors: Sequence[Tensor]) -> list[Tensor]:
        """The mean over processes of each of these, in one message."""
        import torch
        from torch import distributed

        flat = torch.cat([tensor.detach().flatten() for tensor in tensors])
        distributed.all_reduce(flat)
        flat /= self.size
        parts = flat.split([tensor.numel() for tensor in tensors])
        return [p.view(t.shape).to(t.dtype) for p, t in zip(parts, tensors, strict=True)]

    def told(self, value: Result) -> Result:
        """What the first process passes here; the others wait for it."""
        from torch import distributed

        box = [value]
        distributed.broadcast_object_list(box, src=0)
        return box[0]

    def now(self) -> float:
        """The first process's `time.monotonic()`: clocks differ, and decisions must not."""
        return self.told(time.monotonic())

    def by_first(self, work: Callable[[], Result]) -> Result:
        """What the first process's work gives; the others wait, and share its error if it fails."""
        answer: tuple[Any, PushforwardError | None] = (None, None)
        if self.first:
            try:
                with _on_its_own():
                    answer = work(), None
            except PushforwardError as error:  # any other ends this process, and so torchrun all
                answer = None, error
        result, failure = self.told(answer)
        if failure is not None:
            raise failure
        return result

    def share_weights(self, module: nn.Module) -> None:
        """Give a module the first process's weights: a user's own module may be drawn unseeded."""
        from torch import distributed

        for tensor in module.state_dict().values():
            distributed.broadcast(tensor, src=0)

    def check_alike(self, facts: dict[str, Any]) -> None:
        """Refuse to train together on what differs.

        Raises:
            InputError: the message says what is not as the first process has it.
        """
        first = self.told(facts)
        other = [name for name, value in facts.items() if first.get(name) != value]
        if other:
            raise InputError(
                f"process {self.rank} of {self.size} has other {', '.join(other)} than process 0: "
                "all must be given the same rows, options and checkpoint file"
            )


def together() -> Processes | None:
    """The processes that train together with this one; None where it is alone.

    They are those of `torch.distributed` where that is initialised. Else they are those that
    torchrun has started, for which it is initialised here: gloo for the CPU, NCCL for GPUs.
    """
    started = _by_torchrun()
    if _apart or not (started or "torch" in sys.modules):
        return None
    from torch import distributed

    if not distributed.is_available():
        return None
    if not distributed.is_initialized():
        if not started:
            return None
        import torch

        gpus = torch.cuda.is_available()
        distributed.init_process_group("cpu:gloo,cuda:nccl" if gpus else "gloo")
        atexit.register(_leave)
    size = distributed.get_world_size()
    return Processes(distributed.get_rank(), size) if size > 1 else None


def _by_torchrun() -> bool:
    """Whether torchrun started this process itself, and not one that did."""
    name, size = "TORCHELASTIC_RUN_ID", os.environ.get("WORLD_SIZE", "1")
    return name in os.environ and size != "1" and multiprocessing.parent_process() is None


def _leave() -> None:
    from torch import distributed

    if distributed.is_initialized():
        distributed.destroy_process_group()


@contextmanager
def _on_its_own() -> Iterator[None]:
    """Be alone for a while: what is fitted meanwhile must not wait for the others."""
    global _apart
    before, _apart = _apart, True
    try:
        yield
    finally:
        _apart = before


def own_gpu() -> torch.device:
    """The GPU of this process: that of its number on this machine.

    Raises:
        DeviceError: there are fewer GPUs than processes.
    """
    import torch

    number = int(os.environ.get("LOCAL_RANK", torch.cuda.current_device()))
    count = torch.cuda.device_count()
    if number >= count:
        raise DeviceError(
            f"expected a GPU for each process, got {count} for process number {number + 1} of this "
            f"machine; start at most {count} (--nproc-per-node {count}), or choose device='cpu'"
        )
    torch.cuda.set_device(number)
    return torch.device("cuda", number)
