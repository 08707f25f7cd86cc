"""Find the swapped among real letters: one network draws letters in another font, one tells them.

    python examples/swapped_glyphs_detect.py --out swapped-glyphs-detect.png

A shared autoencoder swaps fonts, as a face swap swaps faces. A detector learns from some real
letters and some swapped ones, and judges a mixture of others that it has not seen. It tells this
network's swaps from these fonts, and nothing else.
"""

import argparse

import matplotlib.pyplot as plt
import numpy as np

import pushforward as pf
from pushforward.data.glyphs import Glyphs

ROUNDS, LETTERS, MIXED = 1200, 2000, 400


def main(out: str) -> None:
    glyphs = Glyphs(16, "ABCDEFGHJK", bold=(False,), slanted=(False,))

    def letters(n: int, seed: int, font: str) -> np.ndarray:
        drawn = glyphs.draw(glyphs.factors(n, seed).assign(family=font))
        return drawn.reshape(n, glyphs.size, glyphs.size)

    A, B = letters(LETTERS, 1, "sans"), letters(LETTERS, 2, "serif")
    shared = pf.SharedAutoencoder(patience=ROUNDS, max_rounds=ROUNDS, random_state=0).fit(A, B)
    # All that follows is new to the network: it was fitted to none of it.
    real, known = letters(500, 3, "serif"), shared.translate(letters(500, 4, "sans"), to="b")
    others = letters(MIXED, 5, "serif")
    swapped = shared.translate(letters(MIXED, 6, "sans"), to="b")
    is_swapped = np.random.default_rng(0).random(MIXED) < 0.25
    mixture = np.where(is_swapped[:, None, None], swapped, others)

    found = pf.detect(real, mixture, known=known)
    print(found)
    called = found.suspect > 0.5
    caught, alarms = called[is_swapped].mean(), called[~is_swapped].mean()
    print(
        f"in the mixture {is_swapped.mean():.1%} were swapped: {caught:.1%} of them are called so, "
        f"and {alarms:.1%} of the real ones"
    )
    order = np.argsort(found.suspect)
    rows = {
        "least": order[:12],
        "unsure": np.argsort(np.abs(found.suspect - 0.5))[:12],
        "most": order[-12:],
    }
    figure, grid = plt.subplots(len(rows), 12, figsize=(9, 3.2))
    for line, (name, chosen) in zip(grid, rows.items(), strict=True):
        for axis, i in zip(line, chosen, strict=True):
            axis.imshow(mixture[i], cmap="gray_r", vmin=0, vmax=1)
            colour = "#b3470b" if is_swapped[i] else "#59636e"
            axis.set_title(f"{found.suspect[i]:.2f}", fontsize=7, color=colour)
            axis.set(xticks=[], yticks=[])
        line[0].set_ylabel(name, rotation=0, ha="right", va="center")
    figure.suptitle("probability of being generated (orange: it was swapped)", fontsize=9)
    figure.savefig(out, dpi=130, bbox_inches="tight", metadata=pf.figure_metadata(shared))
    print(f"drawn in {out}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", default="swapped-glyphs-detect.png", help="the picture")
    main(parser.parse_args().out)
