"""What a fit will take, forecast from a short trial on some of the rows."""

from __future__ import annotations

import math
import time
import warnings
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import clone
from torch import Tensor

from pushforward.data.encoded_rows import KNOWN_NUMBERS
from pushforward.data.memory import BYTES_PER_NUMBER, available_memory
from pushforward.data.on_disk import RowsOnDisk, opened
from pushforward.data.windows import WINDOW_BYTES
from pushforward.errors import InputError, TrainingWarning
from pushforward.models.fitting import Fit, memory_of, threads_of
from pushforward.models.neural import SCORE_ROWS, NeuralSampler
from pushforward.models.progressive_gan import ProgressiveAdversaries
from pushforward.sampler import Sampler
from pushforward.training.adaptors import keep_average, log
from pushforward.training.device import without_denormals
from pushforward.training.loop import play

TRIAL_ROWS = 20_000
TRIAL_NUMBERS = 2**22  # in them, at most
TRIAL_SECONDS = 1.0
TRIAL_ROUNDS = 100
FIRST_ROUNDS = 2  # in which memory is allocated and kernels are chosen
PLAYED = 1000  # rounds that a trial takes for played: no critic warms up in it
KEPT_PER_NUMBER = 28  # bytes while training: rows in float64, those in training, and in float32
SCORED_NUMBER = 80  # bytes for each number of generated rows that are decoded and compared
DRAWN_ONCE = 2**28  # bytes for what torch itself, drawing and saving take


@dataclass(frozen=True)
class Forecast:
    """Seconds and memory that a fit takes, at most: training may stop by itself before."""

    method: str
    preparation: float  # seconds of encoding rows
    round: float  # seconds of a round
    look: float  # seconds of scoring samples
    rounds: int  # at most
    least: int  # rounds before training may stop by itself
    looks: int  # scores in so many rounds
    budget: float | None  # seconds
    memory: int  # bytes, beyond those that are in use
    free: int | None  # bytes

    @property
    def training(self) -> float:
        """Seconds of all rounds and scores, or what the budget leaves for them."""
        all_of_it = self.rounds * self.round + self.looks * self.look
        if self.budget is None:
            return all_of_it
        return min(all_of_it, max(0.0, self.budget - self.preparation))

    @property
    def seconds(self) -> float:
        """Of everything, at most."""
        return self.preparation + self.training

    @property
    def soonest(self) -> float:
        """Of everything, if training stops by itself as early as it may."""
        share = self.round + self.look * self.looks / max(1, self.rounds)
        return min(self.preparation + self.least * share, self.seconds)

    @property
    def fits(self) -> bool:
        """Whether it needs no more memory than is free."""
        return self.free is None or self.memory <= self.free

    def __str__(self) -> str:
        limit = "" if self.budget is None else f", within a budget of {in_words(self.budget)}"
        free = "" if self.free is None else f", {self.free / 2**20:,.0f} MiB are free"
        itself = ""
        if self.soonest < self.seconds:
            itself = f"; training may stop by itself after {in_words(self.soonest)}"
        return (
            f"{self.method}: at most {in_words(self.seconds)}{limit}{itself}\n"
            f"  preparation {in_words(self.preparation)}; {self.rounds:,} rounds at most, "
            f"{1000 * self.round:.3g} ms each; {self.looks:,} scores, {1000 * self.look:.3g} ms "
            f"each; memory {self.memory / 2**20:,.0f} MiB{free}"
        )


def in_words(seconds: float) -> str:
    """Seconds, minutes or hours.

    >>> in_words(0.31), in_words(95), in_words(3 * 3600 + 1200)
    ('0.3 s', '1.6 min', '3.3 h')
    """
    for unit, size in (("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.1f} s"


def forecast(
    sampler: Sampler,
    X: Any,
    y: Any = None,
    *,
    budget: float | None = None,
    every_column: bool = False,
) -> Forecast:
    """How long `sampler.fit` will take at most with these arguments, and how much memory.

    A copy of the sampler is fitted to some of the rows for about a second, and what that takes is
    carried over to all of them. The sampler itself is not touched: a later fit is the same, bit for
    bit, as without a forecast. A `TrainingWarning` says when memory will not do.

    Raises:
        InputError: a sampler that trains no networks, or rows that cannot be learnt from.

    >>> X = np.random.default_rng(0).normal(size=(500, 3))
    >>> import pushforward as pf
    >>> found = forecast(pf.VAE(max_rounds=100, random_state=0), X)
    >>> found.rounds, found.seconds < 60
    (100, True)
    """
    if not isinstance(sampler, NeuralSampler):
        raise InputError(
            f"expected a method that trains networks, got a {type(sampler).__name__}, whose fit "
            "has no rounds to be timed; fit it to some rows and see"
        )
    X, trial = opened(X), clone(sampler).set_params(restarts=1)
    some = X if isinstance(X, RowsOnDisk) else _some(X)
    other = _some(y) if sampler.takes == "other rows" else _some(y, like=X)
    began = time.monotonic()
    Z, effort = trial._before(some, other, budget=budget, every_column=every_column, progress=False)
    trial._check_parameters()
    if not trial.encoding_.width:
        raise InputError("expected rows that vary, all are alike: there is nothing to train")
    fit = trial._begin(Z, effort)
    preparation = time.monotonic() - began
    n = len(X) + (len(y) if sampler.takes == "other rows" else 0)
    if not isinstance(X, RowsOnDisk):
        preparation *= len(X) / len(some)
    per_round, per_look = _timed(fit)
    looks, least = _looks(fit)
    found = Forecast(
        method=fit.name,
        preparation=preparation,
        round=per_round * sampler.restarts,
        look=per_look * sampler.restarts,
        rounds=fit.max_rounds,
        least=min(least, fit.max_rounds),
        looks=looks,
        budget=budget,
        memory=_memory(fit, n, Z.shape[1], math.prod(np.shape(some)[1:])),
        free=available_memory(),
    )
    if not found.fits:
        assert found.free is not None
        warnings.warn(
            f"{fit.name} is forecast to need {found.memory / 2**20:,.0f} MiB of memory, and "
            f"{found.free / 2**20:,.0f} MiB are free: leave rows on disk (pf.open_data), take "
            "fewer of them, or a smaller batch_size",
            TrainingWarning,
            stacklevel=2,
        )
    return found


def _some(X: Any, like: Any = None) -> Any:
    """Some rows at random, the same ones of X and of what stands beside it."""
    if X is None or isinstance(X, RowsOnDisk) or isinstance(like, RowsOnDisk):
        return X
    X = X if isinstance(X, (pd.DataFrame, pd.Series)) else np.asarray(X)
    shape = np.shape(X if like is None else like)
    most = min(TRIAL_ROWS, max(100, TRIAL_NUMBERS // max(1, math.prod(shape[1:]))))
    if len(X) <= most:
        return X
    rows = np.sort(np.random.default_rng(0).choice(shape[0], size=most, replace=False))
    return X[rows] if isinstance(X, np.ndarray) else X.iloc[rows]


def _timed(fit: Fit) -> tuple[float, float]:
    """Seconds of a round, and of scoring samples."""
    training: Any = fit.training
    game = training.game
    if isinstance(game, ProgressiveAdversaries):
        game.grow_up()
    training.round = PLAYED
    with threads_of(fit), without_denormals():
        rounds = keep_average(log(play(training), fit.history), fit.average)
        for _ in islice(rounds, FIRST_ROUNDS):
            pass
        began, played = time.monotonic(), 0
        while played < TRIAL_ROUNDS and (played < 2 or time.monotonic() - began < TRIAL_SECONDS):
            next(rounds)
            played += 1
        per_round = (time.monotonic() - began) / played
        began = time.monotonic()
        fit.stopper.look(training.round)
        return per_round, time.monotonic() - began


def _looks(fit: Fit) -> tuple[int, int]:
    """How many scores there are until the last round, and the first round to stop at."""
    every, rounds, looks = fit.stopper.every, 0, 0
    while rounds + max(every, rounds // 20) <= fit.max_rounds:
        rounds += max(every, rounds // 20)
        looks += 1
    return looks + (rounds < fit.max_rounds), max(fit.stopper.patience, fit.stopper.start) + every


def _memory(fit: Fit, n: int, width: int, columns: int) -> int:
    """Bytes of rows while they are encoded or trained on, whichever is more, and of networks."""
    encoding, kept = BYTES_PER_NUMBER * n * columns, KEPT_PER_NUMBER * n * width
    if not isinstance(fit.training.stream.x, Tensor):
        encoding = BYTES_PER_NUMBER * min(KNOWN_NUMBERS, n * columns)
        kept = min(4 * WINDOW_BYTES, KEPT_PER_NUMBER * n * width)
    scoring = SCORED_NUMBER * SCORE_ROWS * width
    return max(encoding, kept + max(scoring, memory_of(fit.training))) + DRAWN_ONCE
