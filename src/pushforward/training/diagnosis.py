"""How a training went, in words: what was seen, with the number, and what to change."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import median
from typing import NamedTuple

History = list[dict[str, float]]
Scores = Sequence[tuple[int, float]]

TAIL = 0.1  # of the rounds, that count as the end of training
# Of the gradient's level when training began, or of its usual one where that is higher. GANs that
# learn keep .7 of it or more to the end (digits, ring, grid, wine; seven objectives); minimax with
# ten times the learning rate kept .02 on digits, with twenty times a millionth on a ring.
FADED = 0.1
BAD_SCORE = 0.25  # fits that learn get digits to .13 and a ring of modes to .2
# Scores of fits that learn turn so once at most (digits, ring, grid, wine); six times on a ring
# with ten times the learning rate, batches of 16 and no average of the weights.
SWING, OF_THE_BEST = 0.05, 0.1
FEWEST_SWINGS = 3
SETTLED = 1 / 3  # of the rounds, after which scores should only improve
# Scores that are level improve by chance, by a hundredth or two in the last tenth of the rounds;
# digits that are not done with by 5 to 15.
CLEARLY_BETTER = 0.95


class Finding(NamedTuple):
    """A name and the sentence that explains it: what was seen, and what to change."""

    name: str
    sentence: str


def diagnose(
    history: History,
    scores: Scores,
    *,
    stopped_by: str,
    best_round: int,
    rounds: int,
    rollbacks: int = 0,
) -> list[Finding]:
    """Say what went wrong in a training, from its learning curve and scores; [] for nothing.

    DIVERGED: stopped by values that are not finite. ROLLED_BACK: taken back to an earlier state.
    SATURATED: "generator/gradient" in the last tenth of the rounds is below a tenth of its first
    value, or of its median, and the scores there are above 0.25. OSCILLATING: after a third of the
    rounds scores turn three times or more, by 0.05 and by a tenth of the best at least.
    UNDER_TRAINED: ended by "max_rounds" or "budget" while the best score is in the last tenth of
    the rounds and at most 0.95 of the best before. All are conventions of this library.

    `history` has a row {"round": r, "player/term": mean, ...} for each stretch of rounds, with the
    mean norm of a player's gradient as "player/gradient"; `scores` are (round, distance of samples
    to held-out rows), 0 the best. Players who have no opponent have no "generator/gradient", and
    then nothing is said of it.

    >>> scores = [(r, 100 / r) for r in range(100, 1100, 100)]
    >>> (found,) = diagnose([], scores, stopped_by="max_rounds", best_round=1000, rounds=1000)
    >>> print(found.sentence)
    The score still improved when training ended (0.11 to 0.1 in the last tenth of 1,000 rounds).
    Give it more rounds or a larger budget.
    """
    finite = [(r, score) for r, score in scores if math.isfinite(score)]
    found = (
        _diverged(stopped_by, best_round, rounds, finite),
        _rolled_back(rollbacks),
        _saturated(history, finite, best_round, rounds),
        _oscillating(finite, best_round, rounds),
        _under_trained(finite, stopped_by, rounds),
    )
    return [finding for finding in found if finding is not None]


def _diverged(stopped_by: str, best_round: int, rounds: int, scores: Scores) -> Finding | None:
    if stopped_by != "divergence":
        return None
    kept = f" The state of round {best_round:,}, the best before, is kept." if scores else ""
    return Finding(
        "DIVERGED",
        f"A loss was no longer finite by round {rounds:,}.{kept} Lower the learning rate, or look "
        "for extreme values in the data.",
    )


def _rolled_back(rollbacks: int) -> Finding | None:
    if rollbacks == 0:
        return None
    times = "once" if rollbacks == 1 else f"{rollbacks} times"
    return Finding(
        "ROLLED_BACK",
        f"Training broke down {times} and went on from an earlier state. Lower the learning rate, "
        "or look for extreme values in the data.",
    )


def _saturated(history: History, scores: Scores, best_round: int, rounds: int) -> Finding | None:
    """A generator that is no longer told how to improve, and has not learnt the data.

    The losses would be other numbers in every objective; how large the generator's gradient is
    against what it was, is not. It is held against the first stretch, as a generator may be lost
    right after it, and against the median, as gradients of fits that learn often grow; not against
    the largest, which may be a lone peak.
    """
    curve = [(row["round"], row.get("generator/gradient", math.nan)) for row in history]
    curve = [(r, norm) for r, norm in curve if math.isfinite(norm)]
    late = [norm for r, norm in curve if r > (1 - TAIL) * rounds]
    late_scores = [score for r, score in scores if r > (1 - TAIL) * rounds]
    if not late or not late_scores:
        return None
    before = max(curve[0][1], median(norm for _, norm in curve))
    level, score = median(late), median(late_scores)
    if level >= FADED * before or score <= BAD_SCORE:
        return None
    return Finding(
        "SATURATED",
        f"The gradient that reaches the generator fell to {level / before:.2g} of what it "
        f"was, and its samples ended at a distance of {score:.2f} from held-out rows (best: "
        f"{min(s for _, s in scores):.2f}, in round {best_round:,}): the discriminator is sure, "
        "and the generator no longer learns. Lower the learning rate, take another objective than "
        "a saturating one (minimax), or make the discriminator smaller.",
    )


def _oscillating(scores: Scores, best_round: int, rounds: int) -> Finding | None:
    late = [score for r, score in scores if r > SETTLED * rounds]
    if not late:
        return None
    best = min(score for _, score in scores)
    depth = max(SWING, OF_THE_BEST * best)
    turns = _swings(late, depth)
    if turns < FEWEST_SWINGS:
        return None
    return Finding(
        "OSCILLATING",
        f"The score turned {turns} times by {depth:.2g} or more, between {min(late):.2g} and "
        f"{max(late):.2g}, after a third of the rounds; round {best_round:,} with {best:.2g} is "
        "kept. Lower the learning rate, take larger batches, or average the weights for longer.",
    )


def _swings(values: Sequence[float], depth: float) -> int:
    """How often values turn by at least `depth` from the highest or lowest since the last turn.

    >>> _swings([0.0, 1.0, 0.9, 1.0, 0.1, 0.8], 0.5)
    2
    """
    turns, direction = 0, 0
    low = high = values[0]
    for value in values[1:]:
        low, high = min(low, value), max(high, value)
        if direction >= 0 and high - value >= depth:
            turns, direction, low = turns + (direction > 0), -1, value
        elif direction <= 0 and value - low >= depth:
            turns, direction, high = turns + (direction < 0), 1, value
    return turns


def _under_trained(scores: Scores, stopped_by: str, rounds: int) -> Finding | None:
    late = [score for r, score in scores if r > (1 - TAIL) * rounds]
    before = [score for r, score in scores if r <= (1 - TAIL) * rounds]
    if stopped_by not in ("max_rounds", "budget") or not late or not before:
        return None
    if min(late) > CLEARLY_BETTER * min(before):
        return None
    return Finding(
        "UNDER_TRAINED",
        f"The score still improved when training ended ({min(before):.2g} to {min(late):.2g} in "
        f"the last tenth of {rounds:,} rounds). Give it more rounds or a larger budget.",
    )
