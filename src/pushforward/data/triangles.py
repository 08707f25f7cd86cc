"""Images of triangles: a known manifold, on which precision and recall can be measured."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from pushforward.data.dataset import Dataset
from pushforward.errors import InputError

SCALE = 0.75  # of the image that the unit circle takes
FINER = 8  # times as many pixels in each direction are drawn, and averaged
LEAST_ANGLE = 20.0  # degrees, seen from the middle, between two corners


def triangles(
    n: int = 10_000, size: int = 28, *, seed: int = 0, as_published: bool = False
) -> Dataset:
    """Triangles, black 0 on white 1, their corners on a circle and their mean in the middle.

    Corner i lies at i·120° + 10° + U·100° on a circle of ¾ of the image, the whole is turned by any
    angle and moved until the mean of its corners is in the middle. Lucic et al. 2018,
    arXiv:1711.10337. Their generator turns by at most 2π degrees, where radians were meant, and
    keeps corners 10° apart (U·110°), not the 20° it says. `as_published` does the same, and has its
    directions and its half pixel of offset, for comparison with their numbers.

    `factors` has the three angles of the corners in degrees, turned.

    Raises:
        InputError: fewer than one image, or smaller than 8 pixels.

    >>> dataset = triangles(2, seed=0)
    >>> dataset.X.shape, dataset.factors.shape
    ((2, 784), (2, 3))
    """
    whole = all(isinstance(v, (int, np.integer)) and not isinstance(v, bool) for v in (n, size))
    if not whole or n < 1 or size < 8:
        raise InputError(f"expected at least 1 image of at least 8 pixels, got {n} of {size}")
    u = np.random.default_rng(seed).random((n, 4))
    # Between one corner at the end of its range and the next at the beginning of its own.
    apart = LEAST_ANGLE / 2 if as_published else LEAST_ANGLE
    angles = np.arange(3) * 120 + LEAST_ANGLE / 2 + u[:, :3] * (120 - apart)
    turned = -2 * np.pi * u[:, 3:] if as_published else 360 * u[:, 3:]
    factors = pd.DataFrame(angles + turned, columns=["corner_1", "corner_2", "corner_3"])
    X = draw_triangles(factors.to_numpy(), size, as_published)
    return Dataset(name="triangles", X=X, image_shape=(size, size), factors=factors)


def draw_triangles(angles: NDArray, size: int, as_published: bool = False) -> NDArray[np.float64]:
    """Triangles by the angles of their corners in degrees `(n, 3)`, as rows `(n, size²)`.

    >>> draw_triangles(np.array([[0.0, 120.0, 240.0]]), 28)[0, [0, 14 * 28 + 14]]
    array([1., 0.])
    """
    side = FINER * size
    radians = np.radians(angles)
    corners = SCALE * side / 2 * np.stack([np.cos(radians), np.sin(radians)], axis=-1)
    corners += side / 2 - corners.mean(axis=1, keepdims=True)
    if as_published:  # x is the first axis of their images, and their filter looks 4 of 8 back
        corners = corners[..., ::-1] + FINER / 2
    images = np.empty((len(angles), size, size), dtype=np.uint8)
    for image, ends in zip(images, corners.reshape(-1, 6).tolist(), strict=True):
        picture = Image.new("L", (side, side), 255)
        ImageDraw.Draw(picture).polygon(ends, fill=0)
        image[:] = np.asarray(picture.reduce(FINER))
    return images.reshape(len(images), -1) / 255.0
