"""Progressive growing against DCGAN on digits drawn from a font, with the same seconds of a core.

    python bench/progressive_gan.py --quick

Both see 2000 images. The progressive GAN plays its rounds; DCGAN, the registry's with a quarter of
its channels, then plays as many as fit into the seconds of the processor that those took. Judged by
500 rows that no fit saw: accuracies of the nearest neighbour among real and generated rows, in
pixels (½ is best; 1 tells all apart, 0 is copies), and the Fréchet distance in the first 50
principal components of the training rows. Training rows that stand beside say what is best, a
Gaussian fitted to the pixels is the floor. Draws docs/progressive-gan.png: the last case, and what
it drew at the end of each stage.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure

import pushforward as pf
from pushforward.evaluation.features import FeatureMap, feature_map
from pushforward.evaluation.frechet import frechet_distance
from pushforward.evaluation.neighbours import leave_one_out
from pushforward.methods import METHODS
from record import folder_of, keep, machine, mean_and_error, options_of, plus_minus, print_table

CASES = ((16, 0), (32, 0), (32, 1), (32, 2), (64, 0))  # pixels and seeds
TRAIN, TEST = 2000, 500  # images
UPRIGHT: dict[str, Any] = {"families": ("sans",), "bold": (False,), "slanted": (False,)}
GROWING: dict[str, Any] = {"width": 32, "learning_rate": 5e-3}  # few rounds want large steps
PHASE, SETTLED = 100, 4  # rounds of a phase, and phases after growing
DCGAN: dict[str, Any] = {"width": 16}
TRIAL = 40  # rounds by which it is told how long a round takes
SCORED = 20  # times, in trials as in the fit
SHOWN = 12
PICTURE = Path(__file__).parent.parent / "docs" / "progressive-gan.png"
MEASURES = {  # name: digits
    "1-NN of real": 2,
    "1-NN of generated": 2,
    "Fréchet, pca:50": 1,
    "seconds": 0,
    "rounds": 0,
}


class Watched(pf.ProgressiveGAN):
    """One that keeps what it drew whenever it was scored, by the rounds played."""

    def _score(self, held: np.ndarray, seed: int) -> float:
        rows = self._generate(SHOWN, np.random.default_rng(seed))
        played = int(self.game_.played)
        self.drawn_ = getattr(self, "drawn_", {}) | {played: self.encoding_.inverse_transform(rows)}
        return super()._score(held, seed)


def glyphs(n: int, size: int, seed: int) -> np.ndarray:
    """Images (n, size, size), ink 1 on 0."""
    data = pf.glyphs(n, size, seed=seed, progress=False, **UPRIGHT)
    return np.asarray(data.X).reshape(n, size, size)


def last_of(size: int) -> int:
    """The number of doublings from 4×4 pixels."""
    return int(np.log2(size)) - 2


def dcgan(rounds: int, seed: int) -> Any:
    rounds = SCORED * math.ceil(rounds / SCORED)  # a score is due after each twentieth of patience
    kept = {"max_rounds": rounds, "patience": rounds, "random_state": seed}
    return METHODS["dc-gan"].make(**DCGAN | kept)


def seconds_of(act: Callable[[], Any]) -> float:
    """Of the processor, which other work changes less than those of a clock."""
    began = time.process_time()
    act()
    return time.process_time() - began


def scores(real: np.ndarray, fake: np.ndarray, judge: FeatureMap) -> dict[str, float]:
    rows = leave_one_out(real.reshape(len(real), -1), fake.reshape(len(fake), -1))
    return {
        "1-NN of real": rows.real_half.value,
        "1-NN of generated": rows.fake_half.value,
        "Fréchet, pca:50": frechet_distance(judge(real), judge(fake)),
    }


def strip(images: np.ndarray) -> np.ndarray:
    return np.hstack([np.pad(image, 1) for image in images[:SHOWN]])


def measure(size: int, seed: int, phase: int) -> dict[str, Any]:
    """Both methods on one seed, and what stands beside them: scores by name, and pictures."""
    X = glyphs(TRAIN + TEST, size, seed)
    train, test = X[:TRAIN], X[TRAIN:]
    judge = feature_map("pca:50", train)
    last = last_of(size)
    runs = {
        "training rows": scores(test, train[:TEST], judge),
        "gaussian": scores(test, pf.Gaussian().fit(train).sample(TEST, random_state=1), judge),
    }
    # Scored every half phase, and so at the end of each stage.
    gan = Watched(
        **GROWING,
        phase_rounds=phase,
        max_rounds=phase * (2 * last + SETTLED),
        patience=10 * phase,
        random_state=seed,
    )
    seconds = seconds_of(lambda: gan.fit(train))
    drawn = gan.sample(TEST, random_state=1)
    runs["progressive-gan"] = scores(test, drawn, judge)
    runs["progressive-gan"] |= {"seconds": seconds, "rounds": gan.n_rounds_}
    few, more = (seconds_of(lambda n=n: dcgan(n, seed).fit(train)) for n in (TRIAL, 3 * TRIAL))
    a_round = (more - few) / (2 * TRIAL)
    scoring = few - TRIAL * a_round  # and all else that does not grow with rounds
    other = dcgan(max(TRIAL, round((seconds - scoring) / a_round)), seed)
    seconds = seconds_of(lambda: other.fit(train))
    others = other.sample(TEST, random_state=1)
    runs["dc-gan"] = scores(test, others, judge)
    runs["dc-gan"] |= {"seconds": seconds, "rounds": other.n_rounds_}
    pictures = {"real": test}
    for stage in range(last):
        pictures[f"{4 * 2**stage}×{4 * 2**stage}"] = gan.drawn_[(2 * stage + 1) * phase]
    pictures |= {f"{size}×{size}": drawn, "dc-gan": others}
    return {"runs": runs, "pictures": {name: strip(rows) for name, rows in pictures.items()}}


def draw(pictures: dict[str, np.ndarray]) -> None:
    figure = Figure(figsize=(7.5, 0.62 * len(pictures)), dpi=120, layout="constrained")
    grid = figure.subplots(len(pictures), 1)
    for axes, (name, images) in zip(grid, pictures.items(), strict=True):
        axes.imshow(images, "gray_r", vmin=0, vmax=1, interpolation="nearest")
        axes.set(xticks=[], yticks=[])
        axes.set_ylabel(name, rotation=0, ha="right", va="center", fontsize=9)
    figure.savefig(PICTURE)
    print(f"drawn in {PICTURE}")


def show(runs: list[dict[str, Any]]) -> None:
    for size in dict.fromkeys(run["size"] for run in runs):
        lines = []
        for name in dict.fromkeys(run["name"] for run in runs):
            each = [run for run in runs if run["name"] == name and run["size"] == size]
            cells = [
                plus_minus(mean_and_error([run[m] for run in each]), digits)
                if m in each[0]
                else "-"
                for m, digits in MEASURES.items()
            ]
            lines.append((name, *cells))
        print_table((f"{size}×{size} pixels", *MEASURES), lines)


def main() -> None:
    parser = options_of(__doc__)
    parser.add_argument("--cases", nargs="+", help="pixels/seed, such as 32/2; all by default")
    options = parser.parse_args()
    torch.set_num_threads(1)
    chosen = [tuple(map(int, case.split("/"))) for case in options.cases or []]
    cases, phase = (((16, 0),), 4) if options.quick else (chosen or CASES, PHASE)
    settings = {
        "train": TRAIN,
        "test": TEST,
        "glyphs": UPRIGHT,
        "growing": GROWING | {"phase_rounds": phase, "phases_after": SETTLED},
        "dc-gan": DCGAN,
    }
    kind, runs = machine(), []
    for size, seed in cases:
        found = measure(size, seed, phase)
        named = [{"size": size, "seed": seed, "name": k, **v} for k, v in found["runs"].items()]
        runs += named
        show(runs)
        # After each fit: a long run that is cut short has kept what it measured.
        keep("progressive-gan", folder_of(options), {
            "machine": kind, "settings": settings, "runs": runs,
        })  # fmt: skip
        if not options.quick:
            draw(found["pictures"])


if __name__ == "__main__":
    main()
