"""Proposals x* ~ q(· | x), as values: what noise they need, and what they make of it.

A kernel is a frozen value. `noise` draws what a number of steps need, for all chains; `propose`
turns one step's noise into x*, and gives log q(x | x*) − log q(x* | x) with it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from pushforward.classical.target import Array, State, Target
from pushforward.errors import InputError

IN_CACHE = 2**16  # normals made at a time


class Kernel(Protocol):
    """What Metropolis–Hastings needs of a proposal."""

    needs_gradient: ClassVar[bool]

    def noise(self, rng: np.random.Generator, n_steps: int, shape: tuple[int, int]) -> Any:
        """A sequence with what each step needs; `shape` is (n_chains, p)."""

    def propose(self, target: Target, state: State, noise: Any) -> tuple[State, Array | float]:
        """The candidates, evaluated, and log q(x | x*) − log q(x* | x)."""


@dataclass(frozen=True)
class RandomWalk:
    """x* = x + s·L z, z ~ N(0, I): symmetric, so q cancels.

    `factor` is L, `(p, p)`, its diagonal, `(p,)`, or one number for all of it, `()`. With L Lᵀ the
    covariance of a normal target, s = 2.38/√p is best, and an acceptance from 0.44 (p = 1) to 0.234
    (p → ∞): Gelman, Roberts and Gilks 1996.
    """

    step_size: float
    factor: Array

    needs_gradient: ClassVar[bool] = False

    @staticmethod
    def first_step_size(p: int) -> float:
        return 2.38 / math.sqrt(p)

    @staticmethod
    def wanted_acceptance(p: int) -> float:
        return 0.234 + 0.206 / p

    def noise(
        self, rng: np.random.Generator, n_steps: int, shape: tuple[int, int]
    ) -> NDArray[np.float32]:
        return normals(rng, (n_steps, *shape))

    def propose(
        self, target: Target, state: State, noise: NDArray[np.float32]
    ) -> tuple[State, float]:
        return target(state.x + scaled(self.step_size, self.factor, noise)), 0.0


@dataclass(frozen=True)
class Hamiltonian:
    """Leapfrog along the energy ½|v|² − log f(x), v ~ N(0, I), with M⁻¹ = L Lᵀ.

    v ← v + ½ε Lᵀ∇log f(x);  x ← x + ε L v;  v ← v + ½ε Lᵀ∇log f(x), n times;
    log q(x | x*) − log q(x* | x) = ½|v|² − ½|v*|². Jittered, n ~ U{1, …, n_leapfrog} is drawn for
    each step, which keeps trajectories from closing on themselves. Neal 2011, arXiv:1206.1901,
    §§3 and 5.3. One leapfrog step is the Langevin proposal (MALA; §5.2 there; Roberts and Tweedie
    1996): x* ~ N(x + ½ε² Σ∇log f(x), ε² Σ), Σ = L Lᵀ.
    """

    step_size: float
    factor: Array
    n_leapfrog: int = 1
    jitter: bool = False

    needs_gradient: ClassVar[bool] = True

    @staticmethod
    def first_step_size(p: int) -> float:
        return p**-0.25

    def wanted_acceptance(self, p: int) -> float:  # noqa: ARG002
        return 0.574 if self.n_leapfrog == 1 else 0.8

    def noise(
        self, rng: np.random.Generator, n_steps: int, shape: tuple[int, int]
    ) -> list[tuple[Array, int]]:
        velocities = rng.standard_normal((n_steps, *shape))
        least = 1 if self.jitter else self.n_leapfrog
        counts = rng.integers(least, self.n_leapfrog, n_steps, endpoint=True)
        return list(zip(velocities, counts.tolist(), strict=True))

    def propose(
        self, target: Target, state: State, noise: tuple[Array, int]
    ) -> tuple[State, Array]:
        v, n_leapfrog = noise[0].astype(state.x.dtype), noise[1]
        moved = state
        # Too large a step leaves the numbers; such a candidate is rejected.
        with np.errstate(over="ignore", invalid="ignore"):
            before = 0.5 * (v * v).sum(1)
            for _ in range(n_leapfrog):
                v = v + self._half_kick(moved)
                moved = target(moved.x + scaled(self.step_size, self.factor, v))
                v = v + self._half_kick(moved)
            gained = before - 0.5 * (v * v).sum(1)
        return moved, np.where(np.isnan(gained), -np.inf, gained)

    def _half_kick(self, state: State) -> Array:
        assert state.gradient is not None
        return scaled(0.5 * self.step_size, self.factor.T, state.gradient)


@dataclass(frozen=True)
class Given:
    """A user's own proposal: `draw(x, rng)`, with `log_density(to, given)` or `symmetric = True`.

    `draw` gives one row for each row of x, `log_density` one number for each pair of rows.

    Raises:
        InputError: it does not draw, or is not symmetric and has no density; what it gives has
            another shape, or a density that does not fit what was drawn.
    """

    proposal: Any

    needs_gradient: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if not callable(getattr(self.proposal, "draw", None)):
            raise InputError(
                "expected a proposal with draw(x, rng), or one of 'random-walk', 'mala', 'hmc'; "
                f"got {self.proposal!r}"
            )
        density = callable(getattr(self.proposal, "log_density", None))
        if not density and getattr(self.proposal, "symmetric", False) is not True:
            raise InputError(
                "expected the proposal to have log_density(to, given), log q(to | given) of each "
                "row; without it the chains would have another law. Where q(a | b) = q(b | a) for "
                "all a and b, say symmetric = True instead"
            )

    def noise(
        self,
        rng: np.random.Generator,
        n_steps: int,
        shape: tuple[int, int],  # noqa: ARG002
    ) -> list[np.random.Generator]:
        return rng.spawn(n_steps)

    def propose(
        self, target: Target, state: State, noise: np.random.Generator
    ) -> tuple[State, Array | float]:
        x = state.x
        to = np.array(self.proposal.draw(x.copy(), noise), dtype=x.dtype)
        if to.shape != x.shape or not np.isfinite(to).all():
            raise InputError(
                f"expected the proposal's draw to give finite rows of shape {x.shape}, one for "
                f"each chain, got shape {to.shape}"
            )
        if getattr(self.proposal, "symmetric", False) is True:
            return target(to), 0.0
        forth, back = self._log_density(to, x), self._log_density(x, to)
        if not np.isfinite(forth).all():
            raise InputError(
                "the proposal's log_density gives no finite number for a row that its draw drew; "
                "the two do not belong together"
            )
        return target(to), back - forth

    def _log_density(self, to: Array, given: Array) -> Array:
        values = np.asarray(self.proposal.log_density(to, given), dtype=float)
        if values.shape != (len(to),) or np.isnan(values).any() or (values == np.inf).any():
            raise InputError(
                f"expected the proposal's log_density to give {len(to)} numbers below inf, one for "
                f"each row, got shape {values.shape}"
            )
        return values


@dataclass(frozen=True)
class Independence:
    """Proposals that forget where the chain is: x* ~ q, `draw(n, rng)` and `log_density(x)`.

    q must not be narrower than the target in its tails, or chains stick there. A fitted sampler
    with a density will do.

    >>> cauchy = Independence(
    ...     lambda n, rng: rng.standard_cauchy((n, 1)), lambda x: -np.log1p(x[:, 0] ** 2)
    ... )
    """

    draw_rows: Callable[[int, np.random.Generator], Any]
    log_density_of: Callable[[Array], Any]

    def draw(self, x: Array, rng: np.random.Generator) -> Any:
        return self.draw_rows(len(x), rng)

    def log_density(self, to: Array, given: Array) -> Any:  # noqa: ARG002
        return self.log_density_of(to)


def scaled(step_size: float, factor: Array, z: NDArray) -> NDArray:
    """s·L z for each row of z, in the precision of z."""
    matrix = np.asarray(step_size * factor).astype(z.dtype)
    return z @ matrix.T if matrix.ndim == 2 else z * matrix


def normals(rng: np.random.Generator, shape: Sequence[int]) -> NDArray[np.float32]:
    """Standard normals in float32, by the formula of Box and Muller 1958.

    √(−2 log u)·(cos 2πv, sin 2πv); |z| ends at 5.6, which a symmetric proposal may. NumPy has
    vector instructions for this and none for its own normals, which take three times as long.
    """
    n = math.prod(shape)
    z = np.empty(n + n % 2, dtype=np.float32)
    for start in range(0, n, IN_CACHE):
        cosines, sines = np.split(z[start : start + IN_CACHE], 2)
        # Random bits behind the exponent of 1 make floats that are uniform on [1, 2).
        bits = rng.integers(0, 2**64, len(cosines), dtype=np.uint64).view(np.uint32)
        bits >>= 9
        bits |= 0x3F800000
        radius, angle = np.split(bits.view(np.float32), 2)
        np.subtract(2, radius, out=radius)  # on (0, 1]
        np.log(radius, out=radius)
        radius *= -2
        np.sqrt(radius, out=radius)
        angle *= 2 * math.pi
        np.multiply(np.cos(angle), radius, out=cosines)
        np.multiply(np.sin(angle), radius, out=sines)
    return z[:n].reshape(shape)
