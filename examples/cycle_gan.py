"""Translate between two domains that come without pairs, and see what that can and cannot do.

    python examples/cycle_gan.py cycle-gan-example.png

B is A turned by 30°, but no row of B belongs to a row of A that is seen. Where the law of A has one
shape only, the turn can be told from the two clouds; where A is round, every turn fits.
"""

import sys

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np

from pushforward.models.cycle_gan import CycleGAN

t = np.pi / 6
TURN = np.array([[np.cos(t), np.sin(t)], [-np.sin(t), np.cos(t)]])


def main(path: str) -> None:
    rng = np.random.default_rng(0)
    shapes = {"skewed": rng.exponential(size=(3, 1000, 2)), "round": rng.normal(size=(3, 1000, 2))}
    figure, grid = plt.subplots(2, 3, figsize=(9, 6), sharex="row", sharey="row")
    for axes, (name, (a, other, new)) in zip(grid, shapes.items(), strict=True):
        gan = CycleGAN(hidden=(32,), learning_rate=5e-3, max_rounds=1000, random_state=0)
        gan.fit(a, other @ TURN)
        translated, truth = gan.translate(new), new @ TURN
        error = np.linalg.norm(translated - truth, axis=1).mean()
        still = np.linalg.norm(new - truth, axis=1).mean()
        print(f"{name}: {error:.2f} from the true counterparts, doing nothing {still:.2f}")
        print(f"  score {min(s for _, s in gan.scores_):.2f}", *gan.diagnosis_, sep="\n  ")
        titles = (f"A, {name}", "its true counterparts", f"translated: {error:.2f} away")
        colour = np.arctan2(*(new - np.median(new, axis=0)).T)
        for axis, title, rows in zip(axes, titles, (new, truth, translated), strict=True):
            axis.scatter(*rows.T, c=colour, s=4, cmap="twilight")
            axis.set(title=title, aspect="equal")
    figure.tight_layout()
    figure.savefig(path, dpi=100)
    print(f"picture in {path}")


if __name__ == "__main__":
    main(*(sys.argv[1:] or ["cycle-gan-example.png"]))
