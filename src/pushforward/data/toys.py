"""Toy sources with a known density and known modes, to hold a sampler against."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import cdist
from scipy.special import logsumexp

from pushforward.errors import InputError

Floats = NDArray[np.float64]

HIGH_QUALITY_RADIUS = 3.0  # in σ; an ideal sampler in two dimensions gets 1 − e^{−9/2} = 98.889 %
SURFACE_TOLERANCE = 1e-5  # rows stored in float32 are still on the surface


class Source(Protocol):
    """A distribution that can be drawn from, with a known density and known modes."""

    @property
    def name(self) -> str:
        """What the source is called."""

    @property
    def n_modes(self) -> int:
        """The number of modes, K."""

    @property
    def weights(self) -> Floats:
        """The probability of each mode, (K,)."""

    def draw(self, n: int, rng: np.random.Generator) -> Floats:
        """Draw n independent rows, (n, p)."""

    def log_density(self, X: NDArray) -> Floats:
        """Log-density of each row in nats, (n,)."""

    def assign(self, X: NDArray) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
        """Nearest mode of each row and whether the row is of high quality, (n,) each."""


@dataclass(frozen=True, eq=False)
class GaussianModes:
    """A mixture of Gaussians with one spherical covariance.

    p(x) = Σ_k weights_k N(x; means_k, sigma² I), with means (K, p), sigma > 0 and weights (K,)
    that sum to one. Raises `InputError` for anything else.

    Example:
        >>> source = GaussianModes(np.array([[0.0], [4.0]]), 1.0, np.array([0.5, 0.5]))
        >>> source.assign(np.array([[0.5], [9.0]]))
        (array([0, 1]), array([ True, False]))
    """

    means: Floats
    sigma: float
    weights: Floats
    name: str = "Gaussian modes"

    def __post_init__(self) -> None:
        if np.ndim(self.means) != 2 or np.shape(self.weights) != (len(self.means),):
            raise InputError(
                "means must be (K, p) and weights (K,), "
                f"got {np.shape(self.means)} and {np.shape(self.weights)}."
            )
        if not self.sigma > 0:
            raise InputError(f"sigma must be above 0, got {self.sigma}.")
        if np.any(np.less(self.weights, 0)) or not np.isclose(np.sum(self.weights), 1):
            raise InputError(f"weights must be non-negative and sum to 1, got {self.weights}.")

    @property
    def n_modes(self) -> int:
        """The number of modes, K."""
        return len(self.means)

    def draw(self, n: int, rng: np.random.Generator) -> Floats:
        """Draw n independent rows, (n, p)."""
        mode = rng.choice(self.n_modes, size=n, p=self.weights)
        return self.means[mode] + self.sigma * rng.standard_normal((n, self.means.shape[1]))

    def log_density(self, X: NDArray) -> Floats:
        """Log-density of each row of X (n, p) in nats, (n,)."""
        p = self.means.shape[1]
        squared = cdist(X, self.means, "sqeuclidean") / self.sigma**2
        constant = -p * (np.log(self.sigma) + 0.5 * np.log(2 * np.pi))
        return logsumexp(-0.5 * squared, b=self.weights, axis=1) + constant

    def assign(self, X: NDArray) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
        """Nearest mean of each row of X (n, p), and whether it lies within 3 sigma of it."""
        distance = cdist(X, self.means)
        return distance.argmin(axis=1), distance.min(axis=1) <= HIGH_QUALITY_RADIUS * self.sigma


def ring() -> GaussianModes:
    """Eight Gaussians on the unit circle: means (cos, sin)(2πi/8), sigma 0.01, equal weights.

    Lin et al. 2018, PacGAN, arXiv:1712.04086.

    Example:
        >>> ring().draw(500, np.random.default_rng(0)).shape
        (500, 2)
    """
    # The popular `linspace(0, 2 * pi, 8)` includes both ends, which coincide: a ring of 7 modes.
    angle = 2 * np.pi * np.arange(8) / 8
    means = np.column_stack([np.cos(angle), np.sin(angle)])
    return GaussianModes(means, 0.01, np.full(8, 1 / 8), "ring")


def grid() -> GaussianModes:
    """Twenty-five Gaussians with means {−4, −2, 0, 2, 4}², sigma 0.05, equal weights.

    Lin et al. 2018, PacGAN, arXiv:1712.04086.

    Example:
        >>> grid().n_modes
        25
    """
    axis = np.arange(-4.0, 5.0, 2.0)
    means = np.stack(np.meshgrid(axis, axis, indexing="ij"), axis=-1).reshape(25, 2)
    return GaussianModes(means, 0.05, np.full(25, 1 / 25), "grid")


@dataclass(frozen=True, eq=False)
class ManifoldModes:
    """Gaussian modes of two coordinates, laid without noise on a curved surface in p dimensions.

    x = f(u) = Q g(u),  g(u) = (u, sin(Au + φ)),  u ~ latent

    Q (p, 2 + m) has orthonormal columns, A (m, 2) holds frequencies and φ (m,) phases, so the
    first two entries of Qᵀx are u itself.
    """

    latent: GaussianModes
    Q: Floats
    frequencies: Floats
    phases: Floats
    name: str = "manifold"

    @property
    def n_modes(self) -> int:
        """The number of modes, K."""
        return self.latent.n_modes

    @property
    def weights(self) -> Floats:
        """The probability of each mode, (K,)."""
        return self.latent.weights

    def embed(self, U: NDArray) -> Floats:
        """The points f(u) of the surface, (n, p), for coordinates U (n, 2)."""
        return np.hstack([U, np.sin(U @ self.frequencies.T + self.phases)]) @ self.Q.T

    def coordinates(self, X: NDArray) -> Floats:
        """The coordinates u of each row, (n, 2); exact for rows on the surface."""
        return X @ self.Q[:, :2]

    def draw(self, n: int, rng: np.random.Generator) -> Floats:
        """Draw n independent rows, (n, p)."""
        return self.embed(self.latent.draw(n, rng))

    def log_density(self, X: NDArray) -> Floats:
        """Log-density of each row with respect to area on the surface, nats, (n,).

        log p(u) − ½ log det JᵀJ with J = ∂f/∂u; −inf where x is farther than 1e-5 from f(u).
        """
        U = self.coordinates(X)
        log_density = self.latent.log_density(U) - 0.5 * self._log_det_metric(U)
        return np.where(self._distance_off_surface(X) <= SURFACE_TOLERANCE, log_density, -np.inf)

    def assign(self, X: NDArray) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
        """Mode with the nearest centre in u; high quality within 3σ of it and of the surface."""
        mode, near_centre = self.latent.assign(self.coordinates(X))
        near_surface = self._distance_off_surface(X) <= HIGH_QUALITY_RADIUS * self.latent.sigma
        return mode, near_centre & near_surface

    def _distance_off_surface(self, X: NDArray) -> Floats:
        """‖x − f(u(x))‖, which is never below the distance to the surface's nearest point."""
        return np.linalg.norm(X - self.embed(self.coordinates(X)), axis=1)

    def _log_det_metric(self, U: Floats) -> Floats:
        """log det JᵀJ; Q keeps lengths, so J may stand for ∂g/∂u."""
        slopes = np.cos(U @ self.frequencies.T + self.phases)[:, :, None] * self.frequencies
        metric = np.eye(2) + np.einsum("nmi,nmj->nij", slopes, slopes)
        return np.linalg.slogdet(metric).logabsdet


def manifold() -> ManifoldModes:
    """Four equally likely modes on a two-dimensional surface in 32 dimensions.

    Centres (±1.5, ±1.5) and sigma 0.25 in the coordinates u; the six directions beside them are
    cos u₁, cos u₂, sin 2u₁, sin 2u₂, sin(u₁ + u₂) and cos(u₁ − u₂).

    Example:
        >>> source = manifold()
        >>> X = source.embed(np.array([[1.5, -1.5]]))
        >>> X.shape, source.coordinates(X).round(12)
        ((1, 32), array([[ 1.5, -1.5]]))
    """
    centres = 1.5 * np.array([[-1.0, -1.0], [-1.0, 1.0], [1.0, -1.0], [1.0, 1.0]])
    frequencies = np.array([[1, 0], [0, 1], [2, 0], [0, 2], [1, 1], [1, -1]], dtype=np.float64)
    phases = np.pi / 2 * np.array([1, 1, 0, 0, 0, 1])
    Q, R = np.linalg.qr(np.random.default_rng(0).standard_normal((32, 2 + len(phases))))
    # QR is unique only up to signs, which differ between linear algebra libraries.
    Q = Q * np.sign(np.diag(R))
    latent = GaussianModes(centres, 0.25, np.full(4, 1 / 4), "coordinates")
    return ManifoldModes(latent, Q, frequencies, phases)
