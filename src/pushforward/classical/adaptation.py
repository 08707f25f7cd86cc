"""What warm-up learns: the step size by dual averaging, the covariance over growing windows."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from pushforward.classical.proposals import Hamiltonian, RandomWalk
from pushforward.classical.target import Array

WINDOWS = (0.1, 0.2, 0.4, 0.8)  # of warm-up: where the covariance is renewed, from the last window
EVERY = 4  # steps between the rows that enter the covariance: neighbours are nearly the same

Scaled = RandomWalk | Hamiltonian


@dataclass
class DualAveraging:
    """A step size whose mean acceptance comes to `wanted`: Hoffman and Gelman 2014, §3.2.1.

    H̄ ← (1 − 1/(t + t₀)) H̄ + (wanted − acceptance)/(t + t₀);  log ε = log ε₀ − (√t / γ) H̄;
    log ε̄ ← t^(−κ) log ε + (1 − t^(−κ)) log ε̄. Warm-up walks with ε and ends with ε̄.
    """

    first: float
    wanted: float
    t: int = 0
    error: float = 0.0
    log_mean: float = 0.0

    GAMMA, T0, KAPPA = 0.05, 10.0, 0.75

    def update(self, acceptance: float) -> float:
        """The next step size."""
        self.t += 1
        weight = 1 / (self.t + self.T0)
        self.error += weight * (self.wanted - acceptance - self.error)
        log_step = math.log(self.first) - math.sqrt(self.t) / self.GAMMA * self.error
        log_step = min(max(log_step, -300.0), 300.0)
        self.log_mean += self.t**-self.KAPPA * (log_step - self.log_mean)
        return math.exp(log_step)

    @property
    def mean(self) -> float:
        return math.exp(self.log_mean) if self.t else self.first


class Moments:
    """Mean and scatter of all rows so far, one batch at a time: Chan, Golub and LeVeque 1983."""

    def __init__(self, p: int, *, dense: bool) -> None:
        self.n = 0
        self.mean = np.zeros(p)
        self.scatter = np.zeros((p, p) if dense else p)

    def add(self, x: Array) -> None:
        mean = x.mean(0)
        centred, shift, total = x - mean, mean - self.mean, self.n + len(x)
        weight = self.n * len(x) / total
        if self.scatter.ndim == 1:
            self.scatter += (centred * centred).sum(0) + weight * shift**2
        else:
            self.scatter += centred.T @ centred + weight * np.outer(shift, shift)
        self.mean += shift * (len(x) / total)
        self.n = total

    def factor(self) -> Array | None:
        """L of the covariance L Lᵀ, or its diagonal; None while a coordinate has not moved.

        Few rows tell little of correlations: the covariance is drawn to its diagonal by p rows'
        weight.
        """
        p = len(self.mean)
        variance = self.scatter if self.scatter.ndim == 1 else np.diag(self.scatter)
        if self.n < 2 or not (variance > 0).all():
            return None
        if self.scatter.ndim == 1:
            return np.sqrt(variance / (self.n - 1))
        weight = self.n / (self.n + p)
        shrunk = weight * self.scatter + (1 - weight) * np.diag(variance)
        return np.asarray(np.linalg.cholesky(shrunk / (self.n - 1)))


class WarmUp:
    """Adapts a kernel step by step; what it has learnt is frozen when warm-up is over.

    `covariance` is "dense", "diagonal" or "identity" (not learnt); `step_size` None is adapted.
    """

    def __init__(self, n_steps: int, p: int, covariance: str, step_size: float | None) -> None:
        self.n_steps, self.p, self.covariance, self.step_size = n_steps, p, covariance, step_size
        self.ends = {round(share * n_steps) for share in WINDOWS}

    def begin(self, kernel: Scaled, x: Array) -> Scaled:
        """The kernel to start with, L being the spread of the starts x."""
        if self.covariance != "identity":
            spread = x.std(0, dtype=float)
            kernel = replace(kernel, factor=np.where(spread > 0, spread, 1.0))
        self.moments = Moments(self.p, dense=self.covariance == "dense")
        self.steps = DualAveraging(kernel.step_size, kernel.wanted_acceptance(self.p))
        return kernel

    def update(self, kernel: Scaled, step: int, x: Array, acceptance: float) -> Scaled:
        """The kernel after `step` steps (from 1), the last of which led to x.

        `acceptance` is the mean over chains of min(1, ratio).
        """
        if self.step_size is None:
            kernel = replace(kernel, step_size=self.steps.update(acceptance))
        if self.covariance != "identity":
            kernel = self._renew(kernel, step, x)
        if step == self.n_steps and self.step_size is None:
            kernel = replace(kernel, step_size=self.steps.mean)
        return kernel

    def _renew(self, kernel: Scaled, step: int, x: Array) -> Scaled:
        if step % EVERY == 0 and step <= max(self.ends):
            self.moments.add(x)
        if step not in self.ends:
            return kernel
        factor = self.moments.factor()
        self.moments = Moments(self.p, dense=self.covariance == "dense")
        if factor is None:
            return kernel
        kernel = replace(kernel, factor=factor)
        if self.step_size is None:
            kernel = replace(kernel, step_size=kernel.first_step_size(self.p))
            self.steps = DualAveraging(kernel.step_size, kernel.wanted_acceptance(self.p))
        return kernel

    def state_dict(self) -> dict[str, Any]:
        return {"moments": dict(vars(self.moments)), "steps": dict(vars(self.steps))}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        vars(self.moments).update(state["moments"])
        vars(self.steps).update(state["steps"])
