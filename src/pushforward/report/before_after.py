"""What a page of before and after consists of: bands of images, a table, and words."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from pushforward.data.encoding import Encoding
from pushforward.errors import InputError
from pushforward.evaluation.neighbours import nearest_distance
from pushforward.report.figures import show_images
from pushforward.report.pictures import Picture, picture
from pushforward.report.style import WIDE, new_figure, styled
from pushforward.report.telling import Told
from pushforward.training.diagnosis import Finding

FEWEST = 8  # held-out images, of which anything can be said
LARGE = 64  # pixels: eight of these fit side by side, of larger ones four
FIGURES = 2  # of each way
LAST_DIGITS = (
    1e-3  # by which encoded pixels of the same image differ at most, as a root mean square
)
OFF_SCALE = 0.01  # of the range that was fitted, which held-out pixels must take up


@dataclass(frozen=True)
class Band:
    """Images (n, h, w[, c]) from 0 to 1, the same ones in each band of a way, or others."""

    title: str
    images: NDArray[np.float64]


@dataclass(frozen=True)
class Way:
    """What is done to images of one set: bands to look at, and a table of what was measured."""

    title: str
    bands: Sequence[Band]
    columns: Sequence[tuple[str, str]]  # names, and what is better
    rows: Sequence[tuple[str, Sequence[str]]]
    caption: str  # of the table

    def pictures(self) -> list[Picture]:
        """The first images of each band, in two figures."""
        first = self.bands[0].images
        across = 8 if max(first.shape[1:3]) <= LARGE else 4
        names = ", ".join(band.title for band in self.bands)
        found = []
        for start in range(0, min(FIGURES * across, len(first)), across):
            bands = [Band(b.title, b.images[start : start + across]) for b in self.bands]
            shown = len(bands[0].images)
            alt = f"{self.title}: bands of {shown} images below one another: {names}."
            found.append(picture(strips(bands, across), alt))
        return found


@dataclass(frozen=True)
class Changes:
    """All that is said of what a model does to held-out images."""

    question: str
    answer: Sequence[str]
    ways: Sequence[Way]
    limits: Sequence[str]  # what these numbers cannot say
    meanings: Sequence[tuple[str, str]]
    findings: Sequence[Finding] = field(default_factory=list)


@styled
def strips(bands: Sequence[Band], across: int) -> Figure:
    """Bands of as many images below one another, each under its title.

    >>> bands = [Band("before", np.zeros((3, 8, 8))), Band("after", np.ones((3, 8, 8)))]
    >>> [axes.get_title(loc="left") for axes in strips(bands, 8).axes]
    ['before', 'after']
    """
    h, w = bands[0].images.shape[1:3]
    figure = new_figure(WIDE, len(bands) * (WIDE / across * h / w + 0.24))
    for axes, band in zip(figure.subplots(len(bands), 1, squeeze=False)[:, 0], bands, strict=True):
        blank = np.ones((across - len(band.images), *band.images.shape[1:]))
        show_images(axes, np.concatenate([band.images, blank]), (0.0, 1.0), across)
        axes.set_title(band.title, fontsize=8.5, pad=3)
    return figure


def limits_of(encoding: Encoding) -> tuple[float, float]:
    """What is black and what is white in images that were fitted."""
    numbers = encoding.numbers
    assert numbers is not None
    if encoding.dtype == "uint8":
        return 0.0, 255.0
    return float(numbers.low.min()), float(numbers.high.max())


def unit(images: NDArray, limits: tuple[float, float]) -> NDArray[np.float64]:
    """Images from 0, black, to 1, white.

    >>> unit(np.array([[[0, 51]]]), (0.0, 255.0))
    array([[[0. , 0.2]]])
    """
    low, high = limits
    return np.clip((np.asarray(images, dtype=float) - low) / ((high - low) or 1.0), 0.0, 1.0)


def checked(X: object, encoding: Encoding, whose: str) -> NDArray:
    """Held-out images of the shape and in the units of those that were fitted.

    Raises:
        InputError: they are others, or fewer than eight.
    """
    images, shape = np.asarray(X), encoding.shape
    size = "×".join(map(str, shape))
    if images.shape[1:] != shape or images.dtype.kind not in "biuf":
        raise InputError(
            f"expected {whose} as images (n, {', '.join(map(str, shape))}), {size} as those that "
            f"were fitted, got an array of shape {images.shape} and type {images.dtype}"
        )
    if len(images) < FEWEST:
        raise InputError(f"expected at least {FEWEST} of {whose}, got {len(images)}")
    if not np.isfinite(images).all():
        raise InputError(f"expected finite pixels in {whose}, got missing or infinite ones")
    low, high = limits_of(encoding)
    least, most = float(images.min()), float(images.max())
    span = high - low
    if most - high > span or low - least > span or most - least < OFF_SCALE * span:
        raise InputError(
            f"expected {whose} in the units that were fitted, pixels from {low:g} to {high:g}, got "
            f"{least:g} to {most:g}; scale them alike"
        )
    return images


def share(value: float, digits: int = 3) -> str:
    return f"{value:.{digits}f}"


def told_cells(told: Told | None) -> list[str]:
    """Both accuracies with their intervals."""
    if told is None:
        return ["–", "–"]
    return [
        f"{test.accuracy:.2f} ({test.interval[0]:.2f} to {test.interval[1]:.2f})"
        for test in (told.nearest, told.network)
    ]


def distance(x: NDArray, y: NDArray) -> float:
    """The mean absolute difference of pixels from 0 to 1."""
    return float(np.abs(x - y).mean())


def known_rows(stored: NDArray, rows: NDArray) -> int:
    """How many of the rows are among stored ones, but for the last digits.

    >>> known_rows(np.eye(2), np.array([[1.0, 0.0], [0.5, 0.5]]))
    1
    """
    least = nearest_distance(rows, stored)
    return int((least <= LAST_DIGITS * math.sqrt(rows.shape[1])).sum())


def percent(value: float) -> str:
    """A share in whole percents, which says 100% of no share below.

    >>> percent(0.999), percent(1.0)
    ('99%', '100%')
    """
    return f"{math.floor(100 * value) if value > 0.99 else round(100 * value)}%"
