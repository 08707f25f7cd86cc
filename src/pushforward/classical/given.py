"""Mixtures of normals given bounds on linear functions of them: exact draws, no rejection."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
from scipy.special import log_ndtr, logsumexp, ndtri_exp

from pushforward.conditioning import Law
from pushforward.data.preimage import Bound, Region

NONE = -np.inf  # logarithm of what cannot be
LEAST = 2.0**-54  # uniform number
DETERMINED = 1e-9  # standard deviation of a linear function that has a single value, relatively


@dataclass
class Normals:
    """Rows z = μ_i + F_i ε with i ~ Categorical(w) and ε standard normal: Σ_i = F_i F_iᵀ.

    `factors` has one F for all components, `(1, k, r)`, or one for each, `(N, k, r)`.
    """

    log_weights: np.ndarray  # (N,), of any sum
    means: np.ndarray  # (N, k)
    factors: np.ndarray

    def given(self, bounds: list[Bound]) -> Law | None:
        """The law within bounds, as far as they can be kept; None where there are none."""
        if not bounds:
            return None
        law = self.at([b for b in bounds if b.is_point]).within(
            [b for b in bounds if not b.is_point]
        )
        return Law(law.draw, law.share)

    def at(self, bounds: list[Bound]) -> Normals:
        """The law given that linear functions have one value each, or one of a few.

        Cz = t moves the means to μ + FGᵀ(GGᵀ)⁻¹(t − Cμ), G = CF, takes the span of G out of F, and
        weighs a component by N(t; Cμ, GGᵀ). Several values of t make as many components of each.
        """
        if not bounds:
            return self
        C = np.concatenate([bound.vectors for bound in bounds])
        G = C @ self.factors  # (1 or N, m, r)
        inverse = np.linalg.pinv(G, rcond=DETERMINED)  # Gᵀ(GGᵀ)⁻¹, (1 or N, r, m)
        gain = self.factors @ inverse  # (1 or N, k, m)
        logdet = np.linalg.slogdet(G @ np.swapaxes(G, 1, 2))[1]
        log_weights, means = [], []
        for t in product(*([low for low, _ in bound.regions[0]] for bound in bounds)):
            gap = np.array(t) - self.means @ C.T  # (N, m)
            white = (inverse @ gap[:, :, None])[:, :, 0]
            log_weights.append(self.log_weights - 0.5 * (white**2).sum(1) - 0.5 * logdet)
            means.append(self.means + (gain @ gap[:, :, None])[:, :, 0])
        factors = self.factors - self.factors @ inverse @ G
        copies = 1 if len(factors) == 1 else len(means)
        return Normals(
            np.concatenate(log_weights), np.concatenate(means), np.concatenate([factors] * copies)
        )

    def within(self, bounds: list[Bound]) -> GivenNormals:
        """The law within such bounds as can be kept jointly, those that cut off most first."""
        slabs = sorted((_Slabs.of(self, bound) for bound in bounds), key=lambda s: s.log_share)
        kept: list[_Slabs] = []
        for slab in slabs:
            if all(slab.independent_of(other) for other in kept):
                kept.append(slab)
        return GivenNormals(self, kept)


@dataclass
class _Slabs:
    """One bound, seen by each component: the half-space or slab that cuts off most of it."""

    regions: tuple[Region, ...]
    best: np.ndarray  # (N,), which of the vectors
    log_measures: np.ndarray  # (N,), of its region
    centres: np.ndarray  # (N,), of its law, a normal
    spreads: np.ndarray  # (N,)
    vectors: np.ndarray  # (r, k)
    images: np.ndarray  # Fᵀc of each vector c, (1 or N, r, s)
    log_share: float  # of the law that keeps this bound, at most

    @classmethod
    def of(cls, normals: Normals, bound: Bound) -> _Slabs:
        C = bound.vectors
        images = C @ normals.factors
        spreads = np.sqrt((images**2).sum(2))  # (1 or N, r)
        spreads[spreads < DETERMINED * np.linalg.norm(C, axis=1)] = 0.0
        centres = normals.means @ C.T
        spreads = np.broadcast_to(spreads, centres.shape)
        measures = np.stack(
            [
                log_measure(region, m, s)
                for region, m, s in zip(bound.regions, centres.T, spreads.T, strict=True)
            ],
            axis=1,
        )
        best = measures.argmin(1)
        rows = np.arange(len(best))
        least = measures[rows, best]
        total = logsumexp(normals.log_weights)
        share = logsumexp(normals.log_weights + least) - total if len(best) else NONE
        return cls(
            bound.regions,
            best,
            least,
            centres[rows, best],
            spreads[rows, best],
            C,
            images,
            float(share),
        )

    def independent_of(self, other: _Slabs) -> bool:
        """Whether no linear function of the one is correlated with one of the other."""
        products = np.abs(self.images @ np.swapaxes(other.images, 1, 2))
        sizes = np.linalg.norm(self.images, axis=2)[:, :, None]
        sizes = sizes * np.linalg.norm(other.images, axis=2)[:, None]
        return bool((products <= DETERMINED * sizes).all())


@dataclass
class GivenNormals:
    """Normals, given that each of some independent linear functions is within its region."""

    normals: Normals
    slabs: list[_Slabs]

    @property
    def share(self) -> float:
        """The probability of the bounds that are kept."""
        w = self.normals.log_weights
        return float(np.exp(logsumexp(self._log_weights) - logsumexp(w)))

    @property
    def _log_weights(self) -> np.ndarray:
        return self.normals.log_weights + sum(slab.log_measures for slab in self.slabs)

    def draw(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """n rows, `(n, k)`.

        A component is drawn by its weight times the probability of the bounds, t from a truncated
        normal, and z = z₀ + Σc (t − c·z₀)/(cᵀΣc) from an unbounded z₀ (Matheron's rule): exactly
        the law of z given c·z = t.
        """
        log_weights = self._log_weights
        share = np.exp(log_weights - logsumexp(log_weights))
        chosen = rng.choice(len(share), size=n, p=share / share.sum())
        factors, one = self.normals.factors, len(self.normals.factors) == 1
        noise = rng.standard_normal((n, factors.shape[2]))
        for slab in self.slabs:
            t = np.empty(n)
            which, m, s = slab.best[chosen], slab.centres[chosen], slab.spreads[chosen]
            u = np.maximum(rng.random((n, 2)), LEAST)
            for r in np.unique(which):
                here = which == r
                t[here] = truncated(slab.regions[r], m[here], s[here], u[here])
            direction = slab.images[0 if one else chosen, which]  # Fᵀc, (n, s)
            squared = np.where(s > 0, s**2, 1.0)
            move = np.where(s > 0, (t - m - (noise * direction).sum(1)) / squared, 0.0)
            noise += move[:, None] * direction
        Z = self.normals.means[chosen]
        if one:
            return Z + noise @ factors[0].T
        for i in np.unique(chosen):
            Z[chosen == i] += noise[chosen == i] @ factors[i].T
        return Z


def log_measure(region: Region, m: np.ndarray, s: np.ndarray) -> np.ndarray:
    """log P(t within the region) for t ~ N(m, s²), `(n,)`; s = 0 has t = m."""
    parts = [_log_interval(low, high, m, s) for low, high in region]
    return np.logaddexp.reduce(parts, axis=0)


def _log_interval(low: float, high: float, m: np.ndarray, s: np.ndarray) -> np.ndarray:
    a, b = _standard(low, m, s), _standard(high, m, s)
    right = a > 0  # tails are differences of what is small, never of what is near 1
    a, b = np.where(right, -b, a), np.where(right, -a, b)
    upper, lower = log_ndtr(b), log_ndtr(a)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        inside = upper + np.log1p(-np.exp(np.minimum(lower - upper, 0.0)))
    return np.where(np.isneginf(upper) | (lower >= upper), NONE, inside)


def _standard(x: float, m: np.ndarray, s: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore", invalid="ignore"):
        z = (x - m) / s
    return np.where(s > 0, z, np.where(x >= m, np.inf, -np.inf))


def truncated(region: Region, m: np.ndarray, s: np.ndarray, u: np.ndarray) -> np.ndarray:
    """t ~ N(m, s²) given the region, by inversion from uniform numbers `(n, 2)`."""
    logs = np.stack([_log_interval(low, high, m, s) for low, high in region], axis=1)
    with np.errstate(invalid="ignore"):
        shares = np.exp(logs - logs.max(1, keepdims=True)).cumsum(1)
    which = (u[:, :1] * shares[:, -1:] > shares[:, :-1]).sum(1)
    low, high = np.array(region)[which].T
    with np.errstate(divide="ignore", invalid="ignore"):
        a, b = np.where(s > 0, (low - m) / s, 0.0), np.where(s > 0, (high - m) / s, 0.0)
    right = a > 0
    x, y = np.where(right, -b, a), np.where(right, -a, b)
    lower, upper = log_ndtr(x), log_ndtr(y)
    with np.errstate(divide="ignore", invalid="ignore"):
        # log(Φ(x) + v(Φ(y) − Φ(x))), relative to the larger end.
        v = np.log(u[:, 1])
        rest = np.log1p(-u[:, 1]) + lower
        t = ndtri_exp(np.logaddexp(v + upper, rest))
    t = np.clip(np.where(right, -t, t), a, b)
    return m + s * t
