"""What a study says, claim by claim: supported, not supported, or not to be decided by its rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pushforward.study.budget_claims import budget_claims
from pushforward.study.claim import (
    NOT_SUPPORTED,
    SUPPORTED,
    UNDECIDED,
    Claim,
    counted,
    listed,
    probability,
    said,
)
from pushforward.study.evidence import Evidence
from pushforward.study.order import Pair, pairs, places
from pushforward.study.score_claims import agreement_claim, stability_claim
from pushforward.study.search import DISTANCE

REFERENCE = "ns-gan"  # that Lucic et al. find none consistently better than
SCORES = (DISTANCE, "frechet", "manifold_f1")  # whose agreement is told, where trials have them
TOP = 2  # methods that the best is held against by name
MOST_ALIKE = "After search and restarts most methods cannot be told from the best"


def claims(
    evidence: Evidence,
    *,
    reference: str = REFERENCE,
    held: Sequence[Pair] | None = None,
    seed: int = 0,
) -> list[Claim]:
    """All claims that a study can speak to, with the verdict of its rows.

    Those on restarts test every two methods by permutations of ranks, with Holm's adjustment for
    all pairs, at 5 %. They are first; then those of budgets, of stability, and of scores.

    Lucic et al. 2018, arXiv:1711.10337.

    Args:
        evidence: of one study.
        reference: the method of which it is asked whether any is better.
        held: all pairs of `judged_values`, where they are known already.
        seed: of bootstraps and permutations.
    """
    values = judged_values(evidence)
    found: list[Claim] = []
    if len(values) > 1:
        found += better_claims(evidence, values, held=held, seed=seed)
    if reference in values and len(values) > 1:
        found.append(reference_claim([evidence], reference, seed=seed))
    found += budget_claims(evidence, seed=seed)
    found.append(stability_claim(evidence, seed=seed))
    for other in SCORES:
        if other != evidence.objective and evidence.has(other):
            found.append(agreement_claim(evidence, other, seed=seed))
    return found


def judged_values(evidence: Evidence) -> dict[str, NDArray]:
    """The restarts of each method that has some, by method; a failed one as bad as the worst."""
    found = {m: evidence.restarted(m) for m in evidence.methods if evidence.restarts[m]}
    return {m: x for m, x in found.items() if np.isfinite(x).all()}


def ranks_in_words(folder: Path) -> str:
    """Methods in the order of their restarts, by what the study searched for: a line for each.

    >>> import tempfile
    >>> ranks_in_words(Path(tempfile.mkdtemp()))
    Traceback (most recent call last):
    pushforward.errors.FileError: ... holds no run: there is no config.json in it
    """
    evidence = Evidence.read(folder)
    found = places(judged_values(evidence))
    if not found:
        return ""
    lines = [f"By {evidence.title(evidence.objective)}, for which was searched:"]
    for place in found:
        failed = evidence.failures(place.method)
        lines.append(
            f"rank {place.rank:g} ({place.low:g} to {place.high:g})  {place.method}: median of "
            f"{counted(place.restarts, 'restart')} {said(evidence.shown(place.median))}"
            + (f", {failed} failed" if failed else "")
        )
    return "\n".join(lines)


def better_claims(
    evidence: Evidence,
    values: Mapping[str, NDArray],
    *,
    held: Sequence[Pair] | None = None,
    seed: int = 0,
) -> list[Claim]:
    """Whether the best is better than those next to it, and whether most are alike."""
    held = pairs(values, seed=seed) if held is None else held
    order = sorted(values, key=lambda method: float(np.median(values[method])))
    best = order[0]
    against = {pair.worse: pair for pair in held if pair.better == best}
    top = [_better(evidence, values, against[m]) for m in order[1 : 1 + TOP] if m in against]
    behind = [m for m in order[1:] if m in against and against[m].sure]
    decidable = any(pair.decidable for pair in held)
    last = order[-1]
    sentence = (
        f"Medians go from {_median(evidence, values, best)} ({best}) to "
        f"{_median(evidence, values, last)} ({last}). "
    )
    if not decidable:
        sentence += "So few restarts could not show a difference of any two methods."
        verdict = UNDECIDED
    else:
        sure = f"surely worse than {best}, the best"
        sentence += (
            f"{len(behind)} of the {len(order) - 1} others are {sure}"
            f"{f': {listed(behind)}' if behind else ''}. Of all {counted(len(held), 'pair')}, "
            f"{sum(pair.sure for pair in held)} surely differ."
        )
        verdict = NOT_SUPPORTED if 2 * len(behind) >= len(order) - 1 else SUPPORTED
    numbers = {"behind": len(behind), "others": len(order) - 1}
    numbers |= {"pairs": len(held), "differ": sum(pair.sure for pair in held)}
    return [*top, Claim(MOST_ALIKE, verdict, sentence, numbers)]


def _better(evidence: Evidence, values: Mapping[str, NDArray], pair: Pair) -> Claim:
    a, b = pair.better, pair.worse
    ahead, behind = _median(evidence, values, a), _median(evidence, values, b)
    sentence = (
        f"Median of restarts {ahead} against {behind}; "
        f"{a} is ahead in {pair.chance:.0%} of resamples, {probability(pair.p)} after allowing for "
        "all pairs."
    )
    if not pair.decidable:
        sentence += " So few restarts could not show any difference."
    verdict = SUPPORTED if pair.sure else UNDECIDED
    return Claim(f"{a} is better than {b}", verdict, sentence, {"chance": pair.chance, "p": pair.p})


def reference_claim(
    studies: Sequence[Evidence], reference: str = REFERENCE, *, seed: int = 0
) -> Claim:
    """Whether no method is surely better than the reference in every study.

    Every method is held against it by its restarts, with Holm's adjustment for their number.
    """
    where = " on every data set" if len(studies) > 1 else ""
    name = f"No method is surely better than {reference}{where}"
    better: list[set[str]] = []
    decidable, details, most = True, [], 0
    for evidence in studies:
        values = judged_values(evidence)
        if reference not in values or len(values) < 2:
            return Claim(name, UNDECIDED, f"It takes restarts of {reference} and of another.")
        held = pairs(values, against=reference, seed=seed)
        better.append({pair.better for pair in held if pair.worse == reference and pair.sure})
        decidable &= all(pair.decidable for pair in held)
        most = max(most, len(held))
        on = f"On {evidence.name}: " if where else ""
        lower = sum(pair.worse == reference for pair in held)
        sure = f" ({listed(sorted(better[-1]))})" if better[-1] else ""
        details.append(
            f"{on}{lower} of {counted(len(held), 'other')} have a better median of restarts than "
            f"{reference} ({_median(evidence, values, reference)}), {len(better[-1])} of them "
            f"surely{sure}."
        )
    always = set.intersection(*better)
    verdict = NOT_SUPPORTED if always else SUPPORTED if decidable else UNDECIDED
    if not decidable and not always:
        details.append("So few restarts could not show a difference.")
    numbers = {"better": len(always), "others": most, "studies": len(studies)}
    return Claim(name, verdict, " ".join(details), numbers)


def _median(evidence: Evidence, values: Mapping[str, NDArray], method: str) -> str:
    return said(evidence.shown(float(np.median(values[method]))))
