"""Clusters without labels: InfoGAN on digits, a row of the picture for each category it found.

    python examples/info_gan.py --out info-gan.png

Along a row the continuous code goes from −1 to 1, with the noise held. Takes about a minute.
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
from pushforward.models.info_gan import InfoGAN

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
    data = pf.load_data("digits")
    X = np.asarray(data.X, dtype=float).reshape(-1, 8, 8)
    order = np.random.default_rng(0).permutation(len(X))
    train, test = X[order[:1347]], X[order[1347:]]
    labels = np.asarray(data.y)[order[1347:]]

    gan = InfoGAN(
        categories=K, continuous_codes=1, shared=True, penalty="r1", penalty_weight=1.0,
        latent_dim=8, learning_rate=1e-3, decay=True, max_rounds=4000, random_state=0,
    ).fit(train)  # fmt: skip

    codes = np.arange(2000) % K
    read = gan.transform(gan.sample(2000, given=codes, random_state=1))[:, :K]
    match = cluster_accuracy(labels, gan.predict(test))
    print(f"of the entropy of the category Q reads {mutual_information(codes, read).share:.1%}")
    print(f"test rows whose cluster is matched to their class: {match.accuracy:.1%}")

    categories = sorted(range(K), key=lambda k: match.matched.get(k, K))
    clusters = gan.predict(test)
    figure, axes = plt.subplots(K, 2, figsize=(7, 6.4), dpi=130, layout="constrained")
    for (real, drawn), k in zip(axes, categories, strict=True):
        members = np.resize(test[clusters == k], (9, 8, 8)) if (clusters == k).any() else None
        row = [gan.sample(1, given={"category": k, "c0": c}, random_state=3)[0] for c in STEPS]
        for axis, images in ((real, members), (drawn, row)):
            axis.axis("off")
            if images is not None:
                axis.imshow(strip(np.asarray(images)), "gray_r", vmin=0, vmax=16)
        real.text(-3, 6, f"{k} → {match.matched.get(k, '-')}", ha="right", fontsize=8)
    axes[0, 0].set_title("test rows of each cluster → its class", fontsize=9, loc="left")
    axes[0, 1].set_title("drawn: c0 from −1 to 1, the same noise", fontsize=9, loc="left")
    figure.savefig(options.out)
    print(options.out)


if __name__ == "__main__":
    main()
