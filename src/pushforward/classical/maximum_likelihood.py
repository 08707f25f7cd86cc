"""Maximum likelihood of one-dimensional families, a family for each column."""

from __future__ import annotations

import warnings
from dataclasses import fields, replace
from typing import Any

import numpy as np
import pandas as pd

from pushforward.classical.columns import IndependentColumns
from pushforward.classical.criteria import Criteria
from pushforward.classical.families import (
    Law,
    best_family,
    bootstrap_intervals,
    family_named,
    fit_family,
)
from pushforward.errors import InputError, TrainingWarning
from pushforward.progress import shown
from pushforward.sampler import DensitySampler, Effort

REFITS = 200  # behind an interval that the information cannot give
LAST_BITS = 8 * np.finfo(float).eps


class MaximumLikelihood(Criteria, IndependentColumns, DensitySampler):
    """Independent columns of known families: x_j ~ f_j(x; θ̂_j), θ̂_j = argmax Σᵢ log f_j(x_ij; θ).

    Args:
        family: the name of a family of scipy.stats for every column, continuous or, for whole
            numbers, discrete; a list with one for each numeric column, or a dictionary from names
            of columns, the others being chosen. "best" chooses by BIC among the common families
            that `pushforward.classical.families` lists.
        fixed: parameters that are not fitted, as scipy writes them, `{"floc": 0}`; {} fits all.
            None fixes those without which a likelihood has no maximum: the location of families of
            positive values at 0, of those on [0, 1] the scale at 1 too.

    `parameters_` is a table of estimates, standard errors and 95 % intervals, and `laws_` has the
    families by column. Intervals come from the observed information; where the likelihood has an
    edge, a kink or no curvature at its top, from a parametric bootstrap, and the table says so. At
    an edge, like the ends of a uniform, the interval lies to one side of the estimate.

    Raises:
        InputError: a family that is unknown, cannot have these values, or whose likelihood has no
            maximum for them.

    >>> x = np.random.default_rng(0).gamma(2.0, 3.0, size=(1000, 1))
    >>> model = MaximumLikelihood("gamma", random_state=0).fit(x)
    >>> model.parameters_[["parameter", "estimate", "standard_error"]].round(2)
      parameter  estimate  standard_error
    0         a      2.00            0.08
    1       loc      0.00             NaN
    2     scale      3.01            0.14
    """

    def __init__(
        self,
        family: Any = "best",
        *,
        fixed: dict[str, float] | None = None,
        random_state: int | None = None,
    ) -> None:
        self.family = family
        self.fixed = fixed
        self.random_state = random_state

    def _learn(self, columns: dict[str, np.ndarray], effort: Effort) -> None:
        families = self._families(list(columns))
        laws, hurried = {}, []
        several = len(columns) > 1
        for j, name in enumerate(shown(list(columns), "families", effort.progress and several)):
            x = self._mended(columns[name], j)
            if families[name] != "best":
                laws[name] = fit_family(x, families[name], fixed=self.fixed, column=name)
                continue
            laws[name] = best_family(
                x,
                column=name,
                time_is_up=lambda: effort.time_is_up,
                progress=effort.progress and not several,
            )
            if effort.time_is_up:
                hurried.append(name)
        if hurried:
            warnings.warn(
                f"the budget ended before all families were tried on {len(hurried)} column(s), "
                f"{', '.join(hurried[:5])}: the best of those tried is taken, the normal first",
                TrainingWarning,
                stacklevel=2,
            )
        self.laws_: dict[str, Law] = laws
        self._count()

    def _families(self, names: list[str]) -> dict[str, str]:
        family = self.family
        if isinstance(family, dict):
            unknown = [name for name in family if name not in names]
            if unknown:
                raise InputError(
                    f"family names {', '.join(map(repr, unknown))}, which is no numeric column "
                    f"that varies; those are {', '.join(map(repr, names))}"
                )
            chosen = {name: family.get(name, "best") for name in names}
        elif isinstance(family, (list, tuple, np.ndarray)):
            if len(family) != len(names):
                raise InputError(
                    f"expected a family for each of the {len(names)} numeric columns that vary "
                    f"({', '.join(names)}), got {len(family)}"
                )
            chosen = dict(zip(names, family, strict=True))
        else:
            chosen = dict.fromkeys(names, family)
        for name in chosen.values():
            if name != "best":
                family_named(name)
        if self.fixed is not None and not isinstance(self.fixed, dict):
            raise InputError(
                f'expected fixed to be a dictionary like {{"floc": 0}}, got {self.fixed!r}'
            )
        if self.fixed and "best" in chosen.values():
            raise InputError("fixed= gives parameters of a named family; name one for each column")
        return chosen

    def _count(self) -> None:
        self.n_parameters_ = sum(law.n_parameters for law in self.laws_.values())
        common = not self.encoding_.discrete
        total = sum(law.log_likelihood for law in self.laws_.values())
        self.log_likelihood_ = total if common else None

    def _quantile(self, j: int, u: np.ndarray) -> np.ndarray:
        return self._law(j).quantile(u)

    def _law(self, j: int) -> Law:
        return list(self.laws_.values())[j]

    def _log_density(self, Z: np.ndarray) -> np.ndarray:
        columns = enumerate(self._in_units(Z).T)
        density = sum(self._law(j).log_density(x) for j, x in columns)
        return np.asarray(density) + self.encoding_.log_scale

    def _uniform(self, Z: np.ndarray) -> np.ndarray:
        """F_j(x_ij), independent uniform numbers if the model is right, `(n, q)`."""
        columns = enumerate(self._in_units(Z).T)
        return np.column_stack([self._law(j).middle_cdf(x) for j, x in columns])

    def _in_units(self, Z: np.ndarray) -> np.ndarray:
        """Encoded rows without holes in the units of the data, also beyond the fitted range."""
        numbers = self.encoding_.numbers
        assert numbers is not None
        X = replace(numbers, bounded=False).decode(Z, [])[:, numbers.varying]
        return np.column_stack([self._mended(x, j) for j, x in enumerate(X.T)])

    def _mended(self, x: np.ndarray, j: int) -> np.ndarray:
        """Whole numbers again, where standardising has cost them their last bits."""
        numbers = self.encoding_.numbers
        assert numbers is not None
        centre = np.abs(numbers.mean[numbers.varying][j])
        whole = np.round(x)
        return np.where(np.abs(x - whole) <= LAST_BITS * (centre + np.abs(x)), whole, x)

    @property
    def parameters_(self) -> pd.DataFrame:
        """One row per parameter: estimate, standard error, 95 % interval, and what that rests on.

        In the units of the data, dates in days since 1970. The bootstrap runs when the table is
        first asked for.
        """
        rows = []
        laws = self.laws_ if self.encoding_.width else {}  # no fit where no column varies
        for j, (name, law) in enumerate(laws.items()):
            estimated = law.standard_errors[~law.given]
            if law.top != "smooth" and len(estimated) and np.isnan(estimated).all():
                rng = np.random.default_rng([self.seed_, 2, j])
                rounds = shown(range(REFITS), f"bootstrap of {name}", True)
                law = self.laws_[name] = bootstrap_intervals(law, rounds, rng)
            by = "information" if law.top == "smooth" else "bootstrap"
            columns = (law.names, law.values, law.standard_errors, law.low, law.high, law.given)
            for parameter, value, error, low, high, given in zip(*columns, strict=True):
                how = "given" if given else by
                rows.append((name, law.family, parameter, value, error, low, high, how))
        header = [
            "column",
            "family",
            "parameter",
            "estimate",
            "standard_error",
            "low",
            "high",
            "by",
        ]
        return pd.DataFrame(rows, columns=header)

    def summary(self) -> str:
        """The fitted parameters with their intervals, and how likely the rows are, as text."""
        parameters = self.parameters_
        if not len(parameters):
            return "no family was fitted: there is no numeric column that varies"
        table = parameters.to_string(
            index=False, float_format=lambda v: f"{v:.5g}", na_rep="-", justify="right"
        )
        lines = [table, ""]
        if self.log_likelihood_ is None:
            lines.append("no common likelihood: the table has categories or missing values")
        else:
            lines.append(
                f"log-likelihood {self.log_likelihood_:.6g} nats, AIC {self.aic_:.6g}, "
                f"BIC {self.bic_:.6g}, {self.n_parameters_} parameters, {self.n_rows_} rows"
            )
        lines.append(
            "intervals cover 95 %; pf.goodness_of_fit(model, X) tests whether the fit holds"
        )
        return "\n".join(lines)

    def _state(self) -> dict[str, Any]:
        return {"laws": [[name, _plain(law)] for name, law in self.laws_.items()]}

    def _restore(self, state: dict[str, Any]) -> None:
        self.laws_ = {
            name: Law(**(law | {"names": tuple(law["names"])})) for name, law in state["laws"]
        }
        self._count()


def _plain(law: Law) -> dict[str, Any]:
    return {field.name: getattr(law, field.name) for field in fields(law)}
