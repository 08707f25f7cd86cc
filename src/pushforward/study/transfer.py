"""Whether the best options of one data set are the best of another."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import permutations

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from pushforward.errors import InputError
from pushforward.study.claim import NOT_SUPPORTED, SUPPORTED, UNDECIDED, Claim, listed, said
from pushforward.study.curves import LEVEL
from pushforward.study.evidence import Evidence

TENTH = 0.1  # of another data set's trials: a winner beaten by fewer has carried over
LEAST = 10  # trials with the same options in both studies
NAME = "The best options do not carry over from one data set to another"


def transfer_claim(studies: Sequence[Evidence]) -> Claim:
    """Whether what won on one data set is among the best tenth of the trials on another.

    Studies of one seed, one search at random and the same ranges try the same options. Where a
    winner of one is a trial of another, the share of that one's trials that are better is 0 if it
    wins there too, and ½ on average if one data set says nothing of the other. The mean over
    methods and ordered pairs of data sets has a t-interval over methods.

    Raises:
        InputError: fewer than two studies, or studies of different objectives.

    Lucic et al. 2018, arXiv:1711.10337.
    """
    if len(studies) < 2:
        raise InputError("expected two studies or more, of different data, to see what carries")
    objectives = {study.objective for study in studies}
    if len(objectives) > 1:
        raise InputError(
            f"expected studies of one objective, got {', '.join(sorted(objectives))}; "
            "a winner by one score need not win by another"
        )
    shares: dict[str, list[float]] = {}
    correlations = []
    for here, there in permutations(studies, 2):
        for method in here.searched:
            common = _common(here, there, method)
            if common is None:
                continue
            a, b = common
            shares.setdefault(method, []).append(float(np.mean(b < b[a.argmin()])))
            correlations.append(float(stats.spearmanr(a, b).statistic))
    if not shares:
        return Claim(
            NAME,
            UNDECIDED,
            f"No method has {LEAST} trials with the same options in two of the studies.",
        )
    means = np.array([np.mean(each) for each in shares.values()])
    mean, low, high = _interval(means)
    won = sum(share == 0 for each in shares.values() for share in each)
    sentence = (
        f"Of {listed(list(shares))}, the winner on one data set is on another beaten by "
        f"{mean:.0%} of the trials (95 % interval {low:.0%} to {high:.0%} over methods; 50 % is "
        f"what chance gives), and wins there too in {won} of {sum(map(len, shares.values()))} "
        f"cases. The scores of the same options have a rank correlation of "
        f"{said(float(np.mean(correlations)))} on average."
    )
    verdict = SUPPORTED if low > TENTH else NOT_SUPPORTED if high < TENTH else UNDECIDED
    numbers = {"beaten": mean, "low": low, "high": high, "won": won}
    return Claim(NAME, verdict, sentence, numbers | {"correlation": float(np.mean(correlations))})


def _common(here: Evidence, there: Evidence, method: str) -> tuple[NDArray, NDArray] | None:
    """What trials with the same options scored in two studies, or None where they are few."""
    if not there.trials.get(method) or not here.spaces[method]:
        return None
    found = {_key(row): v for row, v in _scored(there, method)}
    both = [(v, found[_key(row)]) for row, v in _scored(here, method) if _key(row) in found]
    if len(both) < LEAST:
        return None
    a, b = np.array(both).T
    return (a, b) if np.ptp(a) > 0 and np.ptp(b) > 0 else None


def _scored(study: Evidence, method: str) -> list[tuple[dict, float]]:
    return list(zip(study.trials[method], study.values(method), strict=True))


def _key(row: dict) -> str:
    return json.dumps(row["options"], sort_keys=True)


def _interval(x: NDArray) -> tuple[float, float, float]:
    """The mean of shares with its t-interval, within 0 and 1; all of it where there is one only."""
    mean = float(x.mean())
    if len(x) < 2:
        return mean, 0.0, 1.0
    half = float(stats.t.ppf((1 + LEVEL) / 2, len(x) - 1) * x.std(ddof=1) / np.sqrt(len(x)))
    return mean, max(0.0, mean - half), min(1.0, mean + half)
