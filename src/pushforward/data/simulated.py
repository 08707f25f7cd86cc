"""Simulated images made to look measured, and images of lower resolution."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from pushforward.errors import InputError

Images = NDArray[np.float64]
Range = tuple[float, float]


def corrupted(
    images: Any,
    rng: np.random.Generator,
    *,
    blur: Range = (0.01, 0.035),
    light: Range = (0.2, 0.6),
    noise: Range = (0.02, 0.1),
) -> Images:
    """The images as a camera might take them: out of focus, lit from one side, and noisy.

    y = clip(l · (g_σ ∗ x) + s ε, 0, 1), with g_σ a normal blur, l(u) a light that falls linearly
    from 1 at one edge of the image to 1 − d at the edge across, and ε independent standard normal
    in each pixel and channel. Each image draws σ, d, s and the direction of its light uniformly.

    Args:
        images: (n, h, w) or (n, h, w, c), values from 0 to 1.
        rng: where the strengths and the noise come from.
        blur: the range of σ, as a share of the shorter side.
        light: the range of d, from 0 (even) to 1 (dark at one edge).
        noise: the range of s.

    Returns:
        Images of the same shape, values from 0 to 1.

    Raises:
        InputError: another shape, values outside 0 to 1, or a range that is none.

    >>> x = np.full((2, 8, 8), 0.5)
    >>> y = corrupted(x, np.random.default_rng(0), light=(0, 0), noise=(0, 0))
    >>> np.allclose(y, x)
    True
    """
    x = _checked(images)
    if x.size and not (x.min() >= 0 and x.max() <= 1):
        raise InputError(f"expected values from 0 to 1, got {x.min():.3g} to {x.max():.3g}")
    for name, limits, most in (
        ("blur", blur, np.inf),
        ("light", light, 1),
        ("noise", noise, np.inf),
    ):
        if not (np.shape(limits) == (2,) and 0 <= limits[0] <= limits[1] <= most):
            raise InputError(f"expected {name} as a range (low, high) from 0 on, got {limits!r}")
    n, h, w = x.shape[:3]
    per_image = (n, 1, 1, 1)
    sigma = min(h, w) * rng.uniform(*blur, size=n)
    darker, spread = (rng.uniform(*limits, size=per_image) for limits in (light, noise))
    angle = rng.uniform(0, 2 * np.pi, size=per_image)
    seen = x.reshape(n, h, w, -1)
    # What lies beyond the edge is as what lies at it, so that blurring keeps even images even.
    seen = np.array(
        [gaussian_filter(a, (s, s, 0), mode="nearest") for a, s in zip(seen, sigma, strict=True)]
    )
    seen = seen.reshape(n, h, w, -1) * (1 - darker * _across(h, w, angle))
    seen += spread * rng.standard_normal(seen.shape)
    return np.clip(seen, 0, 1).reshape(x.shape)


def _across(h: int, w: int, angle: Images) -> Images:
    """How far across the image each pixel is in a direction, 0 to 1, as (n, h, w, 1)."""
    down, right = np.linspace(-1, 1, h)[:, None, None], np.linspace(-1, 1, w)[:, None]
    cos, sin = np.cos(angle), np.sin(angle)
    return 0.5 + 0.5 * (right * cos + down * sin) / (np.abs(cos) + np.abs(sin))


def shrink(images: Any, factor: int) -> Images:
    """Images at a lower resolution: each pixel is the mean of `factor` × `factor` of them.

    Args:
        images: (n, h, w) or (n, h, w, c).
        factor: by how much height and width are divided.

    Returns:
        Images (n, h / factor, w / factor) or with c channels, in floats.

    Raises:
        InputError: another shape, or a height or width that is no multiple of the factor.

    >>> shrink(np.arange(4.0).reshape(1, 2, 2), 2)
    array([[[1.5]]])
    """
    x = _checked(images)
    whole = isinstance(factor, (int, np.integer)) and not isinstance(factor, bool)
    if not whole or factor < 1:
        raise InputError(f"expected factor as a whole number above 0, got {factor!r}")
    n, h, w = x.shape[:3]
    if h % factor or w % factor:
        raise InputError(
            f"expected a height and a width that are multiples of {factor}, got {h}×{w}; crop the "
            "images or choose another factor"
        )
    blocks = x.reshape(n, h // factor, factor, w // factor, factor, *x.shape[3:])
    return blocks.mean(axis=(2, 4))


def _checked(images: Any) -> Images:
    x = np.asarray(images)
    if x.ndim not in (3, 4) or x.dtype.kind not in "biuf":
        raise InputError(
            "expected images as numbers (n, h, w) or (n, h, w, c), got an array of shape "
            f"{x.shape} and dtype {x.dtype}"
        )
    return x.astype(np.float64)
