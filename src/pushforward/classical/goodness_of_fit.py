"""Does a fitted density fit? A p-value that knows that the parameters were fitted, too."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Protocol, runtime_checkable

import numpy as np
from scipy.special import ndtri
from scipy.stats import rankdata
from sklearn.base import clone
from sklearn.utils.validation import check_is_fitted

from pushforward.errors import DataWarning, EvaluationWarning, InputError
from pushforward.progress import shown
from pushforward.sampler import DensitySampler, Effort, Sampler, fresh_seed, is_whole

MOST_ROWS = 2000  # of which all pairs are compared
REFERENCE = 1000  # draws, at least, against which log-densities are ranked
SMALLEST = 1e-300  # of a probability whose logarithm is taken
TOO_MANY = 0.1  # share of refits that fail before it is told

Statistic = Callable[[Any, np.ndarray, np.random.Generator], float]


@runtime_checkable
class HasUniform(Protocol):
    """A law that turns encoded rows into independent uniform numbers: Rosenblatt's transform."""

    def _uniform(self, Z: np.ndarray) -> np.ndarray: ...


@dataclass(frozen=True)
class GoodnessOfFit:
    """The distance of rows from a fitted law, and how often the law's own draws are as far."""

    statistic: str
    value: float
    p_value: float
    n: int  # rows
    n_bootstrap: int  # refits that the p-value rests on
    failed: int  # refits without a fit

    def __str__(self) -> str:
        failed = f", {self.failed} more failed" if self.failed else ""
        return (
            f"{self.statistic} = {self.value:.4g}, p = {self.p_value:.2g} "
            f"({self.n} rows, {self.n_bootstrap} refits{failed})"
        )


def goodness_of_fit(
    sampler: Sampler,
    X: Any,
    *,
    n_bootstrap: int = 199,
    random_state: int | None = 0,
    progress: bool = True,
) -> GoodnessOfFit:
    """Test that the rows come from a law of the sampler's kind, by a bootstrap that fits again.

    The sampler is fitted to X, giving T; it draws n rows, is fitted to them in turn, giving T*, and
    so on: p = (1 + #{T* ≥ T}) / (1 + B). Critical values for a law that is known beforehand would
    accept far too often, since a fit comes nearer to its rows than the true law does.

    T is the Anderson–Darling statistic of one column (Cramér–von Mises with mean ranks where most
    values are tied); of several columns, Henze and Zirkler's for the normal scores of Rosenblatt's
    transform, on at most 2000 rows, which for a Gaussian is their affine-invariant test of
    normality. A density that has no such transform is judged by the ranks of the rows'
    log-densities among those of its draws: that sees too many rows in thin places, and not where.

    Args:
        sampler: fitted, with a density.
        X: rows as it was fitted to, without categories or missing values.
        n_bootstrap: B, the number of refits.
        random_state: a seed; the same seed gives the same p-value.
        progress: show a bar where there is a terminal.

    Raises:
        InputError: a sampler without a density, rows that have none, or no refit that succeeds.

    Sources: Stute, González Manteiga & Presedo Quindimil 1993 (bootstrap); Stephens 1974;
    Henze & Zirkler 1990; Rosenblatt 1952.

    >>> from pushforward.classical.gaussian import Gaussian
    >>> x = np.random.default_rng(0).exponential(size=(100, 1))
    >>> print(goodness_of_fit(Gaussian().fit(x), x, n_bootstrap=99))
    Anderson-Darling = 4.19, p = 0.01 (100 rows, 99 refits)
    """
    check_is_fitted(sampler)
    if not isinstance(sampler, DensitySampler):
        raise InputError(
            f"expected a sampler with a density, got {type(sampler).__name__}; compare its samples "
            "with held-out rows instead (pushforward.evaluate)"
        )
    if not is_whole(n_bootstrap):
        raise InputError(f"expected n_bootstrap to be a whole number, got {n_bootstrap!r}")
    if n_bootstrap < 1:
        raise InputError(f"expected n_bootstrap to be at least 1, got {n_bootstrap}")
    if getattr(sampler, "weights", None) is not None:
        raise InputError(
            "expected a sampler that counts all rows alike: its own draws have no weights to be "
            "fitted again by; draw rows by the weights, and fit to those without"
        )
    sampler.score_samples(X)  # refuses, in words, what has no density
    encoding = sampler.encoding_
    Z = encoding.transform(X)
    if not np.ptp(Z, axis=0).any():
        raise InputError(f"no column varies in the {len(Z)} row(s): there is nothing to fit")
    # Draws are rounded as the rows are, but not forced into their range.
    assert encoding.numbers is not None
    numbers = replace(encoding.numbers, bounded=False)
    unbounded = replace(encoding, numbers=numbers)
    rng = np.random.default_rng(fresh_seed(random_state))

    def fitted(Z: np.ndarray) -> Any:
        model = clone(sampler)
        model.encoding_ = unbounded
        model.seed_ = sampler.seed_
        model._fit(Z, Effort(rng, progress=False))
        return model

    name, statistic = _statistic(sampler, Z)
    if statistic is _henze_zirkler and len(Z) > MOST_ROWS:
        Z = Z[rng.permutation(len(Z))[:MOST_ROWS]]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)  # told when the sampler was fitted
        law = fitted(Z)
        value = statistic(law, Z, rng)
        drawn = []
        for _ in shown(range(n_bootstrap), "goodness of fit", progress):
            again = numbers.encode(numbers.decode(law._draw(len(Z), rng), []))[0]
            try:
                drawn.append(statistic(fitted(again), again, rng))
            except (InputError, np.linalg.LinAlgError):
                continue
    failed = n_bootstrap - len(drawn)
    if failed > TOO_MANY * n_bootstrap:
        message = f"{failed} of {n_bootstrap} refits failed; the p-value is that of the others"
        if not drawn:
            raise InputError("no refit to the sampler's own draws succeeded: there is no p-value")
        warnings.warn(message, EvaluationWarning, stacklevel=2)
    p_value = (1 + sum(t >= value for t in drawn)) / (1 + len(drawn))
    return GoodnessOfFit(name, value, float(p_value), len(Z), len(drawn), failed)


def _statistic(sampler: Sampler, Z: np.ndarray) -> tuple[str, Statistic]:
    if not isinstance(sampler, HasUniform):
        return "Anderson-Darling of log-densities", _log_densities
    if Z.shape[1] > 1:
        return "Henze-Zirkler", _henze_zirkler
    if len(np.unique(Z)) < len(Z) / 2:
        return "Cramér-von Mises", lambda law, Z, _: cramer_von_mises(law._uniform(Z)[:, 0])
    return "Anderson-Darling", lambda law, Z, _: anderson_darling(law._uniform(Z)[:, 0])


def _henze_zirkler(law: HasUniform, Z: np.ndarray, rng: np.random.Generator) -> float:  # noqa: ARG001
    U = np.clip(law._uniform(Z), SMALLEST, 1 - np.finfo(float).eps / 2)
    return henze_zirkler(ndtri(U))


def _log_densities(law: DensitySampler, Z: np.ndarray, rng: np.random.Generator) -> float:
    m = max(REFERENCE, len(Z))
    reference = np.sort(law._log_density(law._draw(m, rng)))
    rank = np.searchsorted(reference, law._log_density(Z))
    return anderson_darling((rank + 0.5) / (m + 1))


def anderson_darling(u: np.ndarray) -> float:
    """A² = −n − (1/n) Σᵢ (2i − 1) [log u₍ᵢ₎ + log(1 − u₍ₙ₊₁₋ᵢ₎)] of u `(n,)` against U(0, 1).

    Source: Anderson & Darling 1954.

    >>> round(anderson_darling(np.array([0.1, 0.4, 0.9])), 4)
    0.3134
    """
    n, u = len(u), np.sort(u)
    below, above = np.maximum(u, SMALLEST), np.maximum(1 - u[::-1], np.finfo(float).eps / 2)
    weights = 2 * np.arange(1, n + 1) - 1
    return float(-n - (weights * (np.log(below) + np.log(above))).mean())


def cramer_von_mises(u: np.ndarray) -> float:
    """W² = 1/(12n) + Σᵢ (uᵢ − (Rᵢ − ½)/n)², where tied values share the mean of their ranks R.

    Ranks by means and u = P(X < x) + ½ P(X = x) leave it near 0 for a discrete law that fits.

    >>> round(cramer_von_mises(np.array([0.1, 0.4, 0.9])), 4)
    0.0467
    """
    n = len(u)
    return float(1 / (12 * n) + ((u - (rankdata(u) - 0.5) / n) ** 2).sum())


def henze_zirkler(Z: np.ndarray) -> float:
    """The distance of rows `(n, p)` from N(0, I), by their characteristic function.

    (1/n) Σⱼₖ exp(−β²‖zⱼ−zₖ‖²/2) − 2(1+β²)^(−p/2) Σⱼ exp(−β²‖zⱼ‖²/(2+2β²)) + n(1+2β²)^(−p/2),
    β = ((2p+1)n/4)^(1/(p+4)) / √2. For rows whitened by their own mean and covariance it does not
    change when the data is mapped affinely.

    Source: Henze & Zirkler 1990, Communications in Statistics 19, 3595.

    >>> round(henze_zirkler(np.array([[-1.0, 1.0], [1.0, 1.0], [0.0, -1.0]])), 4)
    0.1485
    """
    n, p = Z.shape
    b = ((2 * p + 1) * n / 4) ** (2 / (p + 4)) / 2  # β²
    norms = (Z * Z).sum(1)
    squares = Z @ Z.T
    squares *= -2
    squares += norms[:, None]
    squares += norms
    squares *= -b / 2
    pairs = np.exp(squares, out=squares).sum() / n
    centre = 2 * (1 + b) ** (-p / 2) * np.exp(-b * norms / (2 + 2 * b)).sum()
    return float(pairs - centre + n * (1 + 2 * b) ** (-p / 2))
