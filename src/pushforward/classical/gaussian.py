"""Maximum likelihood of a multivariate normal: the floor that every other method must beat."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from scipy.linalg import solve_triangular
from scipy.special import ndtr
from scipy.stats import chi2, norm, t

from pushforward.classical.columns import varying_names
from pushforward.classical.criteria import Criteria, log_likelihood
from pushforward.classical.given import Normals
from pushforward.conditioning import Law
from pushforward.data.event import Event
from pushforward.data.preimage import bounds_of
from pushforward.sampler import DensitySampler, Effort

RIDGE = 1e-6  # added to the variances of standardised columns, so that singular data has a density


class Gaussian(Criteria, DensitySampler):
    """A multivariate normal by maximum likelihood: x ~ N(μ̂, Σ̂), Σ̂ = (1/n) Σᵢ (xᵢ−μ̂)(xᵢ−μ̂)ᵀ.

    `parameters_` is a table of μ̂ and Σ̂ with standard errors and 95 % intervals.

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
        self._count()
        self.log_likelihood_ = log_likelihood(self.encoding_, self._log_density(Z))

    def _count(self) -> None:
        p = len(self.mean_)
        self.n_parameters_ = p + p * (p + 1) // 2

    def _draw(self, n: int, rng: np.random.Generator) -> np.ndarray:
        factor = np.linalg.cholesky(self.covariance_)
        return self.mean_ + rng.standard_normal((n, len(self.mean_))) @ factor.T

    def _law_given(self, event: Event) -> Law | None:
        factor = np.linalg.cholesky(self.covariance_)
        normals = Normals(np.zeros(1), self.mean_[None], factor[None])
        return normals.given(bounds_of(event, self.encoding_))

    def _log_density(self, Z: np.ndarray) -> np.ndarray:
        white, factor = self._whitened(Z)
        constant = 0.5 * len(self.mean_) * np.log(2 * np.pi) + np.log(np.diag(factor)).sum()
        return -0.5 * (white**2).sum(1) - constant

    def _uniform(self, Z: np.ndarray) -> np.ndarray:
        """Φ(L⁻¹(z − μ̂)), independent uniform numbers if the rows are normal, `(n, p)`."""
        return ndtr(self._whitened(Z)[0])

    def _whitened(self, Z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """L⁻¹(z − μ̂), `(n, p)`, and L with LLᵀ = Σ̂."""
        factor = np.linalg.cholesky(self.covariance_)
        return solve_triangular(factor, (Z - self.mean_).T, lower=True).T, factor

    @property
    def parameters_(self) -> pd.DataFrame | None:
        """Means and covariances in the units of the data, their standard errors and 95 % intervals.

        Intervals are exact for means (t) and variances (χ²), and for covariances normal ones with
        the variance (σⱼⱼσₖₖ + σⱼₖ²)/(n − 1). None for a table with categories or missing values,
        and where no column varies.
        """
        numbers = self.encoding_.numbers
        if self.encoding_.discrete or not self.encoding_.width or numbers is None:
            return None
        scale, n = numbers.scale[numbers.varying], self.n_rows_
        names = varying_names(self.encoding_)
        j, k = np.tril_indices(len(names))
        with np.errstate(over="ignore", invalid="ignore"):  # a square may be beyond the floats
            mean = numbers.mean[numbers.varying] + scale * self.mean_
            covariance = self.covariance_ * np.outer(scale, scale)
            variance, value = np.diag(covariance), covariance[j, k]
            mean_error = np.sqrt(variance / (n - 1))
            mean_half = t.ppf(0.975, n - 1) * mean_error
            error = np.sqrt((variance[j] * variance[k] + value**2) / (n - 1))
            half = norm.ppf(0.975) * error
            by_chi2 = n / chi2.ppf([[0.975], [0.025]], n - 1) * value
            low, high = np.where(j == k, by_chi2, [value - half, value + half])
        of_means = pd.DataFrame(
            {
                "parameter": [f"mean of {name}" for name in names],
                "estimate": mean,
                "standard_error": mean_error,
                "low": mean - mean_half,
                "high": mean + mean_half,
                "by": "t",
            }
        )
        of_pairs = pd.DataFrame(
            {
                "parameter": [
                    f"variance of {names[a]}"
                    if a == b
                    else f"covariance of {names[b]} and {names[a]}"
                    for a, b in zip(j, k, strict=True)
                ],
                "estimate": value,
                "standard_error": error,
                "low": low,
                "high": high,
                "by": np.where(j == k, "chi-square", "normal"),
            }
        )
        return pd.concat([of_means, of_pairs], ignore_index=True)

    def _state(self) -> dict[str, Any]:
        return {
            "mean": self.mean_,
            "covariance": self.covariance_,
            "log_likelihood": self.log_likelihood_,
        }

    def _restore(self, state: dict[str, Any]) -> None:
        self.mean_, self.covariance_ = state["mean"], state["covariance"]
        self.log_likelihood_ = state["log_likelihood"]
        self._count()
