"""Scores of images by their pixels, beside those by what a classifier sees in them."""

from __future__ import annotations

import numpy as np

from pushforward.report.run import Run

SCORES = ("nn_real", "nn_fake", "frechet")


def by_pixels(run: Run) -> list[tuple[str, list[str]]]:
    """A line for each method with scores by pixels: means over its repeats, as text."""
    table = []
    for standing in run.standings:
        found = [
            row["scores_by_pixels"] for row in run.rows_of(standing) if row.get("scores_by_pixels")
        ]
        if found:
            means = [np.mean([scores[name]["value"] for scores in found]) for name in SCORES]
            table.append((standing.method, [f"{mean:.3g}" for mean in means]))
    return table
