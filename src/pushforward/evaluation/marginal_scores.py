"""One column at a time: how far its distribution is from that of real rows, and whether surely."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd
from scipy.stats import chi2_contingency, fisher_exact, ks_2samp

from pushforward.evaluation.features import Rows
from pushforward.evaluation.holm import holm
from pushforward.evaluation.inputs import as_data, with_columns_of
from pushforward.evaluation.mixed import Codes, Column, codes_of, judged_columns, numbers_of

SURE = 0.05  # Holm-adjusted p-values below
EXACT = 500  # rows of each kind up to which p of a number is from the exact law
EXACT_COUNTS = 10_000  # rows in all up to which p of two categories is Fisher's
FEWEST = 5.0  # rows expected of a category, below which its chi-squared term is no such
FEW = 50  # different values, below which their ties matter to what equal laws give
BRIDGES = 400  # draws from which that is then found
SUP_OF_BRIDGE = math.sqrt(math.pi / 2) * math.log(2)  # E sup |B| of a Brownian bridge


class Marginal(NamedTuple):
    """How far the values of one column are apart, or how often they are missing."""

    column: Any
    of: Literal["values", "missing"]
    kind: str
    distance: float  # from 0 to 1
    expected: float  # what equal laws would give
    p_value: float
    p_adjusted: float = 1.0

    @property
    def differs(self) -> bool:
        return self.p_adjusted < SURE


def compare_columns(real: Any, fake: Any) -> pd.DataFrame:
    """Return the distance of each column's distributions, a row for each, with a p-value.

    Numbers and dates: Kolmogorov and Smirnov's  sup_t |F(t) − G(t)|  of the values that are there.
    Categories, a missing value being one: total variation  ½ Σ_k |p_k − q_k|.  Where numbers are
    missing in some row of either, another row of the table compares how often. 0 is best, 1 the
    farthest; `expected` is what equal laws would give on average for as many rows. p of a number is
    from the law without ties, which makes it too large for few different values; of categories
    from χ², those with fewer than five expected rows pooled, or Fisher's test where two are left.
    `p_adjusted` allows for the number of tests (Holm), and what `differs` has one below 0.05.

    Raises `InputError` for other columns or fewer than two rows.

    >>> import numpy as np
    >>> age = np.arange(20.0, 60.0)
    >>> real = pd.DataFrame({"age": age, "city": ["Bern", "Chur"] * 20})
    >>> compare_columns(real, real.assign(age=age + 30))[["of", "distance", "differs"]]
                of  distance  differs
    column
    age     values      0.75     True
    city    values      0.00    False
    """
    real, fake = (as_data(pd.DataFrame(X), name) for X, name in ((real, "real"), (fake, "fake")))
    return as_frame(marginals(real, with_columns_of(real, fake, "fake"), judged_columns(real)))


def marginals(real: pd.DataFrame, fake: pd.DataFrame, columns: Sequence[Column]) -> list[Marginal]:
    """`compare_columns` of columns whose kinds are known."""
    found = []
    for column in columns:
        if column.kind == "category":
            found.append(_of_codes(column, "values", *codes_of((real, fake), column)))
            continue
        a, b = numbers_of(real, column), numbers_of(fake, column)
        holes = np.isnan(a), np.isnan(b)
        if not (holes[0].all() or holes[1].all()):
            found.append(_of_numbers(column, a[~holes[0]], b[~holes[1]]))
        if holes[0].any() or holes[1].any():
            found.append(_of_codes(column, "missing", *(h.astype(np.intp) for h in holes)))
    adjusted = holm([each.p_value for each in found])
    return [each._replace(p_adjusted=p) for each, p in zip(found, adjusted, strict=True)]


def as_frame(found: Sequence[Marginal]) -> pd.DataFrame:
    """Marginals as a table, by the columns' names."""
    names = [*Marginal._fields, "differs"]
    rows = [(*each, each.differs) for each in found]
    return pd.DataFrame(rows, columns=names).set_index("column")


def differing(columns: pd.DataFrame, most: int = 5) -> str:
    """What `compare_columns` found, in a sentence.

    >>> real = pd.DataFrame({"age": np.arange(20.0, 60.0)})
    >>> differing(compare_columns(real, real + 30))
    '1 of 1 column surely differs: age (0.75; equal laws would give 0.19).'
    """
    names = list(dict.fromkeys(columns.index[columns["differs"]]))
    of = f"{len(names)} of {columns.index.nunique()} column"
    plural = "" if columns.index.nunique() == 1 else "s"
    if not names:
        return "No column surely differs from that of real rows."
    worst = columns[columns["differs"]].sort_values("distance", ascending=False)
    told = [
        f"{name}{' missing' * (of_what == 'missing')} ({distance:.2g}; equal laws would give "
        f"{expected:.2g})"
        for name, of_what, distance, expected in zip(
            worst.index, worst["of"], worst["distance"], worst["expected"], strict=True
        )
    ]
    more = f" and {len(told) - most} more" if len(told) > most else ""
    verb = "differs" if len(names) == 1 else "differ"
    return f"{of}{plural} surely {verb}: {', '.join(told[:most])}{more}."


def _of_numbers(column: Column, real: Rows, fake: Rows) -> Marginal:
    exact = max(len(real), len(fake)) <= EXACT
    test = ks_2samp(real, fake, method="exact" if exact else "asymp")
    expected = _sup_of_bridge(np.concatenate([real, fake])) * math.sqrt(
        1 / len(real) + 1 / len(fake)
    )
    distance, p = float(test.statistic), float(test.pvalue)
    return Marginal(column.name, "values", column.kind, distance, min(expected, 1.0), p)


def _sup_of_bridge(pooled: Rows) -> float:
    """E sup |B(t)| over the values t of the law's distribution function; few values tie."""
    values, counts = np.unique(pooled, return_counts=True)
    if len(values) > FEW:
        return SUP_OF_BRIDGE
    share = counts / len(pooled)
    steps = np.random.default_rng(0).normal(size=(BRIDGES, len(share))) * np.sqrt(share)
    walk = np.cumsum(steps, axis=1)
    bridge = walk - np.cumsum(share) * walk[:, -1:]
    return float(np.abs(bridge).max(axis=1).mean())


def _of_codes(
    column: Column, of: Literal["values", "missing"], real: Codes, fake: Codes
) -> Marginal:
    k = int(max(real.max(), fake.max())) + 1
    counts = np.array([np.bincount(codes, minlength=k) for codes in (real, fake)])
    shares = counts / counts.sum(axis=1, keepdims=True)
    distance = float(np.abs(shares[0] - shares[1]).sum() / 2)
    pooled = counts.sum(axis=0) / counts.sum()
    # The mean of |N(0, σ²)| is σ √(2/π), σ² = p (1 − p) (1/m + 1/n) for each category.
    spread = np.sqrt(pooled * (1 - pooled) * (1 / len(real) + 1 / len(fake)))
    expected = float(spread.sum() * math.sqrt(2 / math.pi) / 2)
    return Marginal(column.name, of, column.kind, distance, min(expected, 1.0), _p_of(counts))


def _p_of(counts: Any) -> float:
    """p of the hypothesis that both rows of counts (2, k) have one law."""
    counts = counts[:, counts.sum(axis=0) > 0]
    least = counts.sum(axis=0) * counts.sum(axis=1).min() / counts.sum()
    order = np.argsort(least, kind="stable")
    counts, least = counts[:, order], least[order]
    rare = int((least < FEWEST).sum())
    if rare and least[:rare].sum() < FEWEST and counts.shape[1] - rare > 1:
        rare += 1  # too few even together: the next joins them
    if rare:
        counts = np.column_stack([counts[:, :rare].sum(axis=1), counts[:, rare:]])
    if counts.shape[1] < 2:
        return 1.0
    if counts.shape[1] == 2 and counts.sum() <= EXACT_COUNTS:
        return float(fisher_exact(counts).pvalue)
    return float(chi2_contingency(counts, correction=False).pvalue)
