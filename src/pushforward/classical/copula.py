"""A Gaussian copula: any columns, joined as a normal joins its own."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.linalg import null_space
from scipy.special import ndtr, ndtri
from scipy.stats import rankdata
from sklearn.covariance import ledoit_wolf_shrinkage

from pushforward.classical.columns import into_open, numeric_values, standardise
from pushforward.classical.correlation import correlation_factor
from pushforward.classical.given import Normals
from pushforward.classical.quantiles import Empirical
from pushforward.conditioning import Law
from pushforward.data.categories import offsets_for
from pushforward.data.encoding import Encoding
from pushforward.data.event import Event, Within
from pushforward.data.preimage import Bound, group_bounds, joined, number_of
from pushforward.sampler import Effort, Sampler

STEPS = 8  # of the fixed point, at most
ROWS = 5000  # drawn in each of them, at least
ENOUGH = 0.1  # gap that ends them, in units of the sampling error of a correlation, 1/√n
REACH = 0.1  # of the categories' scores: the offsets of the encoding move them by ±0.49
LEAST = 0.1  # weight of an axis of a category that no other column depends on


class GaussianCopula(Sampler):
    """Empirical margins joined by a Gaussian copula: x_j = F_j⁻¹(Φ(w_j)), w ~ N(0, R).

    F_j⁻¹ is the interpolated empirical quantile function: nothing is drawn beyond the range of a
    column. A category with K values (or a hole, K = 2) has K − 1 normals, one for each axis of the
    correspondence analysis of its values against all other columns; it is argmax_k(a_kᵀw + b_k),
    a_k being the place of value k on the axes, each weighted by how much depends on it. One strong
    axis so gives ordered values cut out of one normal, equal axes a multinomial probit.

    R is estimated from normal scores and shrunk towards independence (Ledoit–Wolf), so that it can
    be learnt from fewer rows than columns. Ties and categories would weaken it: draws from N(0, R)
    are read as the model reads them, and R is moved by what their correlations lack of the wanted
    ones, divided by the slope of the one in the other; the best R of a few such steps is kept. A
    saved model holds all values of each column, sorted.

    Source: Cario & Nelson 1997, Modeling and generating random vectors with arbitrary marginal
    distributions and correlation matrix; Ledoit & Wolf 2004, A well-conditioned estimator for
    large-dimensional covariance matrices.

    >>> rng = np.random.default_rng(0)
    >>> X = np.exp(rng.multivariate_normal([0, 0], [[1, 0.8], [0.8, 1]], size=2000))
    >>> drawn = GaussianCopula(random_state=0).fit(X).sample(2000, random_state=0)
    >>> bool(drawn.min() > 0), bool(0.75 < np.corrcoef(np.log(drawn).T)[0, 1] < 0.85)
    (True, True)
    """

    def __init__(self, *, random_state: int | None = None) -> None:
        self.random_state = random_state

    @property
    def stores_rows(self) -> bool:
        return True

    def _fit(self, Z: np.ndarray, effort: Effort) -> None:
        X, categories = numeric_values(self.encoding_, Z), self.encoding_.split(Z)[1]
        self.margins_ = [Empirical(x[~np.isnan(x)]) for x in X.T]
        scores = _Scores(X, categories, self.encoding_)
        self.places_ = scores.places
        S = scores.of_rows(X, categories)
        wanted = (1 - ledoit_wolf_shrinkage(S, assume_centered=True)) * (S.T @ S / len(S))
        np.fill_diagonal(wanted, 1.0)
        self.factor_ = _fixed_point(wanted, scores, len(Z), effort)

    @property
    def correlation_(self) -> np.ndarray:
        """R, of the normals of the numeric columns and then of the categories' axes."""
        return self.factor_ @ self.factor_.T

    def _draw(self, n: int, rng: np.random.Generator) -> np.ndarray:
        return self._rows(rng.standard_normal((n, len(self.factor_))) @ self.factor_.T)

    def _rows(self, W: np.ndarray) -> np.ndarray:
        """Encoded rows of normals w ~ N(0, R), `(n, p)`."""
        X = into_open(ndtr(W[:, : len(self.margins_)]))
        for j, margin in enumerate(self.margins_):
            X[:, j] = margin(X[:, j])
        return np.hstack([standardise(self.encoding_, X), *_readings(W, self.places_)])

    def _law_given(self, event: Event) -> Law | None:
        p = len(self.factor_)
        normals = Normals(np.zeros(1), np.zeros((1, p)), self.factor_[None])
        law = normals.given(self._bounds(event))
        return None if law is None else Law(lambda n, rng: self._rows(law.draw(n, rng)), law.share)

    def _bounds(self, event: Event) -> list[Bound]:
        """Bounds of the normals: F_j is monotone, and categories are read off linearly."""
        encoding, p = self.encoding_, len(self.factor_)
        assert encoding.numbers is not None
        varying, bounds = encoding.numbers.varying, []
        for condition in event.conditions:
            j = number_of(condition.column, encoding)
            if not isinstance(condition, Within) or condition.missing or not varying[j]:
                continue
            place = int(np.cumsum(varying)[j]) - 1
            found = [self.margins_[place].levels(*wide) for wide in condition.unrounded]
            region = joined([tuple(ndtri(level).tolist()) for level in found])
            bounds.append(Bound(np.eye(p)[place][None], (tuple(region),)))
        ends = p - np.cumsum([a.shape[1] for a in self.places_][::-1])[::-1]

        def readings(g: int) -> np.ndarray:
            a, start = self.places_[g], ends[g]
            vectors = np.zeros((len(a), p))
            vectors[:, start : start + a.shape[1]] = a
            return vectors

        return bounds + group_bounds(event, encoding, readings)

    def _state(self) -> dict[str, Any]:
        values = [margin.values for margin in self.margins_]
        return {"values": values, "places": self.places_, "factor": self.factor_}

    def _restore(self, state: dict[str, Any]) -> None:
        self.margins_ = [Empirical(x) for x in state["values"]]
        self.places_, self.factor_ = state["places"], state["factor"]


def _readings(W: np.ndarray, places: list[np.ndarray]) -> list[np.ndarray]:
    """a_kᵀw of each value k of each category, whose normals are the last columns of W."""
    sizes = [a.shape[1] for a in places]
    blocks = np.split(W[:, W.shape[1] - sum(sizes) :], np.cumsum(sizes)[:-1], axis=1)
    return [w @ a.T for w, a in zip(blocks, places, strict=False)]


class _Scores:
    """Numbers for what is in the columns, of rows and of draws: their correlations are to agree.

    A number has the normal quantile of its rank, and 0 for a hole. A category has its place on each
    of its axes: functions of its values that have mean 0, variance 1 and no correlation.
    """

    def __init__(self, X: np.ndarray, categories: list[np.ndarray], encoding: Encoding) -> None:
        assert encoding.numbers is not None
        varying, holed = encoding.numbers.varying, np.flatnonzero(encoding.numbers.holed)
        column = np.cumsum(varying) - 1
        # The numeric column and the category that tells its holes.
        self.holes = [(int(column[j]), k) for k, j in enumerate(holed) if varying[j]]
        self.tables = [np.sort(_normal_scores(x[~np.isnan(x)])) for x in X.T]
        self.shares = encoding.shares
        self.axes = [null_space(np.sqrt(p)[None]) / np.sqrt(p)[:, None] for p in self.shares]
        S = self.of_rows(X, categories)
        self.places = self._turn(S.T @ S / len(S))

    def _turn(self, correlation: np.ndarray) -> list[np.ndarray]:
        """Turn the axes to where most depends on them; the places of values on weighted axes."""
        places, end = [], len(self.tables)
        for k, axes in enumerate(self.axes):
            start, end = end, end + axes.shape[1]
            others = np.delete(correlation[start:end], np.s_[start:end], axis=1)
            squares, rotation = np.linalg.eigh(others @ others.T)
            strength = np.sqrt(np.maximum(squares, 0.0))
            weight = np.maximum(strength / (strength.max(initial=0.0) or 1.0), LEAST)
            self.axes[k] = axes @ rotation
            place = self.axes[k] * weight
            places.append(place * (REACH / (np.linalg.norm(place, axis=1).max() or 1.0)))
        return places

    def of_rows(self, X: np.ndarray, categories: list[np.ndarray]) -> np.ndarray:
        """Standardised scores of rows, `(n, p)`."""
        numbers = np.zeros_like(X)
        for x, score in zip(X.T, numbers.T, strict=True):
            here = ~np.isnan(x)
            score[here] = _normal_scores(x[here])
        S = np.hstack([numbers, *(c @ a for c, a in zip(categories, self.axes, strict=True))])
        return _standardised(S)

    def of_draws(self, W: np.ndarray) -> np.ndarray:
        """Standardised scores of what is read from normals, `(n, p)`."""
        T = np.empty_like(W)
        for j, table in enumerate(self.tables):
            T[:, j] = table[np.rint(ndtr(W[:, j]) * (len(table) - 1)).astype(int)]
        chosen, end = [], len(self.tables)
        for reading, axes, share in zip(
            _readings(W, self.places), self.axes, self.shares, strict=True
        ):
            chosen.append((reading + offsets_for(reading, share)).argmax(1))
            start, end = end, end + axes.shape[1]
            T[:, start:end] = axes[chosen[-1]]
        for j, k in self.holes:
            T[chosen[k] == 1, j] = 0.0
        return _standardised(T)


def _fixed_point(wanted: np.ndarray, scores: _Scores, n: int, effort: Effort) -> np.ndarray:
    """The factor of the R whose draws have scores with the wanted correlations, `(p, p)`."""
    p = len(wanted)
    m = max(ROWS, 2 * p)
    # The same draws in every step, their correlations exactly 0: so those of W are exactly R.
    noise = effort.rng.standard_normal((m, p))
    noise = np.linalg.qr(noise - noise.mean(0))[0] * np.sqrt(m)
    R, smallest = wanted, np.inf
    best = correlation_factor(R)
    for step in range(STEPS):
        factor = correlation_factor(R)
        W = noise @ factor.T
        S = scores.of_draws(W)
        gap = wanted - S.T @ S / m
        size = np.sqrt((gap**2).mean())
        if size < smallest:
            best, smallest = factor, size
        if size < ENOUGH / np.sqrt(n) or effort.time_is_up:
            break
        slope = np.maximum((S * W).mean(0), LEAST)
        # Steps shorten, as there is noise in how categories are read from so many draws.
        R = factor @ factor.T + gap / np.outer(slope, slope) / (1 + step / 2)
    return best


def _normal_scores(x: np.ndarray) -> np.ndarray:
    """Φ⁻¹(rank/(n + 1)), centred; ties share the mean of their ranks."""
    scores = ndtri(rankdata(x) / (len(x) + 1))
    return scores - scores.mean()


def _standardised(S: np.ndarray) -> np.ndarray:
    S = S - S.mean(0)
    spread = S.std(0)
    return S / np.where(spread > 0, spread, 1.0)  # a rare value may never have been drawn
