"""Associations of all pairs of columns, real beside generated."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from numpy.typing import NDArray

from pushforward.report.style import GENERATED, WARNING, new_figure, styled

NAMED = 24  # columns; of more, names would overlap
LONGEST = 16  # letters of a name
LEAST_SCALE = 0.25  # of differences: smaller ones are to look small
SIDE, GAP, BAR, BESIDE_BAR, TOP = 2.25, 0.2, 0.1, 0.5, 0.3  # inches
COLOURS = LinearSegmentedColormap.from_list("associations", [WARNING, "white", GENERATED])


@styled
def associations(names: Sequence[str], real: NDArray, generated: NDArray) -> Figure:
    """Two matrices (p, p) from −1 to 1, and generated − real on a scale of its own.

    >>> figure = associations(["a", "b"], np.eye(2), np.ones((2, 2)))
    >>> [float(axes.images[0].get_array()[0, 1]) for axes in figure.axes if axes.images]
    [0.0, 1.0, 1.0]
    """
    difference = generated - real
    scale = max(LEAST_SCALE, float(np.abs(difference).max()))
    short = [name if len(name) <= LONGEST else f"{name[: LONGEST - 1]}…" for name in names]
    size = 7.5 if len(names) <= 14 else 6.0
    named = len(names) <= NAMED
    margin = 0.2 + 0.6 * size / 72 * max(map(len, short)) if named else 0.1  # for the names
    width = margin + 3 * SIDE + 4 * GAP + 2 * (BAR + BESIDE_BAR)
    height = margin + SIDE + TOP
    figure = new_figure(width, height)
    figure.set_layout_engine("none")  # laid out by hand, which takes half the time

    def place(left: float, across: float) -> Axes:
        return figure.add_axes((left / width, margin / height, across / width, SIDE / height))

    left = margin
    for title, matrix, limit, bar in (
        ("real", real, 1.0, False),
        ("generated", generated, 1.0, True),
        ("generated − real", difference, scale, True),
    ):
        axes = place(left, SIDE)
        image = axes.imshow(
            matrix, cmap=COLOURS, vmin=-limit, vmax=limit, interpolation="nearest", aspect="auto"
        )
        axes.set_title(title)
        axes.set_xticks(range(len(names)) if named else [], short if named else [], rotation=90)
        first = named and left == margin
        axes.set_yticks(range(len(names)) if first else [], short if first else [])
        axes.tick_params(length=0, labelsize=size)
        axes.spines[:].set_visible(False)
        left += SIDE + GAP
        if bar:
            beside = place(left - GAP / 2, BAR)
            figure.colorbar(image, cax=beside, ticks=[-limit, 0, limit]).outline.set_visible(False)
            beside.set_yticklabels([f"{v:.2g}".replace("-", "−") for v in (-limit, 0, limit)])
            beside.tick_params(labelsize=7.5, length=2)
            left += BAR + BESIDE_BAR + GAP / 2
    return figure
