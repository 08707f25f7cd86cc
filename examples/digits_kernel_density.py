"""New handwritten digits from a kernel density: scikit-learn's demonstration, with pushforward.

1797 images of 8×8 pixels, 15 principal components, and a normal around every image, as wide as
makes left-out images most likely. Prints what is found beside scikit-learn's numbers and draws real
images beside new ones:

    python examples/digits_kernel_density.py --out digits.png
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import pushforward as pf

COLUMNS, ROWS = 11, 4  # images drawn of each kind
# Of GridSearchCV in https://scikit-learn.org/stable/auto_examples/neighbors/plot_digits_kde_sampling
SCIKIT_LEARN = {"bandwidth": 3.79269019073225, "likelihood": -46.526}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, help="a .png file for the picture")
    parser.add_argument("--seed", type=int, default=0, help="of the new digits")
    options = parser.parse_args()

    digits = pf.load_data("digits")
    images = digits.X.reshape(-1, *digits.image_shape)
    # pushforward brings images to [-1, 1] and measures bandwidths there; scikit-learn's page
    # measures them in grey levels, 0 to 16.
    grey_levels = (images.max() - images.min()) / 2
    grid = np.logspace(-1, 1, 20) / grey_levels

    kde = pf.KernelDensity(pca=15, bandwidth=grid, folds=5).fit(images)
    print(f"The density of {kde.density_space_} (pixels, 0 to 16).\n")
    print("five folds, 20 bandwidths     pushforward   scikit-learn")
    h, best = kde.bandwidth_ * grey_levels, kde.likelihoods_.max()
    print(f"bandwidth, grey levels        {h:11.5f}{SCIKIT_LEARN['bandwidth']:15.5f}")
    print(f"left-out images, nats each    {best:11.3f}{SCIKIT_LEARN['likelihood']:15.3f}")
    print(f"training images, nats each    {kde.score_samples(images).mean():11.3f}\n")

    each = pf.KernelDensity(pca=15).fit(images)
    both = (each.bandwidth_, kde.bandwidth_)
    likelihoods = pf.KernelDensity(pca=15, bandwidth=both).fit(images).likelihoods_
    print("each image left out in turn    any bandwidth   that of five folds")
    print("bandwidth, grey levels        {:14.2f}{:21.2f}".format(*np.multiply(both, grey_levels)))
    print("left-out images, nats each    {:14.3f}{:21.3f}".format(*likelihoods))

    if options.out is not None:
        new = kde.sample(ROWS * COLUMNS, random_state=options.seed)
        draw(images[: ROWS * COLUMNS], new).savefig(options.out)
        print(f"\ndrawn in {options.out}")


def draw(real: np.ndarray, new: np.ndarray) -> Figure:
    """Real images to the left, new ones to the right, on the same grey scale."""
    figure = Figure(figsize=(8.4, 1.75), dpi=150, layout="constrained")
    for axes, shown, title in zip(
        figure.subplots(1, 2), (real, new), ("real digits", "new digits"), strict=True
    ):
        axes.imshow(side_by_side(shown), "gray_r", vmin=0, vmax=16, interpolation="nearest")
        axes.set_title(title, fontsize=10)
        axes.axis("off")
    return figure


def side_by_side(images: np.ndarray) -> np.ndarray:
    """Images (ROWS · COLUMNS, h, w) as one, with a pixel of white between."""
    padded = np.pad(images, [(0, 0), (0, 1), (0, 1)])
    h, w = padded.shape[1:]
    return padded.reshape(ROWS, COLUMNS, h, w).swapaxes(1, 2).reshape(ROWS * h, COLUMNS * w)


if __name__ == "__main__":
    main()
