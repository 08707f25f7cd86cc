"""Which options the scores of a search hang on, and which cannot be told from its trials."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from sklearn.ensemble import RandomForestRegressor

from pushforward.study.curves import LEVEL
from pushforward.study.evidence import Evidence

LEAST = 10  # trials from which anything is told
TREES, SHUFFLES = 100, 10


@dataclass(frozen=True)
class Option:
    """One option of a search: its values, how they move with the scores, how much they explain.

    `importance` is what the forest's R² loses when the option is shuffled, as a share of the losses
    by all options, `correlation` Spearman's ρ with the score (lower being better), None for what is
    no number, with the p-value of no correlation.
    """

    name: str
    values: list[Any]
    importance: float
    correlation: float | None
    p: float | None


@dataclass(frozen=True)
class Sensitivity:
    """What a method's options explain of its trials' scores, the most important first.

    `explained` is the out-of-bag R² of all options together; `told` whether it is more than chance,
    without which the importances say nothing.
    """

    method: str
    trials: int
    explained: float
    told: bool
    options: list[Option]

    @property
    def sentence(self) -> str:
        if not self.told:
            return f"What matters cannot be told from {self.trials} trials."
        first = self.options[0]
        return (
            f"All options together explain {self.explained:.0%} of how {self.trials} trials rank, "
            f"{first.name} the most of it."
        )


def sensitivity(evidence: Evidence, method: str, *, seed: int = 0) -> Sensitivity | None:
    """How much each searched option explains of the scores of a method's trials.

    A random forest is fitted to the ranks of the scores. Every trial is predicted by the trees that
    did not see it, with R² = 1 − Σ(r − r̂)² / Σ(r − r̄)²; an option's importance is what that loses
    when its column is shuffled, 0 where it gains, divided by the sum over options. Where these
    predictions do not go with the ranks (one-sided Spearman test at 5 %), nothing can be told.
    Trial 0, which was not drawn from the ranges, is left out; failures have the worst rank.

    Returns:
        None where nothing was searched, or fewer than 3 trials were drawn.

    Breiman 2001, Machine Learning 45, 5, §10.

    >>> run = {"methods": ["mixture"], "objective": "frechet", "spaces": {"mixture": {}}}
    >>> config = {"run": run}
    >>> config["effort"] = {"trials": 9, "restarts": 1}
    >>> sensitivity(Evidence(config, []), "mixture") is None
    True
    """
    drawn = [row["options"] for row in evidence.trials[method]]
    kept = [i for i, options in enumerate(drawn) if options]
    if len(kept) < 3:
        return None
    y = evidence.values(method)[kept]
    columns = {
        name: [drawn[i].get(name) for i in kept]
        for name in evidence.spaces[method]
        if len({repr(drawn[i].get(name)) for i in kept}) > 1
    }
    if not columns:
        return None
    X = np.column_stack([_numbers(values) for values in columns.values()])
    ranks = stats.rankdata(y)
    explained, told, importances = 0.0, False, np.zeros(len(columns))
    if len(kept) >= LEAST and np.ptp(ranks) > 0:
        explained, told, importances = _importances(X, ranks, seed)
    found = [
        Option(name, values, float(importance), *_correlation(values, y))
        for (name, values), importance in zip(columns.items(), importances, strict=True)
    ]
    found.sort(key=lambda option: -option.importance)
    return Sensitivity(method, len(kept), explained, told, found)


def _numbers(values: Sequence[Any]) -> NDArray:
    """Numbers as they are, other values by their place among those there are."""
    if _numeric(values):
        return np.asarray(values, dtype=float)
    known = sorted({repr(value) for value in values})
    return np.array([known.index(repr(value)) for value in values], dtype=float)


def _numeric(values: Sequence[Any]) -> bool:
    return all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in values)


def _correlation(values: Sequence[Any], y: NDArray) -> tuple[float | None, float | None]:
    if not _numeric(values) or np.ptp(y) == 0:
        return None, None
    found = stats.spearmanr(np.asarray(values, dtype=float), y)
    return float(found.statistic), float(found.pvalue)


def _importances(X: NDArray, ranks: NDArray, seed: int) -> tuple[float, bool, NDArray]:
    """Out-of-bag R², whether it is more than chance, and each column's share of its losses."""
    n, p = X.shape
    forest = RandomForestRegressor(TREES, min_samples_leaf=2, random_state=seed).fit(X, ranks)
    unseen = np.ones((TREES, n), dtype=bool)
    for tree, seen in enumerate(forest.estimators_samples_):
        unseen[tree, seen] = False
    rng = np.random.default_rng(seed)
    shuffled = [X]
    for j in range(p):
        for _ in range(SHUFFLES):
            other = X.copy()
            other[:, j] = rng.permutation(X[:, j])
            shuffled.append(other)
    stacked = np.concatenate(shuffled).astype(np.float32)
    trees = np.stack([tree.predict(stacked) for tree in forest.estimators_])
    trees = trees.reshape(TREES, len(shuffled), n)
    judged = unseen.any(axis=0)  # by at least one tree
    votes = (trees * unseen[:, None]).sum(axis=0)[:, judged] / unseen.sum(axis=0)[judged]
    errors = ((ranks[judged] - votes) ** 2).sum(axis=1)
    r2 = 1 - errors / ((ranks[judged] - ranks[judged].mean()) ** 2).sum()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", stats.ConstantInputWarning)  # it predicts one rank for all
        agreement = stats.spearmanr(votes[0], ranks[judged], alternative="greater")
    told = bool(r2[0] > 0 and agreement.pvalue < 1 - LEVEL)
    losses = np.maximum(r2[0] - r2[1:].reshape(p, SHUFFLES).mean(axis=1), 0)
    return float(r2[0]), told, losses / (losses.sum() or 1.0)
