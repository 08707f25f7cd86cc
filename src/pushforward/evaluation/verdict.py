"""A diagnosis in words: is this a model at all, or a copier, or a collapsed one?"""

from __future__ import annotations

from typing import Literal, NamedTuple

from pushforward.evaluation.scores import Evaluation

ALL_KNOWN = 0.95  # share of real rows among the training rows beyond which copies cannot be told
TOLERATED_COPIES = 0.05
TOLERATED_NEAR_COPIES = 0.2  # honest kernel densities on 100 rows have .1, noisy copies .5 and more
HUDDLED_SPREAD = 0.1
HUDDLED_FAKE_HALF = 0.9  # surely more, so that a handful of rows is no evidence
SURELY = 1e-3  # p-values below
NOT_BY_CHANCE = 0.05  # p-values below
MIRRORED = 0.1  # below chance by so much, rows sit on the real ones they are compared with
FEWEST_MODES = 0.5
# The upper bound is .91 of what equal laws give for digits without one class of ten, .85 without
# two, and .89 for a ring without one mode of eight; 1 for real rows and for toys that are learnt.
LOW_COVERAGE = 0.87
# Where a part is left out, what is drawn has a density of 1; a Gaussian's rows on digits have .04.
AMONG_REAL_ROWS = 0.8
FAR_TOO_LOW = 0.5  # of the expected coverage, where rows lie beside the data


class Verdict(NamedTuple):
    """A name and the sentence that explains it: what was seen, and what to change."""

    name: Literal["OK", "COPYING", "COLLAPSED"]
    reason: str


class Note(NamedTuple):
    """Something to know of a sample that is no reason to distrust its numbers."""

    name: Literal["PART_MISSED", "BESIDE_THE_DATA"]
    sentence: str


def verdict(evaluation: Evaluation) -> Verdict:
    """Name the failure that the scores show, copying before collapse.

    COPYING: the lower 95 % bound of the share of copies exceeds the held-out rows' share by more
    than 0.05, or that of near copies surely exceeds what chance gives, and by more than 0.2, or
    the 1-NN accuracy is below chance by more than 0.1 and surely so, and neither half is above.
    COLLAPSED: generated rows lie within a tenth of the distance at which real rows lie and surely
    more than 90 % of them have a generated row as their nearest; or fewer than half of a toy's
    modes are reached. Both are conventions of this library. What is less than that, `notes` say.

    >>> from pushforward.evaluation.scores import Score
    >>> scores = [Score("modes", 1, "higher", target=8.0)]
    >>> print(verdict(Evaluation(scores)).reason)
    Generated rows reach 1 of 8 modes. Lower the learning rate, ... or choose another method.
    """
    reasons: tuple[tuple[Literal["COPYING", "COLLAPSED"], str | None], ...] = (
        ("COPYING", _copying(evaluation)),
        ("COPYING", _copying_with_noise(evaluation)),
        ("COPYING", _mirroring(evaluation)),
        ("COLLAPSED", _huddled(evaluation)),
        ("COLLAPSED", _few_modes(evaluation)),
    )
    for name, reason in reasons:
        if reason is not None:
            return Verdict(name, reason)
    copies = evaluation.get("copies")
    if copies is not None and copies.target is not None and copies.target > ALL_KNOWN:
        return Verdict(
            "OK",
            "No sign of collapse. Whether rows are copies cannot be told: nearly all real rows are "
            "among the training rows. Give real rows that the model has not seen.",
        )
    return Verdict("OK", "No sign of copying or collapse.")


def told_apart(evaluation: Evaluation) -> str | None:
    """Whether nearest neighbours tell generated rows from real ones, in a sentence.

    The half with the smaller p-value speaks, and p is doubled because two were asked. None where no
    half has a p-value.

    >>> from pushforward.evaluation.scores import Score
    >>> half = Score("nn_fake", 0.9, "near", target=0.5, p_value=1e-8)
    >>> print(told_apart(Evaluation([half])))
    Generated rows can be told from real ones: the nearest row of 90% of the generated ones is ...
    """
    halves = [
        (score.p_value, score.value, score.target, kind, own)
        for name, kind, own in (
            ("nn_real", "real", "real"),
            ("nn_fake", "generated", "generated too"),
        )
        if (score := evaluation.get(name)) is not None
        and score.p_value is not None
        and score.target is not None
    ]
    if not halves:
        return None
    p_value, value, target, kind, own = min(halves)
    p_value = min(1.0, 2 * p_value)
    what = (
        f"the nearest row of {value:.0%} of the {kind} ones is {own}, where chance gives "
        f"{target:.0%} (p = {p_value:.2g})"
    )
    if p_value >= NOT_BY_CHANCE:
        return f"Nearest neighbours do not tell generated rows from real ones: {what}."
    if value < target:
        return f"Generated rows lie nearer to real ones than real rows would: {what}."
    return f"Generated rows can be told from real ones: {what}."


def notes(evaluation: Evaluation) -> list[Note]:
    """Say what a sample misses, where that is too little to be called a collapse.

    PART_MISSED: some of a toy's modes are not reached, or the upper 95 % bound of coverage is
    below 0.87 of its value for equal laws, while the density says that the rows lie among real ones
    (0.8 or more). BESIDE_THE_DATA: the density is lower and coverage surely below half of that
    value: no part is missed, but few rows come near real ones. All are conventions of this library.

    >>> from pushforward.evaluation.scores import Score
    >>> print(notes(Evaluation([Score("modes", 6, "higher", target=8.0)]))[0].sentence)
    Generated rows reach 6 of 8 modes. Fit with other seeds and keep the best, ...
    """
    if verdict(evaluation).name != "OK":
        return []
    # Modes are missed by rows that lie beside the data too, which then is what to mend.
    found = _beside_the_data(evaluation) or _part_missed(evaluation)
    return [] if found is None else [found]


def _part_missed(evaluation: Evaluation) -> Note | None:
    density, modes = evaluation.get("density"), evaluation.get("modes")
    missed = modes is not None and modes.target is not None and modes.value < modes.target
    left_out = (
        density is not None and density.value >= AMONG_REAL_ROWS and _low(evaluation, LOW_COVERAGE)
    )
    if not (missed or left_out):
        return None
    part = "" if missed else " What is drawn lies among real rows, so a part of them is left out."
    return Note("PART_MISSED", f"{_reached(evaluation)}{part} {_REMEDY_FOR_A_PART}")


def _beside_the_data(evaluation: Evaluation) -> Note | None:
    density = evaluation.get("density")
    if density is None or density.value >= AMONG_REAL_ROWS or not _low(evaluation, FAR_TOO_LOW):
        return None
    return Note(
        "BESIDE_THE_DATA",
        f"{_reached(evaluation)} Real rows lie around them {density.value:.2g} times as densely as "
        "around real ones: they lie beside the data. Train longer, enlarge the model, or choose "
        "a method that suits the data better.",
    )


def _low(evaluation: Evaluation, share: float) -> bool:
    """Whether coverage is surely below a share of its value for equal laws."""
    coverage = evaluation.get("coverage")
    if coverage is None or coverage.target is None:
        return False
    at_most = coverage.interval[1] if coverage.interval else coverage.value
    return at_most < share * coverage.target


def _reached(evaluation: Evaluation) -> str:
    """How much of the data generated rows reach, in as many numbers as are known."""
    modes, coverage = evaluation.get("modes"), evaluation.get("coverage")
    parts = []
    if modes is not None and modes.target is not None:
        parts.append(f"reach {modes.value:.0f} of {modes.target:.0f} modes")
    if coverage is not None and coverage.target is not None:
        parts.append(
            f"come near {coverage.value:.1%} of the real rows, where equal laws would come near "
            f"{coverage.target:.1%}"
        )
    return f"Generated rows {' and '.join(parts)}." if parts else ""


def _copying(evaluation: Evaluation) -> str | None:
    copies = evaluation.get("copies")
    if copies is None or copies.interval is None or copies.target is None:
        return None
    if copies.interval[0] - copies.target <= TOLERATED_COPIES:
        return None
    return (
        f"{copies.value:.1%} of the generated rows (nearly) equal a training row, where "
        f"{copies.target:.1%} of unseen real rows do. {_FORGET}"
    )


def _copying_with_noise(evaluation: Evaluation) -> str | None:
    near = evaluation.get("near_copies")
    if near is None or near.target is None or near.p_value is None:
        return None
    if near.value - near.target <= TOLERATED_NEAR_COPIES or near.p_value >= SURELY:
        return None
    return (
        f"{near.value:.1%} of the generated rows are less than half as far from a training row as "
        f"from any other real row, where chance gives {near.target:.1%}: they are training rows "
        f"with some noise. {_FORGET}"
    )


def _mirroring(evaluation: Evaluation) -> str | None:
    accuracy = evaluation.get("nn_accuracy")
    if accuracy is None or accuracy.target is None or accuracy.p_value is None:
        return None
    if accuracy.value >= accuracy.target - MIRRORED or accuracy.p_value >= SURELY:
        return None
    # With unequal sizes one half above chance may not pull the accuracy up to it.
    halves = (evaluation.get("nn_real"), evaluation.get("nn_fake"))
    if any(half and half.target is not None and half.value > half.target for half in halves):
        return None
    return (
        f"The nearest row is of the same origin {accuracy.value:.1%} of the time, where chance "
        f"gives {accuracy.target:.1%}: generated rows sit on the very real rows they are compared "
        "with. Compare with rows that the model has not seen, or look for copies among them."
    )


def _huddled(evaluation: Evaluation) -> str | None:
    spread, fake_half = evaluation.get("neighbour_spread"), evaluation.get("nn_fake")
    if spread is None or fake_half is None:
        return None
    surely = fake_half.interval[0] if fake_half.interval else fake_half.value
    if spread.value >= HUDDLED_SPREAD or surely <= HUDDLED_FAKE_HALF:
        return None
    return (
        f"Generated rows lie {spread.value:.2g} times as far apart as real ones, and the nearest "
        f"row of {fake_half.value:.1%} of them is generated. {f'{_reached(evaluation)} '.lstrip()}"
        f"{_REMEDY}"
    )


def _few_modes(evaluation: Evaluation) -> str | None:
    modes = evaluation.get("modes")
    if modes is None or modes.target is None or modes.value >= FEWEST_MODES * modes.target:
        return None
    return f"{_reached(evaluation)} {_REMEDY}"


_FORGET = (
    "Stop training earlier, widen a kernel's bandwidth, make the model smaller or give it more "
    "data."
)
_REMEDY_FOR_A_PART = (
    "Fit with other seeds and keep the best, lower the learning rate, make the model larger, or "
    "choose another method."
)
_REMEDY = "Lower the learning rate, fit with other seeds, or choose another method."
