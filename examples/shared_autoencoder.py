"""Swap whose image it is: letters of one font drawn in another, by one encoder and two decoders.

    python examples/shared_autoencoder.py --out shared-autoencoder.png

No letter is seen in both fonts. `--full` takes the sizes of the first face swap, for a GPU; with
folders of aligned faces as A and B nothing else changes. Swap only faces of those who agreed.
"""

import argparse

import matplotlib.pyplot as plt
import numpy as np

import pushforward as pf
from pushforward.data.glyphs import Glyphs

SMALL = {"max_rounds": 2000}
FULL = {  # as published
    "width": 128,
    "latent_dim": 1024,
    "batch_size": 64,
    "learning_rate": 5e-5,
    "max_rounds": 100_000,
    "decay": False,
}


def main(out: str, full: bool) -> None:
    glyphs = Glyphs(64 if full else 16, "ABCDEFGHJK", bold=(False,), slanted=(False,))

    def letters(n: int, seed: int, font: str) -> np.ndarray:
        drawn = glyphs.draw(glyphs.factors(n, seed).assign(family=font))
        return drawn.reshape(n, glyphs.size, glyphs.size)

    A, B = letters(3000, 1, "sans"), letters(3000, 2, "serif")
    new, truth = letters(12, 3, "sans"), letters(12, 3, "serif")
    options = FULL if full else SMALL
    shared = pf.SharedAutoencoder(patience=options["max_rounds"], random_state=0, **options)
    shared.fit(A, B)
    rows = {
        "A, new": new,
        "given back": shared.translate(new, to="a"),
        "swapped": shared.translate(new, to="b"),
        "true B": truth,
    }
    print(
        f"{np.abs(rows['swapped'] - truth).mean():.3f} from the true counterparts, doing nothing "
        f"{np.abs(new - truth).mean():.3f}"
    )
    figure, grid = plt.subplots(len(rows), len(new), figsize=(len(new) * 0.6, len(rows) * 0.7))
    for line, (name, images) in zip(grid, rows.items(), strict=True):
        for axis, image in zip(line, images, strict=True):
            axis.imshow(image, cmap="gray_r", vmin=0, vmax=1)
            axis.set(xticks=[], yticks=[])
        line[0].set_ylabel(name, rotation=0, ha="right", va="center")
    figure.savefig(out, dpi=120, bbox_inches="tight", metadata=pf.figure_metadata(shared))
    print(f"drawn in {out}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", default="shared-autoencoder.png", help="the picture")
    parser.add_argument("--full", action="store_true", help="sizes as published, for a GPU")
    arguments = parser.parse_args()
    main(arguments.out, arguments.full)
