"""Codes from a GAN: BiGAN on digits, test images and what encoder and generator make of them.

    python examples/bi_gan.py --out bi-gan.png

With and without the term that asks for reconstructions. Takes about two minutes.
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
from pushforward.models.bi_gan import BiGAN

PICTURE = Path(__file__).resolve().parent.parent / "docs" / "bi-gan.png"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=PICTURE, help="the .png to draw")
    options = parser.parse_args()
    torch.set_num_threads(1)
    X = np.asarray(pf.load_data("digits").X, dtype=float).reshape(-1, 8, 8)
    order = np.random.default_rng(0).permutation(len(X))
    train, test = X[order[:1347]], X[order[1347:]]
    plain = BiGAN(
        latent_dim=8, penalty="r1", penalty_weight=1.0, learning_rate=1e-3, decay=True,
        max_rounds=2500, random_state=0,
    )  # fmt: skip
    models = {
        "BiGAN": plain,
        "BiGAN + reconstruction": BiGAN(**plain.get_params() | {"reconstruction_weight": 0.05}),
        "autoencoder": pf.Autoencoder(latent_dim=8, max_rounds=2500, random_state=0),
    }
    bands = {"test rows x": test}
    for name, model in models.items():
        again = model.fit(train).inverse_transform(model.transform(test))
        explained = 1 - np.square(again - test).sum() / np.square(test - test.mean(0)).sum()
        bands[f"{name}: G(E(x)), R² = {explained:.2f}"] = again
    bands["BiGAN: G(z)"] = plain.sample(24, random_state=1)
    bands["BiGAN + reconstruction: G(z)"] = models["BiGAN + reconstruction"].sample(
        24, random_state=1
    )
    figure, axes = plt.subplots(len(bands), 1, figsize=(8, 4), dpi=130, layout="constrained")
    for axis, (title, images) in zip(axes, bands.items(), strict=True):
        strip = np.hstack([np.pad(image, ((0, 0), (0, 1))) for image in images[:24]])
        axis.imshow(strip, "gray_r", vmin=0, vmax=16, interpolation="nearest")
        axis.set_title(title, fontsize=8, loc="left")
        axis.axis("off")
        print(title)
    figure.savefig(options.out)
    print(options.out)


if __name__ == "__main__":
    main()
