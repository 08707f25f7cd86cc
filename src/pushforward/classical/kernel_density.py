"""Kernel density estimation: a normal around every training row."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy.special import logsumexp
from sklearn.decomposition import PCA

from pushforward.errors import InputError
from pushforward.sampler import DensitySampler, Effort

GRID = np.logspace(-2.5, 0.5, 31)  # bandwidths tried, in standard deviations of a column
SELECTION_ROWS = 2000  # the bandwidth is chosen on at most so many rows
FOLDS = 5
BLOCK_ELEMENTS = 8_000_000  # of a block of distances, 64 MB in float64


class KernelDensity(DensitySampler):
    """A Gaussian kernel on every row: i ~ U{1..N}, x ~ N(x_i, h² I) in standardised columns.

    log p(x) = log (1/N) Σᵢ N(x; xᵢ, h² I). The bandwidth h maximises the five-fold cross-validated
    likelihood over a grid, all from one matrix of distances; on more than 2000 rows it is chosen on
    2000 of them and shrunk by the rate n^(−1/(p+4)).

    Args:
        bandwidth: h in standard deviations of a column (of a component after PCA); None chooses.
        pca: the number of principal components to keep in front, a share of variance in (0, 1), or
            None for no PCA. What the PCA leaves out is not drawn, and `score_samples` is then the
            density of the components, not of the columns: `density_space_` says which.

    Raises:
        InputError: a bandwidth that is not above 0, or more components than columns or rows.

    >>> X = np.random.default_rng(0).normal(size=(500, 1))
    >>> kde = KernelDensity(random_state=0).fit(X)
    >>> bool(0.1 < kde.bandwidth_ < 0.6)
    True
    """

    def __init__(
        self,
        *,
        bandwidth: float | None = None,
        pca: int | float | None = None,
        random_state: int | None = None,
    ) -> None:
        self.bandwidth = bandwidth
        self.pca = pca
        self.random_state = random_state

    @property
    def stores_rows(self) -> bool:
        return True

    def _fit(self, Z: np.ndarray, effort: Effort) -> None:
        number = isinstance(self.bandwidth, (int, float, np.number))
        if self.bandwidth is not None and not (number and self.bandwidth > 0):
            raise InputError(f"expected bandwidth to be above 0, got {self.bandwidth!r}")
        self.centre_, self.components_ = np.zeros(Z.shape[1]), None
        self.density_space_ = "columns"
        if self.pca is not None:
            Z = self._fit_pca(Z)
        self.rows_ = Z
        chosen = self.bandwidth if self.bandwidth is not None else _cross_validated(Z, effort.rng)
        self.bandwidth_ = float(chosen)

    def _fit_pca(self, Z: np.ndarray) -> np.ndarray:
        most = min(Z.shape)
        whole = isinstance(self.pca, (int, np.integer)) and 1 <= self.pca <= most
        if not whole and not (isinstance(self.pca, float) and 0 < self.pca < 1):
            raise InputError(
                f"expected pca to be a whole number from 1 to {most} (the smaller of rows and "
                f"columns) or a share of variance between 0 and 1, got {self.pca!r}"
            )
        model = PCA(self.pca, svd_solver="full").fit(Z)
        self.centre_, self.components_ = model.mean_, model.components_
        self.density_space_ = f"the first {len(model.components_)} principal components"
        return self._project(Z)

    def _project(self, Z: np.ndarray) -> np.ndarray:
        return Z if self.components_ is None else (Z - self.centre_) @ self.components_.T

    def _draw(self, n: int, rng: np.random.Generator) -> np.ndarray:
        chosen = self.rows_[rng.integers(len(self.rows_), size=n)]
        drawn = chosen + self.bandwidth_ * rng.standard_normal(chosen.shape)
        return drawn if self.components_ is None else self.centre_ + drawn @ self.components_

    def _log_density(self, Z: np.ndarray) -> np.ndarray:
        Y, (N, p), h = self._project(Z), self.rows_.shape, self.bandwidth_
        block = max(1, BLOCK_ELEMENTS // N)
        parts = [Y[i : i + block] for i in range(0, len(Y), block)]
        kernel = [
            logsumexp(_squared_distances(part, self.rows_) / (-2 * h * h), 1) for part in parts
        ]
        density = np.concatenate(kernel) - math.log(N) - p * math.log(h * math.sqrt(2 * math.pi))
        # With a PCA in front the density is that of the components: the columns' scale, which
        # `score_samples` takes off, has no part in it.
        return density if self.components_ is None else density + self.encoding_.log_scale

    def _state(self) -> dict[str, Any]:
        components = self.components_
        return {
            "rows": self.rows_,
            "bandwidth": self.bandwidth_,
            "centre": self.centre_,
            "components": components,
            "density_space": self.density_space_,
        }

    def _restore(self, state: dict[str, Any]) -> None:
        self.rows_, self.bandwidth_ = state["rows"], state["bandwidth"]
        self.centre_, self.components_ = state["centre"], state["components"]
        self.density_space_ = state["density_space"]


def _squared_distances(Y: np.ndarray, X: np.ndarray) -> np.ndarray:
    product = Y @ X.T
    product *= -2.0
    product += (Y * Y).sum(1)[:, None]
    product += (X * X).sum(1)
    return np.maximum(product, 0.0, out=product)


def _cross_validated(Z: np.ndarray, rng: np.random.Generator) -> float:
    """The bandwidth of the grid with the best mean log-likelihood of held-out folds.

    Exact duplicates are dropped first: a row that finds itself in another fold has a likelihood
    without bound as h → 0.
    """
    distinct = np.unique(Z, axis=0)
    n, p = min(len(distinct), SELECTION_ROWS), Z.shape[1]
    if n < 2:
        return float(GRID[0])
    X = rng.permutation(distinct)[:n]
    fold = np.arange(n) % min(FOLDS, n)
    D = _squared_distances(X, X)
    D[fold[:, None] == fold[None, :]] = np.inf
    nearest = D.min(1)
    D -= nearest[:, None]
    constant = -np.log(n - np.bincount(fold)[fold]) - 0.5 * p * math.log(2 * math.pi)
    scores = []
    for h in GRID:
        kernel = np.exp(D / (-2 * h * h)).sum(1)  # at least 1, from the nearest row
        likelihood = np.log(kernel) - nearest / (2 * h * h) + constant - p * math.log(h)
        scores.append(np.mean(likelihood))
    return float(GRID[int(np.argmax(scores))] * (n / len(distinct)) ** (1 / (p + 4)))
