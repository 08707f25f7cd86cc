"""Codes from a GAN: BiGAN on digits, test images and what encoder and generator make of them.

    python examples/bi_gan.py --out bi-gan.png

To be seen: as published, what comes back is another digit of much the same kind; with a term that
asks for reconstructions it is the same digit, nearly as well as from an autoencoder.
"""

import argparse

import numpy as np
import torch
from matplotlib.figure import Figure

import pushforward as pf


def main(out: str) -> None:
    torch.set_num_threads(1)  # the networks are small
    X = pf.load_data("digits").X.reshape(-1, 8, 8)
    order = np.random.default_rng(0).permutation(len(X))
    train, test = X[order[:1347]], X[order[1347:]]
    plain = pf.BiGAN(
        latent_dim=8, penalty="r1", penalty_weight=1.0, learning_rate=1e-3, decay=True,
        max_rounds=2500, random_state=0,
    )  # fmt: skip
    models = {
        "BiGAN": plain,
        "BiGAN + reconstruction": pf.BiGAN(**plain.get_params() | {"reconstruction_weight": 0.05}),
        "autoencoder": pf.Autoencoder(latent_dim=8, max_rounds=2500, random_state=0),
    }
    bands = {"test rows x": test}
    for name, model in models.items():
        again = model.fit(train).inverse_transform(model.transform(test))
        explained = 1 - np.square(again - test).sum() / np.square(test - test.mean(0)).sum()
        bands[f"{name}: G(E(x)), R² = {explained:.2f}"] = again
    for name in ("BiGAN", "BiGAN + reconstruction"):
        bands[f"{name}: G(z)"] = models[name].sample(24, random_state=1)
    figure = Figure(figsize=(8, 4), dpi=130, layout="constrained")
    for axes, (title, images) in zip(figure.subplots(len(bands)), bands.items(), strict=True):
        strip = np.hstack(np.pad(images[:24], [(0, 0), (0, 0), (0, 1)]))
        axes.imshow(strip, "gray_r", vmin=0, vmax=16, interpolation="nearest")
        axes.set_title(title, fontsize=8, loc="left")
        axes.axis("off")
        print(title)
    figure.savefig(out, metadata=pf.figure_metadata(model))
    print(f"drawn in {out}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", default="bi-gan.png", help="the picture")
    main(parser.parse_args().out)
