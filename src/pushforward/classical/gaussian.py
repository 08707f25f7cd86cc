"""Maximum likelihood of a multivariate normal: the floor that every other method must beat."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.linalg import solve_triangular

from pushforward.sampler import DensitySampler, Effort

RIDGE = 1e-6  # added to the variances of standardised columns, so that singular data has a density


class Gaussian(DensitySampler):
    """A multivariate normal by maximum likelihood: x ~ N(μ̂, Σ̂), Σ̂ = (1/n) Σᵢ (xᵢ−μ̂)(xᵢ−μ̂)ᵀ.

    >>> X = np.random.default_rng(0).normal(3.0, 2.0, size=(1000, 2))
    >>> gaussian = Gaussian().fit(X)
    >>> gaussian.sample(2, random_state=0).shape
    (2, 2)
    """

    def __init__(self, *, random_state: int | None = None) -> None:
        self.random_state = random_state

    def _fit(self, Z: np.ndarray, effort: Effort) -> None:  # noqa: ARG002
        self.mean_ = Z.mean(0)
        self.covariance_ = np.atleast_2d(np.cov(Z.T, bias=True)) + RIDGE * np.eye(Z.shape[1])

    def _draw(self, n: int, rng: np.random.Generator) -> np.ndarray:
        factor = np.linalg.cholesky(self.covariance_)
        return self.mean_ + rng.standard_normal((n, len(self.mean_))) @ factor.T

    def _log_density(self, Z: np.ndarray) -> np.ndarray:
        factor = np.linalg.cholesky(self.covariance_)
        white = solve_triangular(factor, (Z - self.mean_).T, lower=True)
        constant = 0.5 * len(self.mean_) * np.log(2 * np.pi) + np.log(np.diag(factor)).sum()
        return -0.5 * (white**2).sum(0) - constant

    def _state(self) -> dict[str, Any]:
        return {"mean": self.mean_, "covariance": self.covariance_}

    def _restore(self, state: dict[str, Any]) -> None:
        self.mean_, self.covariance_ = state["mean"], state["covariance"]
