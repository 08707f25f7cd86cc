"""Gaussian mixtures by expectation–maximisation, their size chosen by BIC."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from scipy.special import ndtr, softmax
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture

from pushforward.classical.criteria import Criteria, log_likelihood
from pushforward.classical.given import Normals
from pushforward.conditioning import Law
from pushforward.data.event import Event
from pushforward.data.preimage import bounds_of
from pushforward.errors import InputError
from pushforward.progress import shown
from pushforward.sampler import DensitySampler, Effort, is_whole

SHAPES = ("full", "diag")  # of the components' covariances, tried in turn
RIDGE = 1e-6


class Mixture(Criteria, DensitySampler):
    """A mixture of normals: x ~ Σ_k π_k N(μ_k, Σ_k), fitted by EM.

    With `n_components=None` the number of components and the shape of their covariances minimise
    BIC = −2 log L + (number of parameters) log n: sizes are doubled until BIC has risen twice, then
    halved intervals around the best are searched.

    Args:
        n_components: how many normals; None chooses.
        covariance: "full", "diag", or None to choose.
        max_components: the largest number tried.

    Raises:
        InputError: more components than rows, or an unknown covariance.

    >>> X = np.concatenate([np.random.default_rng(0).normal(m, 0.1, (200, 1)) for m in (0, 3)])
    >>> Mixture(random_state=0).fit(X).n_components_
    2
    """

    def __init__(
        self,
        *,
        n_components: int | None = None,
        covariance: str | None = None,
        max_components: int = 64,
        random_state: int | None = None,
    ) -> None:
        self.n_components = n_components
        self.covariance = covariance
        self.max_components = max_components
        self.random_state = random_state

    def _fit(self, Z: np.ndarray, effort: Effort) -> None:
        k, most = self.n_components, self.max_components
        if k is not None and not (is_whole(k) and 1 <= k <= len(Z)):
            raise InputError(f"expected n_components between 1 and the {len(Z)} rows, got {k!r}")
        if not (is_whole(most) and most >= 1):
            raise InputError(f"expected max_components to be a whole number from 1, got {most!r}")
        if self.covariance not in (*SHAPES, None):
            raise InputError(f"expected covariance among {SHAPES} or None, got {self.covariance!r}")
        seed = int(effort.rng.integers(2**31))
        fitted: dict[tuple[str, int], tuple[float, GaussianMixture]] = {}

        def bic(shape: str, k: int) -> float:
            if (shape, k) not in fitted:
                model = _expectation_maximisation(Z, k, shape, seed)
                fitted[shape, k] = (model.bic(Z), model)
            return fitted[shape, k][0]

        for shape in SHAPES if self.covariance is None else (self.covariance,):
            if self.n_components is not None:
                bic(shape, self.n_components)
            else:
                _search(partial(bic, shape), self._most(Z), effort)
        best = min(fitted.values(), key=lambda pair: pair[0])[1]
        self.weights_, self.means_ = best.weights_, best.means_
        self.covariance_ = best.covariance_type
        diagonal = self.covariance_ == "diag"
        self.covariances_ = (
            best.covariances_[:, :, None] * np.eye(Z.shape[1]) if diagonal else (best.covariances_)
        )
        self._count()
        self.log_likelihood_ = log_likelihood(self.encoding_, self._log_density(Z))

    def _count(self) -> None:
        k, p = self.means_.shape
        self.n_components_ = k
        shape = p if self.covariance_ == "diag" else p * (p + 1) // 2
        self.n_parameters_ = k - 1 + k * (p + shape)

    def _most(self, Z: np.ndarray) -> int:
        return max(1, min(self.max_components, len(np.unique(Z, axis=0)) // 2))

    def _draw(self, n: int, rng: np.random.Generator) -> np.ndarray:
        component = rng.choice(self.n_components_, size=n, p=self.weights_ / self.weights_.sum())
        noise = rng.standard_normal((n, self.means_.shape[1]))
        factors = np.linalg.cholesky(self.covariances_)
        out = np.empty_like(noise)
        for k in range(self.n_components_):
            here = component == k
            out[here] = self.means_[k] + noise[here] @ factors[k].T
        return out

    def _law_given(self, event: Event) -> Law | None:
        factors = np.linalg.cholesky(self.covariances_)
        normals = Normals(np.log(self.weights_), self.means_, factors)
        return normals.given(bounds_of(event, self.encoding_))

    def _log_density(self, Z: np.ndarray) -> np.ndarray:
        model = GaussianMixture(self.n_components_)
        model.weights_, model.means_ = self.weights_, self.means_
        identity = np.eye(Z.shape[1])
        inverse_factors = [
            np.linalg.solve(np.linalg.cholesky(c), identity) for c in self.covariances_
        ]
        model.precisions_cholesky_ = np.stack([f.T for f in inverse_factors])
        return model.score_samples(Z)

    def _uniform(self, Z: np.ndarray) -> np.ndarray:
        """F(z_j | z_1, ..., z_{j−1}), independent uniform numbers if the law is right, `(n, p)`.

        = Σ_k w_k Φ(e_kj), with e_k = L_k⁻¹(z − μ_k) and w_k the responsibilities given the columns
        before j.
        """
        factors = np.linalg.cholesky(self.covariances_)
        parts = zip(factors, self.means_, strict=True)
        white = np.stack([np.linalg.solve(L, (Z - mean).T).T for L, mean in parts])  # (k, n, p)
        scales = np.diagonal(factors, axis1=1, axis2=2)[:, None]
        terms = -0.5 * white**2 - np.log(scales)
        before = np.log(self.weights_)[:, None, None] + np.cumsum(terms, axis=2) - terms
        return (softmax(before, axis=0) * ndtr(white)).sum(0)

    def _state(self) -> dict[str, Any]:
        return {
            "weights": self.weights_,
            "means": self.means_,
            "covariances": self.covariances_,
            "covariance": self.covariance_,
            "log_likelihood": self.log_likelihood_,
        }

    def _restore(self, state: dict[str, Any]) -> None:
        self.weights_, self.means_ = state["weights"], state["means"]
        self.covariances_, self.covariance_ = state["covariances"], state["covariance"]
        self.log_likelihood_ = state["log_likelihood"]
        self._count()


def _expectation_maximisation(Z: np.ndarray, k: int, shape: str, seed: int) -> GaussianMixture:
    with warnings.catch_warnings():
        # An EM that has not settled is still a mixture with a likelihood, which BIC judges.
        warnings.simplefilter("ignore", ConvergenceWarning)
        return GaussianMixture(
            k, covariance_type=shape, reg_covar=RIDGE, random_state=seed, init_params="k-means++"
        ).fit(Z)


def _search(bic: Callable[[int], float], most: int, effort: Effort) -> None:
    """Double the size until BIC has risen twice, then halve the intervals around the best."""
    values, rises = {1: bic(1)}, 0
    doubled = [2**i for i in range(1, most.bit_length())]
    for k in shown(doubled, "sizes of the mixture", effort.progress):
        if rises == 2 or effort.time_is_up:
            break
        values[k] = bic(k)
        rises = rises + 1 if values[k] > values[k // 2] else 0
    best = min(values, key=lambda k: values[k])
    gaps = [best >> i for i in range(1, best.bit_length())]
    for gap in shown(gaps, "sizes near the best", effort.progress):
        for k in (best - gap, best + gap):
            if 1 <= k <= most and k not in values and not effort.time_is_up:
                values[k] = bic(k)
        best = min(values, key=lambda k: values[k])
