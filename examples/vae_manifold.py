"""A surface found from a hundred rows: four modes on a surface of two dimensions in 32 columns.

A VAE with two codes sees 100 rows, without their modes and their coordinates. Drawn are 1000 fresh
rows by their true coordinates on the surface, and by their codes.

    python examples/vae_manifold.py --out manifold.png
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from sklearn.decomposition import PCA
from sklearn.neighbors import KNeighborsClassifier

import pushforward as pf
from pushforward.data.toys import manifold

COLOURS = np.array(["#0072b2", "#e69f00", "#009e73", "#cc79a7"])  # told apart by everyone


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("manifold.png"), help="the .png to draw")
    options = parser.parse_args()
    source = manifold()
    train, held, fresh = (
        source.draw(n, np.random.default_rng(seed)) for seed, n in enumerate((100, 100, 1000))
    )
    vae = pf.VAE(latent_dim=2, max_rounds=5000, random_state=0).fit(train, validation=held)
    flat = PCA(2).fit(train)
    modes, true_modes = source.assign(train)[0], source.assign(fresh)[0]
    for name, coded in (("VAE", vae.transform), ("two principal components", flat.transform)):
        nearest = KNeighborsClassifier(1).fit(coded(train), modes)
        print(f"mode found from the codes of {name}: {nearest.score(coded(fresh), true_modes):.1%}")
    for name, back in (
        ("VAE", vae.inverse_transform(vae.transform(fresh))),
        ("two principal components", flat.inverse_transform(flat.transform(fresh))),
    ):
        left = ((fresh - back) ** 2).sum() / ((fresh - fresh.mean(0)) ** 2).sum()
        print(f"variance given back by {name}: {1 - left:.1%}")
    for k in (1, 10, 100, 1000):
        bound = vae.log_likelihood_bound(fresh, k=k, random_state=0).mean()
        print(f"log p(x) of fresh rows is at least {bound:.2f} nats, by {k} codes for each")
    figure = Figure(figsize=(7, 3.4), dpi=150, layout="constrained")
    shown = (source.coordinates(fresh), vae.transform(fresh))
    for axes, points, title in zip(
        figure.subplots(1, 2), shown, ("true coordinates", "codes of the VAE"), strict=True
    ):
        axes.scatter(*points.T, s=5, c=COLOURS[true_modes])
        axes.set(xticks=[], yticks=[])
        axes.set_title(f"1000 fresh rows, {title}", loc="left", fontsize=10)
    figure.savefig(options.out)
    print(f"drawn in {options.out}")


if __name__ == "__main__":
    main()
