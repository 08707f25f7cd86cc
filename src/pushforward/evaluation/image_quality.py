"""How near images are to the true ones: in pixels, in their structure, in features."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import correlate1d

from pushforward.errors import InputError
from pushforward.evaluation.features import FeatureMap, as_rows, feature_map

Values = NDArray[np.float64]
WINDOW, SIGMA = 11, 1.5  # pixels, of the normal window of Wang et al.
K1, K2 = 0.01, 0.03


def psnr(images: Any, true: Any, value_range: float = 1.0) -> Values:
    """Peak signal-to-noise ratio of each image, `(n,)`, in decibels; higher is nearer.

    10 log₁₀(L² / mean (x − y)²), the mean over an image's pixels and channels, L the `value_range`.
    Infinite for equal images.

    Args:
        images: `(n, h, w)` or `(n, h, w, c)`.
        true: as many images of the same shape.
        value_range: L, from the least to the largest value that a pixel can have.

    Raises:
        InputError: shapes that differ, values that are not finite, a range that is none.

    >>> psnr(np.full((1, 4, 4), 0.6), np.full((1, 4, 4), 0.5)).round(6)
    array([20.])
    """
    x, y = _pairs(images, true, value_range)
    error = np.square(x - y).mean(axis=(1, 2, 3))
    with np.errstate(divide="ignore"):
        return 10 * np.log10(value_range**2 / error)


def ssim(images: Any, true: Any, value_range: float = 1.0) -> Values:
    """Structural similarity of each image, `(n,)`, 1 for equal images; higher is nearer.

    The mean over all 11×11 windows that lie in the image, and over channels, of

        (2 μ_x μ_y + C₁)(2 σ_xy + C₂) / ((μ_x² + μ_y² + C₁)(σ_x² + σ_y² + C₂)),

    moments weighted by a normal of σ = 1.5 pixels, C₁ = (0.01 L)² and C₂ = (0.03 L)². Arguments are
    those of `psnr`. Wang et al. 2004, IEEE Transactions on Image Processing 13(4), eq. 13.

    Raises:
        InputError: as `psnr`, and images of fewer than 11 pixels in a direction.

    >>> x = np.random.default_rng(0).random((2, 16, 16))
    >>> ssim(x, x)
    array([1., 1.])
    """
    x, y = _pairs(images, true, value_range)
    if min(x.shape[1:3]) < WINDOW:
        raise InputError(
            f"expected images of at least {WINDOW}×{WINDOW} pixels, the window of SSIM, got "
            f"{x.shape[1]}×{x.shape[2]}; take psnr for smaller ones"
        )
    c1, c2 = (K1 * value_range) ** 2, (K2 * value_range) ** 2
    mean_x, mean_y = _windowed(x), _windowed(y)
    var_x = _windowed(x * x) - mean_x**2
    var_y = _windowed(y * y) - mean_y**2
    both = _windowed(x * y) - mean_x * mean_y
    similar = (2 * mean_x * mean_y + c1) * (2 * both + c2)
    similar /= (mean_x**2 + mean_y**2 + c1) * (var_x + var_y + c2)
    return similar.mean(axis=(1, 2, 3))


def perceptual_distance(features: FeatureMap | Any, images: Any, true: Any) -> Values:
    """Squared distance of each image to the true one in features φ, `(n,)`; lower is nearer.

        ‖φ(x) − φ(y)‖² / mean_j ‖φ(y_j) − φ̄‖²

    so that 0 is the same to φ, and 1 is as far as the mean feature is from the true ones on
    average. `features` is a feature map or any `torch.nn.Module`, which gets images as
    `(n, c, h, w)` in their own units.

    Raises:
        InputError: numbers of images that differ, or true ones that are all the same to φ.

    >>> x = np.random.default_rng(0).random((9, 4, 4))
    >>> perceptual_distance("pixels", x, x).max()
    np.float64(0.0)
    """
    compare_by = feature_map(features)
    x = as_rows(compare_by(images), "the images' features")
    y = as_rows(compare_by(true), "the true images' features")
    if x.shape != y.shape:
        raise InputError(f"expected one image for each true one, got {len(x)} and {len(y)}")
    spread = np.square(y - y.mean(axis=0)).sum(axis=1).mean()
    if spread == 0:
        raise InputError("expected true images that differ in their features; give several")
    return np.square(x - y).sum(axis=1) / spread


def _windowed(x: Values) -> Values:
    """Means under the window, at the places where it lies inside."""
    half = WINDOW // 2
    weights = np.exp(-np.square(np.arange(-half, half + 1)) / (2 * SIGMA**2))
    weights /= weights.sum()
    for axis in (1, 2):
        x = correlate1d(x, weights, axis=axis)
    return x[:, half:-half, half:-half]


def _pairs(images: Any, true: Any, value_range: float) -> tuple[Values, Values]:
    """Both as `(n, h, w, c)`."""
    x, y = (np.asarray(z, dtype=np.float64) for z in (images, true))
    if x.shape != y.shape or x.ndim not in (3, 4) or 0 in x.shape:
        raise InputError(
            "expected as many images as true ones, (n, h, w) or (n, h, w, c) of one shape, got "
            f"{x.shape} and {y.shape}"
        )
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise InputError("expected finite pixels, got missing or infinite ones; fill them")
    if not 0 < value_range < np.inf:
        raise InputError(f"expected value_range to be above 0, got {value_range!r}")
    shape = (*x.shape[:3], -1)
    return x.reshape(shape), y.reshape(shape)
