"""Which device to train on, and seeds that mean the same on each."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from pushforward.errors import DeviceError
from pushforward.training.distributed import own_gpu, together


def choose_device(name: str = "auto") -> torch.device:
    """The device called `name`; "auto" takes a GPU when there is one.

    One of several processes that train together has a GPU of its own by "auto" and "cuda".

    Raises:
        DeviceError: the device is unknown or not there.

    >>> choose_device("cpu")
    device(type='cpu')
    """
    there = ["cpu"]
    if torch.cuda.is_available():
        there += ["cuda", *(f"cuda:{i}" for i in range(torch.cuda.device_count()))]
    if torch.backends.mps.is_available():
        there.append("mps")
    if name == "auto":
        name = "cuda" if "cuda" in there else "cpu"
    if name not in there:
        raise DeviceError(f"expected a device among {', '.join(there)} or 'auto', got {name!r}")
    return own_gpu() if name == "cuda" and together() is not None else torch.device(name)


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Draw initial weights from `seed`, leaving torch's global generator as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield


# Parameters × batch rows below which handing work to a second thread costs more: those of one game,
# and those of all members of a population, whose few operations are large.
SMALL, SMALL_POPULATION = 5e7, 1.5e7


@contextmanager
def threads_for(parameters: float, batch_size: int, members: int = 1) -> Iterator[None]:
    """One thread for a small game, torch's own number for a large one or for many.

    It is faster (1.6 against 2.3 ms a round for the GAN's default networks on two cores), and
    results then do not depend on how many cores there are.
    """
    before = torch.get_num_threads()
    try:
        small = SMALL if members == 1 else SMALL_POPULATION
        if parameters * members * batch_size < small:
            torch.set_num_threads(1)
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def without_denormals() -> Iterator[None]:
    """Take numbers below 10⁻³⁸ for 0, in this thread.

    A processor needs far longer for them, and the moments of an optimiser fill up with
    them where gradients have died out, so that later rounds become slower and slower.
    """
    flushed = (torch.tensor(1e-30) * 1e-10).item() == 0  # torch does not say
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(flushed)
