"""Grey digits are coloured and coloured ones made grey, without pairs: CycleGAN on images.

    python examples/cycle_gan_images.py --out cycle-gan-images.png

To be seen: which digit it is stays the same on the way. What colours a grey digit has in B is not
known to anyone, so any are right; what grey a coloured digit becomes is known to the pixel.
`--full` takes larger images and networks and many more rounds, for a GPU.
"""

import argparse

import numpy as np
import torch
from matplotlib.figure import Figure

import pushforward as pf

# So few rounds want a weaker cycle, and light and dark are not exchanged from near the identity.
FEW = {"cycle_weight": 1.0, "start": "random", "max_rounds": 1200}
SHORT = {"width": 8, "learning_rate": 1e-3, **FEW}
FULL = {"width": 64, "batch_size": 1, "max_rounds": 100_000}  # those of the paper


def main(out: str, full: bool) -> None:
    if not full:
        torch.set_num_threads(1)  # the networks are small
    size, n = (64, 5000) if full else (24, 1000)
    domains, rng = pf.load_domains("colours", size), np.random.default_rng(0)
    A, B = domains.draw(n, n, rng)  # none of B is the counterpart of one of A
    gan = pf.CycleGAN(random_state=0, **(FULL if full else SHORT)).fit(A, B)
    a, b, _ = domains.pairs(200, rng)
    to_b, to_a = gan.translate(a), gan.translate(b, to="a")
    for way, made, before, truth in (("A to B", to_b, a, b), ("B to A", to_a, b, a)):
        after, nothing = np.abs(made - truth).mean(), np.abs(before - truth).mean()
        print(f"{way}: {after:.3f} from the true counterparts, doing nothing {nothing:.3f}")
    print("diagnosis:", ", ".join(finding.name for finding in gan.diagnosis_) or "nothing found")
    figure = Figure(figsize=(9, 4.2), dpi=120, layout="constrained")
    for axes, title, bands in zip(
        figure.subplots(2), ("A to B", "B to A"), ((a, to_b, b), (b, to_a, a)), strict=True
    ):
        axes.imshow(np.vstack([np.hstack(band[:14]) for band in bands]).clip(0, 1))
        axes.set_yticks(size * np.array([0.5, 1.5, 2.5]), ["in", "translated", "true counterpart"])
        axes.set(xticks=[], title=title)
    figure.savefig(out, metadata=pf.figure_metadata(gan))
    print(f"drawn in {out}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", default="cycle-gan-images.png", help="the picture")
    parser.add_argument("--full", action="store_true", help="larger, for a GPU")
    options = parser.parse_args()
    main(options.out, options.full)
