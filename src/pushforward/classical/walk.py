"""The walk of many chains together: the Metropolis–Hastings step, and the noise that drives it."""

from __future__ import annotations

import os
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from pushforward.classical.adaptation import WarmUp
from pushforward.classical.proposals import Hamiltonian, Kernel, RandomWalk
from pushforward.classical.target import Array, State, Target

NOISE_ELEMENTS = 2**19  # of a block of noise, 2 MB in float32
LONGEST_BLOCK = 64  # steps


def step(
    kernel: Kernel, target: Target, state: State, noise: Any, log_u: NDArray[np.float32]
) -> tuple[NDArray[np.bool_], Array]:
    """One step of all chains, in place: which of them moved, and the log of the ratio.

    x* ~ q(· | x) is taken with probability min(1, r), r = f(x*) q(x | x*) / (f(x) q(x* | x)): where
    u ~ U(0, 1) is below r. Otherwise the chain stays and x counts once more. Metropolis et al.
    1953, Hastings 1970.
    """
    candidate, correction = kernel.propose(target, state, noise)
    log_r = candidate.log_prob + correction - state.log_prob
    moved = log_r > log_u
    state.take(candidate, np.flatnonzero(moved))
    return moved, log_r


def noise_of(
    kernel: Kernel, shape: tuple[int, int], seed: int, start: int, stop: int
) -> Generator[tuple[Any, NDArray[np.float32]]]:
    """Each step's noise and log u, for the steps start, …, stop − 1 of a walk.

    A function of the seed and the number of the step alone, so that a walk that is gone on with
    is the walk that never stopped. Drawn in blocks on a core of its own, the next one while the
    chains use the last: linear algebra has the other cores, as waiting for one that is taken would
    cost more than it helps.
    """
    length = max(1, min(LONGEST_BLOCK, NOISE_ELEMENTS // (shape[0] * shape[1])))

    def block(number: int) -> list[tuple[Any, NDArray[np.float32]]]:
        rng = np.random.Generator(np.random.SFC64([seed, number]))
        log_u = -rng.standard_exponential((length, shape[0]), dtype=np.float32)
        return list(zip(kernel.noise(rng, length, shape), log_u, strict=True))

    first, last = start // length, (stop - 1) // length
    others = max(1, (os.cpu_count() or 1) - 1)
    with ThreadPoolExecutor(1) as pool, threadpool_limits(others):
        coming = pool.submit(block, first)
        for number in range(first, last + 1):
            steps = coming.result()
            if number < last:
                coming = pool.submit(block, number + 1)
            begin = number * length
            yield from steps[max(start - begin, 0) : stop - begin]


class Run:
    """Chains under way: warm-up first, then draws, every `thin`-th step. A checkpoint holds it."""

    def __init__(
        self, kernel: Kernel, state: State, warm_up: WarmUp | None, n_warmup: int, thin: int
    ) -> None:
        self.kernel, self.state, self.warm_up = kernel, state, warm_up
        self.n_warmup, self.thin = n_warmup, thin
        self.steps = 0  # done so far
        self.accepted = np.zeros(len(state.x), dtype=np.int64)  # after warm-up
        self.draws = np.empty((0, *state.x.shape), dtype=state.x.dtype)

    @property
    def kept(self) -> int:
        """Draws of each chain so far."""
        return max(0, self.steps - self.n_warmup) // self.thin

    def make_room(self, n_draws: int) -> int:
        """Room for so many draws in all; the number of steps until they are done."""
        room = np.empty((n_draws, *self.state.x.shape), dtype=self.state.x.dtype)
        room[: self.kept] = self.draws[: self.kept]
        self.draws = room
        return self.n_warmup + n_draws * self.thin

    def copy(self) -> Run:
        """The same run, to be gone on with by itself."""
        every = np.arange(len(self.accepted))
        run = Run(self.kernel, self.state.only(every), None, self.n_warmup, self.thin)
        run.steps, run.accepted, run.draws = self.steps, self.accepted.copy(), self.draws
        return run

    def advance(self, target: Target, noise: Any, log_u: NDArray[np.float32]) -> None:
        """One step of all chains."""
        moved, log_r = step(self.kernel, target, self.state, noise, log_u)
        self.steps += 1
        if self.steps > self.n_warmup:
            self.accepted += moved
            if (self.steps - self.n_warmup) % self.thin == 0:
                self.draws[self.kept - 1] = self.state.x
        elif self.warm_up is not None:
            assert isinstance(self.kernel, (RandomWalk, Hamiltonian))
            acceptance = float(np.exp(np.minimum(log_r, 0)).mean())
            self.kernel = self.warm_up.update(self.kernel, self.steps, self.state.x, acceptance)

    def state_dict(self) -> dict[str, Any]:
        scale = {}
        if isinstance(self.kernel, (RandomWalk, Hamiltonian)):
            scale = {"step_size": self.kernel.step_size, "factor": self.kernel.factor}
        return {
            "steps": self.steps,
            "n_warmup": self.n_warmup,
            "thin": self.thin,
            "state": dict(vars(self.state)),
            "scale": scale,
            "accepted": self.accepted,
            "draws": self.draws[: self.kept],
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.steps, self.accepted = state["steps"], state["accepted"]
        self.n_warmup, self.thin = state["n_warmup"], state["thin"]
        self.state = State(**state["state"])
        if isinstance(self.kernel, (RandomWalk, Hamiltonian)):
            self.kernel = replace(self.kernel, **state["scale"])
        self.draws = state["draws"]
