"""Kernel density estimation: a normal around every training row."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from pushforward.classical.bandwidth import GRID, left_out_likelihoods, peak, scott, silverman
from pushforward.classical.given import Normals
from pushforward.classical.kernels import log_kernel_sums
from pushforward.conditioning import Law
from pushforward.data.event import Event
from pushforward.data.preimage import bounds_of
from pushforward.errors import InputError
from pushforward.sampler import DensitySampler, Effort, is_whole

RULES = {"scott": scott, "silverman": silverman}
# Of the largest variance, in a kernel with a covariance: what is less, as in columns that determine
# each other, is raised to it, so that the kernel has a density.
SMALLEST_VARIANCE = 1e-10
LIMITS = (1e-9, 1e9)  # of a bandwidth: in standard deviations, others mean nothing


class KernelDensity(DensitySampler):
    """A normal around every row: i ~ Categorical(w), x ~ N(x_i, h² Σ).

    log p(x) = log Σᵢ wᵢ N(x; xᵢ, h² Σ), the weights wᵢ being 1/N unless others are given. Σ is the
    identity in standardised columns (for images in one common scale), so that h is in standard
    deviations of a column; for the two rules of thumb it is the covariance of the rows.

    Args:
        bandwidth: how h is chosen. "likelihood" takes the one under which left-out rows are most
            likely; a sequence of numbers does so among these. "scott" and "silverman" are rules of
            thumb, right for laws near a normal and too wide for laws of several clusters. A number
            is h itself.
        folds: what the likelihood leaves out: None each row in turn, together with its copies; a
            whole number each of so many folds of consecutive rows, which suits rows in random
            order.
        weights: `(N,)`, how much each row counts, of any sum; None counts all alike. The standard
            deviations that h is measured in count all alike in any case.
        pca: the number of principal components to keep in front, a share of variance in (0, 1), or
            None for no PCA. What the PCA leaves out is not drawn, and `score_samples` is then the
            density of the components, not of the columns: `density_space_` says in which units.

    Attributes:
        bandwidth_: h.
        grid_: bandwidths tried, and `likelihoods_` the mean log-density of left-out rows at each,
            nats, in the units of `score_samples`; both empty where nothing was to be chosen.

    Raises:
        InputError: parameters that cannot be used, or weights that are negative or all 0.

    Parzen 1962; the choice by likelihood is Habbema, Hermans & van den Broek 1974 and Duin 1976.

    >>> X = np.random.default_rng(0).normal(size=(500, 1))
    >>> kde = KernelDensity(random_state=0).fit(X)
    >>> bool(0.1 < kde.bandwidth_ < 0.6)
    True
    """

    def __init__(
        self,
        *,
        bandwidth: float | str | Sequence[float] | np.ndarray = "likelihood",
        folds: int | None = None,
        weights: Sequence[float] | np.ndarray | None = None,
        pca: int | float | None = None,
        random_state: int | None = None,
    ) -> None:
        self.bandwidth = bandwidth
        self.folds = folds
        self.weights = weights
        self.pca = pca
        self.random_state = random_state

    @property
    def stores_rows(self) -> bool:
        return True

    def _fit(self, Z: np.ndarray, effort: Effort) -> None:
        weights = _normalised(self.weights, len(Z))
        if self.weights is not None:
            self._count_categories(Z, weights)
        kept = weights > 0
        Z, self.weights_ = Z[kept], weights[kept]
        self.centre_ = np.zeros(Z.shape[1])
        self.components_: np.ndarray | None = None
        self.density_space_ = "columns"
        if self.pca is not None:
            Z = self._fit_pca(Z, self.pca)
        self.rows_ = Z
        self.axes_: np.ndarray | None = None
        self.grid_, self.likelihoods_ = np.empty(0), np.empty(0)
        chosen = self.bandwidth
        if isinstance(chosen, str) and chosen in RULES:
            self.axes_ = _axes(Z, self.weights_)
            effective = 1 / np.square(self.weights_).sum()
            self.bandwidth_ = RULES[chosen](effective, Z.shape[1])
        elif isinstance(chosen, str) and chosen == "likelihood":
            self._compare(GRID, effort)
            self.bandwidth_ = peak(GRID, self.likelihoods_)
        elif np.ndim(chosen) == 1:
            self._compare(_checked(chosen), effort)
            self.bandwidth_ = float(self.grid_[np.argmax(self.likelihoods_)])
        else:
            self.bandwidth_ = float(_checked([chosen])[0])

    def _compare(self, grid: np.ndarray, effort: Effort) -> None:
        n, folds = len(self.rows_), self.folds
        if folds is not None and not (is_whole(folds) and 2 <= folds <= n):
            raise InputError(f"expected folds to be None or from 2 to the {n} rows, got {folds!r}")
        scores = left_out_likelihoods(self.rows_, self.weights_, grid, folds=folds, effort=effort)
        self.grid_, self.likelihoods_ = grid, scores - self._log_unit()

    def _count_categories(self, Z: np.ndarray, weights: np.ndarray) -> None:
        """The shares that draws are calibrated to are weighted too."""
        shares = self.encoding_.shares
        sizes = [len(share) for share in shares]
        one_hot = (weights @ Z)[Z.shape[1] - sum(sizes) :]
        self.encoding_.shares = np.split(one_hot, np.cumsum(sizes)[:-1]) if sizes else shares

    def _fit_pca(self, Z: np.ndarray, pca: int | float) -> np.ndarray:
        most = min(Z.shape)
        whole = is_whole(pca)
        if not (1 <= pca <= most if whole else isinstance(pca, float) and 0 < pca < 1):
            raise InputError(
                f"expected pca to be a whole number from 1 to {most} (the smaller of rows and "
                f"columns) or a share of variance between 0 and 1, got {pca!r}"
            )
        self.centre_ = self.weights_ @ Z
        root = np.sqrt(self.weights_)[:, None]
        _, singular, directions = np.linalg.svd(root * (Z - self.centre_), full_matrices=False)
        explained = np.cumsum(singular**2)
        k = int(pca if whole else np.searchsorted(explained, pca * explained[-1]) + 1)
        self.components_ = directions[:k]
        unit = "the data" if self._common_scale() else "standardised columns"
        self.density_space_ = f"the first {k} principal components, in units of {unit}"
        return self._project(Z)

    def _project(self, Z: np.ndarray) -> np.ndarray:
        return Z if self.components_ is None else (Z - self.centre_) @ self.components_.T

    def _common_scale(self) -> float | None:
        """The scale that all encoded columns share, as those of images do."""
        numbers = self.encoding_.numbers
        assert numbers is not None
        scales = numbers.scale[numbers.varying]
        alike = not self.encoding_.shares and (scales == scales[0]).all()
        return float(scales[0]) if alike else None

    def _log_unit(self) -> float:
        """log |det| of the map from the space of the rows to that of `score_samples`.

        Components have the unit of the data only where all columns share one scale.
        """
        if self.components_ is None:
            return self.encoding_.log_scale
        return len(self.components_) * math.log(self._common_scale() or 1.0)

    def _stored(self) -> np.ndarray:
        """The training rows, or of principal components what these make of them."""
        if self.components_ is None:
            return self.rows_
        return self.centre_ + self.rows_ @ self.components_

    def _draw(self, n: int, rng: np.random.Generator) -> np.ndarray:
        N, k = self.rows_.shape
        alike = self.weights is None  # a shortcut: drawing by weights takes as long as the noise
        chosen = rng.integers(N, size=n) if alike else rng.choice(N, size=n, p=self.weights_)
        noise = rng.standard_normal((n, k))
        if self.axes_ is not None:
            noise = noise @ self.axes_
        noise *= self.bandwidth_
        noise += self.rows_[chosen]
        return noise if self.components_ is None else self.centre_ + noise @ self.components_

    def _law_given(self, event: Event) -> Law | None:
        k = self.rows_.shape[1]
        factor = self.bandwidth_ * (np.eye(k) if self.axes_ is None else self.axes_.T)
        normals = Normals(np.log(self.weights_), self.rows_, factor[None])
        bounds = bounds_of(event, self.encoding_)
        components, centre = self.components_, self.centre_
        if components is None:
            return normals.given(bounds)
        law = normals.given([bound.through(components.T, centre) for bound in bounds])
        if law is None:
            return None
        return Law(lambda n, rng: centre + law.draw(n, rng) @ components, law.share)

    def _log_density(self, Z: np.ndarray) -> np.ndarray:
        Y, X, h = self._project(Z), self.rows_, self.bandwidth_
        log_volume = X.shape[1] * math.log(h)
        if self.axes_ is not None:
            variances = np.square(self.axes_).sum(1)
            whiten = self.axes_.T / variances
            Y, X = Y @ whiten, X @ whiten
            log_volume += 0.5 * np.log(variances).sum()
        density = log_kernel_sums(Y / h, X / h, self.weights_) - log_volume
        return density + self.encoding_.log_scale - self._log_unit()

    def _state(self) -> dict[str, Any]:
        return {
            "rows": self.rows_,
            "weights": self.weights_,
            "bandwidth": self.bandwidth_,
            "axes": self.axes_,
            "grid": self.grid_,
            "likelihoods": self.likelihoods_,
            "centre": self.centre_,
            "components": self.components_,
            "density_space": self.density_space_,
        }

    def _restore(self, state: dict[str, Any]) -> None:
        self.rows_, self.weights_ = state["rows"], state["weights"]
        self.bandwidth_, self.axes_ = state["bandwidth"], state["axes"]
        self.grid_, self.likelihoods_ = state["grid"], state["likelihoods"]
        self.centre_, self.components_ = state["centre"], state["components"]
        self.density_space_ = state["density_space"]


def _checked(bandwidths: Any) -> np.ndarray:
    """One bandwidth or more."""
    low, high = LIMITS
    try:
        grid = np.array(bandwidths, dtype=float)
    except (TypeError, ValueError):
        grid = np.empty(0)
    numbers = grid.ndim == 1 and not any(isinstance(h, (bool, np.bool_, str)) for h in bandwidths)
    if not numbers or not grid.size or not ((grid >= low) & (grid <= high)).all():
        got = bandwidths[0] if len(bandwidths) == 1 else bandwidths
        raise InputError(
            'expected bandwidth to be "likelihood", "scott", "silverman", a number from '
            f"{low:g} to {high:g}, or several, got {got!r}"
        )
    return grid


def _normalised(weights: Any, n: int) -> np.ndarray:
    """Weights of n rows that sum to 1."""
    if weights is None:
        return np.full(n, 1 / n)
    try:
        given = np.asarray(weights, dtype=float)
    except (TypeError, ValueError):
        given = np.empty(0)
    if given.shape != (n,):
        raise InputError(
            f"expected weights to be {n} numbers, one for each row, got "
            f"{type(weights).__name__} of shape {np.shape(weights)}"
        )
    if not np.isfinite(given).all() or given.min() < 0 or (given > 1e-300 * given.max()).sum() < 2:
        raise InputError(
            "expected weights to be finite and at least 0, and above 0 for two rows or more, got "
            f"{(given > 0).sum()} above 0, from {given.min():g} to {given.max():g}"
        )
    given = given / given.max()  # so that the sum does not overflow
    return given / given.sum()


def _axes(X: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Rows √λⱼ vⱼ of the covariance Σⱼ λⱼ vⱼ vⱼᵀ of X: noise @ axes has that covariance."""
    covariance = np.atleast_2d(np.cov(X.T, aweights=weights))
    variances, directions = np.linalg.eigh(covariance)
    variances = np.maximum(variances, SMALLEST_VARIANCE * (variances[-1] or 1.0))
    return np.sqrt(variances)[:, None] * directions.T
