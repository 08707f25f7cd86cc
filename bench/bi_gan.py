"""How nearly BiGAN's encoder and generator invert each other on digits, beside an autoencoder.

R² = 1 − Σ‖a − b‖² / Σ‖b − b̄‖² over test images that no fit saw: of G(E(x)) against x, and of
E(G(z)) against fresh z ~ p_Z (the mean has 0, exactness 1). The autoencoder's networks have the
same sizes, and it trains as by default. "+ reconstruction" adds λ‖x − G(E(x))‖² to BiGAN's loss,
λ = 0.05. To know what a G(E(x)) that forgets its image would reach, x is also compared with the
G(E(x')) of another test image. Options were looked for on splits of seed 100 and above.
"""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from typing import Any

import numpy as np
import torch

import pushforward as pf
from info_gan import digits, fit_all
from pushforward.models.bi_gan import BiGAN
from pushforward.models.neural import in_blocks
from record import folder_of, keep, machine, mean_and_error, options_of, plus_minus, print_table

SEEDS = (0, 1, 2)
LATENT = 8
OPTIONS: dict[str, Any] = {
    "penalty": "r1",
    "penalty_weight": 1.0,
    "learning_rate": 1e-3,
    "decay": True,
}
ROUNDS = 3000
BUDGET = 900  # seconds, for the fits of one method at once: enough on a busy machine


def r_squared(a: np.ndarray, b: np.ndarray) -> float:
    a, b = a.reshape(len(a), -1), b.reshape(len(b), -1)
    return float(1 - np.square(a - b).sum() / np.square(b - b.mean(0)).sum())


def measure(name: str, seeds: tuple[int, ...], rounds: int, budget: float) -> list[dict[str, Any]]:
    """One method on all splits at once."""
    torch.set_num_threads(1)
    parts = [digits(seed) for seed in seeds]
    common = {"latent_dim": LATENT, "max_rounds": rounds, "patience": rounds}
    models = [MODELS[name](random_state=seed, **common) for seed in seeds]
    began = time.monotonic()
    fit_all(models, [part["train"] for part in parts], budget)
    seconds = round(time.monotonic() - began, 1)
    runs = []
    for seed, model, part in zip(seeds, models, parts, strict=True):
        test = part["test"]
        again = model.inverse_transform(model.transform(test))
        found = {"name": name, "seed": seed, "seconds_of_all": seconds, "rounds": model.n_rounds_}
        found["x"] = r_squared(again, test)
        found["x_of_another"] = r_squared(np.roll(again, 1, axis=0), test)
        if isinstance(model, BiGAN):
            z = model.game_.prior(2000, rng=torch.Generator().manual_seed(seed))
            rows = torch.as_tensor(in_blocks(model.game_.generator, z), dtype=torch.float32)
            found["z"] = r_squared(in_blocks(model.game_.encoder, rows), z.numpy())
        runs.append(found)
    return runs


MODELS: dict[str, Callable[..., Any]] = {
    "bi-gan": partial(BiGAN, **OPTIONS),
    "bi-gan + reconstruction": partial(BiGAN, reconstruction_weight=0.05, **OPTIONS),
    "autoencoder": pf.Autoencoder,
}


def main() -> None:
    options = options_of(__doc__).parse_args()
    rounds, seeds = (60, SEEDS[:1]) if options.quick else (ROUNDS, SEEDS)
    kind = machine()
    with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as pool:
        jobs = [pool.submit(measure, name, seeds, rounds, BUDGET) for name in MODELS]
        runs = [run for job in jobs for run in job.result()]
    lines = []
    for name in MODELS:
        each = [run for run in runs if run["name"] == name]
        cells = [
            plus_minus(mean_and_error([r[c] for r in each]), 3) if c in each[0] else "-"
            for c in ("x", "x_of_another", "z")
        ]
        lines.append((name, *cells))
    print_table(("R²", "G(E(x)) of x", "of another x", "E(G(z)) of z"), lines)
    settings = {
        "rounds": rounds,
        "budget": BUDGET,
        "seeds": list(seeds),
        "latent_dim": LATENT,
        "options": OPTIONS,
    }
    keep("bi-gan", folder_of(options), {"machine": kind, "settings": settings, "runs": runs})


if __name__ == "__main__":
    main()
