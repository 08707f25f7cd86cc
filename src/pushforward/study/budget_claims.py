"""Claims of budgets: whether few trials tell methods apart, and whether more overturn them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations

import numpy as np
from numpy.typing import NDArray

from pushforward.study.claim import (
    NOT_SUPPORTED,
    SUPPORTED,
    UNDECIDED,
    Claim,
    counted,
    listed,
    said,
)
from pushforward.study.curves import FIRM, LEVEL, expected_best
from pushforward.study.evidence import Evidence

FEW = 15  # trials, with which Lucic et al. find all methods alike
LEAST = 9  # trials of each method: three groups of the three that a curve needs at least
RESAMPLES = 4000
ALIKE = "With few trials no method is surely ahead"
ORDER = "The order of methods hangs on the budget"
OVERTURNED = "A worse method with more trials beats a better one with fewer"


@dataclass(frozen=True)
class Budgets:
    """Expected bests of k = 1..K trials, and resamples of them, where K is firm for all methods."""

    methods: list[str]
    best: dict[str, NDArray]  # (K,)
    resampled: dict[str, NDArray]  # (resamples, K)

    @property
    def last(self) -> int:
        return len(next(iter(self.best.values())))

    def surely(self, a: str, k_a: int, b: str, k_b: int) -> bool:
        """Whether a's best of k_a trials is below b's of k_b, in nearly all resamples.

        The level is divided by the number of ordered pairs of methods and by that of budgets, which
        are all looked at.
        """
        looks = len(self.methods) * (len(self.methods) - 1) * self.last
        reversed_ = self.resampled[a][:, k_a - 1] >= self.resampled[b][:, k_b - 1]
        return bool(reversed_.mean() < (1 - LEVEL) / max(looks, 1))

    def order(self, k: int) -> list[str]:
        """The methods from the best to the worst with k trials each."""
        return sorted(self.methods, key=lambda method: float(self.best[method][k - 1]))


def budgets(evidence: Evidence, *, seed: int = 0) -> Budgets | None:
    """Those of a study's searches, or None where they cannot be had.

    That is where trials of a search learn from those before it, so that they are no sample of
    anything, and where fewer than two methods have trials enough.
    """
    if evidence.settings["search"] != "random" or np.isnan(evidence.worst(evidence.objective)):
        return None
    methods = [m for m in evidence.searched if evidence.spaces[m]]
    counts = [len(evidence.trials[m]) for m in methods]
    if len(methods) < 2 or min(counts) < LEAST:
        return None
    last = min(counts) // FIRM
    rng = np.random.default_rng(seed)
    best, resampled = {}, {}
    for method in methods:
        x = evidence.values(method)[evidence.drawn(method)]
        best[method] = expected_best(x)[:last]
        drawn = x[rng.integers(len(x), size=(RESAMPLES, len(x)))]
        resampled[method] = expected_best(drawn)[:, :last]
    return Budgets(methods, best, resampled)


def budget_claims(evidence: Evidence, *, seed: int = 0) -> list[Claim]:
    """What curves of the best against trials say, as far as their bands can be believed.

    Two budgets of two methods differ surely where the bootstrap over trials has them the other way
    round in less than 5 % of resamples, divided by the number of ordered pairs of methods and by
    that of budgets.

    Lucic et al. 2018, arXiv:1711.10337, §6.

    >>> config = {"run": {"methods": [], "objective": "frechet", "spaces": {}, "search": "tpe"}}
    >>> config["effort"] = {"trials": 9, "restarts": 1}
    >>> [claim.verdict for claim in budget_claims(Evidence(config, []))]
    ['cannot be decided', 'cannot be decided', 'cannot be decided']
    """
    found = budgets(evidence, seed=seed)
    if found is None:
        why = _why_not(evidence)
        return [Claim(name, UNDECIDED, why) for name in (ALIKE, ORDER, OVERTURNED)]
    return [_alike(evidence, found), _order(found), _overturned(evidence, found)]


def _why_not(evidence: Evidence) -> str:
    if evidence.settings["search"] != "random":
        return (
            f"The search ({evidence.settings['search']}) learns from its trials, so they are no "
            "random sample, and what fewer of them would have found is not known."
        )
    return f"It takes two methods with at least {LEAST} trials each."


def _alike(evidence: Evidence, found: Budgets) -> Claim:
    most = min(FEW, found.last)
    for k in range(1, most + 1):
        order = found.order(k)
        best, worst = order[0], order[-1]
        behind = [m for m in order[1:] if found.surely(best, k, m, k)]
        if found.surely(best, k, worst, k):
            sentence = (
                f"With {counted(k, 'trial')} each, the expected best of {best} "
                f"({_value(evidence, found, best, k)}) is surely ahead of that of "
                f"{listed(behind)}; that of {worst} is {_value(evidence, found, worst, k)}."
            )
            numbers = {"trials": k, "behind": len(behind), "of": len(order) - 1}
            return Claim(ALIKE, NOT_SUPPORTED, sentence, numbers)
    order = found.order(most)
    sentence = (
        f"With up to {counted(most, 'trial')} each, no method's expected best is surely ahead of "
        f"another's: with {most} they go from {_value(evidence, found, order[0], most)} "
        f"({order[0]}) to {_value(evidence, found, order[-1], most)} ({order[-1]})."
    )
    return Claim(ALIKE, SUPPORTED, sentence, {"trials": most, "behind": 0, "of": len(order) - 1})


def _order(found: Budgets) -> Claim:
    first, last, k = found.order(1), found.order(found.last), found.last
    crossed = [
        (a, b)
        for a, b in permutations(found.methods, 2)
        if found.surely(a, 1, b, 1) and found.surely(b, k, a, k)
    ]
    kept = [
        (a, b)
        for a, b in permutations(found.methods, 2)
        if found.surely(a, 1, b, 1) and found.surely(a, k, b, k)
    ]
    pairs = len(found.methods) * (len(found.methods) - 1) // 2
    sentence = (
        f"With one trial each, from the best to the worst: {', '.join(first)}; with {k} each: "
        f"{', '.join(last)}. Of {counted(pairs, 'pair')}, {len(crossed)} surely change places and "
        f"{len(kept)} surely keep them."
    )
    verdict = SUPPORTED if crossed else NOT_SUPPORTED if len(kept) == pairs else UNDECIDED
    numbers = {"trials": k, "changed": len(crossed), "kept": len(kept), "pairs": pairs}
    return Claim(ORDER, verdict, sentence, numbers)


def _overturned(evidence: Evidence, found: Budgets) -> Claim:
    k = found.last
    sure = [(a, b) for a, b in permutations(found.methods, 2) if found.surely(a, k, b, k)]
    if not sure:
        return Claim(
            OVERTURNED,
            UNDECIDED,
            f"With {k} trials each no method is surely worse than another, so there is none to "
            "overturn.",
            {"pairs": 0},
        )
    reach = {
        (better, worse): max(
            (j for j in range(1, k) if found.surely(worse, k, better, j)), default=0
        )
        for better, worse in sure
    }
    held = [two for two in sure if found.surely(two[0], 1, two[1], k)]
    (better, worse), fewer = max(reach.items(), key=lambda item: item[1])
    overturned = sum(j > 0 for j in reach.values())
    many = f"of {counted(len(sure), 'pair')} in which one is surely worse with {k} trials each"
    numbers = {"overturned": overturned, "held": len(held), "pairs": len(sure)}
    if overturned:
        sentence = (
            f"It is so in {overturned} {many}: {worse} with {k} trials "
            f"({_value(evidence, found, worse, k)}) surely beats {better} with "
            f"{fewer} ({_value(evidence, found, better, fewer)}), and with {k} it is "
            f"{better} that surely beats {worse} ({_value(evidence, found, better, k)})."
        )
        return Claim(
            OVERTURNED, SUPPORTED, sentence, numbers | {"trials": k, "fewer_trials": fewer}
        )
    sentence = f"It is surely so in none {many}; in {len(held)} of them one trial of the better "
    sentence += f"surely beats {k} of the worse."
    verdict = NOT_SUPPORTED if len(held) == len(sure) else UNDECIDED
    return Claim(OVERTURNED, verdict, sentence, numbers)


def _value(evidence: Evidence, found: Budgets, method: str, k: int) -> str:
    return said(evidence.shown(float(found.best[method][k - 1])))
