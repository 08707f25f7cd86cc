"""Inverse transform sampling: uniform numbers through a quantile function."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from scipy.special import ndtr, ndtri

from pushforward.classical.columns import IndependentColumns, into_open, varying_names
from pushforward.classical.correlation import check_correlation, correlation_factor
from pushforward.classical.quantiles import (
    Empirical,
    Given,
    InverseCDF,
    InverseDensity,
    QuantileFunction,
    Support,
)
from pushforward.data.encoding import Encoding
from pushforward.errors import InputError
from pushforward.sampler import Effort, check_flag

UNBOUNDED = (-np.inf, np.inf)
TAILS = {
    "quantile": "as the quantile function has them",
    "cdf": "cut off beyond a probability of 1e-10 where the support is unbounded",
    "density": "cut off beyond a probability of 1e-10 where the support is unbounded",
    None: "none: nothing is drawn beyond the smallest and the largest value of a column",
}


class InverseTransform(IndependentColumns):
    """Inverse transform sampling: x_j = F_j⁻¹(u_j), u uniform on (0, 1)^p.

    The law of a column is given by one function, or learnt: without a function, `fit(X)` takes
    the empirical quantile function of each column (Hyndman & Fan's definition 7, or 1 stepwise),
    which never leaves the range of the data; categories and holes are drawn by their shares. With
    functions `fit()` needs no rows; those of `fit(X)` only name the columns. Columns are
    independent unless `correlation` joins them, u = Φ(w) with w ~ N(0, R). After the fit `u_error_`
    `(p,)` is the largest measured |F(x) − u| of each column's inversion, and `tails_` says what
    becomes of the tails. A saved model that was learnt holds all values of each column, sorted.

    Args:
        quantile: F⁻¹, from an array `(n,)` of probabilities to an array `(n,)`; a list has one for
            each column, one alone serves all. A distribution of scipy.stats may stand for its
            function, here and below.
        cdf: F, from an array to an array, inverted to 1e-10 in u; where it jumps, to the smallest x
            with F(x) ≥ u.
        density: f ≥ 0, from a number to a number, known up to a constant factor.
        support: (low, high) of a cdf or density, in the units of x, or a list with one for each
            column; that of a distribution is known.
        correlation: R of a Gaussian copula over the numeric columns, `(p, p)`.
        interpolate: False draws the values of the data only, up to rounding: a bootstrap of each
            column.
        uniforms: "random", or "sobol" for the first n points of a scrambled Sobol sequence.

    Raises:
        InputError: more than one kind of function, or one that is no quantile function, cdf or
            density; a support that is reversed; a matrix that is no correlation.

    Source: Devroye 1986, Non-uniform random variate generation, chapter 2.

    >>> exponential = InverseTransform(cdf=lambda x: 1 - np.exp(-x), support=(0, np.inf))
    >>> x = exponential.fit().sample(10_000, random_state=0)
    >>> x.shape, bool(abs(x.mean() - 1) < 0.03)
    ((10000, 1), True)
    """

    def __init__(
        self,
        *,
        quantile: Any = None,
        cdf: Any = None,
        density: Any = None,
        support: Any = None,
        correlation: Any = None,
        interpolate: bool = True,
        uniforms: str = "random",
        random_state: int | None = None,
    ) -> None:
        self.quantile = quantile
        self.cdf = cdf
        self.density = density
        self.support = support
        self.correlation = correlation
        self.interpolate = interpolate
        self.uniforms = uniforms
        self.random_state = random_state

    @property
    def stores_rows(self) -> bool:
        return self._given() is None

    def _given(self) -> str | None:
        """Which function gives the law; None where it is learnt from rows."""
        given = [name for name in ("quantile", "cdf", "density") if getattr(self, name) is not None]
        if len(given) > 1:
            raise InputError(
                f"expected one of quantile, cdf and density, got {' and '.join(given)}; "
                "keep the one that is known best"
            )
        return given[0] if given else None

    def _space(self, X: Any) -> Encoding | None:
        given = self._given()
        if given is None:
            return None
        functions, p = getattr(self, given), 1
        if X is not None:
            p = int(np.prod(X.shape[1:]))
        elif isinstance(functions, (list, tuple)):
            p = len(functions)
        elif np.ndim(self.correlation):
            p = len(self.correlation)
        if isinstance(functions, (list, tuple)) and len(functions) != max(p, 1):
            raise InputError(
                f"expected one {given} for each of {max(p, 1)} columns, got {len(functions)}"
            )
        return Encoding.points(list(X.columns) if isinstance(X, pd.DataFrame) else p)

    def _learn(self, columns: dict[str, np.ndarray], effort: Effort) -> None:  # noqa: ARG002
        check_flag("interpolate", self.interpolate)
        self._prepare(list(columns.values()))

    def _prepare(self, columns: list[np.ndarray]) -> None:
        """What draws need, from the parameters and the values of each column."""
        given, names = self._given(), varying_names(self.encoding_)
        if given is not None:
            self.quantiles_ = self._invert(given, names)
        elif self.support is None:
            self.quantiles_ = [Empirical(x, interpolate=self.interpolate) for x in columns]
        else:
            raise InputError("support goes with a cdf or a density; leave it out")
        self.tails_ = TAILS[given]
        self.u_error_ = np.array([quantile.error for quantile in self.quantiles_])
        self.factor_ = None
        if self.correlation is not None:
            assert self.encoding_.numbers is not None
            varying = self.encoding_.numbers.varying
            R = check_correlation(self.correlation, len(varying))
            self.factor_ = correlation_factor(R[np.ix_(varying, varying)])

    def _invert(self, given: str, names: list[str]) -> list[QuantileFunction]:
        functions, p = getattr(self, given), len(names)
        supports = _supports(self.support, p)
        if isinstance(functions, (list, tuple)):
            called = [f"{given} of column {name}" for name in names]
            return [_invert(given, *each) for each in zip(functions, supports, called, strict=True)]
        if len(set(supports)) == 1:  # one law for all columns
            return [_invert(given, functions, supports[0], given)] * p
        return [_invert(given, functions, support, given) for support in supports]

    def _couple(self, U: np.ndarray) -> np.ndarray:
        return U if self.factor_ is None else into_open(ndtr(ndtri(U) @ self.factor_.T))

    def _quantile(self, j: int, u: np.ndarray) -> np.ndarray:
        return self.quantiles_[j](u)

    def _state(self) -> dict[str, Any]:
        learnt = [q.values for q in self.quantiles_ if isinstance(q, Empirical)]
        return {"values": learnt}

    def _restore(self, state: dict[str, Any]) -> None:
        self._prepare(state["values"])


def _invert(given: str, law: Any, support: Support | None, name: str) -> QuantileFunction:
    """The quantile function of one column's law, a function or a distribution of scipy.stats."""
    attribute = {"quantile": "ppf", "cdf": "cdf", "density": "pdf"}[given]
    function = getattr(law, attribute, law)
    if not callable(function):
        raise InputError(
            f"expected {name} to be a function, or a distribution with .{attribute}, got {law!r}"
        )
    if given == "quantile":
        if support is not None:
            raise InputError("support goes with a cdf or a density; leave it out")
        return Given(function, name)
    support = support or (UNBOUNDED if function is law else _support_of(law, name))
    if given == "cdf":
        return InverseCDF(function, support, name)
    return InverseDensity(function, support, getattr(law, "cdf", None), name)


def _support_of(law: Any, name: str) -> Support:
    try:
        low, high = law.support()
    except (AttributeError, TypeError) as error:
        raise InputError(
            f"expected {name} to be a distribution with its parameters, e.g. "
            f"scipy.stats.gamma(2.0), got {law!r}"
        ) from error
    return float(low), float(high)


def _supports(support: Any, p: int) -> list[Support | None]:
    """The support of each of p columns; None where it is not given."""
    if support is None:
        return [None] * p
    try:
        ends = np.asarray(support, dtype=float)
    except (TypeError, ValueError):
        ends = np.empty(0)
    if ends.shape not in ((2,), (p, 2)) or not (ends[..., 0] < ends[..., 1]).all():
        raise InputError(
            "expected support to be (low, high) with low < high, or a list with one for each "
            f"column, got {support!r}"
        )
    return [(float(low), float(high)) for low, high in np.broadcast_to(ends, (p, 2))]
