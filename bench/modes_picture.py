"""The picture of the mode benchmark: what each method's first seed draws, and its numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

COLUMNS = 7


def draw(results: Sequence[dict[str, Any]], targets: Mapping[str, Any], path: Path) -> None:
    """One panel per method and target: 400 rows of the first seed, means over seeds above."""
    blocks = {d: [r for r in results if r["data"] == d] for d in dict.fromkeys(map(_data, results))}
    rows = sum(-(-len(block) // COLUMNS) for block in blocks.values())
    with mpl.rc_context({"font.size": 7}):
        figure = Figure(figsize=(1.55 * COLUMNS, 1.85 * rows), layout="constrained")
        axes = figure.subplots(rows, COLUMNS, squeeze=False)
        for ax in axes.flat:
            ax.axis("off")
        first = 0
        for data, block in blocks.items():
            means = targets[data]().means
            limit = 1.25 * np.abs(means).max()
            for i, result in enumerate(block):
                _panel(axes[first + i // COLUMNS, i % COLUMNS], result, means, limit)
            first += -(-len(block) // COLUMNS)
        figure.savefig(path, dpi=130)


def _data(result: dict[str, Any]) -> str:
    return result["data"]


def _panel(ax: Any, result: dict[str, Any], means: np.ndarray, limit: float) -> None:
    fits = result["fits"]
    modes, quality = (np.mean([fit[key] for fit in fits]) for key in ("modes", "high_quality"))
    drawn = np.array(fits[0].get("rows") or np.empty((0, 2)))
    ax.axis("on")
    ax.set(xlim=(-limit, limit), ylim=(-limit, limit), xticks=[], yticks=[], aspect="equal")
    ax.scatter(*means.T, s=22, facecolors="none", edgecolors="0.75", linewidths=0.6)
    ax.scatter(*drawn.T, s=1.5, color="C0", alpha=0.5, linewidths=0)
    ax.set_title(f"{result['method']}\n{modes:.3g} of {len(means)}, {quality:.0f} % good", pad=2)
