"""The run in plain words: the answer, what is not ranked and why, what each number means."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from pushforward.report.run import Run
from pushforward.study.plan import FLOOR
from pushforward.study.ranking import Estimate, Standing
from pushforward.study.remarks import Remark, remarks

STATUS = {
    "OK": "no sign of copying or collapse",
    "COPYING": "hands out rows it was trained on, so its numbers say nothing of new rows",
    "COLLAPSED": "draws nearly the same rows again and again, or only part of the data",
    "DIVERGED": "left the finite numbers while training",
    "OUT_OF_BUDGET": "went over its budget by more than half",
    "FAILED": "stopped with an error",
}
STOPPED = {
    "score": "its validation score no longer improved",
    "max_rounds": "it reached the bound on rounds",
    "budget": "its budget was spent",
    "divergence": "it diverged, and the best state before was kept",
}


@dataclass(frozen=True)
class Number:
    """A column of the table: which score, what it is called, what is better, what it means."""

    score: str
    title: str
    better: str
    meaning: str
    digits: int | None = 2  # after the point; None for three significant ones


NUMBERS = (
    Number(
        "nn_real",
        "real half",
        "→ ½",
        "share of real {noun} whose nearest neighbour, among real and generated ones together, "
        "is real. Above ½: the model misses part of the data. Below ½: generated ones crowd among "
        "them, or copy them.",
    ),
    Number(
        "nn_fake",
        "fake half",
        "→ ½",
        "share of generated {noun} whose nearest neighbour is generated. Above ½: they lie where "
        "no real ones do, or huddle together. Below ½: they spread wider than real ones, or sit on "
        "top of them.",
    ),
    Number(
        "frechet",
        "Fréchet",
        "↓",
        "how far means and covariances are apart, which is all it sees. It is above 0 for two "
        "samples of one law as well: the header says how much.",
        None,
    ),
    Number(
        "density",
        "density",
        "→ 1",
        "how many real {noun} a generated one lies close to, as a share of what real ones would. "
        "Below 1: generated {noun} lie where few real ones do. Above 1: they crowd where most are.",
    ),
    Number(
        "coverage",
        "coverage",
        "↑",
        "share of real {noun} that have a generated one close by. Low: part of the data is missed.",
    ),
    Number(
        "copies",
        "copies",
        "↓",
        "share of generated {noun} that (nearly) equal a training row.",
    ),
    Number(
        "near_copies",
        "near copies",
        "↓",
        "share of generated {noun} less than half as far from a training row as from any other "
        "real one. Chance gives some; many are training rows with noise.",
    ),
    Number(
        "modes",
        "modes",
        "↑",
        "modes of the known source that at least one good row reaches.",
        1,
    ),
    Number(
        "high_quality",
        "good rows",
        "↑",
        "share of generated rows close to a mode of the known source.",
    ),
    Number(
        "mode_kl",
        "mode KL",
        "↓",
        "how unevenly the modes are hit, in nats; 0 is even.",
        None,
    ),
)


def number(value: float, digits: int | None = None) -> str:
    """A number as a table shows it.

    >>> number(0.2684, 3), number(0.2), number(102.3), number(123456.0), number(float("inf"))
    ('0.268', '0.200', '102', '123,456', '∞')
    """
    if value == float("inf"):
        return "∞"
    if digits is not None:
        return f"{value:.{digits}f}"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:#.3g}".removesuffix(".")


def listing(names: Sequence[str], conjunction: str = "and") -> str:
    """Names as in a sentence.

    >>> listing(["gan"]), listing(["gan", "vae", "mixture"])
    ('gan', 'gan, vae and mixture')
    """
    *most, last = names
    return f"{', '.join(most)} {conjunction} {last}" if most else last


def answer(run: Run) -> list[str]:
    """Which method, how good, how sure: a few sentences, in paragraphs."""
    if not run.rows:
        return ["Nothing is finished yet, so there is nothing to tell."]
    if not run.ranked:
        return ["No method could be ranked; below the table it says why."]
    best = run.ranked[0]
    how_good = (_how_good(run, best), _yardstick(run, best), _floor(run, best))
    together = Markup(" ").join(sentence for sentence in how_good if sentence)
    paragraphs = [_which(run, best), together, _how_sure(run), _traps(run, best)]
    return [paragraph for paragraph in paragraphs if paragraph]


def advice(run: Run) -> list[tuple[str, list[Remark]]]:
    """What was seen while fitting and in the samples, and what to change, by method."""
    found = remarks(run.rows)
    told = [(s.method, [r for r in found if r.method == s.method]) for s in run.standings]
    return [(method, theirs) for method, theirs in told if theirs]


def limit(run: Run) -> float:
    """The largest distance from chance that a 1-NN half can have, about ½."""
    halves = [row["scores"][h]["target"] for row in run.rows for h in HALVES if row["scores"]]
    return max((max(t, 1 - t) for t in halves), default=0.5)


HALVES = ("nn_real", "nn_fake")


def interval(estimate: Estimate, limit: float) -> str:
    """An interval of distances, within what is possible."""
    return f"{max(estimate.low, 0):.2f} to {min(estimate.high, limit):.2f}"


def _name(method: str) -> Markup:
    return Markup("<strong>{}</strong>").format(method)


def _which(run: Run, best: Standing) -> str:
    ties = [s.method for s in run.ranked[1:] if s.rank == best.rank]
    start = _name(best.method) + Markup(" comes nearest to the real {}").format(run.noun)
    if not ties:
        others = "every other ranked method" if len(run.ranked) > 1 else ""
        return start + (f", surely nearer than {others}." if others else ".")
    names = listing([str(_name(method)) for method in ties], "or")
    tail = ": the intervals overlap."
    if len(ties) + 1 == len(run.ranked):
        tail = ": all the intervals overlap, so this run does not decide between them."
    return start + Markup(f", though not surely better than {names}{tail}")


def _how_good(run: Run, best: Standing) -> str:
    assert best.distance is not None
    return (
        f"A nearest-neighbour test on its {run.noun} is {best.distance.value:.2f} away from pure "
        f"guessing (95 % interval {interval(best.distance, limit(run))}): 0 would mean that they "
        "cannot be told from real ones, 0.5 that they are told apart every time."
    )


def _yardstick(run: Run, best: Standing) -> str:
    if run.yardstick is None or run.yardstick.distance is None or best.distance is None:
        return ""
    real = run.yardstick.distance
    start = f"The yardstick, real {run.noun} in place of generated ones, gets {real.value:.2f}"
    if best.distance.overlaps(real):
        return f"{start}: at this sample size no difference from real {run.noun} is certain."
    return f"{start}: a clear gap to real {run.noun} is left."


def _floor(run: Run, best: Standing) -> str:
    if run.floor is None or run.floor.distance is None or best.distance is None:
        return ""
    if best.method == FLOOR:
        return "That is the plain Gaussian, the floor that a model must beat: none does."
    if best.distance.overlaps(run.floor.distance):
        sure = "not surely better"
    else:
        sure = "surely better"
    value = run.floor.distance.value
    return _name(best.method) + f" is {sure} than the floor, a plain Gaussian ({value:.2f})."


def _how_sure(run: Run) -> str:
    repeats = max(s.finished for s in run.ranked)
    if repeats == 1:
        return (
            "There is one repeat only: the intervals cover the chance in the test rows, not that "
            "of another split or seed, which more repeats would."
        )
    if repeats == 2:
        return "Two repeats make wide intervals; more repeats would narrow them."
    return ""


def _traps(run: Run, best: Standing) -> str:
    """Methods whose number is lower than the winner's, but is not to be believed."""
    assert best.distance is not None
    tempting = [
        s
        for s in run.unranked
        if s.distance and s.distance.value < best.distance.value and s.status in STATUS
    ]
    notes = [f"{_name(s.method)} has a lower number but {STATUS[s.status]}" for s in tempting]
    return Markup("{}.").format(Markup("; ".join(notes))) if notes else ""
