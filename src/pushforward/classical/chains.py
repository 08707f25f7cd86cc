"""Whether chains have converged, and what their draws are worth: R̂, effective sizes, errors.

Vehtari, Gelman, Simpson, Carpenter and Bürkner 2021, arXiv:1903.08008, whose equations are named
below. Draws have the shape (n_draws, n_chains) here, the time in front.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.fft import irfft, next_fast_len, rfft
from scipy.special import ndtri

from pushforward.errors import InputError

Array = NDArray[np.float64]

TAILS = (0.05, 0.95)  # the quantiles whose effective sizes make the tail's
FFT_ELEMENTS = 2**20  # transformed at once: a few MB
IN_CACHE = 2**17  # numbers passed over at once


@dataclass(frozen=True)
class Diagnostics:
    """One number per coordinate, `(p,)`; printed, a table with a line for each.

    `mean` and `sd` are in the units of the draws, and so is `mcse_mean`, the standard error that
    the mean has because the draws are finite in number and correlated. `ess_bulk` and `ess_tail`
    say how many independent draws would tell as much about the middle and about the 5 % and 95 %
    quantiles. `r_hat` is 1 when chains agree.
    """

    names: tuple[str, ...]
    mean: Array
    sd: Array
    mcse_mean: Array
    ess_bulk: Array
    ess_tail: Array
    r_hat: Array

    def __str__(self) -> str:
        head = ("", "mean", "sd", "mcse", "ess_bulk", "ess_tail", "r_hat")
        formats = ("{:.4g}", "{:.4g}", "{:.2g}", "{:.0f}", "{:.0f}", "{:.3f}")
        columns = (self.mean, self.sd, self.mcse_mean, self.ess_bulk, self.ess_tail, self.r_hat)
        cells = zip(*columns, strict=True)
        lines = [
            (name, *(form.format(value) for form, value in zip(formats, line, strict=True)))
            for name, line in zip(self.names, cells, strict=True)
        ]
        widths = [max(map(len, column)) for column in zip(head, *lines, strict=True)]
        return "\n".join(
            "  ".join([line[0].ljust(widths[0]), *map(str.rjust, line[1:], widths[1:])])
            for line in (head, *lines)
        )


def diagnose(draws: Any, names: Sequence[str] | None = None) -> Diagnostics:
    """All diagnostics of draws `(n_draws, n_chains, p)`, at least 4 of each chain.

    Raises:
        InputError: another shape, fewer draws, or numbers that are not finite.

    >>> x = np.random.default_rng(0).normal(size=(500, 4, 1))
    >>> print(diagnose(x, ["height"]))
                mean  sd   mcse  ess_bulk  ess_tail  r_hat
    height  -0.02803   1  0.024      1832      1932  1.001
    """
    values = np.asarray(draws)
    if values.ndim != 3 or values.shape[1] == 0 or values.shape[2] == 0:
        raise InputError(f"expected draws of shape (n_draws, n_chains, p), got {values.shape}")
    with ThreadPoolExecutor() as pool:  # sorting and transforming let go of the interpreter
        lines = list(pool.map(_all_of, np.moveaxis(values, 2, 0)))
    named = tuple(names) if names is not None else tuple(map(str, range(values.shape[2])))
    return Diagnostics(named, *np.array(lines).T)


def _all_of(draws: Array) -> tuple[float, ...]:
    x = _checked(draws)
    sd = x.std(ddof=1)
    halves = _split(x)
    ranked = normal_scores(halves)
    return (
        x.mean(),
        sd,
        sd / math.sqrt(_effective_size(halves)),
        _effective_size(ranked),
        ess_tail(x),
        _rank_r_hat(halves, ranked),
    )


def r_hat(draws: Any) -> float:
    """Rank-normalised split R̂ of one coordinate, `(n_draws, n_chains)`: eqs. 4, 14 and §4.

    R̂ = √(((n − 1)/n · W + B/n) / W) with W the variance within half chains and B/n that of their
    means, on normal scores of the ranks; the larger of that and of the same for |x − median|, which
    sees chains that differ in spread. It is 1 for chains of one law and NaN for a constant.

    >>> round(r_hat(np.random.default_rng(0).normal(size=(1000, 4))), 2)
    1.0
    """
    halves = _split(_checked(draws))
    return _rank_r_hat(halves, normal_scores(halves))


def _rank_r_hat(halves: Array, ranked: Array) -> float:
    folded = normal_scores(np.abs(halves - np.median(halves)))
    return float(np.fmax(_r_hat(ranked), _r_hat(folded)))  # folded, two values are a constant


def split_r_hat(draws: Any) -> Array:
    """Split R̂ on the draws themselves, `(n_draws, n_chains, p)` to `(p,)`: eq. 4 alone.

    A quick look, without the ranks that heavy tails need: one pass over the draws, in cache.
    """
    half = len(draws) // 2
    parts = [_moments(part) for part in (draws[:half], draws[len(draws) - half :])]
    means, variances = (np.concatenate(both) for both in zip(*parts, strict=True))
    return _potential(means.var(0, ddof=1), variances.mean(0), half)


def _moments(x: NDArray) -> tuple[Array, Array]:
    """Mean and variance of each chain in each coordinate, from differences to its first draw."""
    total, squares = np.zeros(x.shape[1:]), np.zeros(x.shape[1:])
    block = max(1, IN_CACHE // total.size)
    for i in range(0, len(x), block):
        shifted = x[i : i + block] - x[0]
        total += shifted.sum(0)
        shifted *= shifted
        squares += shifted.sum(0)
    mean = total / len(x)
    return x[0] + mean, np.maximum(squares - mean * total, 0) / (len(x) - 1)


def _r_hat(x: Array) -> float:
    return float(_potential(x.mean(0).var(ddof=1), x.var(0, ddof=1).mean(), len(x)))


def _potential(between: Any, within: Any, n: int) -> Any:
    with np.errstate(divide="ignore", invalid="ignore"):  # constants: 0/0 is NaN, as it should be
        return np.sqrt((n - 1) / n + between / within)


def ess_bulk(draws: Any) -> float:
    """Effective sample size of the rank-normalised draws `(n_draws, n_chains)`, chains split.

    n_draws · n_chains / τ, τ the autocorrelation time (eqs. 10 to 13).

    >>> x = np.random.default_rng(0).normal(size=(1000, 4))
    >>> 3000 < ess_bulk(x) < 5000
    True
    """
    return _effective_size(normal_scores(_split(_checked(draws))))


def ess_tail(draws: Any) -> float:
    """The smaller effective sample size of 1{x ≤ q}, for q the 5 % and the 95 % quantile."""
    x = _checked(draws)
    return min(_effective_size(_split(x <= q).astype(float)) for q in np.quantile(x, TAILS))


def ess_mean(draws: Any) -> float:
    """Effective sample size for the mean of draws `(n_draws, n_chains)`, chains split."""
    return _effective_size(_split(_checked(draws)))


def mcse_mean(draws: Any) -> float:
    """Monte Carlo standard error of the mean of draws `(n_draws, n_chains)`: sd / √ess_mean."""
    return float(np.std(draws, ddof=1) / math.sqrt(ess_mean(draws)))


def autocorrelation(draws: Any) -> Array:
    """ρ_t, t = 0, …, n_draws − 1, of draws `(n_draws, n_chains)` over all chains: eq. 10.

    ρ_t = 1 − (W − γ_t) / V with γ_t the autocovariance at lag t, a mean over chains, and V the
    variance within and between chains: it stays above 0 where chains disagree.

    >>> autocorrelation(np.tile([[1.0], [-1.0]], (500, 1)))[:3].round(2)
    array([ 1., -1.,  1.])
    """
    x = np.asarray(draws, dtype=float)
    n, chains = x.shape
    covariance = _mean_autocovariance(x)
    within = covariance[0] * n / (n - 1)
    total = covariance[0] + (x.mean(0).var(ddof=1) if chains > 1 else 0.0)
    if total <= 0:
        return np.ones(n)
    rho = 1 - (within - covariance) / total
    rho[0] = 1.0
    return rho


def _mean_autocovariance(x: Array) -> Array:
    """The mean over chains of (1/n) Σ_s (x_s − x̄)(x_{s+t} − x̄), for all lags t at once.

    Spectra add up, so that thousands of chains need one inverse transform.
    """
    n, chains = x.shape
    length = next_fast_len(2 * n, real=True)  # zeros behind, so that lags do not wrap around
    power = np.zeros(length // 2 + 1)
    block = max(1, FFT_ELEMENTS // length)
    for i in range(0, chains, block):
        part = np.ascontiguousarray(x[:, i : i + block].T)
        part -= part.mean(1, keepdims=True)
        spectrum = rfft(part, length, axis=1)
        power += (spectrum.real**2 + spectrum.imag**2).sum(0)
    return irfft(power, length)[:n] / (n * chains)


def _effective_size(x: Array) -> float:
    """n_draws · n_chains / τ̂, by Geyer's initial monotone sequence (Geyer 1992; eqs. 11 to 13).

    P_k = ρ_{2k} + ρ_{2k+1} is positive and falls for a reversible chain: the sum ends before the
    first P_k that is not positive, and no P_k may exceed an earlier one. The even ρ after the last
    pair is added alone, which helps antithetic chains.
    """
    n, chains = x.shape
    size = n * chains
    if np.ptp(x) < np.finfo(float).resolution:
        return float(size)
    rho = autocorrelation(x)
    n_pairs = max(1, (n - 1) // 2)
    pairs = rho[0 : 2 * n_pairs : 2] + rho[1 : 2 * n_pairs : 2]
    ends = np.flatnonzero(pairs <= 0)
    last = int(ends[0]) if len(ends) else n_pairs - 1
    alone = rho[2 * last]
    if pairs[last] < 0:
        alone = max(alone, 0.0)
    tau = -1 + 2 * np.minimum.accumulate(pairs[:last]).sum() + alone
    return float(size / max(tau, 1 / math.log10(size)))


def normal_scores(x: Array) -> Array:
    """Φ⁻¹((rank − 3/8) / (N + 1/4)), ties sharing their mean rank: eq. 14.

    >>> normal_scores(np.array([[10.0], [30.0], [20.0], [20.0]])).ravel().round(2)
    array([-1.05,  1.05,  0.  ,  0.  ])
    """
    flat = x.ravel()
    order = np.argsort(flat)
    ordered = flat[order]
    first = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))
    counts = np.diff(first, append=len(flat))
    scores = ndtri((first + (counts + 1) / 2 - 3 / 8) / (len(flat) + 1 / 4))
    out = np.empty(len(flat))
    out[order] = np.repeat(scores, counts)
    return out.reshape(x.shape)


def _split(x: Any) -> Any:
    """Each chain as two, its first and its second half; an odd draw in the middle is left out."""
    half = len(x) // 2
    return np.concatenate([x[:half], x[len(x) - half :]], axis=1)


def _checked(draws: Any) -> Array:
    x = np.asarray(draws, dtype=float)
    if x.ndim != 2 or len(x) < 4 or x.shape[1] == 0:
        raise InputError(
            f"expected draws of shape (n_draws, n_chains), at least 4 of each chain, got {x.shape}"
        )
    if not np.isfinite(x).all():
        raise InputError("expected finite draws, got missing or infinite numbers")
    return x
