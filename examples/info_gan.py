"""Clusters and a factor without labels: InfoGAN on drawn digits, a row for each category it found.

    python examples/info_gan.py --out info-gan.png

Along a row the continuous code goes from −1 to 1, with the noise at 0. Takes about a minute.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import torch

import pushforward as pf
from pushforward.evaluation.clusters import cluster_accuracy, mutual_information
from pushforward.methods import METHODS

PICTURE = Path(__file__).resolve().parent.parent / "docs" / "info-gan.png"
K = 10
STEPS = np.linspace(-1, 1, 9)


def strip(images: np.ndarray) -> np.ndarray:
    """Images side by side."""
    return np.hstack([np.pad(image, 1) for image in images])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=PICTURE, help="the .png to draw")
    options = parser.parse_args()
    torch.set_num_threads(1)
    data = pf.glyphs(
        5000, 12, seed=0, families=("sans",), bold=(False,), slanted=(False,),
        rotation=(-20, 20), scale=1.0, shift=(-0.04, 0.04),
    )  # fmt: skip
    train, test = np.split(np.asarray(data.X).reshape(-1, 12, 12), [4000])
    labels, rotation = data.y[4000:], data.factors["rotation"].to_numpy()[4000:]

    gan = METHODS["info-gan"].make(
        categories=K, continuous_codes=1, latent_dim=8, max_rounds=3500, restarts=2, random_state=0
    )
    gan.fit(train)

    codes = np.arange(2000) % K
    read = gan.transform(gan.sample(2000, given=codes, random_state=1))[:, :K]
    clusters, number = gan.predict(test), gan.transform(test)[:, K]
    match = cluster_accuracy(labels, clusters)
    print(f"of the entropy of the category Q reads {mutual_information(codes, read).share:.1%}")
    print(f"test rows whose cluster is matched to their class: {match.accuracy:.1%}")
    print(f"correlation of c0 with rotation: {np.corrcoef(number, rotation)[0, 1]:.2f}")

    categories = sorted(range(K), key=lambda k: match.matched.get(k, "?"))
    figure, axes = plt.subplots(K, 2, figsize=(7, 6.4), dpi=130, layout="constrained")
    for (real, drawn), k in zip(axes, categories, strict=True):
        members = np.resize(test[clusters == k], (9, 12, 12)) if (clusters == k).any() else None
        row = gan.inverse_transform([[*np.eye(K)[k], c] for c in STEPS])
        for axis, images in ((real, members), (drawn, row)):
            axis.axis("off")
            if images is not None:
                axis.imshow(strip(np.asarray(images)), "gray_r", vmin=0, vmax=1)
        real.text(-3, 9, f"{k} → {match.matched.get(k, '-')}", ha="right", fontsize=8)
    axes[0, 0].set_title("test rows of each cluster → its class", fontsize=9, loc="left")
    axes[0, 1].set_title("drawn: c0 from −1 to 1, the noise at 0", fontsize=9, loc="left")
    figure.savefig(options.out, metadata=pf.figure_metadata(gan))
    print(options.out)


if __name__ == "__main__":
    main()
