"""Claims of what trials score: how stable methods are, and whether one score stands for another."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from pushforward.study.claim import (
    NOT_SUPPORTED,
    SUPPORTED,
    UNDECIDED,
    Claim,
    listed,
    said,
)
from pushforward.study.curves import LEVEL
from pushforward.study.evidence import Evidence
from pushforward.study.search import value_of

LEAST = 10  # trials that did not fail, for a spread or a correlation to have an interval
RESAMPLES = 4000
HALF = 0.5  # of the next one's spread: a method below it would be far more stable
AGREE = 0.9  # rank correlation from which two scores nearly order alike
STABLE = "No method is far more stable than the others"


def spread(values: NDArray) -> NDArray:
    """The interquartile range over the last axis.

    >>> float(spread(np.arange(5.0)))
    2.0
    """
    low, high = np.quantile(values, [0.25, 0.75], axis=-1)
    return high - low


def stability_claim(evidence: Evidence, *, seed: int = 0) -> Claim:
    """Whether a method's trials scatter far less than those of all others, as none did for Lucic.

    The interquartile range of the narrowest, of trials that did not fail, is divided by that of the
    next; the interval of the ratio is a percentile bootstrap over trials, at a level that allows
    for all pairs. Entirely below 1: one is more stable. Entirely above ½: none is far more so.
    """
    by_method = {}
    for method in evidence.searched:
        x = evidence.values(method)[~evidence.failed(method) & evidence.drawn(method)]
        if evidence.spaces[method] and len(x) >= LEAST and spread(x) > 0:
            by_method[method] = x
    if evidence.settings["search"] != "random" or len(by_method) < 2:
        return Claim(
            STABLE,
            UNDECIDED,
            f"It takes two methods with at least {LEAST} trials of a random search that did not "
            "fail.",
        )
    order = sorted(by_method, key=lambda method: float(spread(by_method[method])))
    narrow, following = order[:2]
    ratio, low, high = _ratio(by_method[narrow], by_method[following], len(order), seed)
    failed = _failures(evidence)
    sentence = (
        f"Half of {narrow}'s trials lie within {said(float(spread(by_method[narrow])))}, of "
        f"{following}'s, the next, within {said(float(spread(by_method[following])))}: a ratio of "
        f"{said(ratio)} (95 % interval allowing for all pairs {said(low)} to {said(high)}). "
        f"The widest is {order[-1]}'s, {said(float(spread(by_method[order[-1]])))}. {failed}"
    )
    verdict = NOT_SUPPORTED if high < 1 else SUPPORTED if low > HALF else UNDECIDED
    return Claim(STABLE, verdict, sentence, {"ratio": ratio, "low": low, "high": high})


def _ratio(a: NDArray, b: NDArray, methods: int, seed: int) -> tuple[float, float, float]:
    rng = np.random.default_rng(seed)
    again = [x[rng.integers(len(x), size=(RESAMPLES, len(x)))] for x in (a, b)]
    tail = (1 - LEVEL) / (methods * (methods - 1))  # over all pairs, at two ends
    with np.errstate(divide="ignore"):  # of a resample that has one value only
        logs = np.log(spread(again[0])) - np.log(np.maximum(spread(again[1]), 1e-300))
    low, high = np.exp(np.quantile(logs, [tail, 1 - tail], method="nearest"))
    return float(spread(a) / spread(b)), float(low), float(high)


def _failures(evidence: Evidence) -> str:
    shares = {m: float(evidence.failed(m).mean()) for m in evidence.searched if evidence.spaces[m]}
    least, most = min(shares, key=lambda m: shares[m]), max(shares, key=lambda m: shares[m])
    if shares[most] == 0:
        return "No trial failed."
    if shares[least] == shares[most]:
        return f"{shares[most]:.0%} of each method's trials failed."
    return f"From {shares[least]:.0%} ({least}) to {shares[most]:.0%} ({most}) of trials failed."


def agreement_claim(evidence: Evidence, other: str, *, seed: int = 0) -> Claim:
    """Whether searching by one score is something else than searching by another.

    Spearman's ρ between the two over the trials of each method that did not fail, the mean of all
    methods, with a percentile bootstrap over trials. Entirely below 0.9: they order differently.

    Raises:
        InputError: there is no such score.
    """
    mine, theirs = evidence.title(evidence.objective), evidence.title(other)
    name = f"The best by {mine} is not the best by {theirs}"
    both = _both(evidence, other)
    if not both:
        return Claim(name, UNDECIDED, f"No method has {LEAST} trials that did not fail.")
    rho, low, high = _correlation(both, seed)
    same = [m for m, x in both.items() if x[0].argmin() == x[1].argmin()]
    beaten = float(np.mean([np.mean(x[1] < x[1][x[0].argmin()]) for x in both.values()]))
    sentence = (
        f"Over trials the two have a rank correlation of {said(rho)} (95 % interval {said(low)} to "
        f"{said(high)}, mean of {listed(list(both))}). The same trial is best by both in "
        f"{len(same)} of {len(both)} searches; by {theirs}, on average {beaten:.0%} of trials beat "
        f"the one that is best by {mine}."
    )
    verdict = SUPPORTED if high < AGREE else NOT_SUPPORTED if low > AGREE else UNDECIDED
    numbers = {"correlation": rho, "low": low, "high": high, "beaten": beaten}
    return Claim(name, verdict, sentence, numbers | {"same": len(same), "searches": len(both)})


def _both(evidence: Evidence, other: str) -> dict[str, NDArray]:
    """The two scores of each method's trials that have them, (2, n)."""
    found = {}
    for method in evidence.searched:
        pairs = [
            (value_of(row, evidence.objective), value_of(row, other))
            for row in evidence.trials[method]
        ]
        x = np.array([pair for pair in pairs if None not in pair], dtype=float).T
        if x.size and x.shape[1] >= LEAST and np.ptp(x, axis=1).min() > 0:
            found[method] = x
    return found


def _correlation(both: Mapping[str, NDArray], seed: int) -> tuple[float, float, float]:
    rng = np.random.default_rng(seed)
    mean = float(np.mean([_rho(x) for x in both.values()]))
    again = [
        _rho(x[:, rng.integers(x.shape[1], size=(RESAMPLES, x.shape[1]))]) for x in both.values()
    ]
    low, high = np.nanquantile(np.mean(again, axis=0), [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return mean, float(low), float(high)


def _rho(x: NDArray) -> NDArray:
    """Spearman's ρ over the last axis of pairs (2, ..., n), nan where there is one value only."""
    ranks = stats.rankdata(x, axis=-1)
    a, b = ranks - ranks.mean(axis=-1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        return (a * b).sum(-1) / np.sqrt((a**2).sum(-1) * (b**2).sum(-1))
