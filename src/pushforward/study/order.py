"""Which method is better after its restarts: ranks with intervals, and what a test can tell."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from pushforward.errors import InputError
from pushforward.evaluation.holm import holm
from pushforward.study.curves import LEVEL

RESAMPLES = 4000
SHUFFLES = 9999  # of a permutation test; all of them where there are no more
ALPHA = 1 - LEVEL


@dataclass(frozen=True)
class Place:
    """A method's rank by the median of its restarts, and the 95 % interval of that rank."""

    method: str
    rank: float
    low: float
    high: float
    median: float
    restarts: int


@dataclass(frozen=True)
class Pair:
    """Two methods held against each other, the one with the lower median first.

    `chance` is the share of resamples in which the first has the lower median, `p` that of a test
    of equal laws, adjusted for all pairs, and `least_p` the least that it could be.
    """

    better: str
    worse: str
    chance: float
    p: float
    least_p: float

    @property
    def sure(self) -> bool:
        return self.p < ALPHA

    @property
    def decidable(self) -> bool:
        """Whether so few restarts could show a difference at all."""
        return self.least_p < ALPHA


def resampled_medians(
    values: Mapping[str, ArrayLike], *, seed: int = 0, resamples: int = RESAMPLES
) -> dict[str, NDArray]:
    """Medians of resampled restarts of each method, (resamples,).

    A median, so that one restart that failed does not decide. Methods are resampled apart, though
    restart k of each has the same split: where a split is hard for all, that is cautious.

    Raises:
        InputError: a method without a restart, or a value that is not finite.

    >>> resampled_medians({"vae": [0.25, 0.25]}, resamples=3)["vae"]
    array([0.25, 0.25, 0.25])
    """
    rng = np.random.default_rng(seed)
    medians = {}
    for method, given in values.items():
        x = np.asarray(given, dtype=float)
        if x.size == 0 or not np.isfinite(x).all():
            raise InputError(f"expected a finite value of each restart of {method}, got {given!r}")
        medians[method] = np.median(x[rng.integers(len(x), size=(resamples, len(x)))], axis=1)
    return medians


def places(values: Mapping[str, ArrayLike], *, seed: int = 0) -> list[Place]:
    """Ranks of methods by the median of their restarts, each with its 95 % bootstrap interval.

    The interval is of restarts: of other seeds, and other splits of the rows that are not the
    test's. That of other test rows is not in it, for all methods share them. Equal medians share
    the mean of their ranks.

    Args:
        values: of the restarts of each method, lower being better.

    Raises:
        InputError: a method without a restart, or a value that is not finite.

    >>> [(p.method, p.rank, p.low, p.high) for p in places({"gan": [3, 4], "vae": [1, 2]})]
    [('vae', 1.0, 1.0, 1.0), ('gan', 2.0, 2.0, 2.0)]
    """
    if not values:
        return []
    again = stats.rankdata(list(resampled_medians(values, seed=seed).values()), axis=0)
    tails = [(1 - LEVEL) / 2, (1 + LEVEL) / 2]
    low, high = np.quantile(again, tails, axis=1, method="nearest")
    medians = [float(np.median(np.asarray(x, dtype=float))) for x in values.values()]
    found = [
        Place(method, float(rank), float(a), float(b), median, len(np.asarray(values[method])))
        for method, rank, a, b, median in zip(
            values, stats.rankdata(medians), low, high, medians, strict=True
        )
    ]
    return sorted(found, key=lambda place: place.rank)


def pairs(
    values: Mapping[str, ArrayLike], *, against: str | None = None, seed: int = 0
) -> list[Pair]:
    """Every two methods held against each other, or all against one.

    The test is that of Wilcoxon, Mann and Whitney by permutation: exact with ties and few restarts.
    Its p-values are adjusted by Holm's method, so that the chance of calling any two methods
    different that are not is at most 5 %. p is 1 where medians and ranks disagree.

    Args:
        values: of the restarts of each method, lower being better.
        against: the one method that the others are held against.
        seed: of the bootstrap and of the permutations.

    Raises:
        InputError: a method without a restart, or a value that is not finite.

    >>> pair, = pairs({"gan": [3, 4, 5, 6, 7], "vae": [1, 2, 1, 2, 1]})
    >>> pair.better, pair.chance, round(pair.p, 3), pair.sure
    ('vae', 1.0, 0.008, True)
    """
    medians = resampled_medians(values, seed=seed)
    chosen = [two for two in combinations(values, 2) if against is None or against in two]
    found = []
    for two in chosen:
        better, worse = sorted(two, key=lambda method: float(np.median(np.asarray(values[method]))))
        a, b = (np.asarray(values[method], dtype=float) for method in (better, worse))
        # Resamples that tie speak for neither.
        ahead = np.mean(medians[better] < medians[worse])
        ahead += np.mean(medians[better] == medians[worse]) / 2
        found.append((better, worse, float(ahead), *_rank_test(a, b, seed)))
    adjusted = holm([each[3] for each in found])
    return [
        Pair(better, worse, ahead, p, min(1.0, least * len(found)))
        for (better, worse, ahead, _, least), p in zip(found, adjusted, strict=True)
    ]


def _rank_test(a: NDArray, b: NDArray, seed: int) -> tuple[float, float]:
    """The two-sided p-value of equal laws, 1 unless a is lower, and the least there can be."""
    least = 2 / math.comb(len(a) + len(b), len(a))
    ranks = stats.rankdata(np.concatenate([a, b]))
    if ranks[: len(a)].mean() >= ranks[len(a) :].mean() or least >= 1:
        return 1.0, least
    result = stats.permutation_test(
        (ranks[: len(a)], ranks[len(a) :]),
        lambda x, y, axis: np.mean(x, axis=axis) - np.mean(y, axis=axis),
        vectorized=True,
        n_resamples=SHUFFLES,
        random_state=np.random.default_rng(seed),
    )
    return float(result.pvalue), max(least, 2 / (SHUFFLES + 1))
