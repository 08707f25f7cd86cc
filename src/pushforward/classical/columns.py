"""Columns that are drawn independently of each other, each by a law of its own."""

from __future__ import annotations

from abc import abstractmethod

import numpy as np
from scipy.stats import qmc

from pushforward.data.encoding import Encoding
from pushforward.errors import InputError
from pushforward.sampler import Effort, Sampler

UNIFORMS = ("random", "sobol")
BITS = 53  # of a uniform number: all that a float64 in [0, 1) can tell apart


class IndependentColumns(Sampler):
    """Numeric columns drawn by inversion, x_j = F_j⁻¹(u_j) with u uniform on (0, 1)^q.

    A subclass learns the laws F_j in `_learn` and inverts them in `_quantile`, both in the units of
    the data. Categories and holes are drawn by their shares in the training rows.
    """

    uniforms: str = "random"  # or "sobol"

    @abstractmethod
    def _learn(self, columns: dict[str, np.ndarray], effort: Effort) -> None:
        """Learn from the present values of each numeric column that varies, by its name."""

    @abstractmethod
    def _quantile(self, j: int, u: np.ndarray) -> np.ndarray:
        """F_j⁻¹(u) for the j-th of those columns, `(n,)`."""

    def _couple(self, U: np.ndarray) -> np.ndarray:
        """The uniform numbers of the numeric columns, `(n, q)`, made to depend on each other."""
        return U

    def _fit(self, Z: np.ndarray, effort: Effort) -> None:
        if self.uniforms not in UNIFORMS:
            raise InputError(f"expected uniforms among {UNIFORMS}, got {self.uniforms!r}")
        self._learn(present_values(self.encoding_, Z), effort)

    def _draw(self, n: int, rng: np.random.Generator) -> np.ndarray:
        q, shares = len(varying_names(self.encoding_)), self.encoding_.shares
        U = draw_uniforms(n, q + len(shares), rng, self.uniforms)
        X = self._couple(U[:, :q])
        for j in range(q):
            X[:, j] = self._quantile(j, X[:, j])
        drawn = [draw_one_hot(share, u) for share, u in zip(shares, U[:, q:].T, strict=True)]
        return np.hstack([standardise(self.encoding_, X), *drawn])


def varying_names(encoding: Encoding) -> list[str]:
    """The names of the numeric columns that vary, in the order of the encoded matrix."""
    assert encoding.numbers is not None
    varying = encoding.numbers.varying
    names = encoding.number_names(len(varying))
    return [name for name, varies in zip(names, varying, strict=True) if varies]


def numeric_values(encoding: Encoding, Z: np.ndarray) -> np.ndarray:
    """The varying numeric columns of encoded rows, in the units of the data, NaN for a hole."""
    assert encoding.numbers is not None
    numbers, groups = encoding.split(Z)
    missing = [group.argmax(1) for group in groups[: int(encoding.numbers.holed.sum())]]
    return encoding.numbers.decode(numbers, missing)[:, encoding.numbers.varying]


def present_values(encoding: Encoding, Z: np.ndarray) -> dict[str, np.ndarray]:
    """What is there of each numeric column that varies, in the units of the data, holes left out.

    >>> X = np.array([[10.0, 1.0], [np.nan, 1.0], [30.0, 1.0]])
    >>> encoding = Encoding().fit(X)
    >>> present_values(encoding, encoding.transform(X))
    {'0': array([10., 30.])}
    """
    names, columns = varying_names(encoding), numeric_values(encoding, Z).T
    return {name: x[~np.isnan(x)] for name, x in zip(names, columns, strict=True)}


def standardise(encoding: Encoding, X: np.ndarray) -> np.ndarray:
    """The varying numeric columns `(n, q)`, in the units of the data, as the encoding has them."""
    assert encoding.numbers is not None
    varying = encoding.numbers.varying
    return (X - encoding.numbers.mean[varying]) / encoding.numbers.scale[varying]


def draw_one_hot(share: np.ndarray, u: np.ndarray) -> np.ndarray:
    """Categories by their shares `(K,)` from uniform numbers `(n,)`, as one-hot rows `(n, K)`.

    >>> draw_one_hot(np.array([0.25, 0.75]), np.array([0.2, 0.3]))
    array([[1., 0.], [0., 1.]])
    """
    return np.eye(len(share))[np.searchsorted(np.cumsum(share)[:-1], u, side="right")]


def draw_uniforms(n: int, d: int, rng: np.random.Generator, kind: str = "random") -> np.ndarray:
    """n points of the open cube (0, 1)^d: pseudo-random, or a scrambled Sobol sequence's first n.

    Source: Sobol' 1967; scrambled as by Matoušek 1998 (scipy.stats.qmc).

    Raises:
        InputError: more dimensions than the sequence has.

    >>> points = draw_uniforms(1024, 2, np.random.default_rng(0), "sobol")
    >>> bool(np.abs(points.mean(0) - 0.5).max() < 1e-3)
    True
    """
    if kind == "random":
        U = rng.random((n, d))
    elif d > qmc.Sobol.MAXDIM:
        raise InputError(
            f"a Sobol sequence has at most {qmc.Sobol.MAXDIM} dimensions, got {d} columns; use "
            'uniforms="random"'
        )
    else:
        # Powers of two keep the sequence balanced; what is cut off at the end was its last part.
        U = qmc.Sobol(d, bits=BITS, seed=rng).random_base2((n - 1).bit_length())[:n]
    return into_open(U)


def into_open(U: np.ndarray) -> np.ndarray:
    """Uniform numbers kept off 0 and 1, where a quantile function may be infinite."""
    return np.clip(U, 2.0**-BITS / 2, 1 - 2.0**-BITS)
