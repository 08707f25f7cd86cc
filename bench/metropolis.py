"""Random-walk Metropolis of 1000 chains: effective draws per second beside emcee and blackjax.

Three targets of known moments, one fixed scale for all who take part. What is timed is the walk: so
many steps of all chains from draws of the law itself, every state kept. Everybody's draws are then
judged by the same function, outside the time.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import median
from typing import Any

import numpy as np

from pushforward.classical.chains import diagnose
from pushforward.classical.metropolis_hastings import MetropolisHastings
from record import folder_of, keep, machine, options_of, print_table

N_CHAINS = 1000
BEND = 0.5  # of the banana
JUDGED = 3  # coordinates: the first, the last and one between
NOTES = [
    "ours is the whole fit: checks of the density, the walk, a first look at R-hat; no warm-up, "
    "since the scale is given; the walk keeps float64 or float32 draws as named",
    "emcee keeps float64, blackjax float32; blackjax and the torch density use all threads",
    "the effective size is the smallest bulk one of up to three coordinates, of all draws, by the "
    "same function for all (it agrees with arviz to its digits)",
    "blackjax: time of compiling excluded, by a run before",
]

Walk = Callable[[np.ndarray, int, int], np.ndarray]  # starts, steps, seed -> (steps, chains, p)


@dataclass(frozen=True)
class Law:
    """A target: its log-density by NumPy, by JAX for one row, draws of it, and the scale."""

    name: str
    p: int
    scale: float
    log_prob: Callable[[Any, Any], Any]  # of rows, and the module to compute with
    draw: Callable[[int, np.random.Generator], np.ndarray]
    sd: np.ndarray  # of each coordinate
    steps: int


def normal(p: int, rho: float, scale: float, steps: int) -> Law:
    """N(0, Σ), Σ_ij = ρ^|i−j|."""
    covariance = rho ** np.abs(np.subtract.outer(np.arange(p), np.arange(p)))
    precision, factor = np.linalg.inv(covariance), np.linalg.cholesky(covariance)
    known = {np.dtype(d): precision.astype(d) for d in ("float32", "float64")}

    def log_prob(x: Any, xp: Any) -> Any:
        return -0.5 * xp.einsum("...i,...i->...", x @ known[np.dtype(x.dtype)], x)

    def draw(n: int, rng: np.random.Generator) -> np.ndarray:
        return rng.standard_normal((n, p)) @ factor.T

    return Law(f"normal, p = {p}, AR({rho})", p, scale, log_prob, draw, np.ones(p), steps)


def banana(scale: float, steps: int) -> Law:
    """x ~ N(0, 1), y | x ~ N(b (x² − 1), 1): means 0, variances 1 and 1 + 2b²."""

    def log_prob(x: Any, xp: Any) -> Any:  # noqa: ARG001
        a, b = x[..., 0], x[..., 1]
        rest = b - BEND * (a * a - 1)
        return -0.5 * (a * a + rest * rest)

    def draw(n: int, rng: np.random.Generator) -> np.ndarray:
        a, b = rng.standard_normal((2, n))
        return np.column_stack([a, b + BEND * (a * a - 1)])

    sd = np.sqrt([1.0, 1 + 2 * BEND**2])
    return Law("banana, p = 2", 2, scale, log_prob, draw, sd, steps)


def laws(quick: bool) -> list[Law]:
    share = 5 if quick else 1
    smallest = np.sqrt(0.1)  # standard deviation of the normal's shorter axis
    return [
        normal(2, 0.9, 2.38 / np.sqrt(2) * smallest, 1000 // share),
        banana(2.38 / np.sqrt(2), 1000 // share),
        normal(50, 0.5, 2.38 / np.sqrt(50) * 0.8, 2000 // share),
    ]


def ours(law: Law, dtype: str) -> Walk:
    def walk(x: np.ndarray, steps: int, seed: int) -> np.ndarray:
        sampler = MetropolisHastings(
            lambda rows: law.log_prob(rows, np),
            n_chains=len(x),
            n_warmup=0,
            n_draws=steps,
            step_size=law.scale,
            covariance="identity",
            dtype=dtype,
            random_state=seed,
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # short chains have not mixed
            return sampler.fit(x).draws_

    return walk


def plain_loop(law: Law) -> Walk:
    """What one writes by hand."""

    def walk(x: np.ndarray, steps: int, seed: int) -> np.ndarray:
        rng = np.random.default_rng(seed)
        draws, log_f = np.empty((steps, *x.shape)), law.log_prob(x, np)
        for t in range(steps):
            y = x + law.scale * rng.standard_normal(x.shape)
            log_g = law.log_prob(y, np)
            moved = np.log(rng.random(len(x))) < log_g - log_f
            x, log_f = np.where(moved[:, None], y, x), np.where(moved, log_g, log_f)
            draws[t] = x
        return draws

    return walk


def emcee_walk(law: Law) -> Walk:
    import emcee

    move = emcee.moves.GaussianMove(law.scale**2)

    def walk(x: np.ndarray, steps: int, seed: int) -> np.ndarray:
        sampler = emcee.EnsembleSampler(
            *x.shape, lambda rows: law.log_prob(rows, np), vectorize=True, moves=move
        )
        sampler.random_state = np.random.RandomState(seed).get_state()
        sampler.run_mcmc(x, steps, skip_initial_state_check=True)
        return sampler.get_chain()

    return walk


def blackjax_walk(law: Law) -> Walk:
    import blackjax
    import jax
    import jax.numpy as jnp

    move = blackjax.mcmc.random_walk.normal(jnp.full(law.p, law.scale, jnp.float32))
    kernel = blackjax.additive_step_random_walk(lambda row: law.log_prob(row, jnp), move)

    def walk(x: np.ndarray, steps: int, seed: int) -> np.ndarray:
        return np.asarray(compiled(jax.random.key(seed), jnp.asarray(x, jnp.float32), steps))

    def whole(key: Any, x: Any, steps: int) -> Any:
        def one(state: Any, key: Any) -> tuple[Any, Any]:
            state, _ = jax.vmap(kernel.step)(jax.random.split(key, len(x)), state)
            return state, state.position

        return jax.lax.scan(one, jax.vmap(kernel.init)(x), jax.random.split(key, steps))[1]

    compiled = jax.jit(whole, static_argnums=2)
    return walk


@dataclass
class Contender:
    """Somebody's walk, the seconds of each block, and the effective draws in it."""

    name: str
    walk: Walk
    seconds: list[float] = field(default_factory=list)
    effective: list[float] = field(default_factory=list)
    error: float = 0.0  # of the standard deviations, relative, the largest of all

    def play(self, law: Law, steps: int, seed: int) -> None:
        x = law.draw(N_CHAINS, np.random.default_rng([seed, 1]))
        began = time.perf_counter()
        draws = self.walk(x, steps, seed)
        self.seconds.append(time.perf_counter() - began)
        judged = np.unique(np.linspace(0, law.p - 1, JUDGED).astype(int))
        found = diagnose(draws[:, :, judged])
        self.effective.append(float(found.ess_bulk.min()))
        self.error = max(self.error, float(np.abs(found.sd / law.sd[judged] - 1).max()))

    @property
    def per_second(self) -> float:
        rates = [ess / s for ess, s in zip(self.effective, self.seconds, strict=True)]
        return median(rates)


def contenders(law: Law) -> tuple[list[Contender], list[str]]:
    found = [
        Contender("pushforward, float32", ours(law, "float32")),
        Contender("pushforward, float64", ours(law, "float64")),
        Contender("plain NumPy loop", plain_loop(law)),
    ]
    missing = []
    for name, make in (("emcee", emcee_walk), ("blackjax", blackjax_walk)):
        try:
            found.append(Contender(name, make(law)))
        except ImportError as error:
            missing.append(f"{name}: not measured (cannot import {error.name})")
    return found, missing


def measure(law: Law, blocks: int) -> tuple[list[dict[str, Any]], list[str]]:
    found, missing = contenders(law)
    for contender in found:  # compiles, warms up
        contender.walk(law.draw(N_CHAINS, np.random.default_rng(0)), law.steps, 0)
    for block in range(blocks):
        start = block % len(found)
        for contender in found[start:] + found[:start]:
            contender.play(law, law.steps, block)
    best = found[0].per_second
    lines = [
        {
            "law": law.name,
            "sampler": c.name,
            "us_per_step": median(c.seconds) / law.steps * 1e6,
            "effective": median(c.effective),
            "effective_per_second": c.per_second,
            "ours_float32_to_it": best / c.per_second,
            "ours_float64_to_it": found[1].per_second / c.per_second,
            "sd_error": c.error,
            "blocks_s": c.seconds,
        }
        for c in found
    ]
    return lines, missing


def main() -> None:
    parser = options_of(__doc__)
    parser.add_argument("--blocks", type=int, help="blocks of each (default 5, quick 2)")
    options = parser.parse_args()
    blocks, kind = options.blocks or (2 if options.quick else 5), machine()
    lines: list[dict[str, Any]] = []
    missing: list[str] = []
    for law in laws(options.quick):
        found, absent = measure(law, blocks)
        lines, missing = lines + found, absent
        head = (law.name, "µs/step", "ESS", "ESS/s", "float32 is", "float64 is", "sd error")
        rows = [
            (
                line["sampler"],
                f"{line['us_per_step']:.1f}",
                f"{line['effective']:.0f}",
                f"{line['effective_per_second']:.0f}",
                f"{line['ours_float32_to_it']:.2f} ×",
                f"{line['ours_float64_to_it']:.2f} ×",
                f"{line['sd_error']:.1%}",
            )
            for line in found
        ]
        print_table(head, rows)
    print("\n".join(missing))
    settings = {"chains": N_CHAINS, "blocks": blocks, "bend": BEND}
    result = {"machine": kind, "settings": settings, "lines": lines, "missing": missing}
    keep("metropolis", folder_of(options), result | {"notes": NOTES})


if __name__ == "__main__":
    main()
