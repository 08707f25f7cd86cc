"""How near a CycleGAN on images comes to true counterparts that it has never seen.

    python bench/cycle_gan_images.py --quick
    python bench/cycle_gan_images.py --domains colours --rounds 1000

Pairs of domains of small images with known counterparts; a fit sees unpaired ones of both. Given is
the mean absolute difference of pixels (from 0 to 1) between translated test images and their true
counterparts, A to B and B to A. Beside it doing nothing, and the same translator when it is trained
on true pairs by the same difference, for as many rounds: what unpaired images cannot be expected
to beat. Every seed has its own images. Options were looked for on images of seed 100. Draws
docs/cycle-gan-images.png.
"""

from __future__ import annotations

import time
import warnings
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import torch

import pushforward as pf
from pushforward.data.encoding import Encoding
from pushforward.errors import TrainingWarning
from pushforward.models.neural import in_blocks
from pushforward.networks.layout import Layout
from pushforward.networks.translator import translator_between
from pushforward.training.device import seeded
from record import folder_of, keep, machine, mean_and_error, options_of, plus_minus, print_table

SEEDS = (0, 1, 2)
DOMAINS = ("colours", "upright-slanted", "sans-serif")
SIZE = 24  # pixels in each direction
IMAGES, TEST_IMAGES = 1000, 300  # of each domain to fit to; held-out pairs
ROUNDS = 2000
# The published λ = 10 holds every pixel of so few rounds where it began.
OPTIONS: dict[str, Any] = {
    "width": 8,
    "batch_size": 4,
    "learning_rate": 1e-3,
    "cycle_weight": 1.0,
    "identity_weight": 0.0,
}
START = {"colours": "random"}  # half of whose images are to be turned from light on dark
PICTURE = Path(__file__).resolve().parent.parent / "docs" / "cycle-gan-images.png"


def difference(images: np.ndarray, truth: np.ndarray) -> float:
    return float(np.abs(images - truth).mean())


def paired(
    A: np.ndarray, B: np.ndarray, test: np.ndarray, rounds: int, seed: int, start: str
) -> np.ndarray:
    """Test images by a translator that is trained on true pairs."""
    encoding = Encoding().fit(np.concatenate([A, B]))
    x, y = (torch.as_tensor(encoding.transform(rows), dtype=torch.float32) for rows in (A, B))
    layout = Layout.of(encoding)
    with seeded(seed):
        network = translator_between(layout, layout, OPTIONS["width"], start == "identity")
    optimiser = torch.optim.Adam(network.parameters(), OPTIONS["learning_rate"], (0.5, 0.999))
    falling = torch.optim.lr_scheduler.LinearLR(optimiser, 1.0, 0.0, rounds)
    rng = torch.Generator().manual_seed(seed)
    for _ in range(rounds):
        rows = torch.randint(len(x), (OPTIONS["batch_size"],), generator=rng)
        optimiser.zero_grad()
        (network(x[rows]) - y[rows]).abs().mean().backward()
        optimiser.step()
        falling.step()
    rows = torch.as_tensor(encoding.transform(test), dtype=torch.float32)
    return encoding.inverse_transform(in_blocks(network.eval(), rows))


def measure(name: str, seed: int, rounds: int) -> dict[str, Any]:
    """One fit, what it makes of test images, and what else could be made of them."""
    start = START.get(name, "identity")
    domains, rng = pf.load_domains(name, SIZE), np.random.default_rng(seed)
    A, of_A, _ = domains.pairs(IMAGES, rng)
    of_B, B, _ = domains.pairs(IMAGES, rng)  # others: no pair is seen
    a, b, _ = domains.pairs(TEST_IMAGES, rng)
    began = time.monotonic()
    model = pf.CycleGAN(max_rounds=rounds, start=start, random_state=seed, **OPTIONS).fit(A, B)
    seconds = time.monotonic() - began
    to_b, to_a = model.translate(a), model.translate(b, to="a")
    errors = {
        "a to b": {
            "nothing": difference(a, b),
            "cycle-gan": difference(to_b, b),
            "pairs": difference(paired(A, of_A, a, rounds, seed, start), b),
        },
        "b to a": {
            "nothing": difference(b, a),
            "cycle-gan": difference(to_a, a),
            "pairs": difference(paired(B, of_B, b, rounds, seed, start), a),
        },
    }
    return {
        "domains": name,
        "seed": seed,
        "start": start,
        "errors": errors,
        "cycle": difference(model.translate(to_b, to="a"), a),
        "gap": model.scores_[-1][1],
        "findings": [finding.name for finding in model.diagnosis_],
        "seconds": round(seconds, 1),
        "shown": (a[:12], to_b[:12], b[:12], to_a[:12]),
    }


def draw(runs: list[dict[str, Any]], path: Path) -> None:
    """The first seed of each pair of domains, whatever it found."""
    first = [run for run in runs if run["seed"] == SEEDS[0]]
    figure, grid = plt.subplots(len(first), 2, figsize=(11, 2.1 * len(first)), squeeze=False)
    for row, run in zip(grid, first, strict=True):
        a, to_b, b, to_a = run["shown"]
        for axis, way, bands in (
            (row[0], "A to B", (a, to_b, b)),
            (row[1], "B to A", (b, to_a, a)),
        ):
            strip = np.vstack([np.hstack(list(band)) for band in bands])
            axis.imshow(strip.clip(0, 1), "gray", vmin=0, vmax=1, interpolation="nearest")
            axis.set(xticks=[], title=f"{run['domains']}, {way}")
            axis.set_yticks(SIZE * np.array([0.5, 1.5, 2.5]), ("in", "translated", "true"))
    figure.tight_layout()
    figure.savefig(path, dpi=110)


def table(runs: list[dict[str, Any]]) -> None:
    lines = []
    for name in dict.fromkeys(run["domains"] for run in runs):
        each = [run for run in runs if run["domains"] == name]
        for way in ("a to b", "b to a"):
            errors = [run["errors"][way] for run in each]
            cells = [
                plus_minus(mean_and_error([e[what] for e in errors]), 3)
                for what in ("nothing", "cycle-gan", "pairs")
            ]
            lines.append((f"{name}, {way}", *cells))
    print_table(("mean difference of pixels", "nothing", "cycle-gan", "pairs"), lines)
    for run in runs:
        print({k: v for k, v in run.items() if k not in ("shown", "errors")})


def main() -> None:
    parser = options_of(__doc__)
    parser.add_argument("--domains", nargs="+", choices=DOMAINS, default=DOMAINS)
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="of every fit")
    parser.add_argument("--seeds", nargs="+", type=int, default=SEEDS, help="of images and fits")
    options = parser.parse_args()
    rounds, seeds = (5, SEEDS[:1]) if options.quick else (options.rounds, options.seeds)
    torch.set_num_threads(1)
    warnings.simplefilter("ignore", TrainingWarning)
    kind, runs = machine(), []
    settings = {
        "size": SIZE,
        "images": IMAGES,
        "rounds": rounds,
        "options": OPTIONS,
        "start": START,
    }
    for seed in seeds:
        for name in options.domains:
            runs.append(measure(name, seed, rounds))
            print(name, seed, runs[-1]["errors"], flush=True)
        if not options.quick and seeds[0] == SEEDS[0]:
            draw(runs, PICTURE)
        # After each seed, as all of them may take an hour.
        told = [{k: v for k, v in run.items() if k != "shown"} for run in runs]
        result = {"machine": kind, "settings": settings, "runs": told}
        keep("cycle-gan-images", folder_of(options), result)
    table(runs)


if __name__ == "__main__":
    main()
