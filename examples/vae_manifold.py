"""A surface found from a hundred rows: four modes on a surface of two dimensions in 32 columns.

    python examples/vae_manifold.py --out manifold.png

A VAE with two codes sees 100 rows, without their modes and their coordinates. To be seen are 1000
fresh rows by their true coordinates on the surface, and by their codes: four groups again, without
the gaps, as codes are pulled to one normal. Printed beside two principal components.
"""

import argparse

import numpy as np
from matplotlib.figure import Figure
from sklearn.decomposition import PCA
from sklearn.neighbors import KNeighborsClassifier

import pushforward as pf
from pushforward.data.toys import manifold

COLOURS = np.array(["#0072b2", "#e69f00", "#009e73", "#cc79a7"])  # told apart by everyone


def main(out: str) -> None:
    source = manifold()
    train, held, fresh = (
        source.draw(n, np.random.default_rng(seed)) for seed, n in enumerate((100, 100, 1000))
    )
    vae = pf.VAE(latent_dim=2, max_rounds=5000, random_state=0).fit(train, validation=held)
    modes, true_modes = source.assign(train)[0], source.assign(fresh)[0]
    for name, model in (("VAE", vae), ("two principal components", PCA(2).fit(train))):
        nearest = KNeighborsClassifier(1).fit(model.transform(train), modes)
        found = nearest.score(model.transform(fresh), true_modes)
        back = model.inverse_transform(model.transform(fresh))
        left = ((fresh - back) ** 2).sum() / ((fresh - fresh.mean(0)) ** 2).sum()
        print(f"mode found from the codes of {name}: {found:.1%}")
        print(f"variance given back by {name}: {1 - left:.1%}")
    for k in (1, 10, 100, 1000):
        bound = vae.log_likelihood_bound(fresh, k=k, random_state=0).mean()
        print(f"log p(x) of fresh rows is at least {bound:.2f} nats, by {k} codes for each")
    figure = Figure(figsize=(7, 3.4), dpi=150, layout="constrained")
    shown = {
        "true coordinates": source.coordinates(fresh),
        "codes of the VAE": vae.transform(fresh),
    }
    for axes, (title, points) in zip(figure.subplots(1, 2), shown.items(), strict=True):
        axes.scatter(*points.T, s=5, c=COLOURS[true_modes])
        axes.set(xticks=[], yticks=[])
        axes.set_title(f"1000 fresh rows, {title}", loc="left", fontsize=10)
    figure.savefig(out, metadata=pf.figure_metadata(vae))
    print(f"drawn in {out}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", default="manifold.png", help="the picture")
    main(parser.parse_args().out)
