"""Copies beside what they copy: generated images above training images, rows in two columns."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from numpy.typing import NDArray

from pushforward.evaluation.copied import Copies
from pushforward.report.figures import show_images
from pushforward.report.style import MUTED, WIDE, new_figure, png, styled
from pushforward.storage import write_atomically

ACROSS, DOWN = 8, 4  # pairs in a picture
COLUMNS = 8  # of a table that are printed


@styled
def copies_figure(found: Copies, train: NDArray, fake: NDArray) -> Figure:
    """Each copy above the training image that it copies, both (n, h, w[, c]), nearest first.

    >>> from pushforward.evaluation.copied import copies
    >>> images = np.random.default_rng(0).random((20, 4, 4))
    >>> found = copies(images, images[3:5])
    >>> len(copies_figure(found, images, images[3:5]).axes)
    8
    """
    pairs = found.found[: ACROSS * DOWN]
    down = max(math.ceil(len(pairs) / ACROSS), 1)
    values = float(train.min()), float(train.max())
    size, tall = WIDE / ACROSS, train.shape[1] / train.shape[2]
    figure = new_figure(WIDE, 0.6 + down * (2 * size * tall + 0.25))
    shown = f": the {len(pairs)} nearest" if len(pairs) < len(found.found) else ""
    figure.suptitle(
        f"{len(found.found)} of {found.n} generated images copy a training image{shown}\n"
        "above what was generated, below the training image, with their numbers",
        fontsize=9,
    )
    grid = figure.subplots(down, ACROSS, squeeze=False)
    for i, axes in enumerate(grid.ravel()):
        if i >= len(pairs):
            axes.set_axis_off()
            continue
        pair = pairs.iloc[i]
        both = np.stack([fake[int(pair.generated)], train[int(pair.training)]])
        show_images(axes, both, values)
        label = f"{int(pair.generated)} | {int(pair.training)}"
        axes.set_title(label, fontsize=6.5, color=MUTED, loc="center", pad=2)
    return figure


def draw_copies(found: Copies, train: NDArray, fake: NDArray, path: str | os.PathLike[str]) -> Path:
    """Write the pairs of a list of copies as a .png that says that it shows generated images.

    Raises `FileError` where it cannot be written.
    """
    write_atomically(Path(path), png(copies_figure(found, train, fake)))
    return Path(path)


def pairs_in_words(found: Copies, train: Any, fake: Any, most: int) -> str:
    """The first pairs as text: their numbers, their distance, and of a table their values.

    >>> from pushforward.evaluation.copied import copies
    >>> rows = pd.DataFrame(np.random.default_rng(0).normal(size=(20, 2)), columns=["a", "b"])
    >>> print(pairs_in_words(copies(rows, rows[3:5]), rows, rows[3:5], 1).split("\\n")[1])
    generated row 0, training row 3, distance 0
    """
    lines = ["nearest first, rows counted from 0:"]
    for pair in found.found[:most].itertuples():
        lines.append(
            f"generated row {pair.generated}, training row {pair.training}, distance "
            f"{pair.distance:.4g}"
        )
        if np.ndim(train) == 2:
            rows = [_row(fake, int(pair.generated)), _row(train, int(pair.training))]
            table = pd.DataFrame(rows, index=["  generated", "  training"]).iloc[:, :COLUMNS]
            lines.append(table.to_string())
    if len(found.found) > most:
        lines.append(f"and {len(found.found) - most} more; --out FILE.csv lists all")
    return "\n".join(lines)


def _row(X: Any, i: int) -> pd.Series:
    return X.iloc[i] if isinstance(X, pd.DataFrame) else pd.Series(X[i]).add_prefix("x")
