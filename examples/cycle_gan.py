"""Translate between two domains that come without pairs, and see what that can and cannot do.

    python examples/cycle_gan.py --out cycle-gan.png

B is A turned by 30°, but no row of B belongs to a row of A that is seen. Above the law of A has one
shape only, and the turn is found; below A is round, every turn fits, and the colours show that
another one is found, with as good a score.
"""

import argparse

import numpy as np
from matplotlib.figure import Figure

import pushforward as pf
from pushforward.data.domains import turn

TURN = turn(30)


def main(out: str) -> None:
    rng = np.random.default_rng(0)
    shapes = {"skewed": rng.exponential(size=(3, 1000, 2)), "round": rng.normal(size=(3, 1000, 2))}
    figure = Figure(figsize=(7.5, 5), dpi=100, layout="constrained")
    grid = figure.subplots(2, 3, sharex="row", sharey="row")
    for axes, (name, (a, other, new)) in zip(grid, shapes.items(), strict=True):
        gan = pf.CycleGAN(hidden=(32,), learning_rate=5e-3, max_rounds=1000, random_state=0)
        gan.fit(a, other @ TURN)
        translated, truth = gan.translate(new), new @ TURN
        error = np.linalg.norm(translated - truth, axis=1).mean()
        still = np.linalg.norm(new - truth, axis=1).mean()
        print(f"{name}: {error:.2f} from the true counterparts, doing nothing {still:.2f}")
        print(f"  score {min(s for _, s in gan.scores_):.2f}", *gan.diagnosis_, sep="\n  ")
        titles = (f"A, {name}", "its true counterparts", f"translated: {error:.2f} away")
        colour = np.arctan2(*(new - np.median(new, axis=0)).T)
        for axis, title, rows in zip(axes, titles, (new, truth, translated), strict=True):
            axis.scatter(*rows.T, c=colour, s=3, cmap="twilight")
            axis.set(title=title, aspect="equal")
    figure.savefig(out, metadata=pf.figure_metadata(gan))
    print(f"drawn in {out}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", default="cycle-gan.png", help="the picture")
    main(parser.parse_args().out)
