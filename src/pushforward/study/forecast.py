"""What a comparison will take, forecast from short trials of its parts."""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pushforward.data.dataset import Dataset, labels_by_name
from pushforward.data.memory import available_memory
from pushforward.data.split import Split
from pushforward.errors import PushforwardError
from pushforward.methods import METHODS
from pushforward.models.forecast import Forecast, forecast, in_words
from pushforward.models.neural import NeuralSampler
from pushforward.study.plan import FLOOR, REAL, Trial
from pushforward.study.request import as_dataset, check_effort, check_target, methods_for
from pushforward.study.trial import run_trial, unfitted

TRIED_ROWS = 1000  # that a method without rounds is fitted to


@dataclass(frozen=True)
class ComparisonForecast:
    """Seconds and memory that a comparison takes, at most: training may stop by itself before."""

    trained: dict[str, Forecast]  # one fit of each method that trains networks
    others: dict[str, float]  # seconds of one fit of each other method
    failed: dict[str, str]  # why a method will not be fitted
    judging: float  # seconds of judging one sample
    features: float  # seconds of learning what images are compared by, in each repeat
    repeats: int
    jobs: int  # fits side by side
    free: int | None  # bytes

    def _in_all(self, trained: Iterable[float]) -> float:
        """Of the whole, where one fit of each method that trains takes so long."""
        samples = 1 + len(self.trained) + len(self.others)  # those of real rows too
        each = sum(trained) + sum(self.others.values()) + samples * self.judging
        return self.repeats * (each / self.jobs + self.features)

    @property
    def seconds(self) -> float:
        """Of everything, at most."""
        return self._in_all(f.seconds for f in self.trained.values())

    @property
    def soonest(self) -> float:
        """Of everything, if every training stopped by itself as early as it may."""
        return self._in_all(f.soonest for f in self.trained.values())

    @property
    def memory(self) -> int:
        """Bytes: the largest fits side by side."""
        return sum(sorted((f.memory for f in self.trained.values()), reverse=True)[: self.jobs])

    @property
    def fits(self) -> bool:
        """Whether it needs no more memory than is free."""
        return self.free is None or self.memory <= self.free

    def __str__(self) -> str:
        wide = max(map(len, [*self.trained, *self.others, *self.failed]))
        lines = [f"{'one fit of':{wide}}  soonest   at most"]
        lines += [
            f"{name:{wide}}  {in_words(f.soonest):>8}  {in_words(f.seconds):>8}"
            for name, f in self.trained.items()
        ]
        lines += [f"{name:{wide}}  about {in_words(s):>12}" for name, s in self.others.items()]
        lines += [f"{name:{wide}}  will fail: {why}" for name, why in self.failed.items()]
        learning = f", {in_words(self.features)} of learning features" if self.features else ""
        lines.append(
            f"{self.repeats} repeats, {self.jobs} at a time, {in_words(self.judging)} of "
            f"judging for each{learning}:"
        )
        lines.append(f"in all {in_words(self.soonest)} to {in_words(self.seconds)}")
        if self.trained:
            free = "" if self.free is None else f", {self.free / 2**20:,.0f} MiB are free"
            lines[-1] += f"; memory {self.memory / 2**20:,.0f} MiB{free}"
        if not self.fits:
            lines.append("That is more than is free: take fewer rows, or fewer jobs.")
        return "\n".join(lines)


def forecast_comparison(
    data: Any,
    *,
    methods: str | Sequence[str] | None = None,
    label: str | Sequence[str] | None = None,
    repeats: int = 3,
    budget: float | None = None,
    max_rounds: int | None = None,
    seed: int = 0,
    jobs: int | None = None,
    target: str | None = None,
) -> ComparisonForecast:
    """How long `compare` will take at most with these arguments, and how much memory.

    Real rows are judged as samples will be. Each method that trains is tried for about a second, as
    by `forecast`; each other one is fitted to at most 1000 rows, and what that takes is carried
    over to all in proportion. Nothing is kept. Repeats that train as one population, which takes
    less, are counted as if they did not.

    Raises:
        InputError: data or options that cannot be used.

    >>> import numpy as np
    >>> X = np.random.default_rng(0).normal(size=(300, 2))
    >>> found = forecast_comparison(X, methods="gaussian,vae", max_rounds=50, repeats=2, jobs=1)
    >>> list(found.trained), list(found.others), found.seconds < 600
    (['vae'], ['gaussian'], True)
    """
    dataset = as_dataset(data, label)
    names = methods_for(dataset, methods)
    check_effort(budget, repeats=repeats, max_rounds=max_rounds, jobs=jobs)
    if target is not None:
        check_target(dataset, target)
    trained: dict[str, Forecast] = {}
    others: dict[str, float] = {}
    failed: dict[str, str] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the comparison says them
        features, judging = _judged(dataset, seed, target)
        for name in dict.fromkeys([FLOOR, *names]):
            trial = Trial(name, 0, "method", seed, budget, max_rounds)
            parts = trial.split(dataset)
            try:
                if issubclass(METHODS[name].sampler, NeuralSampler):
                    trained[name] = _trained(trial, dataset, parts)
                else:
                    others[name] = _fitted(trial, dataset, parts)
            except (PushforwardError, ValueError, ArithmeticError, RuntimeError) as error:
                failed[name] = str(error)
    return ComparisonForecast(
        trained=trained,
        others=others,
        failed=failed,
        judging=judging,
        features=features,
        repeats=repeats,
        jobs=jobs or os.cpu_count() or 1,
        free=available_memory(),
    )


def _judged(dataset: Dataset, seed: int, target: str | None) -> tuple[float, float]:
    """Seconds of learning features of images, and of judging the yardstick's rows by them."""
    trial = Trial(REAL, 0, "yardstick", seed, None, None, target=target)
    took = []
    with TemporaryDirectory() as folder:
        for _ in range(2 if dataset.are_images else 1):  # features are learnt the first time
            began = time.monotonic()
            run_trial(trial, dataset, Path(folder), keep_real=False)
            took.append(time.monotonic() - began)
    return max(0.0, took[0] - took[-1]), took[-1]


def _trained(trial: Trial, dataset: Dataset, parts: Split) -> Forecast:
    return forecast(
        unfitted(trial),
        dataset.as_samples(parts.train),
        labels_by_name(parts.y_train, dataset.label),
        budget=trial.budget,
        every_column=True,
    )


def _fitted(trial: Trial, dataset: Dataset, parts: Split) -> float:
    some, labels = parts.train[:TRIED_ROWS], parts.y_train
    labels = None if labels is None else labels[: len(some)]
    began = time.monotonic()
    unfitted(trial).fit(
        dataset.as_samples(some),
        labels_by_name(labels, dataset.label),
        budget=trial.budget,
        every_column=True,
        progress=False,
    )
    return (time.monotonic() - began) * len(parts.train) / len(some)
