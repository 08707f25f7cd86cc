"""A diagnosis in words: is this a model at all, or a copier, or a collapsed one?"""

from __future__ import annotations

from typing import Literal, NamedTuple

from pushforward.evaluation.scores import Evaluation

TOLERATED_COPIES = 0.05
HUDDLED_SPREAD = 0.1
HUDDLED_FAKE_HALF = 0.95
FEWEST_MODES = 0.5


class Verdict(NamedTuple):
    """A name and the sentence that explains it: what was seen, and what to change."""

    name: Literal["OK", "COPYING", "COLLAPSED"]
    reason: str


def verdict(evaluation: Evaluation) -> Verdict:
    """Name the failure that the scores show, copying before collapse.

    COPYING: the lower 95 % bound of the share of copies exceeds the held-out rows' share by more
    than 0.05. COLLAPSED: generated rows lie within a tenth of the distance at which real rows lie
    and more than 95 % of them have a generated row as their nearest; or fewer than half of a toy's
    modes are reached. Both are conventions of this library.

    >>> from pushforward.evaluation.scores import Score
    >>> scores = [Score("modes", 1, "higher", target=8.0)]
    >>> print(verdict(Evaluation(scores)).reason)
    Generated rows reach 1 of 8 modes. Lower the learning rate, ... or choose another method.
    """
    reasons: tuple[tuple[Literal["COPYING", "COLLAPSED"], str | None], ...] = (
        ("COPYING", _copying(evaluation)),
        ("COLLAPSED", _huddled(evaluation)),
        ("COLLAPSED", _few_modes(evaluation)),
    )
    for name, reason in reasons:
        if reason is not None:
            return Verdict(name, reason)
    return Verdict("OK", "No sign of copying or collapse.")


def _copying(evaluation: Evaluation) -> str | None:
    copies = evaluation.get("copies")
    if copies is None or copies.interval is None or copies.target is None:
        return None
    if copies.interval[0] - copies.target <= TOLERATED_COPIES:
        return None
    return (
        f"{copies.value:.1%} of the generated rows (nearly) equal a training row, where "
        f"{copies.target:.1%} of unseen real rows do. Stop training earlier, widen a kernel's "
        "bandwidth, make the model smaller or give it more data."
    )


def _huddled(evaluation: Evaluation) -> str | None:
    spread, fake_half = evaluation.get("neighbour_spread"), evaluation.get("nn_fake")
    if spread is None or fake_half is None:
        return None
    if spread.value >= HUDDLED_SPREAD or fake_half.value <= HUDDLED_FAKE_HALF:
        return None
    return (
        f"Generated rows lie {spread.value:.2g} times as far apart as real ones, and the nearest "
        f"row of {fake_half.value:.1%} of them is generated. {_REMEDY}"
    )


def _few_modes(evaluation: Evaluation) -> str | None:
    modes = evaluation.get("modes")
    if modes is None or modes.target is None or modes.value >= FEWEST_MODES * modes.target:
        return None
    return f"Generated rows reach {modes.value:.0f} of {modes.target:.0f} modes. {_REMEDY}"


_REMEDY = "Lower the learning rate, fit with other seeds, or choose another method."
