"""The report's figures: pure functions from arrays to a matplotlib Figure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from pushforward.report.style import (
    CARD,
    GENERATED,
    GENERATED_PALE,
    INK,
    LINES,
    MUTED,
    REAL,
    REAL_PALE,
    WARNING,
    WIDE,
    bare,
    new_figure,
    styled,
)

DOTS = 1000  # of a scatter plot: more only make a blot
GAP = 1  # pixels between images


@dataclass(frozen=True)
class Dots:
    """One line of the dot plot: every repeat, their mean, and its interval."""

    label: str
    values: Sequence[float]
    mean: float
    low: float
    high: float
    ranked: bool = True


@styled
def distances(
    lines: Sequence[Dots],
    *,
    yardstick: tuple[float, float, float] | None = None,
    floor: float | None = None,
    limit: float = 0.5,
) -> Figure:
    """Each repeat a dot, its interval a bar, real rows a line with a band, Gaussian a dashed line.

    `yardstick` is (mean, low, high) of real rows, `floor` the mean of the Gaussian, `limit` the
    largest distance there can be.

    >>> distances([Dots("vae", [0.1, 0.2], 0.15, 0.05, 0.25)]).axes[0].get_yticklabels()[0]
    Text(0, 0, 'vae')
    """
    figure = new_figure(WIDE, 1.35 + 0.36 * len(lines))
    axes = figure.subplots()
    if yardstick is not None:
        mean, low, high = yardstick
        axes.axvspan(max(low, 0), min(high, limit), color=REAL_PALE, alpha=0.5, lw=0, zorder=0)
        axes.axvline(mean, color=INK, lw=1.5, zorder=1, label="real rows (band: 95 % interval)")
    if floor is not None:
        axes.axvline(floor, color=MUTED, lw=1.2, ls=(0, (4, 3)), zorder=1, label="Gaussian, floor")
    for y, line in enumerate(lines):
        _dots(axes, y, line, limit)
    axes.set_yticks(range(len(lines)), [line.label for line in lines])
    axes.tick_params("y", length=0, labelsize=10, labelcolor=INK)
    axes.set_ylim(len(lines) - 0.4, -0.6)
    axes.set_xlim(-0.015, limit * 1.03)
    axes.set_xlabel("1-NN distance\n← not told from real ones         told apart every time →")
    axes.spines["left"].set_visible(False)
    axes.grid(axis="x", color=REAL_PALE, lw=0.6)
    axes.set_axisbelow(True)
    if yardstick is not None or floor is not None:
        figure.legend(loc="outside upper left", ncols=2)
    return figure


def _dots(axes: Axes, y: int, line: Dots, limit: float) -> None:
    """Hollow and orange where the method is not ranked."""
    colour, pale = (GENERATED, GENERATED_PALE) if line.ranked else (WARNING, "#f0d3bf")
    low, high = max(line.low, 0.0), min(line.high, limit)
    axes.plot([low, high], [y, y], color=pale, lw=9, solid_capstyle="butt", zorder=2)
    axes.plot([line.mean] * 2, [y - 0.26, y + 0.26], color=colour, lw=2.2, zorder=3)
    face = colour if line.ranked else "white"
    # Repeats that agree would hide one another on one line.
    offsets = np.linspace(-0.13, 0.13, len(line.values)) if len(line.values) > 1 else [0.0]
    axes.plot(
        line.values, y + np.asarray(offsets), "o", ms=5, mfc=face, mec=colour, mew=1.2, zorder=4
    )


@styled
def image_grid(
    images: NDArray, value_range: tuple[float, float], *, columns: int = 8, rows: int = 4
) -> Figure:
    """The first images (n, h, w[, c]) in a grid, `value_range` being black and white for all.

    >>> image_grid(np.zeros((9, 8, 8)), (0.0, 1.0), columns=4, rows=2).axes[0].images[0].get_size()
    (17, 35)
    """
    tiles = _tiles(_unit(images[: columns * rows], value_range), columns)
    figure = new_figure(CARD, CARD * tiles.shape[0] / tiles.shape[1])
    _show(figure.subplots(), tiles)
    return figure


@styled
def nearest_pairs(generated: NDArray, nearest: NDArray, value_range: tuple[float, float]) -> Figure:
    """Generated images above the training images nearest to them, both (n, h, w[, c])."""
    n = min(len(generated), len(nearest))
    figure = new_figure(CARD, 0.62 + 2 * CARD / max(n, 4) * generated.shape[1] / generated.shape[2])
    upper, lower = figure.subplots(2, 1)
    for axes, images, name in ((upper, generated, "generated"), (lower, nearest, "nearest")):
        _show(axes, _tiles(_unit(images[:n], value_range), n))
        axes.set_title(f"{name} training images" if name == "nearest" else name, fontsize=8.5)
    return figure


def show_images(
    axes: Axes, images: NDArray, value_range: tuple[float, float], columns: int = 1
) -> None:
    """Images (n, h, w[, c]) in a grid in one pair of axes, `value_range` being black and white."""
    _show(axes, _tiles(_unit(images, value_range), columns))


def _unit(images: NDArray, value_range: tuple[float, float]) -> NDArray:
    low, high = value_range
    return np.clip((images - low) / ((high - low) or 1.0), 0.0, 1.0)


def _tiles(images: NDArray, columns: int) -> NDArray:
    n, h, w = images.shape[:3]
    columns = min(columns, n)
    rows = math.ceil(n / columns)
    shape = (rows * (h + GAP) - GAP, columns * (w + GAP) - GAP, *images.shape[3:])
    canvas = np.ones(shape)
    for i, image in enumerate(images):
        top, left = i // columns * (h + GAP), i % columns * (w + GAP)
        canvas[top : top + h, left : left + w] = image
    return canvas


def _show(axes: Axes, tiles: NDArray) -> None:
    if tiles.ndim == 3 and tiles.shape[2] == 1:
        tiles = tiles[:, :, 0]
    # Enlarged pixels stay squares; only pictures larger than their place are smoothed.
    way = "nearest" if tiles.shape[1] < 600 else "auto"
    axes.imshow(tiles, cmap="gray", vmin=0, vmax=1, interpolation=way)
    bare(axes)


@styled
def scatter(
    real: NDArray | None,
    generated: NDArray | None,
    limits: tuple[float, float, float, float],
    names: tuple[str, str] = ("", ""),
) -> Figure:
    """Generated points (n, 2) over real ones, in the frame (left, right, bottom, top)."""
    left, right, bottom, top = limits
    figure = new_figure(CARD, CARD * 0.92)
    axes = figure.subplots()
    if real is not None:
        axes.plot(*real[:DOTS].T, "o", ms=2.6, color=REAL, mew=0, alpha=0.55, label="real")
    if generated is not None:
        axes.plot(
            *generated[:DOTS].T, "x", ms=3, color=GENERATED, mew=0.8, alpha=0.8, label="generated"
        )
    axes.set_xlim(left, right)
    axes.set_ylim(bottom, top)
    axes.set_xlabel(names[0])
    axes.set_ylabel(names[1])
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.yaxis.set_major_locator(MaxNLocator(5))
    figure.legend(loc="outside upper left", ncols=2, markerscale=2)
    return figure


@dataclass(frozen=True)
class Curve:
    """A validation score against rounds, and the round whose state was kept."""

    rounds: Sequence[float]
    scores: Sequence[float]
    best_round: float | None


@styled
def learning_curves(
    curves: Sequence[Curve], losses: Mapping[str, tuple[Sequence[float], Sequence[float]]]
) -> Figure:
    """Validation scores of every repeat, the kept states marked; the players' losses below."""
    both = bool(curves) and bool(losses)
    figure = new_figure(CARD, 3.5 if both else 2.0)
    panels = figure.subplots(2 if both else 1, 1, sharex=both, squeeze=False).ravel()
    if curves:
        _scores(panels[0], curves)
    if losses:
        _losses(panels[-1], losses)
        which = ", first repeat" if len(curves) > 1 else ""
        panels[-1].set_title(f"losses of the players{which}", fontsize=9)
    panels[-1].set_xlabel("rounds")
    panels[-1].xaxis.set_major_locator(MaxNLocator(4))
    return figure


def _scores(axes: Axes, curves: Sequence[Curve]) -> None:
    for curve in curves:
        axes.plot(curve.rounds, curve.scores, color=GENERATED, lw=1.1, alpha=0.75)
    kept = [_kept(curve) for curve in curves if curve.best_round is not None and curve.rounds]
    axes.plot(
        [r for r, _ in kept],
        [score for _, score in kept],
        "D",
        ms=5.5,
        mfc=WARNING,
        mec="white",
        label="state kept",
    )
    axes.set_ylim(bottom=0)
    axes.set_title("validation score, 0 is best", fontsize=9)
    if kept:
        axes.legend(loc="best")


def _kept(curve: Curve) -> tuple[float, float]:
    best = curve.best_round or 0.0
    return min(zip(curve.rounds, curve.scores, strict=True), key=lambda point: abs(point[0] - best))


def _losses(axes: Axes, losses: Mapping[str, tuple[Sequence[float], Sequence[float]]]) -> None:
    for i, (name, (rounds, values)) in enumerate(losses.items()):
        colour, dashes = LINES[i % len(LINES)]
        axes.plot(rounds, values, color=colour, ls=dashes, lw=1.1, label=name)
    finite = [v for _, values in losses.values() for v in values if math.isfinite(v)]
    if finite:
        low, high = np.percentile(finite, [0, 98])
        axes.set_ylim(min(low, 0.0), high * 1.35 + 1e-9)
    axes.legend(loc="best", fontsize=7.5, handlelength=2.4)


@dataclass(frozen=True)
class Numeric:
    """Shares of rows in the bins of one column, and the share that is missing."""

    name: str
    edges: NDArray
    real: NDArray | None
    generated: NDArray
    missing: tuple[float | None, float]
    ticks: tuple[str, str]  # what the first and the last edge are called


@dataclass(frozen=True)
class Bars:
    """Shares of rows in the categories of one column."""

    name: str
    labels: Sequence[str]
    real: NDArray | None
    generated: NDArray


@styled
def marginals(columns: Sequence[Numeric | Bars]) -> Figure:
    """One small panel per column: real rows filled, generated ones outlined."""
    rows = math.ceil(len(columns) / 2)
    figure = new_figure(CARD, 0.3 + 1.2 * rows)
    panels = figure.subplots(rows, 2, squeeze=False).ravel()
    for axes, column in zip(panels, columns, strict=False):
        if isinstance(column, Numeric):
            _histogram(axes, column)
        else:
            _bars(axes, column)
        axes.set_title(_short(column.name, 20), fontsize=8.5)
    for axes in panels[len(columns) :]:
        axes.set_visible(False)
    return figure


def _histogram(axes: Axes, column: Numeric) -> None:
    tallest = column.generated if column.real is None else column.real
    if column.real is not None:
        axes.stairs(column.real, column.edges, fill=True, color=REAL_PALE)
    axes.stairs(column.generated, column.edges, color=GENERATED, lw=1.3)
    axes.set_ylim(0, 1.5 * max(tallest.max(), 1e-9))
    axes.set_xlim(column.edges[0], column.edges[-1])
    axes.set_xticks(column.edges[[0, -1]], column.ticks, fontsize=7.5)
    axes.get_xticklabels()[0].set_horizontalalignment("left")
    axes.get_xticklabels()[1].set_horizontalalignment("right")
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    real, generated = column.missing
    if real or generated:
        text = f"missing {generated:.0%}" + ("" if real is None else f", real {real:.0%}")
        axes.text(0.99, 0.99, text, ha="right", va="top", transform=axes.transAxes, fontsize=7)


def _bars(axes: Axes, column: Bars) -> None:
    y = np.arange(len(column.labels))
    if column.real is not None:
        axes.barh(y, column.real, 0.78, color=REAL_PALE)
    axes.barh(y, column.generated, 0.78, fc="none", ec=GENERATED, lw=1.2)
    for position, label in enumerate(column.labels):
        text = axes.text(0, position, f" {_short(label, 18)}", va="center", fontsize=7.5)
        text.set_path_effects([withStroke(linewidth=2, foreground="white", alpha=0.8)])
    tallest = column.generated if column.real is None else column.real
    axes.set_xlim(0, 1.3 * max(tallest.max(), 1e-9))
    axes.set_ylim(len(column.labels) - 0.4, -0.6)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines["bottom"].set_visible(False)


def _short(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"
