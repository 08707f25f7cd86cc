"""Two domains whose rows have known counterparts, to hold a translation against."""

from __future__ import annotations

import string
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pushforward.data.glyphs import Glyphs
from pushforward.data.simulated import corrupted
from pushforward.errors import InputError

Rows = NDArray[np.float64]


@dataclass(frozen=True)
class Domains:
    """Rows of A and the counterparts in B of the same rows, known to the judge alone.

    `pairs(n, rng)` draws n rows of A, their counterparts, and a class of each pair. `shape` is that
    of one row, in A as in B: (p,), or (h, w) or (h, w, c) where rows are images.

    >>> a, b = load_domains("turned").draw(3, 4, np.random.default_rng(0))
    >>> a.shape, b.shape
    ((3, 2), (4, 2))
    """

    name: str
    pairs: Callable[[int, np.random.Generator], tuple[Rows, Rows, NDArray]]
    shape: tuple[int, ...]

    def draw(self, n: int, m: int, rng: np.random.Generator) -> tuple[Rows, Rows]:
        """n rows of A and m of B, none of which are counterparts of each other."""
        return self.pairs(n, rng)[0], self.pairs(m, rng)[1]


def turn(degrees: float) -> Rows:
    """The matrix that turns rows of two columns, x @ turn(90) = (−x₂, x₁).

    >>> (np.array([1.0, 0.0]) @ turn(90)).round(12) + 0.0
    array([0., 1.])
    """
    angle = np.radians(degrees)
    return np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])


def turned(n: int, rng: np.random.Generator) -> tuple[Rows, Rows, NDArray]:
    """Independent skewed columns, and the same turned by 30°: only one turn fits."""
    a = rng.exponential(size=(n, 2))
    return a, a @ turn(30), (a[:, 0] > a[:, 1]).astype(int)


def mixture(n: int, rng: np.random.Generator) -> tuple[Rows, Rows, NDArray]:
    """Three clusters of weights .6, .3 and .1, and the same turned by 100°, shifted and scaled."""
    k = rng.choice(3, n, p=(0.6, 0.3, 0.1))
    a = np.array([[0, 0], [4, 0], [1, 3.0]])[k] + 0.5 * rng.normal(size=(n, 2))
    return a, 3 * a @ turn(100) + (10, -5), k


def moons(n: int, rng: np.random.Generator) -> tuple[Rows, Rows, NDArray]:
    """Two half circles, each of which becomes a whole one; a row keeps its share of the way."""
    k, t = rng.integers(2, size=n), np.pi * rng.random(n)
    sign = 1 - 2 * k
    a = np.c_[k + sign * np.cos(t), 0.5 * k + sign * np.sin(t)]
    b = (1 - 0.5 * k)[:, None] * np.c_[np.cos(2 * t), np.sin(2 * t)]
    return a + 0.05 * rng.normal(size=(n, 2)), b + 0.05 * rng.normal(size=(n, 2)), k


def letters(n: int, rng: np.random.Generator) -> tuple[Rows, Rows, NDArray]:
    """Small letters of 12×12 pixels without serifs, and the same with: all else is the same."""
    plain = Glyphs(characters=string.ascii_lowercase, families=("sans",), slanted=(False,))
    factors = plain.factors(n, int(rng.integers(2**31)))
    serif = factors.assign(family="serif")
    return plain.draw(factors), plain.draw(serif), factors["character"].to_numpy(dtype=str)


def sans_serif(n: int, rng: np.random.Generator, size: int) -> tuple[Rows, Rows, NDArray]:
    """Small letters without serifs, and the same with: all else is the same."""
    plain = Glyphs(size, string.ascii_lowercase, families=("sans",), slanted=(False,))
    return _two_ways(plain, n, rng, family="serif")


def upright_slanted(n: int, rng: np.random.Generator, size: int) -> tuple[Rows, Rows, NDArray]:
    """Upright small letters, hardly turned, which could pass for slanted; and slanted ones."""
    upright = Glyphs(size, string.ascii_lowercase, slanted=(False,), rotation=(-2.0, 2.0))
    return _two_ways(upright, n, rng, slanted=True)


def colours(n: int, rng: np.random.Generator, size: int) -> tuple[Rows, Rows, NDArray]:
    """Dark grey digits on light grey paper, and the same in colour, light on dark or reverse.

    The two greys are the means of the two colours: what B becomes in A is known to the pixel, and
    of what A becomes in B the content is, not the colours.
    """
    coloured = Glyphs(size, channels=3)
    factors = coloured.factors(n, _seed(rng))
    two = np.stack([factors[[f"{name}_{c}" for c in "rgb"]] for name in ("ink", "paper")])
    grey = np.sort(two.mean(axis=2), axis=0)
    plain = factors.copy()
    for name, level in zip(("ink", "paper"), grey, strict=True):
        plain[[f"{name}_{c}" for c in "rgb"]] = np.tile(level[:, None], 3)
    return _images(coloured, plain), _images(coloured, factors), _characters(factors)


def simulated_real(n: int, rng: np.random.Generator, size: int) -> tuple[Rows, Rows, NDArray]:
    """Digits in black on white as they are drawn, and as `corrupted` takes pictures of them."""
    digits = Glyphs(size)
    factors = digits.factors(n, _seed(rng))
    clean = 1 - _images(digits, factors)
    return clean, corrupted(clean, rng), _characters(factors)


def _two_ways(
    glyphs: Glyphs, n: int, rng: np.random.Generator, **other: Any
) -> tuple[Rows, Rows, NDArray]:
    """Glyphs, and the same ones with another value of one factor."""
    factors = glyphs.factors(n, _seed(rng))
    return (
        _images(glyphs, factors),
        _images(glyphs, factors.assign(**other)),
        _characters(factors),
    )


def _seed(rng: np.random.Generator) -> int:
    return int(rng.integers(2**31))


def _images(glyphs: Glyphs, factors: pd.DataFrame) -> Rows:
    return glyphs.draw(factors).reshape(len(factors), *_image_shape(glyphs.size, glyphs.channels))


def _image_shape(size: int, channels: int) -> tuple[int, ...]:
    return (size, size) if channels == 1 else (size, size, channels)


def _characters(factors: pd.DataFrame) -> NDArray:
    return factors["character"].to_numpy(dtype=str)


VECTORS = {  # pairs of rows, and their number of columns
    "turned": (turned, 2),
    "mixture": (mixture, 2),
    "moons": (moons, 2),
    "letters": (letters, 144),
}
IMAGES = {  # pairs of images, and their number of channels
    "sans-serif": (sans_serif, 1),
    "upright-slanted": (upright_slanted, 1),
    "colours": (colours, 3),
    "simulated-real": (simulated_real, 1),
}
DOMAINS = (*VECTORS, *IMAGES)
SIZE = 32  # pixels of the images, where nothing else is asked for


def load_domains(name: str, size: int | None = None) -> Domains:
    """A pair of domains by its name.

    | name | A | B | a row |
    |---|---|---|---|
    | turned | skewed columns | the same, turned by 30° | (2,) |
    | mixture | three clusters | the same, turned by 100°, shifted and scaled | (2,) |
    | moons | two half circles | two circles | (2,) |
    | letters | letters of 12×12 pixels without serifs | with serifs | (144,) |
    | sans-serif | letters without serifs | with serifs | (size, size) |
    | upright-slanted | upright letters | slanted | (size, size) |
    | colours | digits, dark grey on light grey | in colours | (size, size, 3) |
    | simulated-real | digits, black on white | blurred, unevenly lit, noisy | (size, size) |

    Images have values from 0 to 1, and the class of a pair is its character.

    Args:
        name: the first column of the table.
        size: pixels of the images in each direction, 8 to 128; 32 if not given.

    Raises:
        InputError: there is no such pair, or none of this size.

    >>> load_domains("colours", size=16).shape
    (16, 16, 3)
    """
    if name in VECTORS:
        if size is not None:
            raise InputError(f"{name} is a pair of rows, not of images of a size; leave out size")
        pairs, p = VECTORS[name]
        return Domains(name, pairs, (p,))
    if name not in IMAGES:
        raise InputError(f"expected a pair of domains among {', '.join(DOMAINS)}, got {name!r}")
    draw, channels = IMAGES[name]
    size = Glyphs(SIZE if size is None else size).size  # what cannot be drawn is told here
    return Domains(name, partial(draw, size=size), _image_shape(size, channels))
