"""Digits drawn by label: what three methods make of each class, and one hand under ten labels.

    python examples/conditional.py --out conditional.png

To be seen, above: draws of each method for each digit. Below: a VAE's code says what the label does
not, so a code under ten labels gives ten digits of one slant and stroke. Printed is how many of the
draws a classifier that learnt from other rows takes for the digit that was asked for. Where they
are more than of real rows, draws are too typical.
"""

import argparse

import numpy as np
import torch
from matplotlib.figure import Figure
from sklearn.svm import SVC

import pushforward as pf

METHODS = ("conditional-gan", "conditional-r3-gan", "conditional-vae")
CLASSES, DRAWS, HANDS = np.arange(10), 200, 6


def show(axes, images: np.ndarray, title: str) -> None:
    """Images (rows, columns, 8, 8) side by side, with a pixel of white between."""
    sheet = np.pad(images, [(0, 0), (0, 0), (0, 1), (0, 1)]).swapaxes(1, 2)
    axes.imshow(sheet.reshape(9 * images.shape[0], -1), "gray_r", vmin=0, vmax=16)
    axes.set_title(title, fontsize=9)
    axes.axis("off")


def main(out: str) -> None:
    torch.set_num_threads(1)  # the networks are small
    digits = pf.load_data("digits")
    images, labels = digits.X.reshape(-1, 8, 8), digits.y
    mine, others = np.array_split(np.random.default_rng(0).permutation(len(images)), 2)
    judge = SVC().fit(digits.X[others], labels[others])
    print(f"real rows: {judge.score(digits.X[mine], labels[mine]):.1%} taken for their class")
    figure = Figure(figsize=(8, 5.8), dpi=130, layout="constrained")
    above, below = figure.subfigures(2, 1, height_ratios=(10, 7))
    asked = CLASSES.repeat(DRAWS)
    for axes, name in zip(above.subplots(1, 3), METHODS, strict=True):
        sampler = pf.METHODS[name].make(random_state=0).fit(images[mine], labels[mine])
        drawn = sampler.sample(given=asked, random_state=1)
        right = judge.predict(drawn.reshape(-1, 64)) == asked
        print(f"{name}: {right.mean():.1%}, by class", *right.reshape(10, -1).mean(1))
        show(axes, drawn.reshape(10, DRAWS, 8, 8)[:, :8], f"{name}, {right.mean():.1%} right")
    real = images[others[:HANDS]]  # no method has seen them
    codes = sampler.transform(real, given=labels[others[:HANDS]])
    labelled = sampler.inverse_transform(codes.repeat(10, 0), given=np.tile(CLASSES, HANDS))
    rows = np.hstack([real[:, None], 0 * real[:, None], labelled.reshape(HANDS, 10, 8, 8)])
    show(below.subplots(), rows, "real digits, and their codes in the VAE under the labels 0 to 9")
    figure.savefig(out, metadata=pf.figure_metadata(sampler))
    print(f"drawn in {out}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", default="conditional.png", help="the picture")
    main(parser.parse_args().out)
