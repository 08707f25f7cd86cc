"""Metropolis–Hastings: draws from a density that is known up to a constant."""

from __future__ import annotations

import hashlib
import math
import time
import warnings
from contextlib import closing
from dataclasses import replace
from typing import Any, Self

import numpy as np
import pandas as pd
from pandas.api.types import is_numeric_dtype
from sklearn.utils.validation import check_is_fitted

import pushforward
from pushforward.classical.adaptation import WarmUp
from pushforward.classical.chains import Diagnostics, diagnose, split_r_hat
from pushforward.classical.proposals import Given, Hamiltonian, RandomWalk
from pushforward.classical.starts import starts
from pushforward.classical.target import Array, LogProb, State, Target
from pushforward.classical.walk import Run, noise_of, step
from pushforward.data.encoding import Encoding
from pushforward.errors import InputError, NotConverged, TrainingWarning
from pushforward.locking import alone_with
from pushforward.progress import shown
from pushforward.safekeeping import keep_twice
from pushforward.sampler import Effort, Sampler, check_flag, describe
from pushforward.signals import asked, finishing

PROPOSALS = ("random-walk", "mala", "hmc")
COVARIANCES = ("dense", "diagonal", "identity")
DTYPES = ("float64", "float32")
FEWEST_DRAWS = 4  # of a chain, for R̂ to be defined
AGREED, DISAGREED = 1.01, 1.1  # R̂ below which chains have mixed, and above which they have not
LARGEST = 2 * 2**30  # bytes of draws that are kept
LOOK = 64  # chains by which `sample` judges: thousands tell no more of the autocorrelation
LOOK_DRAWS = 200  # of each chain, by which its mean is compared with others'
SAVE_SECONDS = 5.0  # between checkpoints
SAVE_SHARE = 0.1  # of the time, that checkpoints take at most


class MetropolisHastings(Sampler):
    """A law given by its log-density: chains that leave it invariant, thousands at once.

    x* ~ q(· | x) is taken with probability min(1, f(x*) q(x | x*) / (f(x) q(x* | x))), else the
    chain stays. Step size and covariance are learnt in warm-up and then frozen. `fit(X)` starts
    chains at rows of X; `fit()` with `n_features` at draws of N(0, 4 I). Afterwards there are
    `draws_` (n_draws, n_chains, p), `acceptance_` of each chain, `diagnostics_` (R̂, effective
    sizes, Monte Carlo errors) and `summary()`, a table of them.

    `sample(n)` goes on from where the chains are, for two autocorrelation times between draws of
    one chain, so that draws are nearly independent: `sample_ess_` says how many independent ones
    they are worth. It raises `NotConverged` while chains disagree or stick; `extend` walks on.

    Args:
        log_prob: log f up to a constant, of rows `(n_chains, p)`: `(n_chains,)`, −inf outside the
            support. NumPy or torch: it is called with a NumPy array first, with a tensor on the
            CPU if that fails, and only with tensors where gradients are needed.
        proposal: "random-walk"; "mala" (Langevin) or "hmc" (Hamiltonian), where torch can
            differentiate log_prob; or an object with `draw(x, rng)`, rows for rows, and
            `log_density(to, given)` or `symmetric = True`, such as an `Independence`.
        n_features: p, where no rows are given.
        n_chains, n_warmup: chains, and steps of warm-up.
        n_draws, thin: draws kept of each chain, every `thin`-th step.
        step_size: s of x + s·L z, or the leapfrog's ε; None adapts it.
        covariance: "dense" or "diagonal", learnt over all chains as L Lᵀ; "identity" is L = I.
        n_leapfrog, jitter: leapfrog steps of "hmc"; jittered, from 1 to so many at each step.
        dtype: of the chains. "float32" takes half the time and memory, where it tells log f to
            what matters.
        random_state: a seed, for bit-exact repetition.

    Raises:
        InputError: a log_prob that is not vectorised, or not finite in the support; a proposal that
            is not symmetric and has no density; more draws than 2 GB.

    >>> target = MetropolisHastings(lambda x: -0.5 * (x**2).sum(1), n_features=2, random_state=0)
    >>> target.fit().sample(3, random_state=0).shape
    (3, 2)
    >>> bool((abs(target.diagnostics_.mean) < 5 * target.diagnostics_.mcse_mean).all())
    True
    """

    _run: Run
    _diagnostics: Diagnostics | None
    _look: Diagnostics | None

    def __init__(
        self,
        log_prob: LogProb | None = None,
        *,
        proposal: Any = "random-walk",
        n_features: int | None = None,
        n_chains: int = 64,
        n_warmup: int = 2000,
        n_draws: int = 4000,
        thin: int = 1,
        step_size: float | None = None,
        covariance: str = "dense",
        n_leapfrog: int = 8,
        jitter: bool = True,
        dtype: str = "float64",
        random_state: int | None = None,
    ) -> None:
        self.log_prob = log_prob
        self.proposal = proposal
        self.n_features = n_features
        self.n_chains = n_chains
        self.n_warmup = n_warmup
        self.n_draws = n_draws
        self.thin = thin
        self.step_size = step_size
        self.covariance = covariance
        self.n_leapfrog = n_leapfrog
        self.jitter = jitter
        self.dtype = dtype
        self.random_state = random_state

    def _space(self, X: Any) -> Encoding:
        if X is None:
            if self.n_features is None:
                raise InputError(
                    "expected rows X for chains to start at, fit(X), or n_features, the number of "
                    "columns of log_prob"
                )
            check_whole("n_features", self.n_features)
            return Encoding.points(int(self.n_features))
        if isinstance(X, pd.DataFrame):
            other = [name for name in X.columns if not is_numeric_dtype(X[name])]
            if other:
                raise InputError(f"expected columns of numbers for log_prob, {other} are not")
        elif X.ndim != 2:
            raise InputError(f"expected rows (n, p) for chains to start at, got shape {X.shape}")
        if self.n_features not in (None, X.shape[1]):
            raise InputError(
                f"expected rows with n_features = {self.n_features} columns, got {X.shape[1]}"
            )
        return Encoding.points(X.shape[1] if not isinstance(X, pd.DataFrame) else list(X.columns))

    def _fit(self, Z: np.ndarray, effort: Effort) -> None:
        self._check_parameters(Z.shape[1])
        shape = (int(self.n_chains), Z.shape[1])
        kernel = self._kernel(shape[1])
        target, state = starts(
            self.log_prob, Z.astype(self.dtype), shape, effort.rng, kernel.needs_gradient
        )
        warm_up = None
        if self.n_warmup and isinstance(kernel, (RandomWalk, Hamiltonian)):
            warm_up = WarmUp(int(self.n_warmup), shape[1], self.covariance, self.step_size)
            kernel = warm_up.begin(kernel, state.x)
        run = Run(kernel, state, warm_up, int(self.n_warmup), int(self.thin))
        path, n_draws = effort.checkpoint, int(self.n_draws)
        if path is None:
            self._walk(target, run, n_draws, effort)
            return
        with alone_with(path, path.with_name(f"{path.name}.lock")), finishing("the step"):
            checkpoint = self._checkpoint(run, Z)
            checkpoint.resume(path)
            self._walk(target, run, n_draws, effort, checkpoint)

    def extend(self, n_draws: int, *, progress: bool = True) -> Self:
        """Walk on for `n_draws` more draws of each chain: as if it had been so many at once.

        Raises:
            InputError: `n_draws` is not a whole number above 0, or more than 2 GB in all.
        """
        check_is_fitted(self)
        check_whole("n_draws", n_draws)
        run = self._run.copy()  # an interrupted walk leaves the model as it was
        total = run.kept + int(n_draws)
        self._check_size(total, self.encoding_.width)
        effort = Effort(np.random.default_rng(self.seed_), progress=progress)
        self._walk(self._target(), run, total, effort)
        return self

    def summary(self) -> str:
        """A line for each coordinate: mean, sd, Monte Carlo error, effective sizes, R̂."""
        return str(self.diagnostics_)

    @property
    def diagnostics_(self) -> Diagnostics:
        """R̂, effective sizes and Monte Carlo errors over all chains, computed when asked for."""
        check_is_fitted(self)
        if self._diagnostics is None:
            self._diagnostics = diagnose(self.draws_, self._names)
        return self._diagnostics

    @property
    def draws_(self) -> Array:
        """What the chains drew after warm-up, `(n_draws, n_chains, p)`."""
        return self._run.draws[: self._run.kept]

    @property
    def acceptance_(self) -> Array:
        """The share of proposals that each chain took after warm-up, `(n_chains,)`."""
        return self._run.accepted / max(1, self._run.steps - self._run.n_warmup)

    @property
    def step_size_(self) -> float | None:
        """The step size that was used after warm-up; None for a proposal of the user's."""
        return getattr(self._run.kernel, "step_size", None)

    @property
    def _names(self) -> list[str]:
        return self.encoding_.columns or [f"x{j}" for j in range(self.encoding_.width)]

    def _walk(
        self, target: Target, run: Run, n_draws: int, effort: Effort, checkpoint: Any = None
    ) -> None:
        """Warm-up and draws, from where the run is to `n_draws` of each chain."""
        stop, path = run.make_room(n_draws), effort.checkpoint
        saved, wait = time.monotonic(), SAVE_SECONDS
        with closing(noise_of(run.kernel, run.state.x.shape, self.seed_, run.steps, stop)) as noise:
            steps = shown(range(run.steps, stop), "steps of all chains", effort.progress)
            for _, (z, log_u) in zip(steps, noise, strict=True):
                run.advance(target, z, log_u)
                if effort.time_is_up or (path is not None and asked()):
                    break
                if path is not None and time.monotonic() - saved >= wait:
                    began = time.monotonic()
                    keep_twice(path, checkpoint.state())
                    saved = time.monotonic()
                    wait = max(SAVE_SECONDS, (saved - began) / SAVE_SHARE)
        if path is not None:
            keep_twice(path, checkpoint.state())
            if asked():  # and ends, once this is saved
                return
        if run.kept < FEWEST_DRAWS:
            raise NotConverged(
                f"the budget was over after {run.steps} steps of all chains, of which "
                f"{run.n_warmup} are warm-up: give more time, or fewer n_chains or n_warmup"
            )
        if run.steps < stop:
            warnings.warn(
                f"the budget was over after {run.kept} of {n_draws} draws of each chain",
                TrainingWarning,
                stacklevel=4,
            )
        self._run, self._diagnostics, self._look = run, None, None
        trouble = self._trouble(self._agreement())
        if trouble is not None:
            warnings.warn(str(trouble), TrainingWarning, stacklevel=4)

    def _trouble(self, r_hat: Array) -> NotConverged | TrainingWarning | None:
        """What is wrong with the chains, and what to change; None when they have mixed."""
        run = self._run
        stuck = int((run.accepted == 0).sum())
        if stuck:
            return NotConverged(
                f"{stuck} of {len(run.accepted)} chains stick: not one of {run.kept * run.thin} "
                "proposals was taken. Choose a smaller step_size (None adapts it), a longer "
                "n_warmup or better starts, fit(X)"
            )
        known = np.where(np.isnan(r_hat), 1.0, r_hat)  # a coordinate that never moves
        worst = int(np.argmax(known))
        said = f"R̂ is {known[worst]:.3f} in coordinate {self._names[worst]}"
        if known[worst] > DISAGREED:
            return NotConverged(
                f"the chains disagree, {said} (1 is agreement, up to {DISAGREED} is drawn from). "
                f"Walk on, extend({run.kept}), or warm up for longer; if modes are far apart, "
                "start chains in proportion in all of them or give a proposal that jumps between "
                "them"
            )
        if known[worst] > AGREED:
            return TrainingWarning(
                f"the chains have not quite mixed, {said} (below {AGREED} is good): walk on, "
                f"extend({run.kept})"
            )
        return None

    def _looked(self) -> Diagnostics:
        """Diagnostics of some chains, enough for the autocorrelation time; R̂ heeds all."""
        if self._look is None:
            look = diagnose(self.draws_[:, :: math.ceil(self.draws_.shape[1] / LOOK)], self._names)
            self._look = replace(look, r_hat=np.fmax(look.r_hat, self._agreement()))
        return self._look

    def _agreement(self) -> Array:
        """R̂ of all chains by some of their draws, which says the same of their means."""
        return split_r_hat(self.draws_[:: max(1, len(self.draws_) // LOOK_DRAWS)])

    def _draw(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """n rows: the chains walk on from where they are, and give one each for every `gap` draws.

        With τ the largest autocorrelation time, ρ = (τ − 1)/(τ + 1) is the correlation of
        neighbours in a first-order autoregression and ρ^(2τ) < 0.02 that of the rows of one chain.
        """
        look, run = self._looked(), self._run
        trouble = self._trouble(look.r_hat)
        if isinstance(trouble, NotConverged):
            raise trouble
        if trouble is not None:
            warnings.warn(str(trouble), TrainingWarning, stacklevel=3)
        state = run.state.only(rng.permutation(len(run.accepted))[:n])
        n_chains, p = state.x.shape
        looked_at = self.draws_[:, :: math.ceil(self.draws_.shape[1] / LOOK), 0].size
        tau = max(1.0, float((looked_at / np.fmin(look.ess_bulk, look.ess_tail)).max()))
        gap, rounds = math.ceil(2 * tau), math.ceil(n / n_chains)
        every = gap * run.thin
        target, drawn = self._target(), np.empty((rounds, n_chains, p))
        noise = noise_of(run.kernel, (n_chains, p), int(rng.integers(2**63)), 0, rounds * every)
        with closing(noise):
            for number, (z, log_u) in enumerate(noise, 1):
                step(run.kernel, target, state, z, log_u)
                if number % every == 0:
                    drawn[number // every - 1] = state.x
        lag = np.arange(1, rounds)
        correlation = ((tau - 1) / (tau + 1)) ** (gap * lag)
        self.sample_ess_ = n / (1 + 2 * float((1 - lag / rounds) @ correlation))
        return drawn.reshape(-1, p)[:n]

    def _target(self) -> Target:
        kernel, x = self._run.kernel, self._run.state.x
        return Target(self.log_prob, x, gradient=kernel.needs_gradient)

    def _kernel(self, p: int) -> RandomWalk | Hamiltonian | Given:
        """The proposal before warm-up, with L = I."""
        factor = np.ones(())
        step_size = 1.0 if self.step_size is None else float(self.step_size)
        if not isinstance(self.proposal, str):
            return Given(self.proposal)
        if self.proposal == "random-walk":
            kernel: RandomWalk | Hamiltonian = RandomWalk(step_size, factor)
        elif self.proposal == "mala":
            kernel = Hamiltonian(step_size, factor)
        else:
            kernel = Hamiltonian(step_size, factor, int(self.n_leapfrog), self.jitter)
        if self.step_size is None:
            kernel = replace(kernel, step_size=kernel.first_step_size(p))
        return kernel

    def _check_parameters(self, p: int) -> None:
        for name in ("n_chains", "thin", "n_leapfrog"):
            check_whole(name, getattr(self, name))
        check_whole("n_warmup", self.n_warmup, least=0)
        check_whole("n_draws", self.n_draws, least=FEWEST_DRAWS)
        known = {"covariance": COVARIANCES, "dtype": DTYPES}
        if isinstance(self.proposal, str):
            known["proposal"] = PROPOSALS
        for name, values in known.items():
            if getattr(self, name) not in values:
                raise InputError(
                    f"expected {name} among {', '.join(map(repr, values))}, "
                    f"got {getattr(self, name)!r}"
                )
        size = self.step_size
        number = isinstance(size, (int, float, np.number)) and not isinstance(size, bool)
        if size is not None and not (number and 0 < size < math.inf):
            raise InputError(f"expected step_size to be above 0 or None, got {size!r}")
        check_flag("jitter", self.jitter)
        self._check_size(int(self.n_draws), p)

    def _check_size(self, n_draws: int, p: int) -> None:
        size = n_draws * int(self.n_chains) * p * np.dtype(self.dtype).itemsize
        if size > LARGEST:
            raise InputError(
                f"expected draws of at most {LARGEST / 2**30:.0f} GB, got {size / 2**30:.1f} GB: "
                f"{n_draws} draws of {self.n_chains} chains of {p} columns. Keep fewer n_draws, "
                "with a larger thin between them, or take fewer n_chains"
            )

    def _checkpoint(self, run: Run, rows: np.ndarray) -> Any:
        """What a file of this run must agree with, and what it holds."""
        from pushforward.training.checkpoint import Checkpoint  # with torch, when asked for

        fingerprint = {
            "version": pushforward.__version__,
            "method": describe(self),
            "seed": self.seed_,
            "rows": hashlib.sha256(rows.tobytes()).hexdigest(),
        }
        warm_up = {} if run.warm_up is None else {"warm_up": run.warm_up}
        return Checkpoint(fingerprint, {"run": run, **warm_up})

    def _state(self) -> dict[str, Any]:
        return self._run.state_dict()

    def _restore(self, state: dict[str, Any]) -> None:
        x = state["state"]["x"]
        kernel = self._kernel(x.shape[1])
        self._run = Run(kernel, State(**state["state"]), None, state["n_warmup"], state["thin"])
        self._run.load_state_dict(state)
        self._diagnostics = self._look = None


def check_whole(name: str, value: Any, least: int = 1) -> None:
    """Refuse what is not a whole number of at least so much."""
    whole = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
    if not (whole and value >= least):
        raise InputError(f"expected {name} to be a whole number of at least {least}, got {value!r}")
