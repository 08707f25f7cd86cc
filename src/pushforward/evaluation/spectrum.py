"""What gives generated images away: the components of their pixels, and power by frequency."""

from __future__ import annotations

from typing import Any

import numpy as np

from pushforward.evaluation.features import PrincipalComponents, Rows, pixels

COMPONENTS = 48  # of the pixels, at most


class Spectrum:
    """Principal components of the reference images, beside their power spectrum.

    Of each image the azimuthal average of log |F(u, v)|² over rings of one frequency, channels
    averaged: generators leave out or add what is fine, where components do not look.

    Durall et al. 2019, arXiv:1911.00686.

    >>> images = np.random.default_rng(0).normal(size=(10, 8, 8))
    >>> Spectrum(images)(images).shape  # 9 components, frequencies 1 to 4 (0 is the mean)
    (10, 14)
    """

    def __init__(self, reference: Any) -> None:
        rows = pixels(reference)
        self._components = PrincipalComponents(rows, min(COMPONENTS, len(rows) - 1, rows.shape[1]))
        # What is far below the power of this data is silence, not a frequency of its own.
        self._floor = 1e-6 * max(float(rows.var()), np.finfo(float).tiny)
        self.name = f"{self._components.name.split(' ')[0]} and spectrum"

    def __call__(self, images: Any) -> Rows:
        values = np.asarray(images, dtype=np.float64)
        values = values.reshape(*values.shape[:3], -1)
        h, w = values.shape[1:3]
        power = (np.abs(np.fft.fft2(values, axes=(1, 2))) ** 2).mean(-1) / (h * w)
        ring = np.hypot(np.fft.fftfreq(h)[:, None] * h, np.fft.fftfreq(w) * w)
        ring = np.minimum(np.rint(ring * min(h, w) / max(h, w)), min(h, w) // 2).astype(int)
        log = np.log(power + self._floor).reshape(len(values), -1)
        rings = [log[:, ring.ravel() == r].mean(1) for r in np.unique(ring)]
        return np.column_stack([self._components(pixels(images)), *rings])
