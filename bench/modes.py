"""Mode coverage of `gan`, with its defaults, on the ring of 8 and the grid of 25 Gaussians.

2500 samples of each fit: modes captured, share of high quality (within 3 σ of a mode) and
KL(modes of high-quality samples ‖ uniform) in nats, mean ± standard error over seeds, beside an
ideal sampler and published numbers for a plain GAN.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Sequence
from typing import Any

import joblib
import numpy as np

from pushforward import load_data, split
from pushforward.data.toys import HIGH_QUALITY_RADIUS, Source
from pushforward.evaluation.modes import mode_scores
from pushforward.methods import get_method
from record import folder_of, keep, machine, mean_and_error, options_of, print_table

DATA = ("ring", "grid")
SAMPLES = 2500
QUICK_ROUNDS = 1000

# Mean and standard error of each, where published. The two papers differ widely on one method: the
# number is a property of networks and steps, not of the loss.
UNKNOWN = math.nan
PUBLISHED: list[dict[str, Any]] = [
    {
        "name": "GAN, VEEGAN's table 1",
        "paper": "Srivastava et al. 2017, arXiv:1705.07761; 5 runs, ring's radius and σ not given",
        "ring": {"modes": (1.0, UNKNOWN), "high_quality": (99.3, UNKNOWN)},
        "grid": {"modes": (3.3, UNKNOWN), "high_quality": (0.5, UNKNOWN)},
    },
    {
        "name": "GAN, PacGAN's table 1",
        "paper": "Lin et al. 2018, arXiv:1712.04086; 10 runs of 400 000 steps, same ring and grid",
        "ring": {"modes": (6.3, 0.5), "high_quality": (98.2, 0.2), "kl": (0.45, 0.09)},
        "grid": {"modes": (17.3, 0.8), "high_quality": (94.8, 0.7), "kl": (0.70, 0.07)},
    },
]


def fit_and_count(data: str, seed: int, max_rounds: int | None) -> dict[str, Any]:
    """One fit on fresh rows, and the modes that its samples reach."""
    dataset = load_data(data)
    parts = split(dataset, seed)
    gan = get_method("gan").make(random_state=seed)
    if max_rounds is not None:
        gan.set_params(max_rounds=max_rounds)
    began = time.perf_counter()
    gan.fit(parts.train, validation=parts.validation)
    seconds = time.perf_counter() - began
    assert dataset.source is not None
    scores = mode_scores(gan.sample(SAMPLES, random_state=seed), dataset.source)
    return {
        "data": data,
        "seed": seed,
        "modes": scores.captured,
        "high_quality": 100 * scores.high_quality,
        "kl": scores.kl,
        "seconds": seconds,
        "rounds": gan.n_rounds_,
        "stopped_by": gan.stopped_by_,
    }


def ideal(source: Source) -> dict[str, tuple[float, float]]:
    """What draws from the source itself would score: 1 − e^{−9/2} in two dimensions."""
    numbers = {
        "modes": source.n_modes,
        "high_quality": 100 * (1 - math.exp(-(HIGH_QUALITY_RADIUS**2) / 2)),
        "kl": (source.n_modes - 1) / (2 * SAMPLES),
    }
    return {name: (number, UNKNOWN) for name, number in numbers.items()}


def line(name: str, numbers: dict[str, tuple[float, float]]) -> list[str]:
    """A line of the table: no more digits than a published number has."""
    cells = [name]
    for key in ("modes", "high_quality", "kl"):
        mean, error = numbers.get(key, (UNKNOWN, UNKNOWN))
        text = "-" if math.isnan(mean) else f"{mean:.4g}"
        cells.append(text + ("" if math.isnan(error) else f" ± {error:.2g}"))
    return cells


def summary(data: str, fits: Sequence[dict[str, Any]]) -> tuple[dict[str, Any], list[list[str]]]:
    """Means over the fits to one data set, and its lines of the table."""
    source = load_data(data).source
    assert source is not None
    best = ideal(source)
    means = {name: mean_and_error([fit[name] for fit in fits]) for name in best}
    seconds, rounds = (float(np.median([fit[k] for fit in fits])) for k in ("seconds", "rounds"))
    table = [
        [*line(f"{data}: gan, mean of {len(fits)}", means), f"{seconds:.0f}", f"{rounds:.0f}"],
        [*line(f"{data}: ideal sampler", best), "", ""],
        *([*line(f"{data}: {paper['name']}", paper[data]), "", ""] for paper in PUBLISHED),
    ]
    return {"mean_and_standard_error": means, "ideal": best, "fits": fits}, table


def main() -> None:
    parser = options_of(__doc__)
    parser.add_argument("--seeds", type=int, help="fits of each (default 3, quick 1)")
    parser.add_argument("--max-rounds", type=int, help=f"default gan's own, quick {QUICK_ROUNDS}")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="fits side by side")
    options = parser.parse_args()
    seeds = options.seeds or (1 if options.quick else 3)
    max_rounds = options.max_rounds or (QUICK_ROUNDS if options.quick else None)
    kind = machine()
    with joblib.parallel_config(backend="loky", inner_max_num_threads=1):
        fits = joblib.Parallel(n_jobs=options.jobs)(
            joblib.delayed(fit_and_count)(data, seed, max_rounds)
            for data in DATA
            for seed in range(seeds)
        )
    table, results = [], {}
    for data in DATA:
        results[data], lines = summary(data, [fit for fit in fits if fit["data"] == data])
        table += lines
    print_table(("", "modes", "high quality, %", "mode KL", "seconds", "rounds"), table)
    settings = {
        "method": "gan",
        "seeds": seeds,
        "max_rounds": max_rounds,
        "samples": SAMPLES,
        "jobs": options.jobs,
        "parameters": {k: str(v) for k, v in get_method("gan").make().get_params().items()},
    }
    result = {"machine": kind, "settings": settings, "data": results, "published": PUBLISHED}
    keep("modes", folder_of(options), result)


if __name__ == "__main__":
    main()
