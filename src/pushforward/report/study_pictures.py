"""From the rows of a study to pictures, with their captions and what they are for the blind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pushforward.report.pictures import Picture, picture
from pushforward.report.study_figures import (
    BANDS_TOGETHER,
    Against,
    Line,
    Scale,
    Strip,
    budget_curves,
    budget_panels,
    option_panels,
    rank_intervals,
    strips,
)
from pushforward.space import LogUniform
from pushforward.study.claim import said
from pushforward.study.curves import Curve, best_in_seconds, best_of_trials
from pushforward.study.evidence import Evidence
from pushforward.study.order import Place
from pushforward.study.plan import FLOOR, REAL
from pushforward.study.sensitivity import Sensitivity

FAR = 20  # times the least: scores that reach so far are drawn on a logarithmic axis
ROOM = 1.5  # times the span of scores: a yardstick farther off would press them flat
GRID = 80  # budgets in seconds
YARDSTICKS = {REAL: "real rows, on the test rows", FLOOR: "fitted Gaussian, on the test rows"}


@dataclass(frozen=True)
class OptionCard:
    """What the scores of one method hang on: a sentence and a picture."""

    title: str
    sentence: str
    picture: Picture


def curve_pictures(evidence: Evidence) -> list[list[Picture]]:
    """What a budget buys, in trials and in seconds; nothing before there is a trial."""
    if not evidence.searched or np.isnan(evidence.worst(evidence.objective)):
        return []
    scale = _scale(evidence, "expected best")
    random = evidence.settings["search"] == "random"
    trials, seconds = [], []
    grid = _grid(evidence)
    for method in evidence.searched:
        chosen = evidence.drawn(method) if random else slice(None)
        values = evidence.values(method)[chosen]
        cost = np.maximum(evidence.seconds(method)[chosen], 1e-3)
        if not len(values):  # the registry's own options alone, so far
            continue
        if random:
            trials.append(_line(evidence, method, best_of_trials(values)))
            if len(values) > 1:
                seconds.append(_line(evidence, method, best_in_seconds(values, cost, grid)))
        else:
            trials.append(_as_run(evidence, method, np.arange(1, len(values) + 1)))
            seconds.append(_as_run(evidence, method, np.cumsum(cost)))
    if not trials:
        return []
    levels, beyond = _near(_levels(evidence), [line.mean for line in trials])
    found = [_both(trials, scale, "trials", levels, _caption(evidence, random) + beyond)]
    seconds = [line for line in seconds if np.isfinite(line.mean).any()]
    if seconds:
        caption = (
            "The same against seconds of fitting, trials one after another"
            + (" in random orders" if random else "")
            + ". Trials that trained together count their share, and fits that ran side by side "
            "were slower than alone."
        )
        found.append(_both(seconds, scale, "seconds", levels, caption + beyond))
    return found


def _both(
    lines: Sequence[Line], scale: Scale, unit: str, levels: Mapping[str, float], caption: str
) -> list[Picture]:
    alt = f"{scale.name} against {unit}, a line per method: " + "; ".join(
        f"{line.label} ends at {said(float(line.mean[np.isfinite(line.mean)][-1]))}"
        for line in lines
    )
    found = [picture(budget_curves(lines, scale, unit, levels), f"{alt}.", caption)]
    if len(lines) > BANDS_TOGETHER:
        found.append(
            picture(
                budget_panels(lines, scale, unit, levels),
                f"{scale.name} against {unit}, a panel per method with its 95 % band.",
                "Each method in its own panel, with its 95 % band where it can be believed; grey: "
                "the others.",
            )
        )
    return found


def _caption(evidence: Evidence, random: bool) -> str:
    if not random:
        return (
            f"The best of the trials so far, as the search ({evidence.settings['search']}) ran "
            "them. It learns from its trials, so there is no telling how another search would go. "
            + _failed(evidence)
        )
    return (
        "The best to expect of so many random trials: the exact mean over all choices of them "
        "without replacement. Bands are 95 % bootstrap intervals over trials, drawn as far as they "
        "can be believed; beyond a third of the trials a line is pale, since it hangs on a few of "
        "them. " + _failed(evidence)
    )


def _failed(evidence: Evidence) -> str:
    worst = said(evidence.shown(evidence.worst(evidence.objective)))
    return f"A failed trial counts as the worst that any trial or restart scored, {worst}."


def _grid(evidence: Evidence) -> NDArray:
    """Seconds from the shortest trial to the longest search."""
    random = evidence.settings["search"] == "random"
    cost = [
        np.maximum(evidence.seconds(m)[evidence.drawn(m) if random else slice(None)], 1e-3)
        for m in evidence.searched
    ]
    cost = [each for each in cost if len(each)]
    several = [each for each in cost if len(each) > 1] or cost
    first, last = min(each.min() for each in several), max(each.sum() for each in several)
    # Each search ends at a budget of its own, where all of its trials are done.
    ends = [each.sum() for each in several]
    return np.unique(np.concatenate([np.geomspace(first, last, GRID), ends]))


def _line(evidence: Evidence, method: str, curve: Curve) -> Line:
    low, high = evidence.shown(1.0) * curve.low, evidence.shown(1.0) * curve.high
    shown = np.ones(len(curve.budget), dtype=bool)
    if curve.budget.dtype.kind == "f":  # no longer than the search was
        took = evidence.seconds(method)[evidence.drawn(method)].sum()
        shown = curve.budget <= took * (1 + 1e-9)
    return Line(
        method,
        curve.budget[shown],
        (evidence.shown(1.0) * curve.mean)[shown],
        np.minimum(low, high)[shown],
        np.maximum(low, high)[shown],
        curve.firm[shown],
        evidence.searched.index(method),
    )


def _as_run(evidence: Evidence, method: str, budget: NDArray) -> Line:
    best = evidence.shown(1.0) * np.minimum.accumulate(evidence.values(method))
    place = evidence.searched.index(method)
    return Line(method, budget, best, best, best, np.ones(len(best), dtype=bool), place)


def _levels(evidence: Evidence) -> dict[str, float]:
    found = {YARDSTICKS[name]: evidence.level(name) for name in YARDSTICKS}
    return {name: evidence.shown(level) for name, level in found.items() if level is not None}


def _near(levels: dict[str, float], shown: Sequence[NDArray]) -> tuple[dict[str, float], str]:
    """The yardsticks that a picture of some values has room for, and a sentence on the others."""
    values = np.concatenate(shown)
    values = values[np.isfinite(values)]
    low, high = float(values.min()), float(values.max())
    room = ROOM * (high - low)
    near = {name: v for name, v in levels.items() if low - room <= v <= high + room}
    far = [f"{name}, at {said(v)}" for name, v in levels.items() if name not in near]
    return near, f" Out of the picture: {'; '.join(far)}." if far else ""


def _scale(evidence: Evidence, of: str = "") -> Scale:
    name = evidence.title(evidence.objective)
    better = "higher is better" if evidence.higher else "lower is better"
    values = np.concatenate([evidence.values(m) for m in evidence.searched])
    levels = [v for v in _levels(evidence).values() if v > 0]
    shown = np.concatenate([evidence.shown(1.0) * values, levels])
    log = bool(shown.min() > 0 and shown.max() > FAR * shown.min()) and evidence.objective not in (
        "distance",
    )
    return Scale(f"{of + ' ' if of else ''}{name}, {better}", log)


def strip_picture(evidence: Evidence) -> Picture | None:
    """All trials of all methods, the failures counted."""
    if not evidence.searched or np.isnan(evidence.worst(evidence.objective)):
        return None
    lines = []
    for method in evidence.searched:
        values, failed = evidence.values(method), evidence.failed(method)
        first = evidence.trials[method][0]["repeat"] == 0 and not failed[0]
        own = evidence.shown(float(values[0])) if first else None
        shown = evidence.shown(1.0) * values[~failed]
        lines.append(Strip(method, shown, int(failed.sum()), own))
    levels, beyond = _near(_levels(evidence), [line.values for line in lines])
    return picture(
        strips(lines, _scale(evidence), levels),
        "The score of every trial that did not fail, a line per method: "
        + "; ".join(f"{line.label}, {line.failed} failed" for line in lines)
        + ".",
        "Each dot is a trial that did not fail, the bar goes from quartile to quartile, the stroke "
        "is the median." + beyond,
    )


def rank_picture(ranked: Sequence[Place]) -> Picture | None:
    """Ranks with their intervals; nothing for fewer than two methods."""
    if len(ranked) < 2:
        return None
    return picture(
        rank_intervals(
            [place.method for place in ranked],
            [place.rank for place in ranked],
            [(place.low, place.high) for place in ranked],
        ),
        "Rank of each method with its 95 % interval; the table beside it has the same numbers.",
        "Dots: rank by the median of restarts; bars: 95 % bootstrap intervals over restarts.",
    )


def option_cards(evidence: Evidence, told: Mapping[str, Sensitivity]) -> list[OptionCard]:
    """Scores against each option, a card for each method with a search; none where all failed."""
    found: list[OptionCard] = []
    if np.isnan(evidence.worst(evidence.objective)):
        return found
    for method, what in told.items():
        kept = [i for i, row in enumerate(evidence.trials[method]) if row["options"]]
        best = evidence.winners[method]
        places = [i for i, k in enumerate(kept) if evidence.trials[method][k] is best]
        scores = evidence.shown(1.0) * evidence.values(method)[kept]
        scale = _scale(evidence)
        failed = evidence.failed(method)[kept]
        figure = option_panels(
            [
                Against(
                    _titled(o.name, o.importance, what.told),
                    o.values,
                    _log(evidence, method, o.name),
                )
                for o in what.options
            ],
            scores,
            failed,
            places[0] if places else None,
            scale,
            _limits(evidence, scale),
        )
        alt = f"Scores of {method} against {', '.join(o.name for o in what.options)}."
        found.append(OptionCard(method, what.sentence, picture(figure, alt)))
    return found


def _titled(name: str, importance: float, told: bool) -> str:
    return f"{name}: {importance:.0%}" if told else name


def _log(evidence: Evidence, method: str, option: str) -> bool:
    return isinstance(evidence.spaces[method].get(option), LogUniform)


def _limits(evidence: Evidence, scale: Scale) -> tuple[float, float]:
    """Of all methods' scores, so that their panels can be held against one another."""
    values = np.concatenate([evidence.values(m) for m in evidence.searched])
    shown = evidence.shown(1.0) * values
    low, high = float(shown.min()), float(shown.max())
    if scale.log:
        return low / 1.2, high * 1.2
    margin = 0.07 * ((high - low) or 1.0)
    return low - margin, high + margin
