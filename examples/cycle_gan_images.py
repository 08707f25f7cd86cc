"""Letters are slanted without a single pair: CycleGAN on images, beside the true counterparts.

    python examples/cycle_gan_images.py --out cycle-gan-images.png

To be seen: in the second row the letters lean as in the third, which no fit has seen; what is
wrong in it (strokes that break, a letter that stays) is what a short fit leaves. `--full` takes
the sizes of the paper, for a GPU.
"""

import argparse

import numpy as np
import torch
from matplotlib.figure import Figure

import pushforward as pf


def main(out: str, full: bool) -> None:
    if not full:
        torch.set_num_threads(1)  # the networks are small
    size, n = (128, 5000) if full else (24, 600)
    small = {"width": 8, "learning_rate": 1e-3, "max_rounds": 400}
    options = {"width": 64, "batch_size": 1, "max_rounds": 100_000} if full else small
    domains, rng = pf.load_domains("upright-slanted", size), np.random.default_rng(0)
    A, B = domains.draw(n, n, rng)  # none of B is the counterpart of one of A
    gan = pf.CycleGAN(random_state=0, **options).fit(A, B)
    a, b, _ = domains.pairs(200, rng)
    translated = gan.translate(a)
    before, after = np.abs(a - b).mean(), np.abs(translated - b).mean()
    print(f"mean difference from the true counterparts: {after:.3f}, of doing nothing {before:.3f}")
    print("diagnosis:", ", ".join(finding.name for finding in gan.diagnosis_) or "nothing found")
    figure = Figure(figsize=(9, 2.6), dpi=130, layout="constrained")
    axes = figure.subplots()
    bands = {"upright": a, "translated": translated, "true counterpart": b}
    axes.imshow(np.vstack([np.hstack(rows[:14]) for rows in bands.values()]), "gray_r")
    axes.set_yticks(size * np.array([0.5, 1.5, 2.5]), list(bands))
    axes.set_xticks([])
    figure.savefig(out)
    print(f"drawn in {out}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", default="cycle-gan-images.png", help="the picture")
    parser.add_argument("--full", action="store_true", help="the sizes of the paper, for a GPU")
    options = parser.parse_args()
    main(options.out, options.full)
