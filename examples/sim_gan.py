"""Simulated digits become like photographed ones: SimGAN, without labels of the photographs.

    python examples/sim_gan.py --out sim-gan.png

The simulated digits come with labels; a classifier of refined ones, which keep them, is tried on
photographs. Takes under two minutes; `--full`, for a GPU, has the paper's networks and batches.
"""

import argparse

import numpy as np
from matplotlib.figure import Figure
from sklearn.neural_network import MLPClassifier

import pushforward as pf

QUICK = {"width": 16, "batch_size": 8, "history": 320, "max_rounds": 400}
FULL = {"width": 64, "batch_size": 512, "history": 25_600, "max_rounds": 20_000}


def reads(images: np.ndarray, labels: np.ndarray, test: np.ndarray, truth: np.ndarray) -> float:
    """How well a small network that learns from the former reads the latter."""
    network = MLPClassifier((100,), early_stopping=True, max_iter=50, random_state=0)
    network.fit(images.reshape(len(images), -1), labels)
    return float(network.score(test.reshape(len(test), -1), truth))


def main(out: str, full: bool) -> None:
    size, n = (32, 20_000) if full else (16, 2000)
    domains, rng = pf.load_domains("simulated-real", size=size), np.random.default_rng(0)
    simulated, _, digit = domains.pairs(n, rng)
    real = domains.pairs(n, rng)[1]  # others, and their labels are not looked at
    test, truth = domains.pairs(1000, rng)[1:]
    options = FULL if full else QUICK
    gan = pf.SimGAN(noise=True, weight=0.05, random_state=0, **options).fit(simulated, real)
    refined = gan.translate(simulated)
    for name, images in (("simulated", simulated), ("refined", refined)):
        share = reads(images, digit, test, truth)
        print(f"a classifier of {name} digits reads {share:.1%} of the photographed ones")

    figure = Figure(figsize=(8, 2.6), dpi=130, layout="constrained")
    bands = {"simulated": simulated, "refined": refined, "photographed, others": test}
    for axis, (title, images) in zip(figure.subplots(3), bands.items(), strict=True):
        strip = np.hstack([np.pad(image, 1, constant_values=1) for image in images[:18]])
        axis.imshow(strip, "gray", vmin=0, vmax=1, interpolation="nearest")
        axis.set_title(title, fontsize=8, loc="left")
        axis.axis("off")
    figure.savefig(out, metadata=pf.figure_metadata(gan))
    print(f"drawn in {out}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", default="sim-gan.png", help="the picture")
    parser.add_argument("--full", action="store_true", help="larger, for a GPU")
    options = parser.parse_args()
    main(options.out, options.full)
