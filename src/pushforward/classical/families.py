"""Families of scipy.stats by name, fitted to one column by maximum likelihood."""

from __future__ import annotations

import difflib
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product
from numbers import Real
from typing import Any

import numpy as np
from scipy import stats
from scipy.stats import kurtosis

from pushforward.classical.likelihood import (
    NO_DENSITY,
    REAL_COUNTS,
    Family,
    Likelihood,
    is_discrete,
    parameter_names,
)
from pushforward.classical.quantiles import InverseCDF
from pushforward.data.columns import LARGEST_INTEGER
from pushforward.errors import DataWarning, InputError
from pushforward.progress import shown

REAL_LINE = ("norm", "laplace", "logistic", "gumbel_r", "gumbel_l", "skewnorm", "t", "uniform")
POSITIVE = ("expon", "lognorm", "gamma", "weibull_min", "invgauss")
SHARES = ("beta",)  # values between 0 and 1
COUNTS = ("poisson", "geom", "nbinom", "binom", "randint")  # whole numbers from 0 on
ROWS_PER_PARAMETER = 5  # fewer do not tell one family from another
COARSE = 1e4  # a scale on which whole numbers are a continuum
Z_95 = float(stats.norm.ppf(0.975))
MOST_TRIALS = 1000  # times the largest count: a binomial with more is a Poisson


@dataclass(frozen=True)
class Law:
    """A family with its parameters fitted to n values, in the units of the data.

    Intervals and standard errors are NaN for what was given, and everywhere where the `top` of the
    likelihood is no paraboloid: where rows lie on an "edge" of the support, or it is "rough".
    """

    family: str
    names: tuple[str, ...]
    values: np.ndarray
    given: np.ndarray  # bool: not fitted
    n: int
    log_likelihood: float  # nats
    standard_errors: np.ndarray
    low: np.ndarray  # ends of the 95 % intervals
    high: np.ndarray
    top: str  # "smooth", "edge" or "rough"

    @cached_property
    def frozen(self) -> Any:
        """The law as scipy has it, with `cdf`, `ppf` and `rvs`."""
        return family_named(self.family)(*self.values)

    @property
    def discrete(self) -> bool:
        return is_discrete(family_named(self.family))

    @property
    def n_parameters(self) -> int:
        return int((~self.given).sum())

    @property
    def bic(self) -> float:
        return -2 * self.log_likelihood + self.n_parameters * float(np.log(self.n))

    def log_density(self, x: np.ndarray) -> np.ndarray:
        """log f(x), or log P(X = x) of a discrete law, nats."""
        with np.errstate(all="ignore"):  # scipy overflows on the way to a density of 0
            return self.frozen.logpmf(x) if self.discrete else self.frozen.logpdf(x)

    def middle_cdf(self, x: np.ndarray) -> np.ndarray:
        """P(X < x) + ½ P(X = x), the distribution function of a continuous law."""
        with np.errstate(all="ignore"):
            cdf = self.frozen.cdf(x)
            return cdf - 0.5 * self.frozen.pmf(x) if self.discrete else cdf

    def quantile(self, u: np.ndarray) -> np.ndarray:
        """F⁻¹(u)."""
        with np.errstate(all="ignore"):
            try:
                return self.frozen.ppf(u)
            except (ValueError, RuntimeError):  # scipy's search may leave the floats
                return InverseCDF(self.frozen.cdf, self.frozen.support(), self.family)(u)


def family_named(name: Any) -> Family:
    """The family of scipy.stats of that name, continuous or discrete.

    Raises:
        InputError: there is none; the message says which name is near.

    >>> family_named("gama")
    Traceback (most recent call last):
    pushforward.errors.InputError: there is no family 'gama' in scipy.stats (did you mean ...
    """
    kinds = (stats.rv_continuous, stats.rv_discrete)
    family = getattr(stats, name, None) if isinstance(name, str) else None
    if isinstance(family, kinds):
        return family
    known = [key for key, value in vars(stats).items() if isinstance(value, kinds)]
    close = difflib.get_close_matches(name, known, n=2) if isinstance(name, str) else []
    hint = f" (did you mean {' or '.join(map(repr, close))}?)" if close else ""
    raise InputError(
        f"there is no family {name!r} in scipy.stats{hint}; norm, t, lognorm, gamma, weibull_min, "
        'beta, poisson and nbinom are common ones, and "best" chooses'
    )


def best_family(
    x: np.ndarray,
    *,
    column: str = "x",
    time_is_up: Callable[[], bool] = lambda: False,
    progress: bool = False,
) -> Law:
    """The law with the smallest BIC = −2 log L + k log n among the common families.

    Tried are `REAL_LINE`; `POSITIVE` for values above 0, `SHARES` for those below 1 too; `COUNTS`
    for whole numbers from 0 on. Among whole numbers a continuous law is judged by what its rounded
    draws have, P(k − ½ < X < k + ½): a density is no probability.

    Args:
        x: values `(n,)`, finite, not all equal.
        column: what a message calls the values.
        time_is_up: asked once a family is there; then the best so far is taken, the normal at least
            if it has a maximum.
        progress: show a bar where there is a terminal.

    Raises:
        InputError: none of them has a maximum of its likelihood.

    >>> best_family(np.random.default_rng(0).gamma(2.0, 3.0, 500)).family
    'gamma'
    """
    candidates = list(REAL_LINE)
    if not kurtosis(x / np.abs(x).max()) > 0:
        candidates.remove("t")  # the normal is a maximum of its likelihood: df would run away
    if x.min() > 0:
        candidates += POSITIVE
        candidates += SHARES if x.max() < 1 else ()
    whole = _whole(x)
    if whole and x.min() >= 0:
        candidates += COUNTS
    best, least = None, np.inf
    for name in shown(candidates, f"families for {column}", progress):
        if best is not None and time_is_up():
            break
        with warnings.catch_warnings():
            warnings.simplefilter("error", DataWarning)  # what ran away is no candidate
            try:
                law = fit_family(x, name, column=column, intervals=False)
            except (InputError, DataWarning):
                continue
        if best is not None and law.n < ROWS_PER_PARAMETER * law.n_parameters:
            continue
        bic = law.bic
        if whole and not law.discrete:
            bic += 2 * (law.log_likelihood - _rounded_log_likelihood(law, x))
        if bic < least:
            best, least = law, bic
    if best is None:
        raise InputError(
            f"none of the common families has a maximum of its likelihood for column {column!r}: "
            "look for extreme values, or name a family"
        )
    return fit_family(x, best.family, column=column)


def _whole(x: np.ndarray) -> bool:
    return bool((x == np.round(x)).all() and np.abs(x).max() <= LARGEST_INTEGER)


def _rounded_log_likelihood(law: Law, x: np.ndarray) -> float:
    if law.values[-1] > COARSE:
        return law.log_likelihood
    F = law.frozen
    # Of the two differences the larger one has not cancelled.
    with np.errstate(all="ignore"):
        mass = np.maximum(F.cdf(x + 0.5) - F.cdf(x - 0.5), F.sf(x - 0.5) - F.sf(x + 0.5))
        return float(np.log(mass).sum())


def fit_family(
    x: np.ndarray,
    name: str,
    *,
    fixed: dict[str, float] | None = None,
    column: str = "x",
    intervals: bool = True,
) -> Law:
    """θ̂ = argmax_θ Σᵢ log f(xᵢ; θ) for one family, with 95 % intervals of θ.

    Intervals are θ̂ ± 1.96 standard errors by the observed information, taken for log θ where θ is
    positive and for logit θ where it has two bounds, so that they stay in its range.

    Args:
        x: values `(n,)`, finite, not all equal.
        name: of a family of scipy.stats.
        fixed: parameters that are given, written as scipy does: `{"floc": 0, "fdf": 4}`. None gives
            those without which a likelihood has no maximum: location 0 for families of positive
            values, location 0 and scale 1 for those on [0, 1] but the uniform. A discrete family
            that starts at 1 starts at 0 where zeros occur.
        column: what a message calls the values.
        intervals: look for them, too, which takes longer than the fit.

    Raises:
        InputError: values that the family cannot have, or a likelihood without a maximum.

    >>> law = fit_family(np.array([1.0, 2.0, 6.0]), "expon")
    >>> law.names, law.values.round(6).tolist()
    (('loc', 'scale'), [0.0, 3.0])
    """
    family = family_named(name)
    if x.min() == x.max():
        raise InputError(f"expected values that differ in column {column!r}, all are {x[0]:g}")
    given = _usual(family, x) if fixed is None else _by_name(family, fixed)
    if is_discrete(family):
        if not _whole(x):
            raise InputError(
                f"expected whole numbers (up to 2^53) in column {column!r} for the family "
                f"{name!r}; round them, or take a continuous family"
            )
        given = {"loc": 0.0} | given
        counted = _whole_parameters(family, x, given, column)
        centre, unit, y = 0.0, 1.0, x
    else:
        counted = {}
        centre, unit, y = _standardised(x, given)
    _check_support(family, x, given | counted, column)
    inner = dict(given | counted)
    if "loc" in inner:
        inner["loc"] = (inner["loc"] - centre) / unit
    if "scale" in inner:
        inner["scale"] = inner["scale"] / unit
    likelihood = Likelihood(family, y, inner)
    theta = likelihood.maximise()
    _check_top(likelihood, theta, name, column)
    assert theta is not None
    values = likelihood.parameters(theta)
    errors, low, high = (np.full(len(values), np.nan) for _ in range(3))
    limit = likelihood.ran_away(theta)
    edge = name == "randint" or (not limit and likelihood.on_edge(theta))
    top = "edge" if edge else "rough"
    fitted = not likelihood.fixed.all()
    curved = intervals and fitted and not (counted or limit or edge)
    covariance = likelihood.covariance(theta) if curved else None
    if covariance is not None:
        top, free, width = "smooth", ~likelihood.fixed, np.sqrt(np.diag(covariance))
        errors[free] = width * likelihood.slope(theta)
        low[free] = likelihood.from_free(theta - Z_95 * width)
        high[free] = likelihood.from_free(theta + Z_95 * width)
    loc = likelihood.names.index("loc")
    scale = slice(loc, loc + 2)  # loc, and the scale that a continuous family has
    for vector in (values, errors, low, high):
        vector[scale] *= unit
    for vector in (values, low, high):
        vector[loc] += centre
    for key, value in given.items():
        values[likelihood.names.index(key)] = value  # to the last bit
    law = Law(
        family=name,
        names=likelihood.names,
        values=values,
        given=np.array([key in given for key in likelihood.names]),
        n=len(x),
        log_likelihood=float(-len(x) * (likelihood(theta) + np.log(unit))),
        standard_errors=errors,
        low=low,
        high=high,
        top=top,
    )
    return _around_every_row(law, x) if top == "edge" else law


def bootstrap_intervals(law: Law, rounds: Iterable[int], rng: np.random.Generator) -> Law:
    """The law with intervals by the parametric bootstrap: one refit to its own draws per round.

    [q.025, q.975] of the refitted θ̂*. On an edge of the support θ̂ errs to one side only, so the
    law of θ̂* − θ̂ stands for that of θ̂ − θ: [2θ̂ − q.975, 2θ̂ − q.025].

    Source: Efron & Tibshirani 1993, An Introduction to the Bootstrap.
    """
    fixed = {
        f"f{k}": float(v) for k, v, g in zip(law.names, law.values, law.given, strict=True) if g
    }
    refitted = []
    for _ in rounds:
        x = law.quantile(rng.random(law.n))  # as the sampler draws; not every scipy's rvs runs
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DataWarning)
            try:
                refitted.append(fit_family(x, law.family, fixed=fixed, intervals=False).values)
            except InputError:  # a draw without a maximum; the others have one
                continue
    if len(refitted) < 2:
        return law
    drawn = np.array(refitted)
    low, high = np.quantile(drawn, [0.025, 0.975], axis=0)
    if law.top == "edge":
        low, high = 2 * law.values - high, 2 * law.values - low
    blank = np.where(law.given, np.nan, 1.0)
    errors = drawn.std(0, ddof=1)
    return replace(law, standard_errors=errors * blank, low=low * blank, high=high * blank)


def _usual(family: Family, x: np.ndarray) -> dict[str, float]:
    if is_discrete(family):
        return {"loc": -1.0 if family.a == 1 and x.min() == 0 else 0.0}
    if family.a >= 0 and family.b == np.inf:
        return {"loc": 0.0}
    if (family.a, family.b) == (0, 1) and family.name != "uniform":
        return {"loc": 0.0, "scale": 1.0}
    return {}


def _by_name(family: Family, fixed: dict[str, float]) -> dict[str, float]:
    names = parameter_names(family)
    for key, value in fixed.items():
        if key not in [f"f{name}" for name in names]:
            known = ", ".join(f"f{name}" for name in names)
            raise InputError(f"{family.name} has no {key!r} to fix; it has {known}")
        if isinstance(value, bool) or not isinstance(value, Real) or not np.isfinite(value):
            raise InputError(f"expected {key} to be a number, got {value!r}")
        if key == "fscale" and value <= 0:
            raise InputError(f"expected fscale to be above 0, got {value!r}")
    return {key[1:]: float(value) for key, value in fixed.items()}


def _standardised(x: np.ndarray, given: dict[str, float]) -> tuple[float, float, np.ndarray]:
    """(centre, unit, y) with x = centre + unit·y: what is not given is brought to about 1."""
    largest = float(np.abs(x).max())  # taken out first: squares of 1e200 would overflow
    if "scale" in given:
        centre = given.get("loc", float(np.median(x)))
        return centre, 1.0, x - centre
    y = x / largest
    centre = given["loc"] / largest if "loc" in given else float(np.median(y))
    spread = float(np.sqrt(np.mean((y - centre) ** 2)))
    return centre * largest, spread * largest, (y - centre) / spread


def _check_support(family: Family, x: np.ndarray, given: dict[str, float], column: str) -> None:
    """Refuse values outside a support that is known before fitting."""
    loc, scale = given.get("loc"), given.get("scale", 1.0)
    if loc is None:
        return
    low = (
        loc + family.a * scale
        if np.isfinite(family.a) and ("scale" in given or family.a == 0)
        else -np.inf
    )
    high = loc + family.b * scale if np.isfinite(family.b) and "scale" in given else np.inf
    outside = (x < low) | (x > high)
    if outside.any():
        where = f"from {low:g} on" if high == np.inf else f"between {low:g} and {high:g}"
        worst = x[outside][np.argmax(np.abs(x[outside] - loc))]
        raise InputError(
            f"expected values {where} in column {column!r} for the family {family.name!r}, got "
            f"{int(outside.sum())} outside, the farthest {worst:g}; take another family, or say "
            'where it begins and how wide it is: fixed={"floc": ..., "fscale": ...}'
        )


def _whole_parameters(
    family: Family, x: np.ndarray, given: dict[str, float], column: str
) -> dict[str, float]:
    """Parameters that are whole numbers, which no derivative finds."""
    wanted = [
        info.name
        for info in family._shape_info()
        if info.integrality
        and info.name not in given
        and (family.name, info.name) not in REAL_COUNTS
    ]
    if not wanted:
        return {}
    if family.name == "randint":
        ends = {"low": x.min() - given["loc"], "high": x.max() + 1 - given["loc"]}
        return {name: float(ends[name]) for name in wanted}
    if family.name == "binom" and "p" not in given:
        return {"n": _trials(x - given["loc"], column)}
    fixes = ", ".join(f'"f{name}": ...' for name in wanted)
    raise InputError(
        f"the family {family.name!r} counts in whole parameters that are not fitted; give them: "
        f"fixed={{{fixes}}}"
    )


def _trials(x: np.ndarray, column: str) -> float:
    """n̂ of a binomial: the top of the likelihood profiled over p̂ = x̄/n."""
    largest, mean = max(float(x.max()), 1.0), x.mean()
    values, counts = np.unique(x, return_counts=True)

    def likelihood(n: float) -> float:
        return float(counts @ stats.binom.logpmf(values, n, mean / n))

    grid = np.unique(np.round(np.geomspace(largest, MOST_TRIALS * largest, 200)))
    heights = [likelihood(n) for n in grid]
    i = int(np.argmax(heights))
    if i == len(grid) - 1 or x.var() >= mean:
        raise InputError(
            f"the likelihood of a binomial has no maximum for column {column!r}: its counts vary "
            'at least as much as a Poisson\'s; take "poisson" or "nbinom", or give the number of '
            'trials, fixed={"fn": ...}'
        )
    low, high = grid[max(i - 1, 0)], grid[i + 1]
    while high - low > 2:  # between neighbours of the grid there is one top
        third = (high - low) // 3 or 1.0
        left, right = low + third, high - third
        low, high = (low, right) if likelihood(left) >= likelihood(right) else (left, high)
    return float(max(np.arange(low, high + 1), key=likelihood))


def _check_top(likelihood: Likelihood, theta: np.ndarray | None, name: str, column: str) -> None:
    """Refuse a likelihood that has no top; warn where it lies at the end of the family."""
    advice = "take another family, or give parameters with fixed={...}"
    if theta is None or likelihood(theta) >= NO_DENSITY:
        raise InputError(
            f"no maximum of the likelihood of {name!r} was found for column {column!r}: {advice}"
        )
    away = likelihood.ran_away(theta)
    if likelihood.spikes(theta) or {"loc", "scale"} & set(away):
        raise InputError(
            f"the likelihood of {name!r} grows without bound for column {column!r}, as the law "
            f"shrinks onto single values: {advice}"
        )
    if away:
        warnings.warn(
            f"{' and '.join(away)} of {name!r} ran to the end of the search for column {column!r}: "
            "a limit of the family fits as well, and has fewer parameters",
            DataWarning,
            stacklevel=2,
        )


def _around_every_row(law: Law, x: np.ndarray) -> Law:
    """Moved by a few last bits where rounding left a row outside of the support."""
    family, loc = family_named(law.family), law.names.index("loc")
    if is_discrete(family):
        return law
    bits = 4 * np.finfo(float).eps * np.abs(law.values[loc:]).sum()
    for shift in product((0, -1, 1, 3), repeat=2):
        values = law.values.copy()
        values[loc:] += np.where(law.given[loc:], 0.0, bits * np.array(shift))
        with np.errstate(all="ignore"):
            inside = np.isfinite(family.logpdf(x, *values)).all()
        if inside:
            return replace(law, values=values)
    return law
