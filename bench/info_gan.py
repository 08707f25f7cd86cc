"""InfoGAN's clusters, codes and information, on digits and on drawn glyphs, beside λ = 0.

Options were chosen by labels on splits of seed 100 and above: other glyphs than those reported,
and other splits of the same digits. Every fit sees training rows alone, without labels; accuracy
is of test rows. Information is measured on fresh samples, by the model's own Q and by a classifier
that never saw the model: it is trained on 4000 generated rows with their codes, and reads 2000
others.
"""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import numpy as np
import torch
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import StandardScaler

import pushforward as pf
from pushforward.evaluation.clusters import cluster_accuracy, mutual_information
from pushforward.models.info_gan import InfoGAN
from pushforward.models.neural import NeuralSampler
from pushforward.study.population import fit_begun
from record import folder_of, keep, machine, mean_and_error, options_of, plus_minus, print_table

SEEDS = (0, 1, 2)
OPTIONS: dict[str, Any] = {
    "penalty": "r1",
    "penalty_weight": 1.0,
    "learning_rate": 1e-3,
    "latent_dim": 8,
    "shared": True,
    "decay": True,
}
ROUNDS = 4000
BUDGET = 400  # seconds, for the six fits to one data set at once
STROKES = {  # on (−1, 1)², y upwards
    "L": [(-0.6, 1, -0.6, -1), (-0.6, -1, 0.6, -1)],
    "T": [(-0.8, 1, 0.8, 1), (0, 1, 0, -1)],
    "X": [(-0.7, 1, 0.7, -1), (-0.7, -1, 0.7, 1)],
    "V": [(-0.7, 1, 0, -1), (0, -1, 0.7, 1)],
    "H": [(-0.7, 1, -0.7, -1), (0.7, 1, 0.7, -1), (-0.7, 0, 0.7, 0)],
    "I": [(0, 1, 0, -1)],
    "Z": [(-0.7, 1, 0.7, 1), (0.7, 1, -0.7, -1), (-0.7, -1, 0.7, -1)],
    "A": [(-0.7, -1, 0, 1), (0, 1, 0.7, -1), (-0.4, -0.2, 0.4, -0.2)],
    "O": [(-0.7, 1, 0.7, 1), (0.7, 1, 0.7, -1), (0.7, -1, -0.7, -1), (-0.7, -1, -0.7, 1)],
    "7": [(-0.7, 1, 0.7, 1), (0.7, 1, -0.2, -1)],
}


def glyphs(n: int, seed: int, side: int = 12) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Images `(n, side, side)` in [0, 1] of ten glyphs, their classes, rotations and widths.

    Rotation is uniform on ±25°, width on 0.14 to 0.30 of half of the image; both are independent of
    the class. Places are shifted by up to half a pixel.
    """
    rng = np.random.default_rng(seed)
    labels = rng.integers(len(STROKES), size=n)
    turn, width = rng.uniform(-0.436, 0.436, n), rng.uniform(0.14, 0.30, n)
    shift = rng.uniform(-0.5, 0.5, (n, 2)) * 2 / side
    axis = (np.arange(side) + 0.5) / side * 2 - 1
    x, y = np.meshgrid(axis, -axis)
    images = np.zeros((n, side, side))
    for i in range(n):
        u, v = x - shift[i, 0], y - shift[i, 1]
        c, s = np.cos(turn[i]), np.sin(turn[i])
        u, v = (c * u + s * v) / 0.7, (-s * u + c * v) / 0.7
        for x0, y0, x1, y1 in list(STROKES.values())[labels[i]]:
            dx, dy = x1 - x0, y1 - y0
            along = np.clip(((u - x0) * dx + (v - y0) * dy) / (dx**2 + dy**2), 0, 1)
            away = np.hypot(u - x0 - along * dx, v - y0 - along * dy)
            images[i] = np.maximum(images[i], np.clip((width[i] - away) / 0.15 + 0.5, 0, 1))
    return images, labels, np.stack([turn, width], 1)


def fit_all(samplers: Sequence[NeuralSampler], rows: Sequence[np.ndarray], budget: float) -> None:
    """Fit each sampler to its own rows, all at once where their networks have equal shapes."""
    begun = []
    for sampler, X in zip(samplers, rows, strict=True):
        Z, effort = sampler._before(X, budget=budget, progress=False)
        begun.append((sampler, Z, effort))
    fit_begun(begun)


def digits(seed: int) -> dict[str, Any]:
    """Three quarters of scikit-learn's digits to train on, the rest to test.

    Without the pixels that are blank in 99 % of images, so that all splits have equal columns.
    """
    data = pf.load_data("digits")
    X = np.asarray(data.X, dtype=float).reshape(len(data.X), -1)
    X = X[:, (X > 0).mean(0) > 0.01]
    order = np.random.default_rng(seed).permutation(len(X))
    train, test = np.split(order, [3 * len(order) // 4])
    return {"train": X[train], "test": X[test], "labels": np.asarray(data.y)[test]}


def drawn(seed: int, n: int = 4000) -> dict[str, Any]:
    images, labels, factors = glyphs(n + 1000, seed)
    found = {"train": images[:n], "test": images[n:], "labels": labels[n:]}
    return found | {"factors": factors[n:]}


def independent(gan: InfoGAN, seed: int) -> float:
    """The share of H(c) that a classifier reads from fresh rows, trained on other rows."""
    codes = np.random.default_rng(seed).integers(gan.categories, size=6000)
    rows = gan.sample(6000, given=codes, random_state=seed).reshape(6000, -1)
    rows = StandardScaler().fit_transform(rows)
    reader = MLPClassifier((64,), alpha=1e-2, early_stopping=True, random_state=seed)
    reader.fit(rows[:4000], codes[:4000])
    return mutual_information(codes[4000:], reader.predict_proba(rows[4000:])).share


def measure(data: str, seeds: tuple[int, ...], rounds: int, budget: float) -> list[dict[str, Any]]:
    """Fits with λ and without from all seeds at once, and all that is reported of them."""
    torch.set_num_threads(1)
    numbers = 0 if data == "digits" else 1
    cases = [(seed, weight) for seed in seeds for weight in (1.0, 0.0)]
    parts = [digits(seed) if data == "digits" else drawn(seed) for seed, _ in cases]
    gans = [
        InfoGAN(
            continuous_codes=numbers,
            category_weight=weight,
            continuous_weight=0.1 * weight,
            max_rounds=rounds,
            patience=rounds,
            random_state=seed,
            **OPTIONS,
        )
        for seed, weight in cases
    ]
    began = time.monotonic()
    fit_all(gans, [part["train"] for part in parts], budget)
    seconds = round(time.monotonic() - began, 1)
    return [
        {"data": data, "weight": weight, "seed": seed, "seconds_of_all": seconds}
        | report(gan, part, seed)
        for (seed, weight), gan, part in zip(cases, gans, parts, strict=True)
    ]


def report(gan: InfoGAN, parts: dict[str, Any], seed: int) -> dict[str, Any]:
    """What a fitted model's codes tell, and how its clusters are the classes of test rows."""
    codes = np.random.default_rng(seed).integers(gan.categories, size=2000)
    fresh = gan.sample(2000, given=codes, random_state=seed + 50)
    read = gan.transform(fresh)[:, : gan.categories]
    found = {
        "rounds": gan.n_rounds_,
        "best_round": gan.best_round_,
        "information_Q": mutual_information(codes, read).share,
        "information_independent": independent(gan, seed + 60),
        "accuracy": cluster_accuracy(parts["labels"], gan.predict(parts["test"])).accuracy,
        "score": min(score for _, score in gan.scores_),
    }
    if gan.continuous_codes:
        code = gan.transform(parts["test"])[:, gan.categories]
        found |= correlations(code, parts["factors"], parts["labels"])
    return found


def correlations(code: np.ndarray, factors: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """|Correlation| with each factor: of all test rows, and the mean of those within classes."""
    found = {}
    for name, factor in zip(("rotation", "width"), factors.T, strict=True):
        found[name] = abs(float(np.corrcoef(code, factor)[0, 1]))
        within = [np.corrcoef(code[labels == k], factor[labels == k])[0, 1] for k in range(10)]
        found[f"{name}_within"] = float(np.mean(np.abs(within)))
    return found


COLUMNS = (
    "information_Q",
    "information_independent",
    "accuracy",
    "rotation",
    "rotation_within",
    "width",
)


def main() -> None:
    options = options_of(__doc__).parse_args()
    rounds, seeds = (60, SEEDS[:1]) if options.quick else (ROUNDS, SEEDS)
    kind = machine()
    with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as pool:
        jobs = [pool.submit(measure, data, seeds, rounds, BUDGET) for data in ("digits", "glyphs")]
        runs = [run for job in jobs for run in job.result()]
    lines = []
    for data in ("digits", "glyphs"):
        for weight in (1.0, 0.0):
            each = [r for r in runs if (r["data"], r["weight"]) == (data, weight)]
            cells = [
                plus_minus(mean_and_error([r[c] for r in each]), 3) if c in each[0] else "-"
                for c in COLUMNS
            ]
            lines.append((f"{data}, λ = {weight:g}", *cells))
    print_table(("", *COLUMNS), lines)
    settings = {"rounds": rounds, "budget": BUDGET, "seeds": list(seeds), "options": OPTIONS}
    keep("info-gan", folder_of(options), {"machine": kind, "settings": settings, "runs": runs})


if __name__ == "__main__":
    main()
