"""Two domains whose rows have known counterparts, to hold a translation against."""

from __future__ import annotations

import string
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pushforward.data.glyphs import Glyphs
from pushforward.errors import InputError

Rows = NDArray[np.float64]


@dataclass(frozen=True)
class Domains:
    """Rows of A and the counterparts in B of the same rows, known to the judge alone.

    `pairs(n, rng)` draws n rows of A, their counterparts, and a class of each pair.

    >>> a, b = load_domains("turned").draw(3, 4, np.random.default_rng(0))
    >>> a.shape, b.shape
    ((3, 2), (4, 2))
    """

    name: str
    pairs: Callable[[int, np.random.Generator], tuple[Rows, Rows, NDArray]]

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


DOMAINS = {"turned": turned, "mixture": mixture, "moons": moons, "letters": letters}


def load_domains(name: str) -> Domains:
    """A pair of domains by its name: turned, mixture, moons (to circles) or letters.

    Raises:
        InputError: there is no such pair.
    """
    if name not in DOMAINS:
        raise InputError(f"expected a pair of domains among {', '.join(DOMAINS)}, got {name!r}")
    return Domains(name, DOMAINS[name])
