"""How often rows drawn for a class look like it, as the report's table shows it."""

from __future__ import annotations

import numpy as np

from pushforward.report.run import Run

WORST = 3  # classes named


def by_label(run: Run) -> list[tuple[str, list[str]]]:
    """A line for each method that draws by label: generated rows, real rows, the worst classes.

    Shares are means over repeats of means over classes.
    """
    table = []
    for standing in run.standings:
        found = [row["labels"] for row in run.rows_of(standing) if row.get("labels")]
        if not found:
            continue
        shares: dict[str, list[float]] = {}
        for labels in found:
            for name, share in zip(labels["classes"], labels["generated"], strict=True):
                shares.setdefault(name, []).append(share)
        mean = {name: float(np.mean(values)) for name, values in shares.items()}
        worst = sorted(mean, key=lambda name: (mean[name], name))[:WORST]
        cells = [
            f"{np.mean([np.mean(labels[kind]) for labels in found]):.1%}"
            for kind in ("generated", "real")
        ]
        named = ", ".join(f"{name} ({mean[name]:.0%})" for name in worst)
        table.append((standing.method, [*cells, named]))
    return table
