"""New handwritten digits from a kernel density: scikit-learn's demonstration, with pushforward.

    python examples/digits_kernel_density.py --out digits.png

1797 images of 8×8 pixels, 15 principal components, and a normal around every image, as wide as
makes left-out images most likely: printed beside scikit-learn's numbers. To be seen are real digits
and new ones, which are real ones with noise: most can be read, some are between two.
"""

import argparse

import numpy as np
from matplotlib.figure import Figure

import pushforward as pf

# Of GridSearchCV in https://scikit-learn.org/stable/auto_examples/neighbors/plot_digits_kde_sampling
SCIKIT_LEARN = {"bandwidth": 3.79269019073225, "likelihood": -46.526}


def main(out: str) -> None:
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

    figure = Figure(figsize=(8.4, 1.75), dpi=150, layout="constrained")
    shown = {"real digits": images[:44], "new digits": kde.sample(44, random_state=0)}
    for axes, (title, rows) in zip(figure.subplots(1, 2), shown.items(), strict=True):
        sheet = np.pad(rows, [(0, 0), (0, 1), (0, 1)]).reshape(4, 11, 9, 9)
        sheet = sheet.swapaxes(1, 2).reshape(36, 99)
        axes.imshow(sheet, "gray_r", vmin=0, vmax=16, interpolation="nearest")
        axes.set_title(title, fontsize=10)
        axes.axis("off")
    figure.savefig(out, metadata=pf.figure_metadata(kde))
    print(f"\ndrawn in {out}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", default="digits.png", help="the picture")
    main(parser.parse_args().out)
