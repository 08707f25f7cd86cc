"""Quantile functions x = F⁻¹(u): of data, given, from a cdf, from a density; all checked."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
from scipy.integrate import quad
from scipy.stats.sampling import NumericalInversePolynomial, UNURANError

from pushforward.errors import InputError

Function = Callable[[Any], Any]
Support = tuple[float, float]

RESOLUTION = 1e-10  # of u, asked of an inversion: finer than pseudo-random numbers of 32 bits
LARGEST_ERROR = 1e-6  # of u, above which an inversion has missed a part of the law
KNOTS = 512  # of the table from which the inversion of a cdf starts
PROBES = 257  # of a bounded support
TAILS = np.array([1e-9, 1e-6])
GRID = np.concatenate([TAILS, (np.arange(1000) + 0.5) / 1000, 1 - TAILS[::-1]])  # u for checks


class Empirical:
    """The quantile function of data, x₍₁₎ ≤ ... ≤ x₍ₙ₎; it never leaves [x₍₁₎, x₍ₙ₎].

    Interpolated it is linear through the points ((k−1)/(n−1), x₍ₖ₎), definition 7 of Hyndman & Fan:
    ties keep their probability and the gap between neighbours has 1/(n−1). Stepwise it is x₍⌈nu⌉₎,
    definition 1: a bootstrap of the column.

    Source: Hyndman & Fan 1996, Sample quantiles in statistical packages.

    >>> Empirical(np.array([3.0, 1.0, 2.0]))(np.array([0.25, 0.5, 0.75]))
    array([1.5, 2. , 2.5])
    """

    error = 0.0

    def __init__(self, values: np.ndarray, *, interpolate: bool = True) -> None:
        self.values = np.sort(values)
        self.interpolate = interpolate

    def __call__(self, u: np.ndarray) -> np.ndarray:
        v, n = self.values, len(self.values)
        if not self.interpolate:
            return v[np.ceil(n * u).astype(int) - 1]
        position = (n - 1) * u
        below = position.astype(int)
        share = position - below
        low, high = v[below], v[np.minimum(below + 1, n - 1)]
        # A weighted mean, because high − low can overflow; of tiny numbers it may round outside.
        return np.clip((1 - share) * low + share * high, low, high)

    def levels(self, low: float, high: float) -> tuple[float, float]:
        """The first and last u whose quantile is within [low, high], interpolated.

        >>> Empirical(np.array([1.0, 2.0, 2.0, 3.0])).levels(1.5, 2.0)
        (0.16666666666666666, 0.6666666666666666)
        """
        v, n = self.values, len(self.values)
        first, last = 0.0, 1.0
        if low > v[0]:
            i = min(int(np.searchsorted(v, low, side="left")), n - 1)
            first = (i - 1 + (low - v[i - 1]) / (v[i] - v[i - 1])) / (n - 1)
        if high < v[-1]:
            i = max(int(np.searchsorted(v, high, side="right")), 1)
            last = (i - 1 + (high - v[i - 1]) / (v[i] - v[i - 1])) / (n - 1)
        return float(first), float(last)


class Given:
    """A quantile function as it is given, its values checked.

    Raises:
        InputError: values of the wrong shape, not finite, or falling.
    """

    error = 0.0

    def __init__(self, quantile: Function, name: str = "quantile") -> None:
        self._quantile, self._name = quantile, name
        _check_rising(GRID, self(GRID), name)

    def __call__(self, u: np.ndarray) -> np.ndarray:
        x = _values(self._quantile, u, self._name)
        _check_all(np.isfinite(x), u, x, f"{self._name}: expected finite numbers")
        return x


class InverseCDF:
    """The smallest x with F(x) ≥ u, found numerically: F(x) − u ≤ 10⁻¹⁰ min(u, 1 − u), or a step.

    A table of knots brackets each u. Illinois steps (a secant that halves the value at an end that
    stays) close the bracket, and every third step halves the number of floats in it, so that a
    jump of F is found to the last bit. Tails of probability 10⁻¹⁰ are cut off where the support is
    unbounded. `error` is the largest distance of u from [F(x−), F(x)] on a grid.

    Source: Dowell & Jarratt 1971, A modified regula falsi method for computing the root of an
    equation.

    Args:
        cdf: F, from an array `(n,)` to an array `(n,)`.
        support: two ends between which F rises to 1, in the units of x.
        name: what F is called in errors.

    Raises:
        InputError: F falls, leaves [0, 1], does not reach 0 and 1, or is not a number.

    >>> InverseCDF(lambda x: 1 - np.exp(-x), (0.0, np.inf))(np.array([0.5])).round(6)
    array([0.693147])
    """

    def __init__(
        self, cdf: Function, support: Support = (-np.inf, np.inf), name: str = "cdf"
    ) -> None:
        self._cdf, self._name = cdf, name
        self._x, self._F = self._bracket(_probes(support, 1023), np.isfinite(support[0]))
        x = np.union1d(self._x, self(np.linspace(0, 1, KNOTS + 2)[1:-1]))
        x = np.union1d(x, x[:-1] + np.diff(x) / 2)
        self._x, self._F = x, self._rising(x)
        x = self(GRID)
        before = np.where(x > self._x[0], self._values(np.nextafter(x, -np.inf)), 0.0)
        self.error = float(max(0.0, (before - GRID).max(), (GRID - self._values(x)).max()))

    def __call__(self, u: np.ndarray) -> np.ndarray:
        right = np.searchsorted(self._F, u).clip(1, len(self._F) - 1)
        a, b, Fa, Fb = self._x[right - 1], self._x[right], self._F[right - 1], self._F[right]
        found = np.where(u <= Fa, a, b)  # also what lies in a tail that is cut off
        live = np.flatnonzero((Fa < u) & (u <= Fb))
        u, a, b, Fa, Fb = u[live], a[live], b[live], Fa[live], Fb[live]
        low, high = Fa - u, Fb - u  # as the secant sees them
        step, last = 0, np.zeros(len(u))
        while True:
            wide = (Fb - u > RESOLUTION * np.minimum(u, 1 - u)) & (np.nextafter(a, np.inf) < b)
            found[live[~wide]] = b[~wide]
            if not wide.any():
                return found
            live, u, a, b, Fb = live[wide], u[wide], a[wide], b[wide], Fb[wide]
            low, high, last = low[wide], high[wide], last[wide]
            middle = _middle(a, b)
            step += 1
            x = middle if step % 3 == 0 else a - low * ((b - a) / (high - low))
            x = np.where((a < x) & (x < b), x, middle)
            F = self._values(x)
            above = u <= F
            side = np.where(above, 1.0, -1.0)
            stays = np.where(side == last, 0.5, 1.0)
            low, high = np.where(above, low * stays, F - u), np.where(above, F - u, high * stays)
            a, b, Fb = np.where(above, a, x), np.where(above, x, b), np.where(above, F, Fb)
            last = side

    def _values(self, x: np.ndarray) -> np.ndarray:
        F = _values(self._cdf, x, self._name)
        good = (F >= -RESOLUTION) & (F <= 1 + RESOLUTION)
        _check_all(good, x, F, f"{self._name}: expected values from 0 to 1 on its support")
        return F

    def _rising(self, x: np.ndarray) -> np.ndarray:
        F = self._values(x)
        _check_rising(x, F, self._name)
        return np.maximum.accumulate(F)  # without the last bits of its rounding

    def _bracket(self, probes: np.ndarray, bounded: bool) -> tuple[np.ndarray, np.ndarray]:
        """The probes from where F is 0 to where it is 1, and F there.

        What lies further out is not looked at: there even a good cdf may over- or underflow. At the
        lower end of a bounded support F may jump.
        """
        F = _values(self._cdf, probes, self._name)
        centre = len(probes) // 2
        low = np.flatnonzero(F[: centre + 1] <= RESOLUTION)
        high = np.flatnonzero(F[centre:] >= 1 - RESOLUTION)
        first = low[-1] if low.size else 0
        last = centre + high[0] if high.size else len(probes) - 1
        x = probes[first : last + 1]
        F = self._rising(x)
        if (F[0] > RESOLUTION and not bounded) or F[-1] < 1 - RESOLUTION:
            raise InputError(
                f"{self._name}: expected to rise from 0 to 1, got {F[0]:.6g} at {x[0]:.6g} and "
                f"{F[-1]:.6g} at {x[-1]:.6g}; correct it, or give its support=(low, high)"
            )
        return x, F


class InverseDensity:
    """The quantile function of a density that is known up to a constant factor.

    Polynomials that interpolate F⁻¹ to 10⁻¹⁰ in u (PINV). `error` is the largest |F(x) − u|, F
    being the cdf where there is one and else the density's integral by quadrature. A function does
    not tell where its mass is: a needle far from 0 beside a wide hill may be overlooked by both,
    unless the support leads there.

    Source: Derflinger, Hörmann & Leydold 2010, Random variate generation by numerical inversion
    when only the density is known (scipy.stats.sampling).

    Args:
        density: from a number to a number that is not negative, in the units of x.
        support: two ends between which the density is positive, in the units of x.
        cdf: the cdf, where it is known, for the error.
        name: what the density is called in errors.

    Raises:
        InputError: a density that is negative or not a number, cannot be integrated, or is inverted
            with an error above 10⁻⁶, as where a gap parts it.

    >>> quantile = InverseDensity(lambda x: np.exp(-x), (0.0, np.inf))
    >>> quantile(np.array([0.5])).round(6), quantile.error < 1e-9
    (array([0.693147]), True)
    """

    def __init__(
        self,
        density: Function,
        support: Support = (-np.inf, np.inf),
        cdf: Function | None = None,
        name: str = "density",
    ) -> None:
        self._density, self._name = density, name
        probes = _probes(support, 60)
        inside = probes[(probes > support[0]) & (probes < support[1])]
        heights = np.array([self.pdf(x) for x in inside])
        if not heights.max() > 0:
            raise InputError(
                f"{name}: it is 0 wherever it was looked at, from {inside[0]:.6g} to "
                f"{inside[-1]:.6g}; give its support=(low, high)"
            )
        centre = inside[heights.argmax()]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # the error is measured below
            try:
                self._inverse = NumericalInversePolynomial(
                    self, center=centre, domain=support, u_resolution=RESOLUTION
                )
            except UNURANError as error:
                raise InputError(f"{name}: {_ADVICE} ({error})") from error
        u = GRID[:: len(GRID) // 64]
        x = self(u)
        F = self._integral(x, probes) if cdf is None else _values(cdf, x, f"{name}'s cdf")
        self.error = float(np.abs(F - u).max())
        if not self.error <= LARGEST_ERROR:
            raise InputError(f"{name}: {_ADVICE} (it would be wrong by {self.error:.2g} in u)")

    def __call__(self, u: np.ndarray) -> np.ndarray:
        return np.asarray(self._inverse.ppf(u), dtype=float)

    def pdf(self, x: float) -> float:
        """The density at one point, checked."""
        if np.isinf(x):
            return 0.0
        height = float(_values(self._density, np.float64(x), self._name))
        if not 0 <= height < np.inf:
            raise InputError(
                f"{self._name}: expected finite numbers from 0, got {height} at {x:.6g}; correct "
                "it, or give a support=(low, high) without that point"
            )
        return height

    def _integral(self, x: np.ndarray, probes: np.ndarray) -> np.ndarray:
        """F(x) by quadrature from probe to probe, so that parts far from each other are seen."""
        ends = np.union1d(x, probes)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an integral that fails shows in the error
            pieces = [quad(self.pdf, a, b, epsabs=0, epsrel=1e-11)[0] for a, b in pairwise(ends)]
        total = np.concatenate([[0.0], np.cumsum(pieces)])
        return total[np.searchsorted(ends, x)] / total[-1]


_ADVICE = (
    "it cannot be inverted: give a support=(low, high) that leaves out poles, and on which it is "
    "positive without gaps, or give a cdf or quantile function instead"
)


QuantileFunction = Empirical | Given | InverseCDF | InverseDensity


def _probes(support: Support, largest: int) -> np.ndarray:
    """Points that span a support: even where it is bounded, else doubling from its end or 0."""
    low, high = support
    if np.isfinite(low) and np.isfinite(high):
        return np.linspace(low, high, PROBES)
    doubling = 2.0 ** np.arange(-60, largest + 1)
    if np.isfinite(low):
        return low + np.concatenate([[0.0], doubling])
    if np.isfinite(high):
        return high - np.concatenate([[0.0], doubling])[::-1]
    return np.concatenate([-doubling[::-1], [0.0], doubling])


def _middle(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The float in the middle of all floats from a to b."""
    i, j = _rank(a), _rank(b)
    return _float((i & j) + ((i ^ j) >> 1))  # ⌊(i + j)/2⌋, which i + j could overflow


def _rank(x: np.ndarray) -> np.ndarray:
    """Where floats stand among all floats: their bits as whole numbers, negative ones reversed."""
    bits = x.view(np.int64)
    return np.where(bits < 0, np.iinfo(np.int64).min - bits, bits)


def _float(rank: np.ndarray) -> np.ndarray:
    return np.where(rank < 0, np.iinfo(np.int64).min - rank, rank).view(np.float64)


def _values(function: Function, x: Any, name: str) -> np.ndarray:
    """function(x) as floats of the shape of x."""
    try:
        with np.errstate(all="ignore"):
            values = np.asarray(function(x), dtype=float)
    except InputError:
        raise
    except Exception as error:
        raise InputError(
            f"{name}: it failed on {'an array of numbers' if np.ndim(x) else f'{x:.6g}'}, with "
            f"{type(error).__name__}: {error}"
        ) from error
    if values.shape != np.shape(x):
        raise InputError(
            f"{name}: expected one number for each, shape {np.shape(x)}, got shape {values.shape}"
        )
    return values


def _check_all(good: np.ndarray, x: np.ndarray, values: np.ndarray, expected: str) -> None:
    if not good.all():
        first = int(np.argmin(good))
        raise InputError(f"{expected}, got {values[first]:.6g} at {x[first]:.6g}")


def _check_rising(x: np.ndarray, values: np.ndarray, name: str) -> None:
    falls = np.diff(values) < -RESOLUTION * np.maximum(1.0, np.abs(values[1:]))
    if falls.any():
        i = int(np.argmax(falls))
        raise InputError(
            f"{name}: expected a function that never falls, got {values[i]:.6g} at {x[i]:.6g} and "
            f"{values[i + 1]:.6g} at {x[i + 1]:.6g}"
        )
