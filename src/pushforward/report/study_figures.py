"""The figures of a study: pure functions from arrays to a matplotlib Figure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from textwrap import fill
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter
from numpy.typing import NDArray

from pushforward.report.style import (
    CARD,
    GENERATED,
    GENERATED_PALE,
    INK,
    MUTED,
    REAL_PALE,
    WARNING,
    new_figure,
    styled,
)

PAGE = 5.5  # inches: half the width of the page
WIDER = 7.6  # of one figure by itself
ACROSS = 3  # small panels side by side
BANDS_TOGETHER = 4  # lines with bands in one frame; more hide one another
# Ten colours by which neighbours differ in dashes too.
LINES = (
    ("#0b62a4", "-"),
    ("#b3470b", "--"),
    ("#3d7a35", "-."),
    ("#7a3d8f", ":"),
    ("#59636e", (0, (5, 1, 1, 1, 1, 1))),
    ("#0f8a8a", "--"),
    ("#a8326e", "-"),
    ("#8a6d00", "-."),
    ("#2f3f9e", ":"),
    ("#6b4226", (0, (7, 2))),
)


@dataclass(frozen=True)
class Line:
    """What one method's budget buys; of `firm` points alone the band is drawn.

    A single point is a method with nothing to search, whose score no budget changes.
    """

    label: str
    budget: NDArray
    mean: NDArray
    low: NDArray
    high: NDArray
    firm: NDArray
    place: int = 0  # of its method, by which it has its colour in every figure


@dataclass(frozen=True)
class Scale:
    """The axis of a score: what it is called, and whether it is logarithmic."""

    name: str
    log: bool


@styled
def budget_curves(
    lines: Sequence[Line], scale: Scale, unit: str, levels: Mapping[str, float] | None = None
) -> Figure:
    """The best to expect against a budget in `unit`, a line per method, labelled at its end.

    Lines are whole where their bands can be believed and pale beyond; `levels` are yardsticks.

    >>> k = np.arange(1, 4)
    >>> line = Line("vae", k, 0.3 / k, 0.2 / k, 0.4 / k, k < 2)
    >>> budget_curves([line], Scale("distance", log=False), "trials").axes[0].get_xlabel()
    'trials'
    """
    figure = new_figure(PAGE, 3.7)
    axes = figure.subplots()
    _yardsticks(axes, levels or {}, named=True)
    ends = []
    last = max(float(line.budget[-1]) for line in lines)
    for line in lines:
        colour, dashes = LINES[line.place % len(LINES)]
        if len(lines) <= BANDS_TOGETHER:
            _band(axes, line, colour)
        ends.append((line.label, _line(axes, line, last, colour, dashes), colour))
    _frame(axes, scale, last, lines, unit)
    _end_labels(axes, ends)
    return figure


@styled
def budget_panels(
    lines: Sequence[Line], scale: Scale, unit: str, levels: Mapping[str, float] | None = None
) -> Figure:
    """A panel per method, its line with its band before those of all others."""
    rows = math.ceil(len(lines) / ACROSS)
    figure = new_figure(PAGE, 0.4 + 1.35 * rows)
    panels = figure.subplots(rows, ACROSS, squeeze=False, sharex=True, sharey=True)
    last = max(float(line.budget[-1]) for line in lines)
    for axes, chosen in zip(panels.ravel(), lines, strict=False):
        _yardsticks(axes, levels or {}, named=False)
        for line in lines:
            if line is not chosen:
                _line(axes, line, last, REAL_PALE, "-", width=0.9)
        _band(axes, chosen, GENERATED)
        _line(axes, chosen, last, GENERATED, "-")
        axes.set_title(chosen.label, fontsize=9)
        _frame(axes, scale, last, lines, "")
    for axes in panels.ravel()[len(lines) :]:
        axes.set_visible(False)
    figure.supylabel(scale.name, fontsize=8.5, color=MUTED)
    for axes in panels.ravel()[max(0, len(lines) - ACROSS) : len(lines)]:
        axes.tick_params("x", labelbottom=True)
    figure.supxlabel(unit, fontsize=8.5, color=MUTED)
    return figure


def _yardsticks(axes: Axes, levels: Mapping[str, float], *, named: bool) -> None:
    for i, (name, level) in enumerate(levels.items()):
        axes.axhline(level, color=MUTED, lw=1, ls=((0, (4, 3)), (0, (1, 2)))[i % 2], zorder=1)
        if named:
            axes.text(
                0.005, level, name, transform=axes.get_yaxis_transform(), color=MUTED,
                fontsize=8, va="bottom",
            )  # fmt: skip


def _line(
    axes: Axes, line: Line, last: float, colour: str, dashes: Any, width: float = 1.7
) -> tuple[float, float]:
    """Draw a line, and return where it ends."""
    if len(line.budget) == 1:
        axes.plot(line.budget, line.mean, "o", color=colour, ms=4)
        axes.plot([line.budget[0], last], [line.mean[0]] * 2, color=colour, lw=0.9, alpha=0.6)
        return last, float(line.mean[0])
    there = np.isfinite(line.mean)
    x, y, firm = line.budget[there], line.mean[there], line.firm[there]
    cut = int(firm.sum())
    axes.plot(x[:cut], y[:cut], color=colour, ls=dashes, lw=width, zorder=3)
    rest = slice(max(cut - 1, 0), None)
    axes.plot(x[rest], y[rest], color=colour, ls=dashes, lw=width * 0.7, alpha=0.45, zorder=2)
    return float(x[-1]), float(y[-1])


def _band(axes: Axes, line: Line, colour: str) -> None:
    shown = line.firm & np.isfinite(line.mean)
    if len(line.budget) > 1:
        x, low, high = line.budget[shown], line.low[shown], line.high[shown]
        axes.fill_between(x, low, high, color=colour, alpha=0.14, lw=0, zorder=1)


def _frame(axes: Axes, scale: Scale, last: float, lines: Sequence[Line], unit: str) -> None:
    first = min(float(line.budget[np.isfinite(line.mean)][:1].sum()) for line in lines)
    axes.set_xscale("log")
    axes.set_xlim(max(first, last / 1e6) / 1.06, last * 1.04)
    axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.4g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.xaxis.set_minor_locator(LogLocator(subs=()))
    if last / max(first, 1e-9) > 200:
        axes.xaxis.set_major_locator(LogLocator(numticks=6))
    _score_axis(axes, scale, "y")
    axes.grid(axis="y", color=REAL_PALE, lw=0.5)
    axes.set_axisbelow(True)
    if unit:
        axes.set_xlabel(unit)
        axes.set_ylabel(fill(scale.name, 40))


def _score_axis(axes: Axes, scale: Scale, which: str) -> None:
    axis = axes.yaxis if which == "y" else axes.xaxis
    if scale.log:
        (axes.set_yscale if which == "y" else axes.set_xscale)("log")
        low, high = axes.get_ylim() if which == "y" else axes.get_xlim()
        subs = (1.0,) if abs(math.log10(high / low)) > 2.5 else (1.0, 2.0, 5.0)
        axis.set_major_locator(LogLocator(subs=subs))
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.4g}"))
        axis.set_minor_formatter(NullFormatter())
    else:
        axis.set_major_locator(MaxNLocator(5))


def _end_labels(axes: Axes, ends: Sequence[tuple[str, tuple[float, float], str]]) -> None:
    """Names to the right of the lines' ends, moved apart where they would overlap."""
    low, high = axes.get_ylim()
    log = axes.get_yscale() == "log"

    def place(y: float) -> float:
        a, b, v = (math.log(v) for v in (low, high, y)) if log else (low, high, y)
        return (v - a) / (b - a)

    known = sorted((place(y), name, colour, (x, y)) for name, (x, y), colour in ends)
    gap = 0.052
    heights: list[float] = []
    for at, *_ in known:
        heights.append(max(at, heights[-1] + gap) if heights else at)
    overflow = max(0.0, heights[-1] - 1.0) if heights else 0.0
    for i in range(len(heights) - 1, -1, -1):  # from the top down, as far as it is too high
        top = 1.0 if i == len(heights) - 1 else heights[i + 1] - gap
        heights[i] = min(heights[i], top) if overflow else heights[i]
    for (_, name, colour, end), height in zip(known, heights, strict=True):
        axes.annotate(
            name,
            end,
            (1.035, height),
            xycoords="data",
            textcoords="axes fraction",
            color=colour,
            fontsize=8.5,
            va="center",
            annotation_clip=False,
            arrowprops={"arrowstyle": "-", "color": colour, "lw": 0.6, "shrinkA": 1, "shrinkB": 0},
        )


@dataclass(frozen=True)
class Strip:
    """All trials of one method: what those scored that did not fail, and how many did."""

    label: str
    values: NDArray
    failed: int
    own: float | None  # of the registry's own options, None where they failed


@styled
def strips(
    lines: Sequence[Strip], scale: Scale, levels: Mapping[str, float] | None = None
) -> Figure:
    """Every trial a dot, a box from quartile to quartile, the failures counted at the side.

    >>> figure = strips([Strip("vae", np.array([0.1, 0.2, 0.3]), 2, 0.1)], Scale("distance", False))
    >>> [text.get_text() for text in figure.axes[0].texts]
    ['2 of 5']
    """
    figure = new_figure(WIDER, 1.25 + 0.42 * len(lines))
    axes = figure.subplots()
    for i, (name, level) in enumerate((levels or {}).items()):
        style = ((0, (4, 3)), (0, (1, 2)))[i % 2]
        axes.axvline(level, color=MUTED, lw=1, ls=style, zorder=1, label=name)
    rng = np.random.default_rng(0)
    for y, line in enumerate(lines):
        n = len(line.values)
        if n >= 4:
            low, middle, high = np.quantile(line.values, [0.25, 0.5, 0.75])
            axes.plot([low, high], [y, y], color=GENERATED_PALE, lw=11, solid_capstyle="butt")
            axes.plot([middle] * 2, [y - 0.28, y + 0.28], color=GENERATED, lw=2, zorder=3)
        offsets = rng.uniform(-0.22, 0.22, n) if n > 1 else np.zeros(n)
        axes.plot(
            line.values, y + offsets, "o", ms=3.2, color=GENERATED, mew=0, alpha=0.65, zorder=4
        )
        if line.own is not None:
            axes.plot(
                [line.own], [y], "D", ms=5, mfc="white", mec=INK, mew=1, zorder=5,
                label="the registry's own options" if y == _first_own(lines) else None,
            )  # fmt: skip
        axes.text(
            1.02, y, f"{line.failed} of {n + line.failed}", transform=axes.get_yaxis_transform(),
            fontsize=8.5, va="center", color=WARNING if line.failed else MUTED,
        )  # fmt: skip
    axes.set_yticks(range(len(lines)), [line.label for line in lines])
    axes.tick_params("y", length=0, labelsize=9.5, labelcolor=INK)
    axes.set_ylim(len(lines) - 0.4, -0.6)
    axes.set_title("failed", loc="right", fontsize=8.5, color=MUTED, x=1.09)
    axes.set_xlabel(scale.name)
    _score_axis(axes, scale, "x")
    axes.spines["left"].set_visible(False)
    axes.grid(axis="x", color=REAL_PALE, lw=0.6)
    axes.set_axisbelow(True)
    if axes.get_legend_handles_labels()[0]:
        figure.legend(loc="outside upper left", ncols=3)
    return figure


def _first_own(lines: Sequence[Strip]) -> int:
    return next(i for i, line in enumerate(lines) if line.own is not None)


@dataclass(frozen=True)
class Against:
    """One option of a method's trials, against which their scores are drawn."""

    name: str
    values: Sequence[Any]
    log: bool


@styled
def option_panels(
    options: Sequence[Against],
    scores: NDArray,
    failed: NDArray,
    winner: int | None,
    scale: Scale,
    limits: tuple[float, float],
) -> Figure:
    """A small panel per option: what each trial scored against the option's value.

    `failed` trials are crosses at the value that they count as; `winner` is the best one's place.

    >>> rate = Against("learning_rate", [1e-4, 1e-3, 1e-2], log=True)
    >>> failed = np.array([False, False, True])
    >>> scores = np.array([0.2, 0.1, 0.5])
    >>> figure = option_panels([rate], scores, failed, 1, Scale("distance", False), (0, 0.6))
    >>> figure.axes[0].get_title(loc="left")
    'learning_rate'
    """
    rows = math.ceil(len(options) / 2)
    figure = new_figure(CARD, 0.25 + 1.4 * rows)
    panels = figure.subplots(rows, 2, squeeze=False, sharey=True)
    for axes, option in zip(panels.ravel(), options, strict=False):
        x = _positions(axes, option)
        axes.plot(x[~failed], scores[~failed], "o", ms=3, color=GENERATED, mew=0, alpha=0.7)
        axes.plot(x[failed], scores[failed], "x", ms=4, color=WARNING, mew=0.9, alpha=0.8)
        if winner is not None:
            axes.plot(x[[winner]], scores[[winner]], "D", ms=5.5, mfc="none", mec=INK, mew=1.2)
        axes.set_title(option.name, fontsize=8.5)
        axes.set_ylim(*limits)
        _score_axis(axes, scale, "y")
        axes.tick_params(labelsize=7.5)
        axes.grid(axis="y", color=REAL_PALE, lw=0.5)
        axes.set_axisbelow(True)
    for axes in panels.ravel()[len(options) :]:
        axes.set_visible(False)
    return figure


def _positions(axes: Axes, option: Against) -> NDArray:
    """Where values lie: numbers on their axis, names and few numbers beside one another."""
    values = list(option.values)
    numeric = all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in values)
    known = sorted(set(values)) if numeric else sorted({str(v) for v in values})
    if numeric and len(known) > 4:
        if option.log:
            axes.set_xscale("log")
            axes.xaxis.set_major_locator(LogLocator(numticks=4))
            axes.xaxis.set_minor_formatter(NullFormatter())
            axes.xaxis.set_major_formatter(FuncFormatter(_power))
        else:
            axes.xaxis.set_major_locator(MaxNLocator(3))
        return np.asarray(values, dtype=float)
    axes.set_xticks(range(len(known)), [f"{v}" for v in known])
    axes.set_xlim(-0.6, len(known) - 0.4)
    place = {v: i for i, v in enumerate(known)}
    spread = np.random.default_rng(0).uniform(-0.22, 0.22, len(values))
    return np.array([place[v if numeric else str(v)] for v in values]) + spread


def _power(value: float, _: int) -> str:
    """A power of ten; the font's superscripts stand for mathematics.

    >>> _power(1e-4, 0), _power(10, 0)
    ('10⁻⁴', '10')
    """
    exponent = round(math.log10(value))
    if -2 <= exponent <= 3:
        return f"{value:g}"
    return "10" + str(exponent).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))


@styled
def rank_intervals(
    labels: Sequence[str], ranks: Sequence[float], intervals: Sequence[tuple[float, float]]
) -> Figure:
    """Each method's rank and its interval, best first.

    >>> rank_intervals(["vae"], [1.0], [(1.0, 2.0)]).axes[0].get_xlabel()
    'rank by the median of restarts'
    """
    figure = new_figure(4.9, 0.75 + 0.3 * len(labels))
    axes = figure.subplots()
    for y, (rank, (low, high)) in enumerate(zip(ranks, intervals, strict=True)):
        axes.plot([low, high], [y, y], color=GENERATED_PALE, lw=8, solid_capstyle="round")
        axes.plot([rank], [y], "o", ms=6, color=GENERATED, zorder=3)
    axes.set_yticks(range(len(labels)), list(labels))
    axes.tick_params("y", length=0, labelsize=9.5, labelcolor=INK)
    axes.set_ylim(len(labels) - 0.4, -0.6)
    axes.set_xlim(0.5, len(labels) + 0.5)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("rank by the median of restarts")
    axes.spines["left"].set_visible(False)
    axes.grid(axis="x", color=REAL_PALE, lw=0.6)
    axes.set_axisbelow(True)
    return figure
