"""The likelihood of one column under a family of scipy.stats: its top, and how sharp that is."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from itertools import combinations, product
from typing import Any

import numpy as np
from scipy import optimize, stats

Family = Any  # scipy gives its families no public common class

BOX = 12.0  # beyond e^±12 of the unit scale lies only what runs away
LARGEST = 1e3  # of a shape that may have either sign
TINY = 1e-9  # nats per row that a step must win to count
NO_DENSITY = 1e10  # nats per row where there is no density, finite for the optimiser's differences
STEPS = (1e-3, 0.1)  # by which a top is looked around from
MOST_SHIFTED = 3  # parameters of which a row on an edge may be lost by rounding
REAL_COUNTS = {("nbinom", "n")}  # scipy has them as whole numbers; their likelihood does not


class Likelihood:
    """−(1/n) Σᵢ log f(yᵢ; θ) on free coordinates, for values y in about unit scale.

    Coordinates are log θ for a positive parameter, logit for one between two bounds and θ itself
    otherwise; parameters that are given have none.
    """

    def __init__(self, family: Family, y: np.ndarray, given: dict[str, float]) -> None:
        self.family, self.y, self.given = family, y, given
        self.names = parameter_names(family)
        self.fixed = np.array([name in given for name in self.names])
        bounds = [(-np.inf, np.inf), (0.0, np.inf)]  # of loc and scale
        shapes = [tuple(info.domain) for info in family._shape_info()]
        domain = np.array([*shapes, *bounds], dtype=float)[: len(self.names)][~self.fixed]
        self.lower, self.upper = domain.T
        shape = np.array([name not in ("loc", "scale") for name in self.names])[~self.fixed]
        whole_line = np.isinf(self.lower) & np.isinf(self.upper)
        self.reach = np.where(whole_line & shape, LARGEST, np.where(whole_line, np.exp(BOX), BOX))

    def __call__(self, theta: np.ndarray) -> float:
        if not (np.abs(theta) <= self.reach).all():
            return NO_DENSITY
        value = -float(np.mean(self.log_density(theta)))
        return value if np.isfinite(value) else NO_DENSITY

    def log_density(self, theta: np.ndarray) -> np.ndarray:
        values = self.parameters(theta)
        with np.errstate(all="ignore"):
            if is_discrete(self.family):
                return self.family.logpmf(self.y, *values)
            return self.family.logpdf(self.y, *values)

    def parameters(self, theta: np.ndarray) -> np.ndarray:
        """All parameters in scipy's order, those that are given among them."""
        values = np.array([self.given.get(name, np.nan) for name in self.names])
        values[~self.fixed] = self.from_free(theta)
        return values

    def from_free(self, theta: np.ndarray) -> np.ndarray:
        low, high = self.lower, self.upper
        above, below = np.isfinite(low), np.isfinite(high)
        with np.errstate(all="ignore"):
            half = np.where(
                above, low + np.exp(theta), np.where(below, high - np.exp(theta), theta)
            )
            return np.where(above & below, low + (high - low) / (1 + np.exp(-theta)), half)

    def to_free(self, values: np.ndarray) -> np.ndarray:
        low, high, v = self.lower, self.upper, values[~self.fixed]
        above, below = np.isfinite(low), np.isfinite(high)
        with np.errstate(all="ignore"):
            half = np.where(above, np.log(v - low), np.where(below, np.log(high - v), v))
            return np.where(above & below, np.log((v - low) / (high - v)), half)

    def slope(self, theta: np.ndarray) -> np.ndarray:
        """|dθ/d(coordinate)|, which takes standard errors to the parameters."""
        low, high, v = self.lower, self.upper, self.from_free(theta)
        above, below = np.isfinite(low), np.isfinite(high)
        with np.errstate(invalid="ignore"):
            half = np.where(above, v - low, np.where(below, high - v, 1.0))
            return np.where(above & below, (v - low) * (high - v) / (high - low), half)

    def maximise(self) -> np.ndarray | None:
        """The coordinates of the top; None where no search finds one.

        A start that no small step improves is a closed form and taken; otherwise the best starts
        are climbed from, and climbed again from wherever a small step does better.
        """
        if self.fixed.all():
            return np.empty(0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of scipy's, on the way; what is found is checked
            first = self._moments() if is_discrete(self.family) else self._scipys_start()
            if first is not None and self._step_up(first) is None:
                return first
            starts = [*self._quartile_starts(), *([] if first is None else [first])]
            starts = sorted((t for t in starts if self(t) < NO_DENSITY), key=self)[:2]
            if not starts:
                return None
            top = min((self._climb(start, "L-BFGS-B") for start in starts), key=self)
            for _ in range(10):
                higher = self._step_up(top)
                if higher is None or self.ran_away(top):
                    return top
                top = min(higher, self._climb(higher, "Nelder-Mead"), key=self)
        return None

    def _climb(self, start: np.ndarray, method: str) -> np.ndarray:
        found = optimize.minimize(
            self,
            start,
            method=method,
            bounds=list(zip(-self.reach, self.reach, strict=True)),
            options={"ftol": 1e-13, "gtol": 1e-7}
            if method == "L-BFGS-B"
            else {"xatol": 1e-6, "fatol": 1e-11},
        )
        return min(found.x, start, key=self)

    def _step_up(self, theta: np.ndarray) -> np.ndarray | None:
        """The best of the small steps along a coordinate, if it is higher than here."""
        near = [theta + d * sign * e for d in STEPS for sign in (1, -1) for e in np.eye(len(theta))]
        best = min(near, key=self)
        return best if self(best) < self(theta) - TINY else None

    def on_edge(self, theta: np.ndarray) -> bool:
        """Whether a row sits where the support ends, so that a tiny step loses it."""
        eye = 1e-6 * np.eye(len(theta))
        return any(self(theta + s * e) == NO_DENSITY for e in eye for s in (1, -1))

    def ran_away(self, theta: np.ndarray) -> list[str]:
        """The parameters that went as far as the search goes."""
        names = [name for name, fixed in zip(self.names, self.fixed, strict=True) if not fixed]
        far = np.abs(theta) > 0.95 * self.reach
        return [name for name, away in zip(names, far, strict=True) if away]

    def spikes(self, theta: np.ndarray) -> bool:
        """Whether the likelihood still grows as loc comes nearer to the least value."""
        if "loc" in self.given or is_discrete(self.family):
            return False
        values = self.parameters(theta)
        loc, least = self.names.index("loc"), self.y.min()
        if not np.isfinite(self.family.support(*values)[0]) or values[loc] >= least:
            return False
        for share in (1e-1, 1e-3):
            nearer = values.copy()
            nearer[loc] = least - share * (least - values[loc])
            if self(self.to_free(nearer)) < self(theta) - TINY:
                return True
        density = self.log_density(theta)
        return bool(density.max() - np.median(density) > BOX)

    def covariance(self, theta: np.ndarray) -> np.ndarray | None:
        """Inverse of the observed information; None where the top is no paraboloid.

        Differences are taken over half a standard error, where the information is used. At a kink,
        like that of a Laplace at its median, much smaller ones disagree with them.
        """
        k, n = len(theta), len(self.y)
        top, eye = self(theta), np.eye(k)

        def rise(step: np.ndarray) -> float:
            return n * ((self(theta + step) + self(theta - step)) / 2 - top)

        steps = np.full(k, 0.1 / np.sqrt(n))
        for j in range(k):
            for _ in range(6):
                up = rise(steps[j] * eye[j])
                if not 0 < up < n * 1e3:
                    return None
                if 0.1 < up < 0.15:
                    break
                steps[j] *= np.sqrt(0.125 / up)
        wide = np.array([rise(step * e) for step, e in zip(steps, eye, strict=True)])
        fine = np.array([rise(step / 32 * e) for step, e in zip(steps, eye, strict=True)])
        if not np.allclose(32**2 * fine, wide, rtol=0.2):
            return None
        # In units of the steps: H_aa = 2 rise(e_a), H_ab = rise(e_a + e_b) − rise(e_a) − rise(e_b).
        information = np.diag(2 * wide)
        for a, b in combinations(range(k), 2):
            both = rise(steps[a] * eye[a] + steps[b] * eye[b])
            information[a, b] = information[b, a] = both - wide[a] - wide[b]
        if not np.isfinite(information).all() or np.linalg.eigvalsh(information)[0] < 1e-4 * k:
            return None
        return np.linalg.inv(information) * np.outer(steps, steps)

    def _scipys_start(self) -> np.ndarray | None:
        """What scipy has in closed form, or where it would begin to search."""
        given = {f"f{name}": value for name, value in self.given.items()}
        try:
            values = self.family.fit(self.y, optimizer=lambda _, x0, **__: x0, **given)
        except (ValueError, TypeError, RuntimeError, ArithmeticError):  # a start only
            return None
        theta = self.to_free(np.array(values, dtype=float))
        # Rounding may leave the row on an edge of the support outside of it.
        shifts = (1e-13 * np.array(s) for s in product((0, -1, 1, 3), repeat=len(theta)))
        if len(theta) <= MOST_SHIFTED:
            shifted = (theta + shift for shift in shifts)
            theta = next((t for t in shifted if self(t) < NO_DENSITY), theta)
        return theta if self(theta) < NO_DENSITY else None

    def _moments(self) -> np.ndarray | None:
        """Parameters of a discrete family by its moments, where they are simple."""
        y, name = self.y - self.given["loc"], self.family.name
        mean, variance = float(y.mean()), float(y.var())
        if name == "poisson" and mean > 0:
            shapes = [mean]
        elif name == "geom" and mean > 1:
            shapes = [1 / mean]
        elif name == "nbinom" and variance > mean > 0:
            shapes = [mean**2 / (variance - mean), mean / variance]
        elif name == "binom" and "n" in self.given:
            shapes = [self.given["n"], mean / self.given["n"]]
        else:
            return None
        theta = self.to_free(np.array([*shapes, self.given["loc"]]))
        return theta if self(theta) < NO_DENSITY else None

    def _quartile_starts(self) -> Iterator[np.ndarray]:
        """A few shapes, each with the location and scale that give it the quartiles of y."""
        shapes = ~self.fixed & [name not in ("loc", "scale") for name in self.names]
        k = int(shapes.sum())
        quartiles = np.quantile(self.y, [0.25, 0.5, 0.75])
        # The end of the search is tried, too: a flat way there takes long to walk.
        grids = {1: (-3.0, -1.5, 0.0, 1.5, 3.0, 0.99 * BOX), 2: (-1.5, 0.0, 1.5)}
        for shape in product(grids.get(k, (0.0,)), repeat=k):
            theta = np.zeros(int((~self.fixed).sum()))
            theta[:k] = shape
            if is_discrete(self.family):
                yield theta
                continue
            values = self.parameters(theta)
            low, middle, high = self.family.ppf([0.25, 0.5, 0.75], *values[:-2])
            scale = self.given.get("scale", (quartiles[2] - quartiles[0]) / (high - low))
            if "loc" in self.given and middle > 0:
                scale = self.given.get("scale", (quartiles[1] - self.given["loc"]) / middle)
            loc = self.given.get("loc", quartiles[1] - scale * middle)
            yield self.to_free(np.array([*values[:-2], loc, scale]))


def parameter_names(family: Family) -> tuple[str, ...]:
    """The names of a family's parameters as scipy orders them: shapes, loc, scale."""
    shapes = [info.name for info in family._shape_info()]
    return (*shapes, "loc") if is_discrete(family) else (*shapes, "loc", "scale")


def is_discrete(family: Family) -> bool:
    return isinstance(family, stats.rv_discrete)
