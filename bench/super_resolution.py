"""Glyphs from 16×16 to 64×64 pixels: bicubic, by squared error, by a discriminator and features.

    python bench/super_resolution.py --quick

Held-out glyphs are made small by averages of 4×4 pixels, upscaled, and held against the true ones:
PSNR, SSIM, and in features of a classifier, which also says whether they are still the character
that they were. That judge was trained on labels of other glyphs, and so were the features that the
models learn by: another classifier, of other glyphs, as the paper's VGG knows none of its images.
The learning rate was chosen on smaller glyphs of seed 100, the rounds by the time there is. Draws
docs/super-resolution.png.
"""

from __future__ import annotations

import string
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure
from PIL import Image
from sklearn.linear_model import LogisticRegression

import pushforward as pf
from pushforward.data.simulated import shrink
from pushforward.evaluation.classifier import ClassifierFeatures
from pushforward.evaluation.image_quality import perceptual_distance, psnr, ssim
from record import folder_of, keep, machine, mean_and_error, options_of, plus_minus, print_table

SEEDS = (0, 1, 2)
CHARACTERS = string.digits + string.ascii_lowercase[:10]
SIZE, FACTOR = 64, 4
TRAIN, TEST = 1000, 300
LABELLED = 300  # glyphs of other seeds that each of the two classifiers learns from
JUDGE, TEACHER = 901, 902  # seeds of the glyphs of the two classifiers
ROUNDS, WARM_UP = 600, 200
COMMON: dict[str, Any] = {"factor": FACTOR, "width": 16, "blocks": 4, "batch_size": 8}
COMMON |= {"learning_rate": 3e-3}
ARMS: dict[str, dict[str, Any]] = {
    "squared error": {"adversarial_weight": 0.0},
    "features + adversarial": {"features": True},
}
SHOWN = 12
PICTURE = Path(__file__).parent.parent / "docs" / "super-resolution.png"
MEASURES = {  # name: digits
    "PSNR, dB": 2,
    "SSIM": 3,
    "in features": 5,
    "accuracy": 3,
    "of the small image": 4,
}


def glyphs(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Images (n, 64, 64), ink 1 on 0, and their characters."""
    data = pf.glyphs(n, SIZE, characters=CHARACTERS, seed=seed, progress=False)
    return np.asarray(data.X).reshape(n, SIZE, SIZE), np.asarray(data.y)


def bicubic(low: np.ndarray) -> np.ndarray:
    """Pillow's bicubic upscaling, cut off at 0 and 1."""
    method = Image.Resampling.BICUBIC
    pictures = [Image.fromarray(x.astype(np.float32)).resize((SIZE, SIZE), method) for x in low]
    return np.stack([np.asarray(picture, dtype=float) for picture in pictures]).clip(0, 1)


class Judge:
    """A classifier of glyphs that no model has seen."""

    def __init__(self, n: int) -> None:
        images, characters = glyphs(n, JUDGE)
        self.features = ClassifierFeatures.fit(images, characters, "glyphs", random_state=JUDGE)
        seen = self.features(images)
        self.scale = seen.std()
        self.reader = LogisticRegression(max_iter=1000).fit(seen / self.scale, characters)

    def measures(self, images: np.ndarray, true: np.ndarray, y: np.ndarray) -> dict[str, float]:
        told = self.reader.predict(self.features(images) / self.scale)
        small = np.abs(shrink(images, FACTOR) - shrink(true, FACTOR))
        return {
            "PSNR, dB": float(np.minimum(psnr(images, true), 100).mean()),
            "SSIM": float(ssim(images, true).mean()),
            "in features": float(perceptual_distance(self.features, images, true).mean()),
            "accuracy": float((told == y).mean()),
            "of the small image": float(small.mean()),
        }


def measure(
    seed: int, judge: Judge, teacher: torch.nn.Module, rounds: int, train: int
) -> tuple[list[dict[str, Any]], dict[str, np.ndarray]]:
    """All ways of upscaling the held-out glyphs of one seed, and the first of their images."""
    images, characters = glyphs(train + TEST, seed)
    X, true, y = images[:train], images[train:], characters[train:]
    low = shrink(true, FACTOR)
    upscaled = {"true": true, "bicubic": bicubic(low)}
    seconds = {"true": 0.0, "bicubic": 0.0}
    for name, options in ARMS.items():
        given = options | ({"features": teacher} if "features" in options else {})
        effort = {"max_rounds": rounds, "patience": rounds, "warm_up": WARM_UP * rounds // ROUNDS}
        model = pf.SuperResolution(random_state=seed, **COMMON | effort | given)
        began = time.monotonic()
        upscaled[name] = model.fit(X).upscale(low)
        seconds[name] = round(time.monotonic() - began, 1)
        print(f"seed {seed}, {name}: {seconds[name]} s, kept {model.best_round_}", flush=True)
    runs = [
        {"seed": seed, "name": name, "seconds": seconds[name]} | judge.measures(up, true, y)
        for name, up in upscaled.items()
    ]
    small = {"16×16": low.repeat(FACTOR, axis=1).repeat(FACTOR, axis=2)}
    order = ("bicubic", *ARMS, "true")
    return runs, small | {name: upscaled[name][:SHOWN] for name in order}


def draw(pictures: dict[str, np.ndarray], path: Path) -> None:
    """A row of the same glyphs for each way, from the small ones to the true ones."""
    figure = Figure(figsize=(9.5, 0.72 * len(pictures)), dpi=120, layout="constrained")
    grid = figure.subplots(len(pictures), 1)
    for axes, (name, images) in zip(grid, pictures.items(), strict=True):
        axes.imshow(np.hstack(images[:SHOWN]), cmap="gray_r", vmin=0, vmax=1)
        axes.set_ylabel(name.replace(" + ", "\n+ "), rotation=0, ha="right", va="center")
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set_visible(False)
    figure.savefig(path)


def main() -> None:
    options = options_of(__doc__).parse_args()
    seeds, rounds, train = (SEEDS[:1], 30, 100) if options.quick else (SEEDS, ROUNDS, TRAIN)
    kind = machine()
    torch.set_num_threads(1)
    labelled = min(train, LABELLED)
    judge = Judge(labelled)
    known = ClassifierFeatures.fit(*glyphs(labelled, TEACHER), "glyphs", random_state=TEACHER)
    settings = {
        "rounds": rounds,
        "warm_up": WARM_UP,
        "train": train,
        "test": TEST,
        "characters": CHARACTERS,
        "options": COMMON,
        "labelled": labelled,
    }
    runs: list[dict[str, Any]] = []
    for seed in seeds:
        found, pictures = measure(seed, judge, known.maps, rounds, train)
        runs += found
        result = {"machine": kind, "settings": settings, "runs": runs}
        keep("super-resolution", folder_of(options), result)  # what there is, should it be stopped
        if seed == seeds[0] and not options.quick:
            draw(pictures, PICTURE)
    lines = []
    for name in ("bicubic", *ARMS, "true"):
        each = [run for run in runs if run["name"] == name]
        cells = [
            plus_minus(mean_and_error([run[m] for run in each]), d) for m, d in MEASURES.items()
        ]
        lines.append((name, *cells))
    print_table(("held out", *MEASURES), lines)


if __name__ == "__main__":
    main()
