"""Membership inference: can a row be told to have been trained on, from what was generated?"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import norm, rankdata

from pushforward.evaluation.features import Rows, as_row_pair
from pushforward.evaluation.intervals import Z_95
from pushforward.evaluation.neighbours import nearest_distance

CANDIDATES = 2000  # of each kind: training rows and others, at most
ENOUGH = 1000  # others, of which 1 % are a number; of fewer it is 5 %


@dataclass(frozen=True)
class Membership:
    """How well an attack tells training rows from others.

    `auc` is the probability that it holds a training row for likelier than another one, ties
    counting half; ½ is guessing. `p_value` is one-sided, against more. `found` is the share of
    training rows that it names while it wrongly names `wrongly` of the others; by guessing it would
    name `by_chance`. `candidates` counts the rows of each kind.
    """

    auc: float
    interval: tuple[float, float]
    p_value: float
    found: float
    wrongly: float
    by_chance: float
    candidates: int


def membership(fake: Any, train: Any, held_out: Any) -> Membership:
    """Return how well training rows are told from held-out ones by their distance to `fake` rows.

    The attack sees generated rows and candidates x, as many from `train` as from `held_out`, and
    takes x for a training row the sooner, the larger

    s(x) = log d(x, other candidates) − log d(x, generated rows),

    d being the distance to the nearest: that generated rows are near says nothing where all rows
    are. It is the density ratio of van Breugel et al. 2023 (arXiv:2302.12580) with nearest
    neighbours for densities. Without memory either kind scores alike, whatever the law of the
    generated rows, so that p is right (Mann and Whitney's test, ties allowed for). The interval is
    that of DeLong et al. 1988, Biometrics 44, 837. A model is found out by what it generated: of
    few rows nobody can tell much.

    `fake` (n, p), `train` (t, p), `held_out` (m, p) with t and m at least 2, else `InputError`.

    >>> train, held_out, fresh = np.random.default_rng(0).normal(size=(3, 200, 3))
    >>> membership(train, train, held_out).auc, round(membership(fresh, train, held_out).auc, 1)
    (1.0, 0.5)
    """
    train, held_out = as_row_pair(train, held_out)
    fake = as_row_pair(fake, train, at_least=1)[0]
    rng = np.random.default_rng(0)
    size = min(len(train), len(held_out), CANDIDATES)
    inside, outside = (_some(rows, size, rng) for rows in (train, held_out))
    candidates = np.concatenate([inside, outside])
    score = _log_ratio(
        nearest_distance(candidates, candidates, exclude_self=True),
        nearest_distance(candidates, fake),
    )
    members, others = score[:size], score[size:]
    auc, error = _area(members, others)
    wrong = int((0.01 if size >= ENOUGH else 0.05) * size)
    threshold = np.sort(others)[size - 1 - wrong]
    return Membership(
        auc,
        (max(auc - Z_95 * error, 0.0), min(auc + Z_95 * error, 1.0)),
        _p_value(score, size),
        float((members > threshold).mean()),
        float((others > threshold).mean()),
        # Of rows in random order so many come before the first `wrong` + 1 others.
        (wrong + 1) / (size + 1),
        size,
    )


def _some(rows: Rows, size: int, rng: np.random.Generator) -> Rows:
    return rows if len(rows) == size else rows[rng.choice(len(rows), size, replace=False)]


def _log_ratio(a: Rows, b: Rows) -> Rows:
    """log a/b of distances; 0 where both are 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.nan_to_num(np.log(a) - np.log(b), nan=0.0, posinf=np.inf, neginf=-np.inf)


def _area(members: Rows, others: Rows) -> tuple[float, float]:
    """The area under the ROC curve, and DeLong's standard error.

    V(x) = P(other < x) + ½ P(other = x) for members x, and likewise for others; the area is the
    mean of V, its variance the sum of the two variances, each over its number of rows.
    """
    m, n = len(members), len(others)
    ranks = rankdata(np.concatenate([members, others]))
    of_members = (ranks[:m] - rankdata(members)) / n
    of_others = 1.0 - (ranks[m:] - rankdata(others)) / m
    variance = of_members.var(ddof=1) / m + of_others.var(ddof=1) / n
    return float(of_members.mean()), math.sqrt(variance)


def _p_value(score: Rows, m: int) -> float:
    """P(as large a rank sum of the first m scores, or larger), were they any m of these."""
    ranks = rankdata(score)
    N = len(score)
    variance = m * (N - m) * float(ranks.var(ddof=1)) / N
    if variance <= 0:
        return 1.0
    return float(norm.sf((float(ranks[:m].sum()) - m * (N + 1) / 2) / math.sqrt(variance)))
